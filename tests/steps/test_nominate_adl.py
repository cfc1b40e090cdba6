"""NOMINATE_ADL and DELEVERAGE (I18)."""

from __future__ import annotations

import pytest

from tallystick.rollup.invariants import broken
from tallystick.schema.names import Outcome
from tallystick.state.layout import ADL_DELAY_MS, ADL_LAPSE_MS, BUY, DELEVERAGE_CANDIDATE, SELL
from tallystick.testing.byhand import hold
from tallystick.testing.ledger.look import cash, position, word
from tallystick.testing.scenarios.orders.closed_out import BOB, CRASHED, FALLEN, troubled
from tallystick.testing.scenarios.scene import Scene

ALICE, CAROL, DAVE = 1, 3, 4


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    troubled(made, CRASHED)
    return made


def nominee(scene: Scene) -> int:
    return word(scene.state.deleverages, BOB, DELEVERAGE_CANDIDATE)


def test_nobody_is_nominated_for_what_is_not_there_or_healthy(scene: Scene) -> None:
    """I16."""
    assert scene.nominate(BOB, 1, ALICE) is Outcome.NO_MARKET
    assert scene.nominate(DAVE, 0, ALICE) is Outcome.NO_POSITION
    assert scene.nominate(ALICE, 0, BOB) is Outcome.HEALTHY
    assert scene.nominate(0, 0, ALICE) is Outcome.HEALTHY
    assert nominee(scene) == 0


@pytest.mark.parametrize("candidate", [0, BOB, DAVE, 99, (1 << 32) - 1])
def test_a_candidate_has_an_opposite_position(scene: Scene, candidate: int) -> None:
    assert scene.nominate(BOB, 0, candidate) is Outcome.NOT_ELIGIBLE


def test_the_book_and_the_fund_go_first() -> None:
    scene = Scene()
    troubled(scene, insurance_lots=1, fund=10**7)
    scene.order(DAVE, 0, BUY, 940, 1, client_id=1)
    assert scene.nominate(BOB, 0, ALICE) is Outcome.BOOK_CROSSES
    scene.cancel(DAVE, 1, scene.last_slot())
    assert scene.nominate(BOB, 0, ALICE) is Outcome.INSURANCE_FIRST
    assert scene.take_over(BOB, 0) is Outcome.ACCEPTED
    assert scene.nominate(BOB, 0, ALICE) is Outcome.ACCEPTED


def test_the_one_leveraged_more_replaces_and_nobody_else(scene: Scene) -> None:
    """I16."""
    assert scene.nominate(BOB, 0, ALICE) is Outcome.ACCEPTED
    assert scene.nominate(BOB, 0, ALICE) is Outcome.OUTRANKED
    assert scene.nominate(BOB, 0, CAROL) is Outcome.ACCEPTED
    assert nominee(scene) == CAROL
    assert scene.nominate(BOB, 0, ALICE) is Outcome.OUTRANKED
    scene.clock(ahead_ms=ADL_DELAY_MS - 1)
    assert scene.deleverage(BOB) is Outcome.TOO_EARLY
    scene.clock(ahead_ms=ADL_DELAY_MS)
    assert scene.deleverage(BOB) is Outcome.ACCEPTED
    assert (position(scene.state, CAROL, 0), position(scene.state, BOB, 0)) == (0, 60)


def test_a_candidate_ranked_higher_comes_too_late_after_the_delay(scene: Scene) -> None:
    scene.nominate(BOB, 0, ALICE)
    scene.clock(ahead_ms=ADL_DELAY_MS)
    assert scene.nominate(BOB, 0, CAROL) is Outcome.OUTRANKED
    assert scene.deleverage(BOB) is Outcome.ACCEPTED
    assert position(scene.state, ALICE, 0) == 0


@pytest.mark.parametrize("side", [BUY, SELL])
def test_both_close_at_the_zero_price_and_the_loss_is_the_candidates(side: int) -> None:
    """I1, I2."""
    scene = Scene()
    troubled(scene, CRASHED, side=side)
    mark = CRASHED if side == BUY else 2000 - CRASHED
    sign = 1 if side == BUY else -1
    values = [cash(scene.state, number) + position(scene.state, number, 0) * mark * 100 for number in (BOB, CAROL)]
    assert values[0] == -100_000
    scene.nominate(BOB, 0, CAROL)
    scene.clock(ahead_ms=ADL_DELAY_MS)
    assert scene.deleverage(BOB) is Outcome.ACCEPTED
    assert position(scene.state, BOB, 0) == 60 * sign
    assert cash(scene.state, CAROL) == values[1] - 40_000
    assert cash(scene.state, BOB) + 60 * sign * mark * 100 == -60_000
    assert broken(scene.state) == ()


@pytest.mark.parametrize(
    ("value", "outcome"), [(40_000, Outcome.ACCEPTED), (39_999, Outcome.NOT_ELIGIBLE), (0, Outcome.NOT_ELIGIBLE)]
)
def test_a_candidate_that_would_be_bankrupt_itself_is_spared(scene: Scene, value: int, outcome: Outcome) -> None:
    hold(scene.state, CAROL, 0, -40, value)
    assert scene.nominate(BOB, 0, CAROL) is outcome


def test_without_a_nomination_nobody_is_deleveraged(scene: Scene) -> None:
    assert scene.deleverage(BOB) is Outcome.NO_NOMINATION
    assert scene.deleverage(0) is Outcome.NO_NOMINATION


def test_a_nomination_lapses(scene: Scene) -> None:
    scene.nominate(BOB, 0, CAROL)
    scene.clock(ahead_ms=ADL_LAPSE_MS)
    assert scene.deleverage(BOB) is Outcome.EXPIRED
    assert nominee(scene) == 0
    assert position(scene.state, BOB, 0) == 100


def test_a_lapsed_nomination_gives_way_to_any_candidate(scene: Scene) -> None:
    scene.nominate(BOB, 0, CAROL)
    scene.clock(ahead_ms=ADL_LAPSE_MS)
    assert scene.nominate(BOB, 0, ALICE) is Outcome.ACCEPTED
    assert scene.deleverage(BOB) is Outcome.TOO_EARLY


def test_an_account_that_recovers_is_not_deleveraged(scene: Scene) -> None:
    """I16."""
    scene.nominate(BOB, 0, CAROL)
    scene.report(0, 1000)
    scene.clock(ahead_ms=ADL_DELAY_MS)
    assert scene.deleverage(BOB) is Outcome.HEALTHY
    assert nominee(scene) == 0


def test_a_nominee_that_has_closed_is_replaced_by_anybody() -> None:
    scene = Scene()
    troubled(scene)
    scene.nominate(BOB, 0, CAROL)
    scene.order(DAVE, 0, SELL, FALLEN, 40)
    assert scene.order(CAROL, 0, BUY, FALLEN, 40) is Outcome.ACCEPTED
    assert scene.nominate(BOB, 0, ALICE) is Outcome.ACCEPTED
    assert nominee(scene) == ALICE
