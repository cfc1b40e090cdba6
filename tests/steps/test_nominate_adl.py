"""NOMINATE_ADL and DELEVERAGE (I18)."""

from __future__ import annotations

import pytest

from tallystick.rollup.invariants import broken
from tallystick.schema.names import Outcome
from tallystick.state.cells import set_account_position_cost_units
from tallystick.state.layout import (
    ADL_DELAY_MS,
    ADL_LAPSE_MS,
    ADL_NEXT_MS,
    BUY,
    DELEVERAGE_CANDIDATE,
    DELEVERAGE_MARKET,
    DELEVERAGE_SINCE_MS,
    MARKET_DOWN_MS,
    SELL,
)
from tallystick.state.ordinals import AccountId
from tallystick.state.quantities import Units
from tallystick.testing.byhand import hold, write_rules
from tallystick.testing.ledger.look import cash, fund_budget, position, word
from tallystick.testing.scenarios.orders.closed_out import BEATEN, BOB, CRASHED, FUND, RULES, troubled
from tallystick.testing.scenarios.scene import Scene

ACCEPTED = Outcome.ACCEPTED
ALICE, CAROL, DAVE, ERIN = 1, 3, 4, 5


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    troubled(made, CRASHED)
    return made


def nominee(scene: Scene) -> int:
    return word(scene.state.deleverages, BOB, DELEVERAGE_CANDIDATE)


def cell(scene: Scene) -> list[int]:
    fields = (DELEVERAGE_MARKET, DELEVERAGE_CANDIDATE, DELEVERAGE_SINCE_MS)
    return [word(scene.state.deleverages, BOB, field) for field in fields]


def wait(scene: Scene, ms: int) -> None:
    scene.clock(ahead_ms=scene.state.registers.clock_ms - scene.time * 1000 + ms)


def test_nobody_is_nominated_for_what_is_not_there_or_healthy(scene: Scene) -> None:
    """I16."""
    assert scene.nominate(BOB, 1, ALICE) is Outcome.NO_MARKET
    assert scene.nominate(DAVE, 0, ALICE) is Outcome.NO_POSITION
    assert scene.nominate(ALICE, 0, BOB) is Outcome.HEALTHY
    assert scene.nominate(FUND, 0, ALICE) is Outcome.NO_POSITION
    assert nominee(scene) == 0


@pytest.mark.parametrize("candidate", [0, FUND, BOB, DAVE, 99, (1 << 32) - 1])
def test_a_candidate_has_an_opposite_position(scene: Scene, candidate: int) -> None:
    assert scene.nominate(BOB, 0, candidate) is Outcome.NOT_ELIGIBLE


def test_the_book_and_the_fund_go_first() -> None:
    scene = Scene()
    troubled(scene, 1000, insurance_lots=1, fund=10**7)
    scene.land(0, BEATEN)
    assert scene.nominate(BOB, 0, ALICE) is Outcome.BOOK_FIRST
    scene.liquidate(BOB, 0)
    assert scene.nominate(BOB, 0, ALICE) is Outcome.INSURANCE_FIRST
    assert scene.take_over(BOB, 0, 1) is ACCEPTED
    assert scene.nominate(BOB, 0, ALICE) is ACCEPTED
    wait(scene, ADL_DELAY_MS)
    assert scene.deleverage(BOB) is Outcome.BOOK_FIRST
    assert nominee(scene) == ALICE


def test_of_who_does_not_owe_no_more_than_suffices_is_closed_at_the_index_less_the_fee() -> None:
    """I1, I16."""
    scene = Scene()
    troubled(scene, 1000)
    scene.land(0, BEATEN)
    scene.liquidate(BOB, 0)
    assert scene.nominate(BOB, 0, CAROL) is ACCEPTED
    wait(scene, ADL_DELAY_MS)
    scene.liquidate(BOB, 0)
    before = cash(scene.state, BOB)
    assert scene.deleverage(BOB) is ACCEPTED
    assert position(scene.state, BOB, 0) == 60
    assert cash(scene.state, BOB) - before == 40 * 95_000 - 40 * 475
    assert broken(scene.state) == ()


def test_a_deleveraging_of_who_does_not_owe_prolongs_no_brake() -> None:
    """I23: only who owes more than he has keeps a winner waiting."""
    scene = Scene()
    troubled(scene, 1000)
    scene.land(0, BEATEN)
    scene.liquidate(BOB, 0)
    assert scene.nominate(BOB, 0, CAROL) is ACCEPTED
    wait(scene, ADL_DELAY_MS)
    scene.liquidate(BOB, 0)
    clock_ms = scene.state.registers.clock_ms
    write_rules(scene.state, 0, {"down_ms": clock_ms + 1, "down_ticks": 1, "down_jump_ms": int(clock_ms)})
    assert scene.deleverage(BOB) is ACCEPTED
    assert word(scene.state.markets, 0, MARKET_DOWN_MS) == clock_ms + 1


def test_a_brake_lets_nobody_out_by_who_does_not_owe() -> None:
    """I23: neither as a candidate nor as the account that is due."""
    scene = Scene()
    troubled(scene, 1000)
    scene.land(0, BEATEN)
    scene.liquidate(BOB, 0)
    accounts, ends_ms = scene.state.accounts, scene.state.registers.clock_ms + 20_000
    set_account_position_cost_units(accounts.words, accounts.known(AccountId(CAROL)), 0, Units(-(10**12)))
    write_rules(scene.state, 0, {"down_ms": ends_ms, "down_ticks": 10_000})
    assert scene.nominate(BOB, 0, CAROL) is Outcome.BRAKE
    set_account_position_cost_units(accounts.words, accounts.known(AccountId(BOB)), 0, Units(-(10**12)))
    write_rules(scene.state, 0, {"up_ms": ends_ms, "up_ticks": 1})
    assert scene.liquidate(BOB, 0) is Outcome.BRAKE
    assert scene.take_over(BOB, 0, 1) is Outcome.BRAKE
    assert scene.nominate(BOB, 0, ALICE) is Outcome.BRAKE


def test_the_fund_is_no_candidate_even_where_it_owes_itself(scene: Scene) -> None:
    hold(scene.state, FUND, 0, -100, -1)
    assert scene.nominate(BOB, 0, FUND) is Outcome.NOT_ELIGIBLE


def test_the_one_leveraged_more_replaces_and_nobody_else(scene: Scene) -> None:
    """I16."""
    assert scene.nominate(BOB, 0, ALICE) is ACCEPTED
    assert scene.nominate(BOB, 0, ALICE) is Outcome.OUTRANKED
    assert scene.nominate(BOB, 0, CAROL) is ACCEPTED
    assert nominee(scene) == CAROL
    assert scene.nominate(BOB, 0, ALICE) is Outcome.OUTRANKED
    wait(scene, ADL_DELAY_MS - 1)
    assert scene.deleverage(BOB) is Outcome.TOO_EARLY
    wait(scene, 1)
    assert scene.deleverage(BOB) is ACCEPTED
    assert (position(scene.state, CAROL, 0), position(scene.state, BOB, 0)) == (0, 60)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_who_has_won_goes_before_who_is_leveraged_more_and_has_not(side: int) -> None:
    """I16: what bob has lost, who was there when he bought has won; erin has come since."""
    scene = Scene()
    troubled(scene, CRASHED, side=side)
    index = CRASHED if side == BUY else 2000 - CRASHED
    scene.deposit("erin", ERIN, 120_000)
    scene.order(DAVE, 0, side, index, 20)
    assert scene.order(ERIN, 0, 1 - side, index, 20) is ACCEPTED
    assert scene.nominate(BOB, 0, ERIN) is ACCEPTED
    assert scene.nominate(BOB, 0, ALICE) is ACCEPTED
    assert scene.nominate(BOB, 0, ERIN) is Outcome.OUTRANKED


@pytest.mark.parametrize(("paid", "replaces"), [(94_000, True), (93_999, False)])
def test_to_gain_is_to_close_for_no_less_than_was_paid(scene: Scene, paid: int, replaces: bool) -> None:
    """A lot of bob's changes hands for 94,000; erin has sold for that, or for a unit less."""
    scene.deposit("erin", ERIN, 10**9)
    scene.finish()
    hold(scene.state, ALICE, 0, -60, 10**12)
    hold(scene.state, CAROL, 0, -40, 10**6)
    for account, size, cost in ((ALICE, 60, paid), (CAROL, 40, 93_000)):
        base = scene.state.accounts.open(AccountId(account))
        set_account_position_cost_units(scene.state.accounts.words, base, 0, Units(-size * cost))
    assert scene.nominate(BOB, 0, CAROL) is ACCEPTED
    assert scene.nominate(BOB, 0, ALICE) is (ACCEPTED if replaces else Outcome.OUTRANKED)


def test_who_owes_comes_last_and_meets_who_owes_at_the_index(scene: Scene) -> None:
    """I1: else two of them would grow for ever."""
    hold(scene.state, CAROL, 0, -40, -1_000)
    assert scene.nominate(BOB, 0, CAROL) is ACCEPTED
    assert scene.nominate(BOB, 0, CAROL) is Outcome.OUTRANKED
    wait(scene, ADL_DELAY_MS)
    before = cash(scene.state, CAROL)
    assert scene.deleverage(BOB) is ACCEPTED
    assert before - cash(scene.state, CAROL) == 40 * CRASHED * 100
    hold(scene.state, CAROL, 0, -40, -1_000)
    assert scene.nominate(BOB, 0, CAROL) is ACCEPTED
    assert scene.nominate(BOB, 0, ALICE) is ACCEPTED
    assert scene.nominate(BOB, 0, CAROL) is Outcome.OUTRANKED


def test_who_owes_does_not_take_up_what_is_of_somebody_who_does_not() -> None:
    scene = Scene()
    troubled(scene, BEATEN)
    hold(scene.state, CAROL, 0, -40, 0)
    scene.liquidate(BOB, 0)
    assert scene.nominate(BOB, 0, CAROL) is Outcome.NOT_ELIGIBLE


def test_a_candidate_ranked_higher_comes_too_late_after_the_delay(scene: Scene) -> None:
    scene.nominate(BOB, 0, ALICE)
    wait(scene, ADL_DELAY_MS)
    assert scene.nominate(BOB, 0, CAROL) is Outcome.OUTRANKED
    assert scene.deleverage(BOB) is ACCEPTED
    assert position(scene.state, ALICE, 0) == 0


@pytest.mark.parametrize("side", [BUY, SELL])
def test_both_close_at_the_zero_price_and_the_loss_is_the_candidates(side: int) -> None:
    """I1, I2."""
    scene = Scene()
    troubled(scene, CRASHED, side=side)
    index = CRASHED if side == BUY else 2000 - CRASHED
    sign = 1 if side == BUY else -1
    values = [cash(scene.state, number) + position(scene.state, number, 0) * index * 100 for number in (BOB, CAROL)]
    assert values[0] == -100_000
    scene.nominate(BOB, 0, CAROL)
    wait(scene, ADL_DELAY_MS)
    assert scene.deleverage(BOB) is ACCEPTED
    assert position(scene.state, BOB, 0) == 60 * sign
    assert cash(scene.state, CAROL) == values[1] - 40_000
    assert cash(scene.state, BOB) + 60 * sign * index * 100 == -60_000
    assert broken(scene.state) == ()


@pytest.mark.parametrize(
    ("value", "taken"), [(40_000, 40), (39_999, 39), (39_000, 39), (38_999, 38), (1_000, 1), (999, 0)]
)
def test_a_candidate_takes_what_it_can_bear(scene: Scene, value: int, taken: int) -> None:
    """I16: a lot costs it 1,000."""
    hold(scene.state, CAROL, 0, -40, value)
    assert scene.nominate(BOB, 0, CAROL) is (ACCEPTED if taken else Outcome.NOT_ELIGIBLE)
    if taken:
        wait(scene, ADL_DELAY_MS)
        assert scene.deleverage(BOB) is ACCEPTED
    assert position(scene.state, BOB, 0) == 100 - taken
    assert cash(scene.state, CAROL) + position(scene.state, CAROL, 0) * CRASHED * 100 == value - taken * 1_000


def test_with_tiers_a_candidate_takes_what_it_can_bear_of_the_dearest_lots() -> None:
    """I16: the first 50 lots stand for nine tenths of the margin, so that ten cost it more than a tenth of the loss."""
    scene = Scene()
    troubled(scene, CRASHED)
    tiers = {"tier2_from_millions": 4, "initial2_ppm": 500_000, "maintenance2_ppm": 250_000}
    scene.rule(0, **tiers)
    hold(scene.state, CAROL, 0, -40, 10_000)
    assert scene.nominate(BOB, 0, CAROL) is ACCEPTED
    wait(scene, ADL_DELAY_MS)
    assert scene.deleverage(BOB) is ACCEPTED
    assert 0 < 100 - position(scene.state, BOB, 0) < 10
    assert 0 <= cash(scene.state, CAROL) + position(scene.state, CAROL, 0) * CRASHED * 100 < 2_000


def test_without_a_nomination_nobody_is_deleveraged(scene: Scene) -> None:
    assert scene.deleverage(BOB) is Outcome.NO_NOMINATION
    assert scene.deleverage(0) is Outcome.NO_NOMINATION


def test_a_nomination_lapses_and_then_gives_way_to_any(scene: Scene) -> None:
    scene.nominate(BOB, 0, CAROL)
    wait(scene, ADL_LAPSE_MS - 1)
    scene.report(0, CRASHED)
    assert scene.nominate(BOB, 0, ALICE) is Outcome.OUTRANKED
    wait(scene, 1)
    assert scene.deleverage(BOB) is Outcome.EXPIRED
    assert position(scene.state, BOB, 0) == 100
    assert scene.nominate(BOB, 0, ALICE) is ACCEPTED
    assert scene.deleverage(BOB) is Outcome.TOO_EARLY


def test_behind_a_deleveraging_the_next_of_the_same_position_has_a_seconds_notice(scene: Scene) -> None:
    scene.nominate(BOB, 0, CAROL)
    wait(scene, ADL_DELAY_MS)
    assert scene.deleverage(BOB) is ACCEPTED
    assert scene.nominate(BOB, 0, ALICE) is ACCEPTED
    wait(scene, ADL_NEXT_MS - 1)
    assert scene.deleverage(BOB) is Outcome.TOO_EARLY
    wait(scene, 1)
    assert scene.deleverage(BOB) is ACCEPTED
    assert position(scene.state, BOB, 0) == 0


def test_a_minute_behind_a_deleveraging_the_next_has_the_whole_delay(scene: Scene) -> None:
    scene.nominate(BOB, 0, CAROL)
    wait(scene, ADL_DELAY_MS)
    assert scene.deleverage(BOB) is ACCEPTED
    wait(scene, ADL_LAPSE_MS)
    scene.report(0, CRASHED)
    assert scene.nominate(BOB, 0, ALICE) is ACCEPTED
    wait(scene, ADL_DELAY_MS - 1)
    assert scene.deleverage(BOB) is Outcome.TOO_EARLY


def test_a_deleveraging_that_is_refused_changes_nothing(scene: Scene) -> None:
    """I16: of an account that recovers as well."""
    scene.nominate(BOB, 0, CAROL)
    before = cell(scene)
    assert scene.deleverage(BOB) is Outcome.TOO_EARLY
    wait(scene, ADL_DELAY_MS)
    scene.report(0, 1000)
    assert scene.deleverage(BOB) is Outcome.HEALTHY
    scene.report(0, CRASHED)
    hold(scene.state, CAROL, 0, 0, 10**6)
    assert scene.deleverage(BOB) is Outcome.NOT_ELIGIBLE
    assert cell(scene) == before


def test_a_nominee_that_cannot_take_gives_way_to_any_and_the_delay_goes_on(scene: Scene) -> None:
    scene.land(0, CRASHED)
    scene.nominate(BOB, 0, CAROL)
    since = cell(scene)[2]
    wait(scene, ADL_DELAY_MS)
    scene.order(DAVE, 0, SELL, CRASHED, 40)
    assert scene.order(CAROL, 0, BUY, CRASHED, 40) is ACCEPTED
    assert scene.nominate(BOB, 0, ALICE) is ACCEPTED
    assert cell(scene) == [0, ALICE, since]
    assert scene.deleverage(BOB) is ACCEPTED


def elsewhere(first: int, second: int) -> Scene:
    """Let bob hold 100 lots each of two markets, and both prices turn against him."""
    scene = Scene()
    scene.trading("alice", **RULES)
    scene.open_market(1, 1000, **RULES)
    scene.deposit("bob", BOB, 1_200_000)
    for market in (0, 1):
        scene.order(ALICE, market, SELL, 1000, 100)
        assert scene.order(BOB, market, BUY, 1000, 100) is ACCEPTED
    scene.report(0, first)
    scene.report(1, second)
    return scene


@pytest.mark.parametrize(("second", "outcome"), [(930, Outcome.OUTRANKED), (931, ACCEPTED)])
def test_in_another_market_the_position_that_weighs_more_is_nominated_for(second: int, outcome: Outcome) -> None:
    scene = elsewhere(930, second)
    assert scene.nominate(BOB, 0, ALICE) is ACCEPTED
    wait(scene, ADL_DELAY_MS - 1)
    assert scene.nominate(BOB, 1, ALICE) is outcome
    wait(scene, 1)
    assert scene.deleverage(BOB) is (Outcome.TOO_EARLY if outcome is ACCEPTED else ACCEPTED)
    assert scene.nominate(BOB, 0, ALICE) is (Outcome.OUTRANKED if outcome is ACCEPTED else Outcome.NO_POSITION)


def test_in_another_market_any_is_nominated_for_once_the_nominated_position_is_closed() -> None:
    scene = elsewhere(920, 930)
    assert scene.nominate(BOB, 1, ALICE) is ACCEPTED
    assert scene.nominate(BOB, 0, ALICE) is Outcome.OUTRANKED
    hold(scene.state, BOB, 0, 100, -1)
    wait(scene, ADL_DELAY_MS)
    assert scene.nominate(BOB, 0, ALICE) is ACCEPTED
    assert scene.deleverage(BOB) is Outcome.TOO_EARLY


def test_the_fund_is_deleveraged_like_anybody_and_pays_no_fee(scene: Scene) -> None:
    """I16: at the index, and with its last lot there is nothing more to lose."""
    hold(scene.state, FUND, 0, 60, 139_500)
    scene.rule(0, fund_budget_units=7)
    assert scene.nominate(FUND, 0, ALICE) is Outcome.HEALTHY
    scene.land(0, CRASHED - 5)
    assert scene.nominate(FUND, 0, ALICE) is ACCEPTED
    wait(scene, ADL_DELAY_MS)
    before = cash(scene.state, FUND)
    assert scene.deleverage(FUND) is ACCEPTED
    closed = 60 - position(scene.state, FUND, 0)
    assert 0 < closed < 60
    assert cash(scene.state, FUND) - before == closed * 92_500
    assert fund_budget(scene.state, 0) == 7
    scene.land(0, 700)
    assert scene.nominate(FUND, 0, ALICE) is ACCEPTED
    wait(scene, ADL_DELAY_MS)
    assert scene.deleverage(FUND) is ACCEPTED
    assert (position(scene.state, FUND, 0), fund_budget(scene.state, 0)) == (0, 0)
