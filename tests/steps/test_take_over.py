"""TAKE_OVER (I18)."""

from __future__ import annotations

import pytest

from tallystick.rollup.invariants import broken
from tallystick.schema.names import Outcome
from tallystick.state.layout import BEAR_MS, BUY, MARKET_BEAR_MOST_UNITS, MARKET_BEAR_UNITS, SELL, STALE_MS, TRIED_MS
from tallystick.testing.ledger.look import cash, fund_budget, position, word
from tallystick.testing.scenarios.orders.closed_out import BEATEN, BOB, CRASHED, FALLEN, FUND, troubled
from tallystick.testing.scenarios.scene import Scene

DAVE = 4
LIMIT = Outcome.INSURANCE_LIMIT


@pytest.fixture
def scene() -> Scene:
    return Scene()


def beaten(scene: Scene, side: int = BUY, fund: int = 10**7) -> None:
    """Bob is worth 100,000 of the 237,500 he must hold, and the book has been asked."""
    troubled(scene, BEATEN, insurance_lots=100, fund=fund, side=side)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED


def test_what_does_not_exist_or_is_healthy_is_not_taken_over(scene: Scene) -> None:
    """I16."""
    troubled(scene, 1000, insurance_lots=100, fund=10**7)
    assert scene.take_over(BOB, 1, 1) is Outcome.NO_MARKET
    assert scene.take_over(DAVE, 0, 1) is Outcome.NO_POSITION
    assert scene.take_over(BOB, 0, 1) is Outcome.HEALTHY
    assert scene.take_over(FUND, 0, 1) is Outcome.HEALTHY


def test_the_book_goes_first_and_for_a_second_the_fund_may_follow(scene: Scene) -> None:
    troubled(scene, BEATEN, insurance_lots=100, fund=10**7)
    assert scene.take_over(BOB, 0, 1) is Outcome.BOOK_FIRST
    scene.liquidate(BOB, 0)
    scene.clock(ahead_ms=scene.state.registers.clock_ms - scene.time * 1000 + TRIED_MS - 1)
    assert scene.take_over(BOB, 0, 1) is Outcome.ACCEPTED
    scene.clock(ahead_ms=scene.state.registers.clock_ms - scene.time * 1000 + 1)
    assert scene.take_over(BOB, 0, 1) is Outcome.BOOK_FIRST


def test_what_was_tried_is_this_position_alone(scene: Scene) -> None:
    beaten(scene)
    scene.open_market(1, 1000)
    scene.order(1, 1, SELL, 1000, 1)
    scene.report(0, 1000)
    assert scene.order(BOB, 1, BUY, 1000, 1) is Outcome.ACCEPTED
    scene.report(0, BEATEN)
    assert scene.liquidate(BOB, 1) is Outcome.UNFILLED
    assert scene.take_over(BOB, 0, 1) is Outcome.BOOK_FIRST
    assert scene.take_over(BOB, 1, 1) is Outcome.INSURANCE_LIMIT


@pytest.mark.parametrize(("price", "outcome"), [(952, Outcome.BOOK_FIRST), (951, Outcome.ACCEPTED)])
def test_the_fund_comes_below_half_of_the_maintenance_margin(scene: Scene, price: int, outcome: Outcome) -> None:
    """I16: 120,000 of 238,000, and 110,000 of 237,750."""
    troubled(scene, price, insurance_lots=100, fund=10**7)
    scene.liquidate(BOB, 0)
    assert scene.take_over(BOB, 0, 1) is outcome


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_bankrupt_account_is_left_with_nothing_and_owes_nothing(scene: Scene, side: int) -> None:
    """I1, I2."""
    troubled(scene, CRASHED, insurance_lots=100, fund=10**7, side=side)
    assert scene.take_over(BOB, 0, 100) is Outcome.ACCEPTED
    assert position(scene.state, BOB, 0) == cash(scene.state, BOB) == 0
    assert position(scene.state, FUND, 0) == (100 if side == BUY else -100)
    index = CRASHED if side == BUY else 2000 - CRASHED
    assert cash(scene.state, FUND) + position(scene.state, FUND, 0) * index * 100 == 10**7 - 100_000
    assert fund_budget(scene.state, 0) == -100_000
    assert broken(scene.state) == ()


@pytest.mark.parametrize(
    ("side", "most", "index", "gain"), [(BUY, 73, BEATEN, 34_675), (SELL, 78, 1050, 40_950)], ids=["long", "short"]
)
def test_no_more_than_suffices_is_taken_for_the_index_less_the_fee(
    scene: Scene, side: int, most: int, index: int, gain: int
) -> None:
    """I1, I16: half a per cent, of which half is what unwinding may lose."""
    beaten(scene, side)
    assert scene.take_over(BOB, 0, 0) is LIMIT
    assert scene.take_over(BOB, 0, most + 1) is LIMIT
    assert scene.take_over(BOB, 0, most) is Outcome.ACCEPTED
    assert scene.liquidate(BOB, 0) is Outcome.HEALTHY
    assert cash(scene.state, FUND) + position(scene.state, FUND, 0) * index * 100 == 10**7 + gain
    assert fund_budget(scene.state, 0) == gain // 2
    assert broken(scene.state) == ()


def test_where_little_is_left_the_account_gives_no_more_than_its_share(scene: Scene) -> None:
    """I16: 10,000 stand behind 100 lots, and the fee would be 47,050."""
    troubled(scene, 941, insurance_lots=100, fund=10**7)
    scene.liquidate(BOB, 0)
    assert scene.take_over(BOB, 0, 50) is Outcome.ACCEPTED
    assert fund_budget(scene.state, 0) == 2_500
    assert cash(scene.state, FUND) + 50 * 941 * 100 == 10**7 + 5_000


@pytest.mark.parametrize("cap", [0, 1, 99, 100, 101])
def test_no_lot_is_taken_beyond_the_markets_cap(scene: Scene, cap: int) -> None:
    troubled(scene, CRASHED, insurance_lots=cap, fund=10**7)
    taken = min(cap, 100)
    assert scene.take_over(BOB, 0, taken + 1) is LIMIT
    assert scene.take_over(BOB, 0, taken) is (Outcome.ACCEPTED if taken else LIMIT)
    assert position(scene.state, FUND, 0) == taken


@pytest.mark.parametrize(("fund", "outcome"), [(312_075, Outcome.ACCEPTED), (312_074, LIMIT)])
def test_the_funds_own_initial_margin_carries_what_it_takes(scene: Scene, fund: int, outcome: Outcome) -> None:
    """I3: for 73 lots it needs 5 % of 6,935,000, and gains 34,675 by it."""
    beaten(scene, fund=fund)
    assert scene.take_over(BOB, 0, 73) is outcome
    assert position(scene.state, FUND, 0) == (73 if outcome is Outcome.ACCEPTED else 0)


def test_a_position_of_the_other_side_makes_room(scene: Scene) -> None:
    troubled(scene, CRASHED, insurance_lots=100, fund=10**8)
    assert scene.take_over(BOB, 0, 100) is Outcome.ACCEPTED
    scene.report(0, 1490)
    assert scene.take_over(3, 0, 40) is Outcome.ACCEPTED
    assert position(scene.state, FUND, 0) == 60
    assert position(scene.state, 3, 0) == 0
    assert broken(scene.state) == ()


@pytest.mark.parametrize("parts", [(60,), (1, 59), (20, 20, 20)])
def test_a_fund_bears_a_tenth_of_what_it_was_worth_however_it_is_asked(scene: Scene, parts: tuple[int, ...]) -> None:
    """I16: each lot of bob costs it 1,000, and it has 600,000."""
    troubled(scene, CRASHED, insurance_lots=100, fund=600_000)
    for lots in parts:
        assert scene.take_over(BOB, 0, lots) is Outcome.ACCEPTED
    assert scene.take_over(BOB, 0, 1) is LIMIT
    assert (
        word(scene.state.markets, 0, MARKET_BEAR_UNITS)
        == word(scene.state.markets, 0, MARKET_BEAR_MOST_UNITS)
        == 60_000
    )


def test_what_a_fund_bears_begins_anew_two_minutes_after_the_first(scene: Scene) -> None:
    troubled(scene, CRASHED, insurance_lots=100, fund=600_000)
    assert scene.take_over(BOB, 0, 30) is Outcome.ACCEPTED
    scene.later(STALE_MS // 2)
    scene.report(0, CRASHED)
    assert scene.take_over(BOB, 0, 30) is Outcome.ACCEPTED
    left = BEAR_MS - STALE_MS // 2
    while left > 0:
        assert scene.take_over(BOB, 0, 1) is LIMIT
        scene.later(min(left, STALE_MS // 2))
        scene.report(0, CRASHED)
        left -= STALE_MS // 2
    # It is worth 540,000 by now, and half of the rest's margin is bound.
    assert scene.take_over(BOB, 0, 40) is Outcome.ACCEPTED
    assert word(scene.state.markets, 0, MARKET_BEAR_MOST_UNITS) == 54_000


def test_what_suffices_of_who_does_not_owe_is_no_burden(scene: Scene) -> None:
    beaten(scene)
    assert scene.take_over(BOB, 0, 10) is Outcome.ACCEPTED
    assert word(scene.state.markets, 0, MARKET_BEAR_UNITS) == 0


def test_of_a_settled_market_the_fund_takes_over_who_owes_and_nobody_else(scene: Scene) -> None:
    troubled(scene, CRASHED, insurance_lots=100, fund=10**7)
    scene.rule(0, status=2)
    scene.later(2 * STALE_MS)
    assert scene.take_over(BOB, 0, 60) is Outcome.ACCEPTED
    scene.deposit("bob", BOB, 100_000)
    assert scene.take_over(BOB, 0, 10) is Outcome.HEALTHY
    assert broken(scene.state) == ()


def test_the_index_says_who_owes_beyond_the_book(scene: Scene) -> None:
    """I18: at the mark he is worth something, so that the book and the fund are both open."""
    troubled(scene, CRASHED, insurance_lots=100, fund=10**7)
    scene.rule(0, mark_ticks=FALLEN)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    assert scene.take_over(BOB, 0, 100) is Outcome.ACCEPTED
    assert cash(scene.state, BOB) == 0
