"""LIQUIDATE, and how MATCH_MAKER fills its order (I18)."""

from __future__ import annotations

import pytest

from tallystick.rollup.invariants import broken
from tallystick.schema.names import Outcome
from tallystick.state.layout import BUY, SELL
from tallystick.testing.ledger.look import cash, position
from tallystick.testing.scenarios.orders.closed_out import BOB, CRASHED, FALLEN, troubled
from tallystick.testing.scenarios.scene import Scene

DAVE = 4


@pytest.fixture
def scene() -> Scene:
    return Scene()


def fills(scene: Scene) -> list[tuple[int, int]]:
    """Return every fill as (price, lots)."""
    return [(values[1], values[2]) for name, values in scene.events if name == "fill"]


def test_a_market_that_is_not_listed_has_nothing_to_liquidate(scene: Scene) -> None:
    troubled(scene)
    assert scene.liquidate(BOB, 1) is Outcome.NO_MARKET
    assert scene.liquidate(BOB, 63) is Outcome.NO_MARKET


def test_an_account_without_a_position_has_none_to_liquidate(scene: Scene) -> None:
    troubled(scene)
    assert scene.liquidate(DAVE, 0) is Outcome.NO_POSITION
    assert scene.liquidate((1 << 32) - 1, 0) is Outcome.NO_POSITION
    assert scene.liquidate(0, 0) is Outcome.NO_POSITION


@pytest.mark.parametrize(("short_of", "outcome"), [(0, Outcome.HEALTHY), (1, Outcome.UNFILLED)])
def test_an_account_is_healthy_at_its_maintenance_margin_and_not_a_unit_below(
    scene: Scene, short_of: int, outcome: Outcome
) -> None:
    """I16."""
    troubled(scene, 1000)
    scene.report(0, 964)
    # Worth 600,000 less 360,000 against 241,000: 1,000 are missing.
    scene.deposit("bob", BOB, 1_000 - short_of)
    assert scene.liquidate(BOB, 0) is outcome
    assert broken(scene.state) == ()


def test_an_account_worth_nothing_goes_to_the_book_and_one_worth_less_does_not(scene: Scene) -> None:
    troubled(scene, 940)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    scene.report(0, CRASHED)
    scene.order(DAVE, 0, BUY, 1000, 100)
    assert scene.liquidate(BOB, 0) is Outcome.BANKRUPT
    assert position(scene.state, BOB, 0) == 100


@pytest.mark.parametrize("side", [BUY, SELL])
def test_the_fewest_sufficient_lots_are_closed_at_the_mark_or_better(scene: Scene, side: int) -> None:
    """I16: each of the long's lots frees 2,400 of margin and costs 480 at most, and 40,000 are missing."""
    troubled(scene, side=side)
    mark = FALLEN if side == BUY else 2000 - FALLEN
    lots = 21 if side == BUY else 29
    scene.order(DAVE, 0, side, mark, 100)
    assert scene.liquidate(BOB, 0) is Outcome.ACCEPTED
    assert fills(scene)[-1] == (mark, lots)
    assert abs(position(scene.state, BOB, 0)) == 100 - lots
    assert scene.liquidate(BOB, 0) is Outcome.HEALTHY
    assert broken(scene.state) == ()


@pytest.mark.parametrize(("bid", "filled"), [(939, False), (940, True), (941, True)])
def test_nothing_is_sold_below_the_zero_price(scene: Scene, bid: int, filled: bool) -> None:
    """I16: 960 x (1 - 2.5 % x 200,000 / 240,000) = 940."""
    troubled(scene)
    scene.order(DAVE, 0, BUY, bid, 100)
    assert scene.liquidate(BOB, 0) is (Outcome.ACCEPTED if filled else Outcome.UNFILLED)
    assert position(scene.state, BOB, 0) == (79 if filled else 100)


@pytest.mark.parametrize(
    ("bid", "fee"),
    [(940, 0), (941, 2_100), (942, 4_200), (944, 8_400), (945, 9_922), (960, 10_080)],
)
def test_the_fund_gets_the_improvement_over_the_zero_price_up_to_the_markets_share(
    scene: Scene, bid: int, fee: int
) -> None:
    """I1: 21 lots of 100 units a tick, half a per cent at most, rounded down."""
    troubled(scene)
    scene.order(DAVE, 0, BUY, bid, 100)
    before = cash(scene.state, BOB)
    assert scene.liquidate(BOB, 0) is Outcome.ACCEPTED
    assert cash(scene.state, 0) == fee
    assert cash(scene.state, BOB) == before + 2_100 * bid - fee
    assert scene.state.registers.fees_units == 0
    assert broken(scene.state) == ()


def test_a_liquidation_pays_no_rebate_and_no_taker_fee_and_the_maker_its_fee(scene: Scene) -> None:
    """I1."""
    scene.trading("alice", taker_fee_ppm=500, maker_fee_ppm=100, rebate_ppm=50)
    scene.deposit("bob", BOB, 605_000)
    scene.deposit("dave", DAVE, 10**12)
    scene.order(1, 0, SELL, 1000, 100)
    assert scene.order(BOB, 0, BUY, 1000, 100) is Outcome.ACCEPTED
    scene.report(0, FALLEN)
    scene.order(DAVE, 0, BUY, 950, 100)
    fees = scene.state.registers.fees_units
    assert scene.liquidate(BOB, 0) is Outcome.ACCEPTED
    (_, lots) = fills(scene)[-1]
    assert scene.state.registers.fees_units - fees == lots * 95_000 // 10_000 + (lots * 95_000 % 10_000 > 0)
    assert cash(scene.state, 0) == 0
    assert broken(scene.state) == ()


def test_what_nobody_takes_stays_and_later_bids_take_it(scene: Scene) -> None:
    troubled(scene)
    scene.order(DAVE, 0, BUY, 950, 5)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    assert position(scene.state, BOB, 0) == 95
    scene.order(DAVE, 0, BUY, 950, 95)
    assert scene.liquidate(BOB, 0) is Outcome.ACCEPTED


def test_the_accounts_own_bids_leave_the_book_first(scene: Scene) -> None:
    troubled(scene, 1000)
    scene.order(BOB, 0, BUY, 955, 1)
    scene.report(0, FALLEN)
    scene.order(DAVE, 0, BUY, 950, 100)
    assert scene.liquidate(BOB, 0) is Outcome.ACCEPTED
    assert [price for price, _ in fills(scene)[2:]] == [950]


@pytest.mark.parametrize(("bid", "outcome"), [(837, Outcome.ACCEPTED), (836, Outcome.UNFILLED)])
def test_the_funds_own_position_is_unwound_within_the_band(scene: Scene, bid: int, outcome: Outcome) -> None:
    troubled(scene, CRASHED, insurance_lots=100, fund=10**7)
    assert scene.take_over(BOB, 0) is Outcome.ACCEPTED
    scene.order(DAVE, 0, BUY, bid, 100)
    held = cash(scene.state, 0)
    assert scene.liquidate(0, 0) is outcome
    if outcome is Outcome.ACCEPTED:
        assert cash(scene.state, 0) == held + 100 * 100 * bid
    assert broken(scene.state) == ()
