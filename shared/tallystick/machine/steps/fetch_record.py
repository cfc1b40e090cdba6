"""FETCH_RECORD: take the next record of the chunk, decode and authenticate it."""

from __future__ import annotations

from tallystick.machine.admission import admit
from tallystick.machine.machine import Machine
from tallystick.records.chunks import PROMISED
from tallystick.records.codec import Record, decode
from tallystick.records.parsing import unpadded
from tallystick.state.codes import Outcome, Phase
from tallystick.state.hashing import keccak, keccak_256
from tallystick.state.layout import FRAME_HEADER_BYTES, MIN_FRAME_BYTES, Registers


def step(machine: Machine) -> None:
    """Fetch the next record, or leave the chunk behind its last one: at its end, or where a frame has no length.

    Rejects: FRAME_BROKEN (the rest of the chunk is skipped), UNKNOWN_RECORD, MALFORMED and OUT_OF_RANGE (it is as well),
    then those of `admit`. Twin: contracts/src/referee/steps/FetchRecord.sol.
    """
    registers = machine.state.registers

    # READ
    if registers.chunk_offset == registers.chunk_length:
        _leave_chunk(registers)
        return
    chunk = machine.inputs.chunk(registers.batch_cursor, registers.chunk_cursor)
    machine.step_input = chunk

    # CHECK
    offset = registers.chunk_offset
    start = offset + FRAME_HEADER_BYTES
    length = int.from_bytes(chunk[offset:start], "big") if start <= len(chunk) else 0
    if length == 0:
        _leave_chunk(registers)
        return
    if length < MIN_FRAME_BYTES or start + length > len(chunk):
        registers.outcome = Outcome.FRAME_BROKEN
        registers.chunk_offset = registers.chunk_length
        return

    # APPLY and WRITE
    registers.chunk_offset = start + length
    begin_record(machine, chunk[start : start + length])
    if registers.phase != Phase.FETCH_RECORD:
        registers.arg_record_at = start
        registers.arg_record_end = start + length


def _leave_chunk(registers: Registers) -> None:
    registers.chunk_cursor += 1
    registers.chunk_hash = bytes(32)
    registers.chunk_length = 0
    registers.chunk_offset = 0
    registers.phase = Phase.OPEN_CHUNK


def begin_record(machine: Machine, data: bytes) -> None:
    """Count a frame's record, decode it, and admit it; behind one that does not decode the chunk ends.

    Rejects: UNKNOWN_RECORD, MALFORMED, OUT_OF_RANGE, then those of `admit`.
    """
    registers = machine.state.registers
    count(registers, data[0], keccak(data))
    record = decode(unpadded(data))
    if not isinstance(record, Record):
        registers.chunk_offset = registers.chunk_length
        machine.finish(record)
        return
    outcome = admit(machine, record)
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)


def count(registers: Registers, kind: int, hashed: bytes) -> None:
    """Add a record to the chain of all, and to that of the promised ones when it begins as one an account signs.

    Shape: `kind` is the first byte of a frame's record, `hashed` the hash of all of it.
    """
    registers.record_count += 1
    registers.record_accumulator = keccak_256(registers.record_accumulator + hashed).digest()
    if kind in PROMISED:
        registers.promised_count += 1
        registers.promised_accumulator = keccak_256(registers.promised_accumulator + hashed).digest()
