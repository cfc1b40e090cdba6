"""OPEN_BATCH."""

from __future__ import annotations

import pytest

from tallystick.machine.engine import halted, run, step
from tallystick.machine.machine import Machine
from tallystick.schema.names import Phase
from tallystick.state.layout import SOURCE_CALLDATA
from tallystick.state.ordinals import BatchNumber
from tallystick.testing.world import START, World


def test_the_next_batchs_header_is_loaded_into_the_registers() -> None:
    world = World()
    world.deposit("alice", 1, 5)
    world.clock(ahead_ms=2001)
    world.seal()
    machine = world.fresh()
    step(machine)
    registers = machine.state.registers
    header = world.published.headers[0]
    assert (registers.batch_time_seconds, registers.batch_until_seconds) == (START, START + 3)
    assert registers.batch_message_limit == 1
    assert registers.chunk_count == header.chunk_count == 1
    assert registers.batch_source == header.source == SOURCE_CALLDATA
    assert registers.chunks_hash == header.chunks_hash
    assert (registers.batch_cursor, registers.chunk_cursor) == (0, 0)
    assert registers.phase == Phase.CONSUME_MESSAGE
    assert machine.step_input == header.pack()
    assert len(machine.step_input) == 79


def opened(world: World, time: int) -> Machine:
    """Return a machine that has opened one batch of a declared time."""
    world.published.publish([bytes(81)], time, 0)
    machine = Machine(world.state.copy(), world.published)
    step(machine)
    return machine


@pytest.mark.parametrize(
    ("behind_ms", "raised_ms"), [(-1000, 0), (0, 0), (10_000, 0), (11_000, 1000), (86_400_000, 86_390_000)]
)
def test_the_clock_is_raised_to_ten_seconds_before_the_batchs_time_and_never_moved_back(
    world: World, behind_ms: int, raised_ms: int
) -> None:
    world.seal()
    clock = world.state.registers.clock_ms
    assert clock % 1000 == 0
    machine = opened(world, (clock + behind_ms) // 1000)
    assert machine.state.registers.clock_ms == clock + raised_ms
    assert machine.state.registers.phase == Phase.OPEN_CHUNK
    run(world.machine, 1 << 20)


def test_without_a_batch_below_the_limit_the_machine_is_halted_and_a_step_changes_nothing() -> None:
    """I10."""
    world = World()
    world.clock()
    world.seal()
    machine = world.fresh()
    machine.inputs.batch_limit = BatchNumber(0)
    before = machine.state.hash()
    assert halted(machine)
    step(machine)
    assert machine.state.hash() == before
    assert machine.step_input == b""
    assert run(machine, 100) == 0


def test_a_higher_limit_wakes_the_halted_machine_up() -> None:
    """I10."""
    world = World()
    for _ in range(3):
        world.clock()
        world.seal()
    final = world.state.hash()
    machine = world.fresh()
    for limit in (1, 2, 3):
        machine.inputs.batch_limit = BatchNumber(limit)
        assert not halted(machine)
        run(machine, 1 << 20)
        assert machine.state.registers.batch_cursor == limit
    assert machine.state.hash() == final


def test_cutting_a_run_anywhere_leads_to_the_same_state() -> None:
    """I10."""
    world = World()
    world.clock()
    world.deposit("alice", 1, 5)
    world.seal()
    final = world.state.hash()
    machine = world.fresh()
    steps = 0
    while not halted(machine):
        steps += run(machine, 1)
    assert machine.state.hash() == final
    whole = world.fresh()
    assert run(whole, 1 << 20) == steps
