"""OPEN_BATCH."""

from __future__ import annotations

from tallystick.machine.engine import halted, run, step
from tallystick.schema.names import Phase
from tallystick.testing.world import START, World


def test_the_next_batchs_header_is_loaded_into_the_registers() -> None:
    world = World()
    world.clock()
    world.deposit("alice", 1, 5)
    world.seal()
    machine = world.fresh()
    step(machine)
    registers = machine.state.registers
    header = world.published.headers[0]
    assert registers.batch_time == START
    assert registers.batch_message_limit == 1
    assert registers.chunk_count == header.chunk_count == 1
    assert registers.chunks_hash == header.chunks_hash
    assert (registers.batch_cursor, registers.chunk_cursor) == (0, 0)
    assert registers.phase == Phase.OPEN_CHUNK
    assert machine.step_input == header.pack()


def test_without_a_batch_below_the_limit_the_machine_is_halted_and_a_step_changes_nothing() -> None:
    """I10."""
    world = World()
    world.clock()
    world.seal()
    machine = world.fresh()
    machine.inputs.batch_limit = 0
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
        machine.inputs.batch_limit = limit
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
