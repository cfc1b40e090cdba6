"""Gaps by chance: one hand holds both sides of a market in many accounts, knows the gap, and tries ways out at random.

Somebody of the hand owes more than it has behind the gap. What its other accounts have won is then honest money, unless
they pay: the hand must bring out no more than it put in, but for what honest accounts have signed away by their prices,
and the tenth of each market's fund. With several markets some of them jump, together or one behind the other, and accounts
have positions in any of them. Who has won in one and lost that in another has nothing left to be asked for, so what the hand
has lost in others than the one in which it lost most may be beyond that too, and half of all at most: each unit of it needs
a loss in either.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tallystick.machine.market.funds import fund_of
from tallystick.schema.names import Outcome
from tallystick.state.layout import BUY, FLAG_IOC, SELL
from tallystick.state.ordinals import MarketId
from tallystick.testing.ledger.ledger_model import Lean
from tallystick.testing.ledger.look import position
from tallystick.testing.markets.game import Result
from tallystick.testing.markets.onlooker import Act, Fault
from tallystick.testing.markets.purse import purse_of
from tallystick.testing.markets.tries import BEFORE, HAND, OTHER, WAYS, close, take_out
from tallystick.testing.world import World

MAKER, HOLDER, DONOR = 1, 2, 4
HONEST: Final = (MAKER, HOLDER, OTHER)
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
    """One gap, in one jump or in two, of a market or of some of several, and the hand that has both sides.

    `market` is the one that it is about at the moment. `lost` is what jumps have cost the hand's accounts, by market.
    """

    seed: int
    many: int = 1
    chance: random.Random = field(init=False)
    world: World = field(init=False)
    indices: list[int] = field(init=False)
    lost: list[int] = field(init=False)
    market: int = 0
    put_in: int = 0
    brought: int = 0
    fund: int = 0
    seen: int = 0
    honest_fills: list[tuple[int, int, int]] = field(default_factory=list)
    counts: Counter[tuple[str, Outcome]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.world = World()
        world, chance = self.world, self.chance
        world.clock()
        self.indices, self.lost = [START] * self.many, [0] * self.many
        for _ in self.turns():
            world.list_market(
                self.market,
                multiplier=TICK,
                taker_fee_ppm=chance.choice((0, 450)),
                maker_fee_ppm=0,
                liquidation_fee_ppm=chance.choice((0, 5_000)),
                insurance_lots=chance.choice((100, 100_000)),
                band_ppm=12_500,
                max_lots=1_000_000,
                max_open_interest_lots=4_000_000,
            )
            world.report(self.market, START)
        for account in (*HONEST, DONOR):
            world.deposit(f"honest {account}", account, RICH)
        self.fund = chance.choice((0, 10**6, 10**9))
        for _ in self.turns():
            if self.fund:
                world.transfer(DONOR, fund_of(MarketId(self.market)), self.fund)
            self._fill(HOLDER, OTHER, chance.choice((3, 500)))

    @property
    def index(self) -> int:
        """The index of the market that it is about. Units: ticks."""
        return self.indices[self.market]

    @property
    def markets(self) -> range:
        """All markets."""
        return range(self.many)

    def turns(self) -> Iterator[int]:
        """Go through all markets."""
        for each in self.markets:
            self.market = each
            yield each

    def turn(self) -> None:
        """Go on in any market."""
        if self.many > 1:
            self.market = self.chance.choice(self.markets)

    def play(self) -> Result:
        """Play it to its end, and compare what came out with what went in."""
        self._straddle()
        jumps = self._all_jumps()
        for second in range(SECONDS):
            for _ in self.turns():
                self._quote(jumps[self.market].get(second + 1, self.index))
            for _ in range(self.chance.choice((1, 2, 4)) * self.many):
                self.turn()
                self.chance.choice(WAYS if second else BEFORE)(self)
            for _ in self.turns():
                self._jump(jumps[self.market].get(second + 1, self.index))
            self.world.later(1_000)
            self._report()
            self._keep()
        for _ in range(3):
            self._leave()
        taken = self.brought - self.put_in
        owed = max(0, self._signed_away()) + self._spared(jumps) + self._lost_elsewhere() + ROUNDED
        faults = [(Fault.GAP_GAIN, Act("withdraw", amount_units=taken - owed))] if taken > owed else []
        return Result(seed=self.seed, records=sum(self.counts.values()), faults=faults, counts=self.counts)

    def most(self, account: int) -> int:
        """Return as many lots as an account's cash carries."""
        return max(1, purse_of(self.world.state, account).cash * 20 // (self.index * TICK))

    def lots(self, account: int) -> int:
        """Return from dust to more than an account's money carries, or what it holds."""
        held, most = abs(position(self.world.state, account, self.market)), self.most(account)
        return max(1, self.chance.choice((1, held, held, held // 2, most, most // 2)))

    def holder(self) -> int:
        """Return one of the hand that has a position, if anybody does."""
        holds = [each for each in HAND if position(self.world.state, each, self.market)]
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
        for _ in range(self.chance.choice((1, 2, 4)) * self.many):
            self.turn()
            long, short = self.chance.sample(HAND[:5], 2)
            if self.many > 1 and self.chance.random() < 0.4:
                long, short = self.chance.choice(((long, HOLDER), (HOLDER, short)))
            hand = [each for each in (long, short) if each in HAND]
            most = min(self.most(each) for each in hand)
            lots = max(1, most * self.chance.choice((2, 5, 9, 10) if self.many > 1 else (5, 9, 10)) // 10)
            self.done("block", self.world.block(long, short, BUY, START, lots, market=self.market))

    def _all_jumps(self) -> list[dict[int, int]]:
        """Return what the index of each market comes to in which second: of several some jump, mostly at once."""
        if self.many == 1:
            return [self._jumps()]
        jumping = self.chance.sample(self.markets, self.chance.randint(1, self.many))
        together = self.chance.random() < 0.6
        found: list[dict[int, int]] = [{} for _ in self.markets]
        for market in jumping:
            jumps = self._jumps()
            first = min(*jumps, 2) if together else min(jumps)
            found[market] = {first + each - min(jumps): to for each, to in jumps.items()}
        return found

    def _jump(self, to: int) -> None:
        """Let the index go to a price, and note what the hand's accounts lose by that."""
        for account in HAND:
            self.lost[self.market] += max(
                0, position(self.world.state, account, self.market) * (self.index - to) * TICK
            )
        self.indices[self.market] = to

    def _report(self) -> None:
        for _ in self.turns():
            self.done("report", self.world.report(self.market, self.index))

    def _jumps(self) -> dict[int, int]:
        """Return what an index comes to in which second."""
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
        if self.market == 0:
            self.done("cancel_all", self.world.cancel_all(MAKER))
        for side, away in ((BUY, -1), (SELL, 1)):
            self.done("order", self.world.order(MAKER, self.market, side, price + away, 3_000))

    def _keep(self) -> None:
        """Go round as a keeper does: the book, the fund, then whoever is on the other side."""
        everybody = [*HAND, *HONEST]
        for account in (*everybody, *(fund_of(MarketId(each)) for each in self.markets)):
            for _ in self.turns():
                if position(self.world.state, account, self.market) or self.many == 1:
                    self._close(account, everybody)

    def _close(self, account: int, everybody: list[int]) -> None:
        world = self.world
        if not purse_of(world.state, account).due:
            return
        self.done("liquidate", world.liquidate(account, self.market))
        self._have_taken_over(account)
        for candidate in everybody:
            self.done("nominate", world.nominate(account, self.market, candidate))
        self.done("deleverage", world.deleverage(account))

    def _have_taken_over(self, account: int) -> None:
        """Have the fund take as much as it may: all, else half, and so on."""
        lots = abs(position(self.world.state, account, self.market))
        while lots and purse_of(self.world.state, account).due:
            outcome = self.world.take_over(account, self.market, lots)
            self.done("take_over", outcome)
            left = abs(position(self.world.state, account, self.market))
            lots = min(lots, left) if outcome is Outcome.ACCEPTED else lots // 2

    def _leave(self) -> None:
        """Close all that the hand holds, and withdraw all that may leave."""
        for _ in self.turns():
            self._quote(self.index)
            for account in HAND:
                close(self, account)
        for account in HAND:
            take_out(self, account)
        self.world.later(2_000)
        self._report()
        self._keep()

    def _fill(self, buys: int, sells: int, lots: int) -> None:
        self.world.order(sells, self.market, SELL, START, lots)
        self.world.order(buys, self.market, BUY, START, lots, flags=FLAG_IOC)

    def done(self, kind: str, outcome: Outcome) -> None:
        """Count a record, and note what it made honest accounts trade with the hand: lots they bought, and the price."""
        self.counts[kind, outcome] += 1
        for name, values in self.world.events[self.seen :]:
            if name not in ("fill", "block"):
                continue
            market, price, lots, side, taker, maker = values[:6]
            for account, other, way in ((taker, maker, 1 - 2 * side), (maker, taker, 2 * side - 1)):
                if account in HONEST and other in HAND:
                    self.honest_fills.append((market, way * lots, price))
        self.seen = len(self.world.events)

    def _spared(self, jumps: list[dict[int, int]]) -> int:
        """Return what the funds may lose to the hand: a tenth, and of what one holds already when its index jumps again."""
        spared = 0
        for market in self.markets:
            lost = self.fund - purse_of(self.world.state, int(fund_of(MarketId(market)))).worth[Lean.INDEX]
            spared += max(0, lost) if len(jumps[market]) > 1 else min(max(0, lost), self.fund // SPARED)
        return spared

    def _signed_away(self) -> int:
        """Return what honest accounts have lost to the hand by prices they signed, less than nothing where they won."""
        return -sum(lots * (self.indices[market] - price) * TICK for market, lots, price in self.honest_fills)

    def _lost_elsewhere(self) -> int:
        """Return what the hand may have won in one market and lost in another: nothing where one alone has jumped."""
        return min(sum(self.lost) - max(self.lost), sum(self.lost) // 2)


def play_gap(seed: int) -> Result:
    """Play one history in which a hand straddles a gap."""
    return Straddles(seed).play()


def play_gaps(seed: int) -> Result:
    """Play one history in which a hand has straddles in several markets of which some jump."""
    return Straddles(seed, many=2 + seed % 2).play()
