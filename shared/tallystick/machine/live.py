"""Driving the machine record by record, before the batch they will be in exists."""

from __future__ import annotations

from tallystick.machine.engine import advance
from tallystick.machine.machine import Machine
from tallystick.machine.steps import fetch_record
from tallystick.machine.steps.consume_message import close_batch
from tallystick.schema.names import Outcome
from tallystick.state.codes import Phase
from tallystick.state.layout import MAX_AMOUNT


def begin_batch(machine: Machine, time: int) -> None:
    """Open the next batch at a declared L1 time in seconds; its message limit is fixed when it is sealed."""
    registers = machine.state.registers
    registers.batch_time = time
    registers.batch_message_limit = MAX_AMOUNT
    registers.phase = Phase.FETCH_RECORD


def execute(machine: Machine, record: bytes) -> Outcome:
    """Run one record to its end and return its outcome."""
    registers = machine.state.registers
    machine.live_record = record
    machine.state.make_room()
    fetch_record.admit(machine, record)
    while registers.phase != Phase.FETCH_RECORD:
        advance(machine)
    machine.live_record = b""
    return Outcome(registers.outcome)


def seal_batch(machine: Machine) -> int:
    """Close the batch at the messages consumed so far and return that message limit.

    The state is then what a replay of the published batch ends with.
    """
    limit = machine.state.registers.message_cursor
    close_batch(machine)
    return limit
