"""Gaps by chance: one hand holds both sides of a market in many accounts, knows the gap, and tries ways out at random.

Somebody of the hand owes more than it has behind the gap. What its other accounts have won is then honest money, unless
they pay: the hand must bring out no more than it put in, but for what honest accounts have signed away by their prices,
and the tenth of the market's fund.
"""

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
    FLAG_MARKET,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_TRIGGER_ABOVE,
    MESSAGE_FORCE_CLOSE,
    SELL,
)
from tallystick.state.ordinals import MarketId
from tallystick.testing.ledger.ledger_model import Lean
from tallystick.testing.ledger.look import position
from tallystick.testing.markets.game import Result
from tallystick.testing.markets.onlooker import Act, Fault
from tallystick.testing.markets.purse import purse_of
from tallystick.testing.world import World, address, message, sub_account

MAKER, HOLDER, OTHER, DONOR = 1, 2, 3, 4
HONEST: Final = (MAKER, HOLDER, OTHER)
HAND: Final = (11, 12, 13, 14, 15, sub_account(11, 1), sub_account(11, 2))
"""Accounts in one hand, two of them sub-accounts of the first."""
START: Final = 1_000
TICK: Final = 100
RICH: Final = 10**11
JUMPS: Final = (20, 30, 75, 150, 270, 350)
"""By how much the index jumps. Units: thousandths."""
SECONDS: Final = 45
"""How long the hand tries: more than the brake and all of the ladder take."""
SPARED: Final = 10
"""What a fund may lose to who was closed: one part in so many of what it has."""
ROUNDED: Final = 100
"""Units: what rounding may bring in all of it."""


@dataclass(slots=True)
class Straddles:
    """One gap, in one jump or in two, and the hand that has both sides."""

    seed: int
    chance: random.Random = field(init=False)
    world: World = field(init=False)
    index: int = START
    put_in: int = 0
    brought: int = 0
    fund: int = 0
    seen: int = 0
    honest_fills: list[tuple[int, int]] = field(default_factory=list)
    counts: Counter[tuple[str, Outcome]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.world = World()
        world, chance = self.world, self.chance
        world.clock()
        world.list_market(
            0,
            multiplier=TICK,
            taker_fee_ppm=chance.choice((0, 450)),
            maker_fee_ppm=0,
            liquidation_fee_ppm=chance.choice((0, 5_000)),
            insurance_lots=chance.choice((100, 100_000)),
            band_ppm=12_500,
            max_lots=1_000_000,
            max_open_interest_lots=4_000_000,
        )
        world.report(0, START)
        for account in (*HONEST, DONOR):
            world.deposit(f"honest {account}", account, RICH)
        self.fund = chance.choice((0, 10**6, 10**9))
        if self.fund:
            world.transfer(DONOR, fund_of(MarketId(0)), self.fund)
        self._fill(HOLDER, OTHER, chance.choice((3, 500)))

    def play(self) -> Result:
        """Play it to its end, and compare what came out with what went in."""
        self._straddle()
        jumps = self._jumps()
        for second in range(SECONDS):
            self._quote(jumps.get(second + 1, self.index))
            for _ in range(self.chance.choice((1, 2, 4))):
                self.chance.choice(WAYS if second else BEFORE)(self)
            self.index = jumps.get(second + 1, self.index)
            self.world.later(1_000)
            self.done("report", self.world.report(0, self.index))
            self._keep()
        for _ in range(3):
            self._leave()
        taken = self.brought - self.put_in
        owed = max(0, self._signed_away()) + self._spared(len(jumps)) + ROUNDED
        faults = [(Fault.GAP_GAIN, Act("withdraw", amount_units=taken - owed))] if taken > owed else []
        return Result(seed=self.seed, records=sum(self.counts.values()), faults=faults, counts=self.counts)

    def most(self, account: int) -> int:
        """Return as many lots as an account's cash carries."""
        return max(1, purse_of(self.world.state, account).cash * 20 // (self.index * TICK))

    def lots(self, account: int) -> int:
        """Return from dust to more than an account's money carries, or what it holds."""
        held, most = abs(position(self.world.state, account, 0)), self.most(account)
        return max(1, self.chance.choice((1, held, held, held // 2, most, most // 2)))

    def holder(self) -> int:
        """Return one of the hand that has a position, if anybody does."""
        holds = [each for each in HAND if position(self.world.state, each, 0)]
        return self.chance.choice(holds or HAND)

    def price(self) -> int:
        """Return a price at the index, at the collar's edges, or beyond."""
        away = self.chance.choice((-14, -13, -12, -2, -1, 0, 1, 2, 12, 13, 14))
        return max(1, self.index * (1_000 + away) // 1_000)

    def stake(self, account: int, units: int) -> None:
        """Put the hand's money into an account of its own."""
        self.put_in += units
        self.done("deposit", self.world.deposit("hand", account, units))

    def _straddle(self) -> None:
        """Have some accounts of the hand trade with one another, with margins from scarce to ample."""
        for account in HAND[:5]:
            self.stake(account, self.chance.choice((102_000, 150_000, 400_000)))
        for account in HAND[5:]:
            self.done("transfer", self.world.transfer(HAND[0], account, self.chance.choice((1_000, 50_000))))
        for _ in range(self.chance.choice((1, 2, 4))):
            long, short = self.chance.sample(HAND[:5], 2)
            lots = min(self.most(long), self.most(short)) * self.chance.choice((5, 9, 10)) // 10
            self.done("block", self.world.block(long, short, BUY, START, lots))

    def _jumps(self) -> dict[int, int]:
        """Return what the index comes to in which second."""
        way = self.chance.choice((-1, 1))
        first = self.chance.choice((1, 1, 1, 2, 4))
        found = {first: START * (1_000 + way * self.chance.choice(JUMPS)) // 1_000}
        if self.chance.random() < 0.4:
            way = self.chance.choice((way, way, -way))
            second = first + self.chance.choice((1, 3, 8, 20))
            found[second] = found[first] * (1_000 + way * self.chance.choice(JUMPS)) // 1_000
        return found

    def _quote(self, price: int) -> None:
        """Let the maker quote a tick on either side of where the index goes: the book is faster."""
        self.done("cancel_all", self.world.cancel_all(MAKER))
        for side, away in ((BUY, -1), (SELL, 1)):
            self.done("order", self.world.order(MAKER, 0, side, price + away, 3_000))

    def _keep(self) -> None:
        """Go round as a keeper does: the book, the fund, then whoever is on the other side."""
        world = self.world
        everybody = [*HAND, *HONEST]
        for account in (*everybody, fund_of(MarketId(0))):
            if not purse_of(world.state, account).due:
                continue
            self.done("liquidate", world.liquidate(account, 0))
            self._have_taken_over(account)
            for candidate in everybody:
                self.done("nominate", world.nominate(account, 0, candidate))
            self.done("deleverage", world.deleverage(account))

    def _have_taken_over(self, account: int) -> None:
        """Have the fund take as much as it may: all, else half, and so on."""
        lots = abs(position(self.world.state, account, 0))
        while lots and purse_of(self.world.state, account).due:
            outcome = self.world.take_over(account, 0, lots)
            self.done("take_over", outcome)
            lots = min(lots, abs(position(self.world.state, account, 0))) if outcome is Outcome.ACCEPTED else lots // 2

    def _leave(self) -> None:
        """Close all that the hand holds, and withdraw all that may leave."""
        self._quote(self.index)
        for account in HAND:
            close(self, account)
        for account in HAND:
            take_out(self, account)
        self.world.later(2_000)
        self.done("report", self.world.report(0, self.index))
        self._keep()

    def _fill(self, buys: int, sells: int, lots: int) -> None:
        self.world.order(sells, 0, SELL, START, lots)
        self.world.order(buys, 0, BUY, START, lots, flags=FLAG_IOC)

    def done(self, kind: str, outcome: Outcome) -> None:
        """Count a record, and note what it made honest accounts trade with the hand: lots they bought, and the price."""
        self.counts[kind, outcome] += 1
        for name, values in self.world.events[self.seen :]:
            if name not in ("fill", "block"):
                continue
            _, price, lots, side, taker, maker = values[:6]
            for account, other, way in ((taker, maker, 1 - 2 * side), (maker, taker, 2 * side - 1)):
                if account in HONEST and other in HAND:
                    self.honest_fills.append((way * lots, price))
        self.seen = len(self.world.events)

    def _spared(self, jumps: int) -> int:
        """Return what the fund may lose to the hand: a tenth, and of what it holds already when the index jumps again."""
        lost = self.fund - purse_of(self.world.state, int(fund_of(MarketId(0)))).worth[Lean.INDEX]
        return max(0, lost) if jumps > 1 else min(max(0, lost), self.fund // SPARED)

    def _signed_away(self) -> int:
        """Return what honest accounts have lost to the hand by prices they signed, less than nothing where they won."""
        return -sum(lots * (self.index - price) * TICK for lots, price in self.honest_fills)


# What the hand tries.


def close(play: Straddles, account: int = 0) -> None:
    """Close a position in the book at any price."""
    account = account or play.holder()
    size = position(play.world.state, account, 0)
    side, price = (BUY, 2 * play.index) if size < 0 else (SELL, 1)
    flags = FLAG_IOC | FLAG_REDUCE_ONLY
    play.done("order", play.world.order(account, 0, side, price, abs(size) or 1, flags=flags))


def wash(play: Straddles) -> None:
    """Hand a position on, beside the book."""
    one, other = play.holder(), play.chance.choice(HAND)
    if one != other:
        side = play.chance.choice((BUY, SELL))
        play.done("block", play.world.block(one, other, side, play.price(), play.lots(one)))


def wash_in_book(play: Straddles) -> None:
    """Hand a position on in the book."""
    one, other = play.holder(), play.chance.choice(HAND)
    side, price, lots = play.chance.choice((BUY, SELL)), play.price(), play.lots(one)
    play.done("order", play.world.order(one, 0, side, price, lots))
    play.done("order", play.world.order(other, 0, 1 - side, price, lots, flags=FLAG_IOC))


def rest(play: Straddles) -> None:
    """Quote, and let an honest account that wants to leave come."""
    account, side = play.holder(), play.chance.choice((BUY, SELL))
    flags = play.chance.choice((0, FLAG_POST_ONLY, FLAG_REDUCE_ONLY))
    play.done("order", play.world.order(account, 0, side, play.price(), play.lots(account), flags=flags))
    if play.chance.random() < 0.5:
        price = play.index + (2 if side == SELL else -2)
        play.done("order", play.world.order(OTHER, 0, 1 - side, price, 20, flags=FLAG_IOC))


def park(play: Straddles) -> None:
    """Wait for the index with a trigger."""
    account, side = play.holder(), play.chance.choice((BUY, SELL))
    above = play.chance.choice((0, FLAG_TRIGGER_ABOVE))
    away = play.chance.choice((10, 40, 120)) * (1 if above else -1)
    trigger = max(1, play.index * (1_000 + away) // 1_000)
    flags = FLAG_MARKET | above | play.chance.choice((0, FLAG_REDUCE_ONLY))
    outcome = play.world.conditional(account, 0, side, 0, play.lots(account), trigger, flags=flags)
    play.done("conditional", outcome)


def close_through_l1(play: Straddles) -> None:
    """Close by a message."""
    account = play.holder()
    forced = message(MESSAGE_FORCE_CLOSE, address("hand"), account, 0, play.world.time)
    play.world.published.messages.append(forced)
    play.done("force_close", play.world.consume())


def order_through_l1(play: Straddles) -> None:
    """Close by an order that is queued on L1."""
    account, world = play.holder(), play.world
    size = position(world.state, account, 0)
    side, price = (BUY, 2 * play.index) if size < 0 else (SELL, 1)
    values = {"account": account, "nonce": world.next_nonce(account), "market": 0, "side": side, "lots": abs(size) or 1}
    record = world.signed("order", "hand", **values, price_ticks=price, flags=FLAG_IOC | FLAG_REDUCE_ONLY)
    play.done("force_record", world.force(record))


def add(play: Straddles) -> None:
    """Put more money in."""
    if play.chance.random() < 0.3:
        play.stake(play.chance.choice(HAND[:5]), play.chance.choice((20_000, 102_000)))


def take_out(play: Straddles, account: int = 0) -> None:
    """Take out all that may leave, from a sub-account by way of its first."""
    account = account or play.chance.choice(HAND)
    free = purse_of(play.world.state, account).free
    if not free:
        return
    if account in HAND[5:]:
        play.done("transfer", play.world.transfer(account, HAND[0], free))
        account, free = HAND[0], purse_of(play.world.state, HAND[0]).free
    outcome = play.world.withdraw(account, free)
    play.done("withdraw", outcome)
    play.brought += free if outcome is Outcome.ACCEPTED else 0


def move(play: Straddles) -> None:
    """Move cash between the first account and its sub-accounts."""
    one, other = play.chance.sample((HAND[0], *HAND[5:]), 2)
    free = purse_of(play.world.state, one).free
    if free:
        play.done("transfer", play.world.transfer(one, other, max(1, free // play.chance.choice((1, 2)))))


WAYS: Final[tuple[Callable[[Straddles], None], ...]] = (
    *(close, close, wash, wash, wash_in_book, rest, park),
    *(close_through_l1, order_through_l1, add, take_out, move),
)

BEFORE: Final = (park, wash, add, rest)
"""What it does before the first jump."""


def play_gap(seed: int) -> Result:
    """Play one history in which a hand straddles a gap."""
    return Straddles(seed).play()
