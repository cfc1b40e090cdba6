"""OPEN_CHUNK: begin the batch's next chunk, or finish the batch behind its last one."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.machine.steps.consume_message import close_batch
from tallystick.state.codes import Outcome, Phase
from tallystick.state.hashing import keccak
from tallystick.state.layout import CHUNK_HEADER_BYTES


def step(machine: Machine) -> None:
    """Open the next chunk when its header agrees with the registers; skip it whole when it does not.

    Rejects: CHUNK_SKIPPED. Twin: contracts/src/referee/steps/OpenChunk.sol.
    """
    registers = machine.state.registers

    # READ
    if registers.chunk_cursor == registers.chunk_count:
        _leave_records(machine)
        return
    chunks = [machine.inputs.chunk(registers.batch_cursor, i) for i in range(registers.chunk_count)]
    chunk = chunks[registers.chunk_cursor]
    machine.step_input = b"".join([keccak(each) for each in chunks]) + chunk

    # CHECK
    first = int.from_bytes(chunk[:8], "big")
    expected: int = registers.record_count
    if first != expected or chunk[8:CHUNK_HEADER_BYTES] != registers.record_accumulator:
        registers.outcome = Outcome.CHUNK_SKIPPED
        registers.chunk_cursor += 1
        return

    # APPLY
    registers.chunk_hash = keccak(chunk)
    registers.chunk_length = len(chunk)
    registers.chunk_offset = CHUNK_HEADER_BYTES
    registers.phase = Phase.FETCH_RECORD

    # WRITE: registers only.


def _leave_records(machine: Machine) -> None:
    """Consume the messages the batch still owes, then close it."""
    registers = machine.state.registers
    if registers.message_cursor >= registers.batch_message_limit:
        close_batch(machine)
        return
    registers.message_target = registers.batch_message_limit
    registers.phase = Phase.CONSUME_MESSAGE
