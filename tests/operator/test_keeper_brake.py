"""What a brake holds is left alone no longer than it may; who owes, and who else could take it, is not."""

from __future__ import annotations

import pytest

from tallystick.state.cells import set_account_position_cost_units
from tallystick.state.layout import DELEVERAGE_CANDIDATE
from tallystick.state.ordinals import AccountId
from tallystick.state.quantities import Units
from tallystick.testing.byhand import hold, write_rules
from tallystick.testing.handclock import HandClock
from tallystick.testing.ledger.look import word
from tallystick_operator.intake.keeper import RETRY_SECONDS
from tests.operator.rig import Rig
from tests.operator.test_keeper import POOR, SHORT, WORTH, keeper, outcomes, troubled

BEYOND = 1 << 23
"""Units: ticks, above every index here."""


@pytest.fixture
def now() -> HandClock:
    return HandClock()


def gaining(rig: Rig, account: int) -> None:
    """Let an account have got its position for nothing, so that it gains."""
    words, base = rig.core.executor.state.accounts.words, rig.core.executor.state.accounts.known(AccountId(account))
    set_account_position_cost_units(words, base, 0, Units(-(10**12)))


def brake(rig: Rig, *, longs: bool, ms: int) -> None:
    state = rig.core.executor.state
    until_ms = max(rig.core.clock.now_ms(), state.registers.clock_ms) + ms
    rules = {"up_ticks": 1, "up_ms": until_ms} if longs else {"down_ticks": BEYOND, "down_ms": until_ms}
    write_rules(state, 0, rules)


@pytest.mark.parametrize("ms", [2_000, 20_000])
def test_a_position_that_a_brake_holds_is_asked_for_again_when_that_may_be_over(
    rig: Rig, now: HandClock, ms: int
) -> None:
    troubled(rig, WORTH // 160)
    gaining(rig, POOR)
    brake(rig, longs=True, ms=ms)
    watch, sequencer = keeper(rig, now)
    before = outcomes(rig)
    watch.tick()
    assert outcomes(rig) == before, "not a record"
    (until,) = watch._left_alone.values()
    assert until - now.passed == min(RETRY_SECONDS, ms / 1_000)
    write_rules(rig.core.executor.state, 0, {"up_ms": 0})
    now.passed += RETRY_SECONDS
    watch.tick()
    sequencer.close()
    assert outcomes(rig) > before


def test_a_candidate_that_a_brake_holds_is_passed_over_for_one_that_is_free(rig: Rig, now: HandClock) -> None:
    troubled(rig, WORTH // 160)
    state = rig.core.executor.state
    hold(state, 3, 0, -100, 10**13)
    gaining(rig, SHORT)
    brake(rig, longs=False, ms=20_000)
    watch, sequencer = keeper(rig, now)
    watch.tick()
    sequencer.close()
    assert word(state.deleverages, POOR, DELEVERAGE_CANDIDATE) == 3


def test_of_who_owes_a_brake_takes_nobody_away(rig: Rig, now: HandClock) -> None:
    troubled(rig, -(10**6))
    gaining(rig, SHORT)
    brake(rig, longs=False, ms=20_000)
    watch, sequencer = keeper(rig, now)
    watch.tick()
    sequencer.close()
    assert word(rig.core.executor.state.deleverages, POOR, DELEVERAGE_CANDIDATE) == SHORT
