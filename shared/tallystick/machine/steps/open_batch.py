"""OPEN_BATCH: take over the header of the next batch."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.machine import Machine
from tallystick.state.codes import Phase
from tallystick.state.layout import CLOCK_BEHIND_MS, Registers
from tallystick.state.ordinals import UnixMs, UnixSeconds


def step(machine: Machine) -> None:
    """Load the next batch's header into the registers and raise the clock; its messages come first, then its chunks.

    Twin: contracts/src/referee/steps/OpenBatch.sol.
    """
    registers = machine.state.registers

    # READ
    header = machine.inputs.batch(registers.batch_cursor)
    machine.step_input = header.pack()

    # CHECK: nothing; the Inbox vouches for the header.

    # APPLY
    registers.batch_source = header.source
    registers.chunk_count = header.chunk_count
    registers.chunks_hash = header.chunks_hash
    registers.chunk_cursor = 0
    enter(registers, header.time, header.until, header.message_limit)

    # WRITE: registers only.


def enter(registers: Registers, time_seconds: UnixSeconds, until_seconds: UnixSeconds, message_limit: i64) -> None:
    """Open a batch of these times and this message limit: the clock is no further behind its time than it may be."""
    registers.batch_time_seconds = time_seconds
    registers.batch_until_seconds = until_seconds
    registers.batch_message_limit = message_limit
    time_ms = UnixMs(time_seconds * 1000)
    if time_ms > registers.clock_ms + CLOCK_BEHIND_MS:
        registers.clock_ms = UnixMs(time_ms - CLOCK_BEHIND_MS)
    waiting = registers.message_cursor < message_limit
    registers.phase = Phase.CONSUME_MESSAGE if waiting else Phase.OPEN_CHUNK
