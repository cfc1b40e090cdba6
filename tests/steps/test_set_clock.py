"""SET_CLOCK."""

from __future__ import annotations

import pytest

from tallystick.machine.engine import run
from tallystick.records.chunks import framed
from tallystick.records.codec import encode
from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.state.layout import CLOCK_BEHIND_MS, MAX_BATCH_SECONDS
from tallystick.testing.scenarios.scene import Scene
from tallystick.testing.world import START, World

NOW = START * 1000
MOST_MS = MAX_BATCH_SECONDS * 1000


def set_clock(world: World, clock_ms: int) -> Outcome:
    return world.send(make("clock", clock_ms=clock_ms))


def test_a_clock_that_goes_backwards_is_rejected(world: World) -> None:
    assert set_clock(world, NOW - 1) is Outcome.CLOCK_BACKWARDS
    assert world.state.registers.clock_ms == NOW


def test_the_first_clock_is_no_earlier_than_what_its_batch_has_raised_it_to() -> None:
    world = World()
    assert set_clock(world, NOW - CLOCK_BEHIND_MS - 1) is Outcome.CLOCK_BACKWARDS
    assert set_clock(world, NOW - CLOCK_BEHIND_MS) is Outcome.ACCEPTED


def test_a_clock_may_stand_still(world: World) -> None:
    assert set_clock(world, NOW) is Outcome.ACCEPTED


def test_a_live_clock_ends_a_minute_behind_its_batchs_begin(world: World) -> None:
    assert set_clock(world, NOW + MOST_MS + 1) is Outcome.CLOCK_OUT_OF_BOUND
    assert set_clock(world, 2**62 - 1) is Outcome.CLOCK_OUT_OF_BOUND
    assert set_clock(world, NOW + MOST_MS) is Outcome.ACCEPTED
    assert world.state.registers.clock_ms == NOW + MOST_MS


@pytest.mark.parametrize(
    ("ahead_ms", "outcome"), [(2000, Outcome.ACCEPTED), (2001, Outcome.CLOCK_OUT_OF_BOUND), (1, Outcome.ACCEPTED)]
)
def test_a_published_clock_ends_with_the_time_of_the_batchs_last_record(ahead_ms: int, outcome: Outcome) -> None:
    scene = Scene()
    record = encode(make("clock", clock_ms=NOW + ahead_ms))
    scene.published.publish([scene.header() + framed(record)], START, 0, START + 2)
    run(scene.machine, 1 << 20)
    assert scene.state.registers.outcome == outcome
    assert scene.state.registers.clock_ms == (NOW + ahead_ms if outcome is Outcome.ACCEPTED else NOW - CLOCK_BEHIND_MS)


def test_the_bound_moves_with_the_batchs_declared_time(world: World) -> None:
    assert set_clock(world, NOW + MOST_MS + 1000) is Outcome.CLOCK_OUT_OF_BOUND
    world.seal()
    assert set_clock(world, NOW + MOST_MS + 1000) is Outcome.ACCEPTED
