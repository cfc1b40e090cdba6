"""Gaps of one market or of several at once, and accounts with positions in many: who pays for whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tallystick.machine.market.funds import fund_of
from tallystick.native import is_compiled
from tallystick.schema.names import Outcome
from tallystick.state.layout import ADL_DELAY_MS, BUY, FLAG_IOC, FLAG_REDUCE_ONLY, SELL
from tallystick.state.ordinals import MarketId
from tallystick.testing.ledger.ledger_model import Lean
from tallystick.testing.ledger.look import position
from tallystick.testing.markets import mutants
from tallystick.testing.markets.purse import purse_of
from tallystick.testing.world import World
from tests.steps.conftest import check_replay

ACCEPTED = Outcome.ACCEPTED
LOSER, WINNER, THIRD, HOLDER, MAKER, DONOR = 1, 2, 3, 4, 5, 6
START = 1_000
"""Index of every market before it jumps. Units: ticks, of 100 units a lot."""
LOT = 5_000
"""Units: the initial margin of a lot at the start."""
RICH = 10**8
RULES = {
    "taker_fee_ppm": 0,
    "maker_fee_ppm": 0,
    "liquidation_fee_ppm": 5_000,
    "band_ppm": 12_500,
    "insurance_lots": 1_000,
}
SHARED = "what an account owes is shared by what has lost by a jump"


@dataclass(slots=True)
class Joint:
    """Some markets, one hand in several accounts, an honest holder and a maker. `to` is where each index jumps to."""

    to: tuple[int, ...]
    fund: int = 0
    more: dict[str, int] = field(default_factory=dict)
    world: World = field(default_factory=World)
    put_in: int = 0
    now: list[int] = field(init=False)

    def __post_init__(self) -> None:
        world = self.world
        world.clock()
        self.now = [START] * len(self.to)
        for market in range(len(self.to)):
            world.list_market(market, **RULES, **self.more)
            world.report(market, START)
        for account in (HOLDER, MAKER, DONOR):
            world.deposit(f"honest {account}", account, RICH)
        for market in range(len(self.to)) if self.fund else ():
            world.transfer(DONOR, fund_of(MarketId(market)), self.fund)

    def stake(self, account: int, lots: int) -> None:
        """Give an account of the hand the margin of so many lots, and that of two more."""
        self.world.deposit("hand", account, (lots + 2) * LOT)
        self.put_in += (lots + 2) * LOT

    def trade(self, long: int, short: int, lots: int, market: int) -> None:
        assert self.world.block(long, short, BUY, START, lots, market=market) is ACCEPTED

    def jump(self) -> None:
        self.now = list(self.to)
        self.pass_by(1_000)

    def pass_by(self, ms: int) -> None:
        self.world.later(ms)
        for market, price in enumerate(self.now):
            self.world.report(market, price)

    def worth(self, account: int) -> int:
        return purse_of(self.world.state, account).worth[Lean.INDEX]

    def held(self, account: int, market: int) -> int:
        return position(self.world.state, account, market)

    def keep(self, *candidates: int) -> None:
        """Go round all markets of the loser as a keeper does that knows these candidates."""
        world = self.world
        for market in range(len(self.to)):
            lots = abs(self.held(LOSER, market))
            while lots and self.worth(LOSER) < 0:
                taken = world.take_over(LOSER, market, lots) is ACCEPTED
                lots = min(lots, abs(self.held(LOSER, market))) if taken else lots // 2
            for candidate in candidates:
                world.nominate(LOSER, market, candidate)
        world.deleverage(LOSER)

    def leave(self, account: int) -> int:
        """Close what an account has in the book and withdraw what may leave."""
        world = self.world
        for market, price in enumerate(self.now):
            size = self.held(account, market)
            if size:
                world.order(MAKER, market, SELL if size < 0 else BUY, price, abs(size))
                flags = FLAG_IOC | FLAG_REDUCE_ONLY
                world.order(account, market, BUY if size < 0 else SELL, price, abs(size), flags=flags)
        free = purse_of(world.state, account).free
        return free if free and world.withdraw(account, free) is ACCEPTED else 0


def beside(lots: int, to: int = 730, other: int = START, fund: int = 0) -> Joint:
    """The hand has both sides of market 0, and the loser as many lots again of market 1 as are given, from the holder."""
    joint = Joint((to, other), fund)
    joint.stake(LOSER, 100 + lots)
    joint.stake(WINNER, 100)
    joint.trade(LOSER, WINNER, 100, 0)
    joint.trade(LOSER, HOLDER, lots, 1)
    joint.jump()
    return joint


def played(joint: Joint, act: Callable[[Joint], None], seconds: int = 12) -> int:
    """Let the hand act each second before a keeper does; return what it has at the end, of accounts that owe nothing."""
    for _ in range(seconds):
        act(joint)
        joint.keep(WINNER, HOLDER)
        joint.pass_by(1_000)
    return sum(max(0, joint.worth(each)) for each in (LOSER, WINNER, THIRD))


def nothing(joint: Joint) -> None:
    """Leave it to the keeper."""


def name_the_holder(joint: Joint) -> None:
    """Have who won nothing closed first."""
    joint.world.nominate(LOSER, 1, HOLDER)
    joint.world.deleverage(LOSER)


@pytest.mark.parametrize(("lots", "act"), [(50, nothing), (130, name_the_holder)])
def test_X10_who_is_opposite_in_a_market_that_did_not_jump_pays_nothing(
    lots: int, act: Callable[[Joint], None]
) -> None:
    joint = beside(lots)
    assert played(joint, act) <= joint.put_in
    assert joint.worth(HOLDER) == RICH
    check_replay(joint.world)


@pytest.mark.parametrize("lots", [] if is_compiled() else [130])
def test_X10_shared_by_margin_alone_a_gap_is_paid_by_who_is_opposite_elsewhere(lots: int) -> None:
    with mutants.dropped(SHARED):
        joint = beside(lots)
        assert played(joint, name_the_holder) > joint.put_in + 900_000
        assert joint.worth(HOLDER) < RICH - 900_000


@pytest.mark.parametrize("other", [980])
def test_X10_where_two_markets_jump_who_is_opposite_pays_no_more_than_it_has_won(other: int) -> None:
    joint = beside(130, other=other)
    assert joint.worth(HOLDER) == RICH + 130 * (START - other) * 100
    assert played(joint, name_the_holder) <= joint.put_in
    assert joint.worth(HOLDER) >= RICH
    check_replay(joint.world)


def test_X10_the_fund_of_a_market_that_did_not_jump_bears_nothing() -> None:
    """It takes the position up at the index; the other's bears its tenth, and the winner the rest."""
    joint = beside(130, fund=10**7)
    assert joint.world.take_over(LOSER, 1, 130) is ACCEPTED
    assert joint.worth(int(fund_of(MarketId(1)))) == 10**7
    assert played(joint, nothing) <= joint.put_in + 10**6
    assert joint.worth(int(fund_of(MarketId(0)))) >= 9 * 10**6
    check_replay(joint.world)


def test_X10_heavier_positions_that_did_not_jump_do_not_put_the_deleveraging_off() -> None:
    """The hand has friends nominated in four heavier markets, each just before the one before is due."""
    joint = Joint((640, START, START, START, START))
    joint.stake(LOSER, 500)
    joint.stake(WINNER, 100)
    joint.trade(LOSER, WINNER, 100, 0)
    for market in (1, 2, 3, 4):
        joint.trade(LOSER, HOLDER, 95 + market, market)
    joint.jump()
    assert joint.world.nominate(LOSER, 1, HOLDER) is ACCEPTED
    assert joint.world.nominate(LOSER, 0, WINNER) is ACCEPTED
    for _ in range(ADL_DELAY_MS // 1_000):
        for market in (1, 2, 3, 4):
            assert joint.world.nominate(LOSER, market, HOLDER) is Outcome.OUTRANKED
        assert joint.world.deleverage(LOSER) is Outcome.TOO_EARLY
        joint.pass_by(1_000)
    assert joint.world.deleverage(LOSER) is ACCEPTED
    assert joint.held(LOSER, 0) == joint.held(WINNER, 0) == 0
    assert joint.worth(WINNER) + joint.worth(LOSER) <= joint.put_in
    check_replay(joint.world)


def chained(to: int) -> Joint:
    """The loser against the winner in market 0, who loses as much in market 1, to a third account of the hand."""
    joint = Joint((to, to))
    for account, lots in ((LOSER, 100), (WINNER, 200), (THIRD, 100)):
        joint.stake(account, lots)
    joint.trade(LOSER, WINNER, 100, 0)
    joint.trade(WINNER, THIRD, 100, 1)
    joint.jump()
    return joint


@pytest.mark.parametrize("to", [850, 800, 730])
def test_X10_what_is_won_in_one_market_and_lost_in_another_is_what_a_joint_gap_costs_at_most(to: int) -> None:
    """The exception that the threat model names: the winner bears what it has, so less than the loser's loss is left."""
    joint = chained(to)
    has = played(joint, nothing)
    lost = 100 * (START - to) * 100
    most = max(0, lost - 100 * LOT - 200 * LOT)
    assert most * 0.9 <= has - joint.put_in <= most
    assert joint.worth(HOLDER) == joint.worth(MAKER) == RICH
    check_replay(joint.world)
