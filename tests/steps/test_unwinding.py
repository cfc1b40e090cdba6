"""How an insurance fund unwinds what it holds (I18)."""

from __future__ import annotations

import pytest

from tallystick.rollup.invariants import broken
from tallystick.schema.names import Outcome
from tallystick.state.layout import BUY, SELL, SLICE_MS, SLIP_MS, STALE_MS
from tallystick.testing.byhand import hold, write_rules
from tallystick.testing.extremes import settle_books
from tallystick.testing.ledger.look import cash, fund_budget, position
from tallystick.testing.scenarios.orders.closed_out import BOB, FUND, RULES, troubled
from tallystick.testing.scenarios.scene import Scene

ACCEPTED = Outcome.ACCEPTED
ALICE, DAVE = 1, 4
PRICE = 100_000
"""Ticks that are fine enough for a hundredth of a per cent: one lot is worth 10,000,000 units."""


@pytest.fixture
def scene() -> Scene:
    """The fund holds 80 lots by hand, of 160 it may hold, and may lose 500,000."""
    return holding(80, 500_000)


def holding(lots: int, budget: int, value: int = 10**9) -> Scene:
    scene = Scene()
    scene.trading("alice", price=PRICE, **RULES, insurance_lots=160)
    scene.deposit("dave", DAVE, 10**13)
    scene.finish()
    hold(scene.state, FUND, 0, lots, value)
    hold(scene.state, ALICE, 0, -lots, 10**12)
    settle_books(scene.state)
    scene.rule(0, fund_budget_units=budget)
    idle(scene, 0)
    return scene


def idle(scene: Scene, ms: int) -> None:
    """Have the fund not traded for so long, by hand."""
    write_rules(scene.state, 0, {"fund_ms": scene.state.registers.clock_ms - ms})


def sold(scene: Scene) -> list[tuple[int, int]]:
    return [(values[1], values[2]) for name, values in scene.events if name == "fill"]


def test_a_slice_waits_five_seconds_behind_whatever_the_fund_traded_last(scene: Scene) -> None:
    assert scene.liquidate(FUND, 0) is Outcome.SLICE_WAITS
    idle(scene, SLICE_MS - 1)
    assert scene.liquidate(FUND, 0) is Outcome.SLICE_WAITS
    idle(scene, SLICE_MS)
    scene.order(DAVE, 0, BUY, PRICE, 4)
    assert scene.liquidate(FUND, 0) is Outcome.UNFILLED
    scene.order(DAVE, 0, BUY, PRICE, 100)
    assert scene.liquidate(FUND, 0) is Outcome.SLICE_WAITS
    idle(scene, SLICE_MS)
    assert scene.liquidate(FUND, 0) is ACCEPTED
    assert sold(scene) == [(PRICE, 4), (PRICE, 10)]


def test_a_slice_is_a_sixteenth_of_what_the_fund_may_hold() -> None:
    scene = holding(13, 0)
    scene.order(DAVE, 0, BUY, PRICE, 100)
    for _ in range(2):
        idle(scene, SLICE_MS)
        assert scene.liquidate(FUND, 0) is ACCEPTED
    assert sold(scene) == [(PRICE, 10), (PRICE, 3)]
    assert scene.liquidate(FUND, 0) is Outcome.NO_POSITION
    assert broken(scene.state) == ()


@pytest.mark.parametrize("lots", [80, -80])
@pytest.mark.parametrize(
    ("waited", "away"), [(SLIP_MS - 1, 0), (SLIP_MS, 10), (5 * SLIP_MS, 50), (100 * SLIP_MS, 500), (200 * SLIP_MS, 500)]
)
def test_the_longer_nobody_comes_the_worse_the_price_up_to_what_the_fund_may_lose(
    lots: int, waited: int, away: int
) -> None:
    """500,000 are 500 ticks of ten lots of 100 units a tick."""
    scene = holding(lots, 500_000)
    side = BUY if lots > 0 else SELL
    worst = PRICE - away if lots > 0 else PRICE + away
    idle(scene, waited)
    scene.order(DAVE, 0, side, worst - 1 if lots > 0 else worst + 1, 100)
    assert scene.liquidate(FUND, 0) is Outcome.UNFILLED
    scene.order(DAVE, 0, side, worst, 100)
    assert scene.liquidate(FUND, 0) is ACCEPTED
    assert sold(scene)[-1] == (worst, 10)
    assert fund_budget(scene.state, 0) == 500_000 - away * 1_000


def test_no_slip_passes_a_per_cent() -> None:
    scene = holding(80, 10**9)
    idle(scene, 150 * SLIP_MS)
    scene.order(DAVE, 0, BUY, PRICE - 1_001, 100)
    assert scene.liquidate(FUND, 0) is Outcome.UNFILLED
    scene.order(DAVE, 0, BUY, PRICE - 1_000, 100)
    assert scene.liquidate(FUND, 0) is ACCEPTED


@pytest.mark.parametrize("budget", [0, -1, -(10**9)])
def test_a_fund_without_a_budget_sells_at_the_index_and_gains_one_by_better_bids(budget: int) -> None:
    scene = holding(80, budget)
    idle(scene, 100 * SLIP_MS)
    scene.order(DAVE, 0, BUY, PRICE - 1, 100)
    assert scene.liquidate(FUND, 0) is Outcome.UNFILLED
    scene.order(DAVE, 0, BUY, PRICE + 7, 100)
    assert scene.liquidate(FUND, 0) is ACCEPTED
    assert fund_budget(scene.state, 0) == budget + 7_000


def test_a_fund_that_owes_yields_nothing() -> None:
    scene = holding(80, 500_000, value=-1)
    idle(scene, 100 * SLIP_MS)
    scene.order(DAVE, 0, BUY, PRICE - 1, 100)
    assert scene.liquidate(FUND, 0) is Outcome.UNFILLED


def test_with_the_last_lot_what_it_might_have_lost_is_over() -> None:
    scene = holding(5, 500_000)
    idle(scene, SLICE_MS)
    scene.order(DAVE, 0, BUY, PRICE, 5)
    assert scene.liquidate(FUND, 0) is ACCEPTED
    assert (position(scene.state, FUND, 0), fund_budget(scene.state, 0)) == (0, 0)


def test_a_fund_does_not_unwind_on_an_index_that_is_stale(scene: Scene) -> None:
    scene.later(STALE_MS + 1)
    assert scene.liquidate(FUND, 0) is Outcome.STALE_INDEX
    scene.report(0, PRICE)
    scene.order(DAVE, 0, BUY, PRICE, 100)
    assert scene.liquidate(FUND, 0) in (ACCEPTED, Outcome.UNFILLED), "no holder is there to be spared"


def test_a_fund_whose_position_turns_begins_with_nothing_to_lose() -> None:
    scene = holding(80, 500_000)
    scene.deposit("bob", BOB, 10**7)
    scene.finish()
    hold(scene.state, BOB, 0, -90, -1)
    hold(scene.state, ALICE, 0, 10, 10**12)
    settle_books(scene.state)
    assert scene.take_over(BOB, 0, 90) is ACCEPTED
    assert position(scene.state, FUND, 0) == -10
    assert fund_budget(scene.state, 0) == -1
    assert broken(scene.state) == ()


def test_what_a_takeover_brings_is_added_while_the_fund_holds_on() -> None:
    scene = Scene()
    troubled(scene, 950, insurance_lots=100, fund=10**7)
    scene.liquidate(BOB, 0)
    for lots in (10, 20):
        before = cash(scene.state, FUND) + position(scene.state, FUND, 0) * 95_000
        was = fund_budget(scene.state, 0)
        assert scene.take_over(BOB, 0, lots) is ACCEPTED
        gain = cash(scene.state, FUND) + position(scene.state, FUND, 0) * 95_000 - before
        assert gain == lots * 475
        assert fund_budget(scene.state, 0) == was + gain // 2
