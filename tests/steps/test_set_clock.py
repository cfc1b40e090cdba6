"""SET_CLOCK."""

from __future__ import annotations

from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.state.layout import CLOCK_DRIFT_MS
from tallystick.testing.world import START, World

NOW = START * 1000


def set_clock(world: World, clock_ms: int) -> Outcome:
    return world.send(make("clock", clock_ms=clock_ms))


def test_a_clock_that_goes_backwards_is_rejected(world: World) -> None:
    assert set_clock(world, NOW - 1) is Outcome.CLOCK_BACKWARDS
    assert world.state.registers.clock_ms == NOW


def test_going_backwards_is_found_before_going_out_of_bound(world: World) -> None:
    assert set_clock(world, 0) is Outcome.CLOCK_BACKWARDS


def test_a_clock_beyond_the_drift_ahead_is_rejected_and_at_it_accepted(world: World) -> None:
    assert set_clock(world, NOW + CLOCK_DRIFT_MS + 1) is Outcome.CLOCK_OUT_OF_BOUND
    assert set_clock(world, 2**62 - 1) is Outcome.CLOCK_OUT_OF_BOUND
    assert set_clock(world, NOW + CLOCK_DRIFT_MS) is Outcome.ACCEPTED
    assert world.state.registers.clock_ms == NOW + CLOCK_DRIFT_MS


def test_a_clock_beyond_the_drift_behind_is_rejected_and_at_it_accepted() -> None:
    world = World()
    assert set_clock(world, NOW - CLOCK_DRIFT_MS - 1) is Outcome.CLOCK_OUT_OF_BOUND
    assert set_clock(world, NOW - CLOCK_DRIFT_MS) is Outcome.ACCEPTED


def test_a_clock_may_stand_still(world: World) -> None:
    assert set_clock(world, NOW) is Outcome.ACCEPTED


def test_the_bound_moves_with_the_batchs_declared_time(world: World) -> None:
    assert set_clock(world, NOW + CLOCK_DRIFT_MS + 1000) is Outcome.CLOCK_OUT_OF_BOUND
    world.seal()
    assert set_clock(world, NOW + CLOCK_DRIFT_MS + 1000) is Outcome.ACCEPTED
