"""OPEN_CHUNK: begin the batch's next chunk, or close the batch behind its last one."""

from __future__ import annotations

from tallystick.machine.machine import Machine, close_batch
from tallystick.records.chunks import chunk_header
from tallystick.state.codes import Outcome, Phase
from tallystick.state.hashing import keccak
from tallystick.state.layout import CHUNK_HEADER_BYTES, SOURCE_BLOBS, SOURCE_CALLDATA, Registers


def step(machine: Machine) -> None:
    """Open the next chunk when its header agrees with the registers; skip it whole when it does not.

    Rejects: CHUNK_SKIPPED. Twin: contracts/src/referee/steps/OpenChunk.sol.
    """
    registers = machine.state.registers

    # READ
    if registers.chunk_cursor == registers.chunk_count:
        close_batch(registers)
        return
    chunk = _read_blob_chunk(machine) if registers.batch_source == SOURCE_BLOBS else _read_chunk(machine)

    # CHECK
    if not _continues(registers, chunk):
        # Most of a blob may be zeros: that is no outcome, or whoever runs the records live would come to another state.
        if registers.batch_source == SOURCE_CALLDATA:
            registers.outcome = Outcome.CHUNK_SKIPPED
        registers.chunk_cursor += 1
        return

    # APPLY
    registers.chunk_hash = keccak(chunk)
    registers.chunk_length = len(chunk)
    registers.chunk_offset = CHUNK_HEADER_BYTES
    registers.phase = Phase.FETCH_RECORD

    # WRITE: registers only.


def _read_chunk(machine: Machine) -> bytes:
    """Return the chunk at the cursor; the step's input proves it by the hashes of all chunks."""
    registers = machine.state.registers
    chunks = [machine.inputs.chunk(registers.batch_cursor, i) for i in range(registers.chunk_count)]
    chunk = chunks[registers.chunk_cursor]
    machine.step_input = b"".join([keccak(each) for each in chunks]) + chunk
    return chunk


def _read_blob_chunk(machine: Machine) -> bytes:
    """Return the chunk at the cursor, none when it is void; its elements are proven against its blob's versioned hash."""
    registers = machine.state.registers
    # What proves it takes seconds to make: who proves the step makes it.
    machine.step_input = b""
    return machine.inputs.chunk(registers.batch_cursor, registers.chunk_cursor)


def _continues(registers: Registers, chunk: bytes) -> bool:
    """Whether the chunk's header agrees with the records and the promised records so far."""
    expected = chunk_header(
        registers.record_count,
        registers.record_accumulator,
        registers.promised_count,
        registers.promised_accumulator,
    )
    return chunk[:CHUNK_HEADER_BYTES] == expected
