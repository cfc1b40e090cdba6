"""A straddle through a gap: one hand is long in one account and short in another, and brings out what it can.

Whoever lost owes more than it has; so what the other won is somebody else's money, unless it pays. A keeper goes round
each second. Honest makers quote at the new price before the index is there: the book is faster.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    BUY,
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_REDUCE_ONLY,
    FLAG_TRIGGER_ABOVE,
    MESSAGE_FORCE_CLOSE,
    SELL,
)
from tallystick.testing.ledger.ledger_model import Lean
from tallystick.testing.ledger.look import position
from tallystick.testing.markets.purse import purse_of
from tallystick.testing.world import World, address, message

LOSER, WINNER, FRIEND, MAKER, HOLDER, OTHER = 1, 2, 3, 4, 5, 6
START: Final = 1_000
"""Index before the gap. Units: ticks."""
LOTS: Final = 20
TICK: Final = 100
STAKE: Final = 102_000
"""Units: what the hand puts into an account: two lots of a hundred more than the initial margin of its position."""
RICH: Final = 10**10
SECONDS: Final = 30
BRAKED: Final = 19
"""Seconds behind the jump in which nothing is to be had at first."""


@dataclass(slots=True)
class Gap:
    """A market with a straddle in it, and what its index jumps to."""

    to: int
    winners: int = 1
    world: World = field(default_factory=World)
    put_in: int = 0
    hand: list[int] = field(default_factory=list)
    second: int = -1

    def __post_init__(self) -> None:
        world = self.world
        world.clock()
        world.list_market(0, taker_fee_ppm=0, maker_fee_ppm=0, liquidation_fee_ppm=5_000, band_ppm=12_500)
        world.report(0, START)
        for account in (MAKER, HOLDER, OTHER):
            world.deposit(f"honest {account}", account, RICH)
        for account in (LOSER, *self.winning):
            self.stake(account, STAKE * self.lots(account) // LOTS)
        self.trade(OTHER, HOLDER, 3)
        for account in self.winning:
            self.trade(LOSER, account, self.lots(account))

    @property
    def winning(self) -> list[int]:
        """The accounts that win by the gap, all of one hand."""
        return [WINNER] if self.winners == 1 else [100 + each for each in range(self.winners)]

    def lots(self, account: int) -> int:
        """Return how large a position of the hand is."""
        each = LOTS if self.winners == 1 else 1
        return each * self.winners if account == LOSER else each

    @property
    def index(self) -> int:
        """What the signers report."""
        return START if self.second < 0 else self.to

    @property
    def closes(self) -> int:
        """The side of an order that closes what wins."""
        return BUY if self.to < START else SELL

    @property
    def edge(self) -> int:
        """The price of the collar's edge that is best for who wins. Units: ticks."""
        width = self.index * 25_000 // 2_000_000
        return self.index - width if self.closes == BUY else self.index + width

    def stake(self, account: int, units: int) -> None:
        """Put the hand's money into an account of its own."""
        self.world.deposit("hand", account, units)
        self.put_in += units
        self.hand.append(account)

    def trade(self, loses: int, wins: int, lots: int) -> None:
        """Let two accounts trade at the index, one on the side that the gap is against."""
        self.world.order(wins, 0, 1 - self.closes, START, lots)
        assert self.world.order(loses, 0, self.closes, START, lots, flags=FLAG_IOC) is Outcome.ACCEPTED

    def quote(self) -> None:
        """Let the maker quote a tick on either side of the new price."""
        self.world.cancel_all(MAKER)
        for side, away in ((BUY, -1), (SELL, 1)):
            self.world.order(MAKER, 0, side, self.to + away, 1_000)

    def close(self, account: int, **more: int) -> Outcome:
        """Close as much of what wins as the book takes, at any price."""
        flags = FLAG_IOC | FLAG_REDUCE_ONLY
        price = 2 * START if self.closes == BUY else 1
        return self.world.order(account, 0, self.closes, price, self.lots(account), flags=flags, **more)

    def keep(self) -> None:
        """Go round as a keeper does: the book, the fund, then whoever is on the other side."""
        world = self.world
        everybody = [*self.hand, MAKER, HOLDER, OTHER]
        for account in everybody:
            if not purse_of(world.state, account).due:
                continue
            world.liquidate(account, 0)
            world.take_over(account, 0, 1)
            for candidate in everybody:
                world.nominate(account, 0, candidate)
            world.deleverage(account)

    def play(self, act: Callable[[Gap], None], seconds: int = SECONDS) -> int:
        """Let the hand act before the index jumps, and each second behind it; return what it brings out of what it put in."""
        self.quote()
        act(self)
        for self.second in range(seconds):
            self.world.later(1_000)
            self.world.report(0, self.to)
            self.quote()
            act(self)
            self.keep()
        return self._leave()

    def holders(self) -> dict[int, int]:
        """Return what the honest holders have won, less than nothing when they have lost. Units: units."""
        return {each: purse_of(self.world.state, each).worth[Lean.INDEX] - RICH for each in (HOLDER, OTHER)}

    def _leave(self) -> int:
        """Close all that the hand holds and withdraw all that may leave."""
        brought = 0
        for account in self.hand:
            size = position(self.world.state, account, 0)
            if size:
                side, price = (BUY, self.to + 2) if size < 0 else (SELL, self.to - 2)
                self.world.order(account, 0, side, price, abs(size), flags=FLAG_IOC | FLAG_REDUCE_ONLY)
            free = purse_of(self.world.state, account).free
            if free and self.world.withdraw(account, free) is Outcome.ACCEPTED:
                brought += free
        return brought


# Ways out: what the hand does with each second.


def cover(gap: Gap) -> None:
    """Close in the book."""
    for account in gap.winning:
        gap.close(account)


def wash(gap: Gap) -> None:
    """Hand the position to a friend with fresh money at the best price that a fill may have, or make it larger so."""
    if gap.second == -1:
        gap.stake(FRIEND, STAKE)
    gap.world.block(WINNER, FRIEND, 1 - gap.closes, gap.edge, LOTS // 2)
    gap.world.block(WINNER, FRIEND, gap.closes, gap.edge, LOTS)


def force_close(gap: Gap) -> None:
    """Close through L1, by a message."""
    gap.world.published.messages.append(message(MESSAGE_FORCE_CLOSE, address("hand"), WINNER, 0, gap.world.time))
    gap.world.consume()


def record_through_l1(gap: Gap) -> None:
    """Close through L1, by an order."""
    world = gap.world
    values = {"account": WINNER, "nonce": world.next_nonce(WINNER), "market": 0, "side": gap.closes, "lots": LOTS}
    price = 2 * START if gap.closes == BUY else 1
    world.force(world.signed("order", "hand", **values, price_ticks=price, flags=FLAG_IOC | FLAG_REDUCE_ONLY))


def rest(gap: Gap) -> None:
    """Rest at the new price, and let honest accounts, who want to leave, come."""
    gap.world.order(WINNER, 0, gap.closes, gap.to, LOTS)
    if gap.second >= 0:
        price = gap.to - 2 if gap.closes == BUY else gap.to + 2
        gap.world.order(OTHER, 0, 1 - gap.closes, price, LOTS, flags=FLAG_IOC)
        gap.world.cancel_all(WINNER)


def trigger(gap: Gap) -> None:
    """Wait for the index with a take-profit."""
    if gap.second == -1:
        above = 0 if gap.closes == BUY else FLAG_TRIGGER_ABOVE
        flags = FLAG_MARKET | FLAG_REDUCE_ONLY | above
        trigger_ticks = (START + gap.to) // 2
        assert gap.world.conditional(WINNER, 0, gap.closes, 0, LOTS, trigger_ticks, flags=flags) is Outcome.ACCEPTED


def first_moment(gap: Gap) -> None:
    """Close as soon as nothing holds it any more."""
    if gap.second >= BRAKED:
        for account in gap.winning:
            gap.close(account)


Way = Callable[[Gap], None]
"""What a hand does before the index jumps, and each second behind it."""
