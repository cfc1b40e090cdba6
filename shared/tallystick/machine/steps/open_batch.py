"""OPEN_BATCH: take over the header of the next batch."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.state.codes import Phase


def step(machine: Machine) -> None:
    """Load the next batch's header into the registers.

    Twin: contracts/src/referee/steps/OpenBatch.sol.
    """
    registers = machine.state.registers

    # READ
    header = machine.inputs.batch(registers.batch_cursor)
    machine.step_input = header.pack()

    # CHECK: nothing; the Inbox vouches for the header.

    # APPLY
    registers.batch_time = header.time
    registers.batch_message_limit = header.message_limit
    registers.chunk_count = header.chunk_count
    registers.chunks_hash = header.chunks_hash
    registers.chunk_cursor = 0
    registers.phase = Phase.OPEN_CHUNK

    # WRITE: registers only.
