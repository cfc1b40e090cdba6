"""A market history by chance: honest makers and takers, one hostile hand with many accounts, a keeper, price reports."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tallystick.machine.market.funds import fund_of
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    BUY,
    FLAG_IOC,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_STP_BOTH,
    FLAG_STP_TAKER,
    KIND_DATED,
    SELL,
    STALE_MS,
)
from tallystick.state.ordinals import MarketId, Number
from tallystick.testing.ledger.ledger_model import Lean
from tallystick.testing.ledger.look import positions
from tallystick.testing.markets import late
from tallystick.testing.markets.onlooker import Act, Fault, Watch
from tallystick.testing.world import World, sub_account

MAKER, TAKER, HOLDER, DONOR = 1, 2, 3, 4
HONEST: Final = (MAKER, TAKER, HOLDER, DONOR)
HAND: Final = (5, 6, 7, 8, sub_account(5, 1), sub_account(5, 2))
"""Accounts in one hostile hand, two of them sub-accounts of the first."""
MARKETS: Final = (0, 1)
PRICES: Final = (1_000, 20_000)
"""Index of each market where it begins. Units: ticks."""
RICH: Final = 10**12
FUND: Final = 10**10
ACTS: Final = 120
MOVES: Final = (0, 0, 10, 50, 200, 260, 330, 420, 800, 2_700)
"""By how much the index moves from one report to the next. Units: ten thousandths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a history. `faults` says what must never happen and with which record it did."""

    seed: int
    records: int
    faults: list[tuple[Fault, Act]]
    counts: Counter[tuple[str, Outcome]]


@dataclass(slots=True)
class Game:
    """One history. With `constant` the index stays, from an act on, where it has come to.

    With `is_late`, one signer lies, what is queued on L1 comes when it suits, and in some the second market expires.
    """

    seed: int
    constant: bool = True
    acts: int = ACTS
    is_late: bool = False
    chance: random.Random = field(init=False)
    world: World = field(init=False)
    watch: Watch = field(init=False)
    index: list[int] = field(init=False)
    counts: Counter[tuple[str, Outcome]] = field(init=False)
    ticks: dict[int, int] = field(default_factory=dict)
    at_rest: bool = False
    expiry_ms: int = 0
    queued: list[late.Queued] = field(default_factory=list)
    signed: list[late.Signed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.world = World()
        self.index = list(PRICES)
        self.counts = Counter()
        self._open()
        accounts = (*HONEST, *HAND)
        self.watch = Watch(self.world, accounts, frozenset(HONEST), MARKETS)

    def play(self) -> Result:
        """Play it to its end, or to the first fault."""
        self.watch.begin()
        moves: list[tuple[int, Callable[[], None]]] = [
            (3, self._quote),
            (3, self._take),
            (1, self._hold),
            (6, self._hostile_order),
            (4, self.all_in),
            (3, self._wash),
            (2, self._block),
            (2, self.move_cash),
            (3, self.keep),
            (2, self._ladder),
            (2, self._shark),
            (2, self._pin),
            (1, self._silence),
            (4, self.report),
            (1, self._cancel),
        ]
        moves += late.moves(self) if self.is_late else []
        weights, choices = [each for each, _ in moves], [each for _, each in moves]
        moving = self.acts // 2 if self.constant and self.chance.random() < 0.7 and not self.expiry_ms else 0
        for act in range(self.acts):
            if self.constant and act == moving:
                self._come_to_rest()
            self.chance.choices(choices, weights)[0]()
            if self.watch.faults:
                break
        if self.expiry_ms and not self.watch.faults:
            late.expire(self)
        return Result(seed=self.seed, records=sum(self.counts.values()), faults=self.watch.faults, counts=self.counts)

    def _come_to_rest(self) -> None:
        """From here on the index is constant, unless somebody owes more than it has: who bears that has yet to be seen."""
        self.at_rest = True
        self.watch.constant = all(purse.worth[Lean.INDEX] >= 0 for purse in self.watch.before.values())
        self.watch.begin()

    # The venue

    def _open(self) -> None:
        world, chance = self.world, self.chance
        world.clock()
        if self.is_late and self.seed % 4 == 0:
            self.expiry_ms = world.state.registers.clock_ms + late.TERM_MS
        for market, price in zip(MARKETS, PRICES, strict=True):
            fee = chance.choice((0, 450))
            self.ticks[market] = chance.choice((100, 1_000))
            world.list_market(
                market,
                multiplier=self.ticks[market],
                taker_fee_ppm=fee,
                maker_fee_ppm=chance.choice((0, 100)),
                liquidation_fee_ppm=chance.choice((0, 5_000)),
                insurance_lots=chance.choice((100, 100_000)),
                band_ppm=12_500,
                max_lots=1_000_000,
                max_open_interest_lots=4_000_000,
                **self._term(market),
            )
            world.report(market, price)
        for account in HONEST:
            world.deposit(f"honest {account}", account, RICH)
        for account in HAND[:4]:
            world.deposit(f"hostile {account}", account, chance.choice((10**7, 10**9, 10**10)))
        for other in HAND[4:]:
            world.transfer(HAND[0], other, 10**6)
        for market in MARKETS:
            world.transfer(DONOR, fund_of(MarketId(market)), chance.choice((10**6, FUND)))

    def _term(self, market: int) -> dict[str, int]:
        """Return when a market expires, if it does."""
        ends = market == MARKETS[1] and self.expiry_ms
        return {"kind": KIND_DATED, "expiry_ms": self.expiry_ms} if ends else {}

    def done(self, kind: str, outcome: Outcome, account: Number = 0, market: int = 0, amount_units: int = 0) -> None:
        """Count what a record ended with, and look at what it has done."""
        self.counts[kind, outcome] += 1
        act = Act(kind, int(account), market, amount_units)
        self.watch.after(act, outcome)
        if self.is_late and not late.is_honest(self, market):
            self.watch.faults.append((Fault.DISHONEST_INDEX, act))

    # Honest traders, who never quote or take beyond a tick of the index

    def _quote(self) -> None:
        market, lots = self.chance.choice(MARKETS), self.chance.choice((3, 400, 30_000))
        self.done("cancel_all", self.world.cancel_all(MAKER), MAKER)
        for side, away in ((BUY, -1), (SELL, 1)):
            price = self.index[market] + away * self.chance.randint(0, 3)
            self.done("order", self.world.order(MAKER, market, side, price, lots), MAKER, market)

    def _take(self) -> None:
        market, side = self.chance.choice(MARKETS), self.chance.choice((BUY, SELL))
        price = self.index[market] + (1 if side == BUY else -1)
        lots = self.chance.randint(1, 300)
        outcome = self.world.order(TAKER, market, side, price, lots, flags=FLAG_IOC)
        self.done("order", outcome, TAKER, market)

    def _hold(self) -> None:
        market, side = self.chance.choice(MARKETS), self.chance.choice((BUY, SELL))
        lots = self.chance.randint(1, 2_000)
        self.done("order", self.world.order(HOLDER, market, side, self.index[market], lots), HOLDER, market)

    # The hostile hand

    def price(self, market: int) -> int:
        """A price from at the index to beyond every bound."""
        away = self.chance.choice((0, 1, 5, 30, 125, 130, 260, 1_000, 9_000))
        return max(1, self.index[market] * (10_000 + self.chance.choice((-1, 1)) * away) // 10_000)

    def lots(self, account: int, market: int) -> int:
        """From dust to all that an account's money carries, and more."""
        tick = self.ticks[market]
        most = max(1, self.watch.before[account].cash * 20 // max(1, self.index[market] * tick))
        return min(1_000_000, max(1, int(most * self.chance.choice((0.001, 0.1, 0.5, 0.9, 1.0, 1.2)))))

    def _hostile_order(self) -> None:
        account, market = self.chance.choice(HAND), self.chance.choice(MARKETS)
        side = self.chance.choice((BUY, SELL))
        flags = self.chance.choice((0, 0, FLAG_IOC, FLAG_POST_ONLY, FLAG_REDUCE_ONLY, FLAG_STP_TAKER, FLAG_STP_BOTH))
        lots = self.lots(account, market)
        outcome = self.world.order(account, market, side, self.price(market), lots, flags=flags)
        self.done("order", outcome, account, market)

    def all_in(self) -> None:
        """Take as many lots at the index as an account's money carries."""
        account, market, side = self.chance.choice(HAND), self.chance.choice(MARKETS), self.chance.choice((BUY, SELL))
        price = self.index[market] + self.chance.choice((2, 5)) * (1 if side == BUY else -1)
        lots = self.lots(account, market)
        outcome = self.world.order(account, market, side, price, lots, flags=FLAG_IOC)
        self.done("order", outcome, account, market)

    def _wash(self) -> None:
        """One account of the hand trades with another in the book, at any price."""
        one, other = self.chance.sample(HAND, 2)
        market, side = self.chance.choice(MARKETS), self.chance.choice((BUY, SELL))
        price, lots = self.price(market), self.lots(one, market)
        self.done("order", self.world.order(one, market, side, price, lots), one, market)
        self.done("order", self.world.order(other, market, 1 - side, price, lots, flags=FLAG_IOC), other, market)

    def _block(self) -> None:
        """One account of the hand trades with another beside the book, at any price."""
        one, other = self.chance.sample(HAND[:4], 2)
        market, side = self.chance.choice(MARKETS), self.chance.choice((BUY, SELL))
        lots = self.lots(one, market)
        outcome = self.world.block(one, other, side, self.price(market), lots, market=market)
        self.done("block", outcome, one, market)

    def move_cash(self) -> None:
        """Take out what may leave, and a bit more, or move it to another account."""
        account = self.chance.choice(HAND)
        free = self.watch.before[account].free
        amount = max(1, free * self.chance.choice((30, 100, 100, 101, 110, 130)) // 100)
        if account in (HAND[0], *HAND[4:]) and self.chance.random() < 0.6:
            to = self.chance.choice([each for each in (HAND[0], *HAND[4:]) if each != account])
            self.done("transfer", self.world.transfer(account, to, amount), account, amount_units=amount)
        elif account < 1 << 28:
            self.done("withdraw", self.world.withdraw(account, amount), account, amount_units=amount)

    def _shark(self) -> None:
        """Bid for what a fund holds, at any price, and have it sold."""
        held = [
            (each, size) for each in MARKETS for size in positions(self.world.state, fund_of(MarketId(each))).values()
        ]
        if not held:
            return
        market, size = self.chance.choice(held)
        account, lots = self.chance.choice(HAND), abs(size)
        price = self.price(market)
        outcome = self.world.order(account, market, BUY if size > 0 else SELL, price, lots)
        self.done("order", outcome, account, market)
        for _ in range(self.chance.choice((1, 3))):
            self.done(
                "liquidate", self.world.liquidate(fund_of(MarketId(market)), market), fund_of(MarketId(market)), market
            )
            self.report()

    def _pin(self) -> None:
        """Quote on both sides of a price away from the index, for as long as the mark follows it there."""
        market = self.chance.choice(MARKETS)
        price = self.price(market)
        for account, side in zip(self.chance.sample(HAND, 2), (BUY, SELL), strict=True):
            quote = max(1, price + (-1 if side == BUY else 1))
            flags = self.chance.choice((0, FLAG_POST_ONLY))
            outcome = self.world.order(account, market, side, quote, self.lots(account, market), flags=flags)
            self.done("order", outcome, account, market)
        for _ in range(self.chance.choice((1, 4, 8))):
            self.report()
        for act in self.chance.choices((self.move_cash, self.all_in, self.keep, self._wash), k=3):
            act()

    def _cancel(self) -> None:
        account = self.chance.choice(HAND[:4])
        self.done("cancel_all", self.world.cancel_all(account), account)

    # Who closes positions: a keeper that asks everything in turn, and anybody who asks anything

    def keep(self) -> None:
        """Ask everything of every position in turn."""
        for account in (*HAND, *HONEST, *(fund_of(MarketId(each)) for each in MARKETS)):
            for market in positions(self.world.state, account):
                self._close(account, market)

    def _ladder(self) -> None:
        everybody = (*HAND, *HONEST, *(fund_of(MarketId(each)) for each in MARKETS))
        self._close(self.chance.choice(everybody), self.chance.choice(MARKETS))

    def _close(self, account: int, market: int) -> None:
        self.done("liquidate", self.world.liquidate(account, market), account, market)
        for lots in (self.chance.choice((1, 50, 10**6)), self.chance.randint(1, 1_000), 1):
            self.done("take_over", self.world.take_over(account, market, lots), account, market)
        candidate = self.chance.choice((*HAND, *HONEST))
        self.done("nominate", self.world.nominate(account, market, candidate), account, market)
        self.done("deleverage", self.world.deleverage(account), account, market)

    # Prices and time

    def report(self) -> None:
        """Let time pass, and honest signers report what prices have come to: each market's own, now and then one for both."""
        self.world.later(self.chance.choice((200, 1_000, 5_000, 12_000)))
        together = self._move() if self.is_late and self.chance.random() < 0.3 else None
        for market in MARKETS:
            if not self.at_rest:
                move = self._move() if together is None else together
                self.index[market] = max(200, self.index[market] * (10_000 + move) // 10_000)
            late.sign(self, market)
            self.done("report", self.world.report(market, self.index[market]), 0, market)

    def _move(self) -> int:
        return self.chance.choice(MOVES) * self.chance.choice((-1, 1))

    def _silence(self) -> None:
        """One market's prices stay away for longer than they may; money moves, and the other market trades on."""
        silent = self.chance.choice(MARKETS)
        for _ in range(3):
            self.world.later(STALE_MS // 2)
            for market in MARKETS:
                if market != silent:
                    self.done("report", self.world.report(market, self.index[market]), 0, market)
        for act in self.chance.choices((self.move_cash, self.all_in, self.keep), k=4):
            act()


def play(seed: int) -> Result:
    """Play one history: two of three at a constant index."""
    return Game(seed, constant=seed % 3 != 2).play()


def play_late(seed: int) -> Result:
    """Play one history with a lying signer and a hostile sequencer: two of three at a constant index, one of four to an expiry."""
    return Game(seed, constant=seed % 3 != 2, is_late=True).play()
