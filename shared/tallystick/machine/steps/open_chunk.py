"""OPEN_CHUNK: begin the batch's next chunk, or close the batch behind its last one."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.records.chunks import chunk_header
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
        close_batch(machine)
        return
    chunks = [machine.inputs.chunk(registers.batch_cursor, i) for i in range(registers.chunk_count)]
    chunk = chunks[registers.chunk_cursor]
    machine.step_input = b"".join([keccak(each) for each in chunks]) + chunk

    # CHECK
    expected = chunk_header(
        registers.record_count,
        registers.record_accumulator,
        registers.promised_count,
        registers.promised_accumulator,
    )
    if chunk[:CHUNK_HEADER_BYTES] != expected:
        registers.outcome = Outcome.CHUNK_SKIPPED
        registers.chunk_cursor += 1
        return

    # APPLY
    registers.chunk_hash = keccak(chunk)
    registers.chunk_length = len(chunk)
    registers.chunk_offset = CHUNK_HEADER_BYTES
    registers.phase = Phase.FETCH_RECORD

    # WRITE: registers only.


def close_batch(machine: Machine) -> None:
    """End the open batch and go to the next one."""
    registers = machine.state.registers
    registers.batch_cursor += 1
    registers.batch_time = 0
    registers.batch_until = 0
    registers.batch_message_limit = 0
    registers.chunk_count = 0
    registers.chunk_cursor = 0
    registers.chunks_hash = bytes(32)
    registers.phase = Phase.OPEN_BATCH
