"""TAKE_OVER (I18)."""

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


def test_what_does_not_exist_or_is_healthy_is_not_taken_over(scene: Scene) -> None:
    """I16."""
    troubled(scene, 1000, insurance_lots=100, fund=10**7)
    assert scene.take_over(BOB, 1) is Outcome.NO_MARKET
    assert scene.take_over(DAVE, 0) is Outcome.NO_POSITION
    assert scene.take_over(BOB, 0) is Outcome.HEALTHY
    assert scene.take_over(0, 0) is Outcome.HEALTHY


@pytest.mark.parametrize(("bid", "outcome"), [(940, Outcome.BOOK_CROSSES), (939, Outcome.ACCEPTED)])
def test_the_book_goes_first_at_the_zero_price(scene: Scene, bid: int, outcome: Outcome) -> None:
    troubled(scene, insurance_lots=100, fund=10**7)
    scene.order(DAVE, 0, BUY, bid, 1)
    assert scene.take_over(BOB, 0) is outcome


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_bankrupt_account_is_left_with_nothing_and_owes_nothing(scene: Scene, side: int) -> None:
    """I1, I2."""
    troubled(scene, CRASHED, insurance_lots=100, fund=10**7, side=side)
    assert scene.take_over(BOB, 0) is Outcome.ACCEPTED
    assert position(scene.state, BOB, 0) == cash(scene.state, BOB) == 0
    assert position(scene.state, 0, 0) == (100 if side == BUY else -100)
    mark = CRASHED if side == BUY else 2000 - CRASHED
    assert cash(scene.state, 0) + position(scene.state, 0, 0) * mark * 100 == 10**7 - 100_000
    assert broken(scene.state) == ()


def test_an_account_with_value_left_gives_it_up_with_the_whole_position(scene: Scene) -> None:
    troubled(scene, insurance_lots=100, fund=10**7)
    assert scene.take_over(BOB, 0) is Outcome.ACCEPTED
    assert cash(scene.state, BOB) == 0
    assert cash(scene.state, 0) + 100 * FALLEN * 100 == 10**7 + 200_000


@pytest.mark.parametrize(("cap", "taken"), [(0, 0), (1, 1), (99, 99), (100, 100), (101, 100)])
def test_no_lot_is_taken_beyond_the_markets_cap(scene: Scene, cap: int, taken: int) -> None:
    troubled(scene, CRASHED, insurance_lots=cap, fund=10**7)
    assert scene.take_over(BOB, 0) is (Outcome.ACCEPTED if taken else Outcome.INSURANCE_LIMIT)
    assert position(scene.state, 0, 0) == taken
    if 0 < taken < 100:
        assert scene.take_over(BOB, 0) is Outcome.INSURANCE_LIMIT


@pytest.mark.parametrize(("fund", "outcome"), [(565_000, Outcome.ACCEPTED), (564_999, Outcome.INSURANCE_LIMIT)])
def test_the_funds_own_initial_margin_carries_what_it_takes(scene: Scene, fund: int, outcome: Outcome) -> None:
    """I3: it pays 100,000 above the mark and needs 5 % of 9,300,000."""
    troubled(scene, CRASHED, insurance_lots=100, fund=fund)
    assert scene.take_over(BOB, 0) is outcome
    assert position(scene.state, 0, 0) == (100 if outcome is Outcome.ACCEPTED else 0)


def test_a_position_of_the_other_side_makes_room(scene: Scene) -> None:
    troubled(scene, CRASHED, insurance_lots=100, fund=10**7)
    assert scene.take_over(BOB, 0) is Outcome.ACCEPTED
    scene.report(0, 1490)
    assert scene.take_over(3, 0) is Outcome.ACCEPTED
    assert position(scene.state, 0, 0) == 60
    assert position(scene.state, 3, 0) == 0
    assert broken(scene.state) == ()
