"""OPEN_CHUNK."""

from __future__ import annotations

import pytest

from tallystick.machine.engine import halted, run, step
from tallystick.machine.machine import Machine
from tallystick.records.blob_chunks import SPAN_BYTES, pack_blob
from tallystick.records.chunks import accumulate, chunk_header, framed, padded
from tallystick.records.codec import encode
from tallystick.records.signing import make
from tallystick.schema.names import Outcome, Phase
from tallystick.state.hashing import keccak
from tallystick.state.layout import MESSAGE_DEPOSIT, SOURCE_BLOBS
from tallystick.testing.world import START, World, address, message

CLOCK = encode(make("clock", clock_ms=START * 1000))
LATER = encode(make("clock", clock_ms=START * 1000 + 1))


def chunk(count: int, accumulator: bytes, *records: bytes, promised: tuple[int, bytes] = (0, bytes(32))) -> bytes:
    return chunk_header(count, accumulator, *promised) + b"".join(map(framed, records))


def machine_over(*chunks: bytes, limit: int = 0, messages: tuple[bytes, ...] = ()) -> Machine:
    world = World()
    world.published.messages.extend(messages)
    world.published.publish(list(chunks), START, limit)
    return world.fresh()


GOOD = chunk(0, bytes(32), CLOCK)


def test_a_chunk_whose_header_agrees_is_opened() -> None:
    machine = machine_over(GOOD)
    run(machine, 2)
    registers = machine.state.registers
    assert registers.phase == Phase.FETCH_RECORD
    assert registers.chunk_hash == keccak(GOOD)
    assert (registers.chunk_offset, registers.chunk_length) == (80, len(GOOD))


def test_the_input_is_every_chunks_hash_and_then_the_chunk() -> None:
    second = chunk(1, accumulate(bytes(32), keccak(padded(CLOCK))), LATER)
    machine = machine_over(GOOD, second)
    run(machine, 1)
    step(machine)
    assert machine.step_input == keccak(GOOD) + keccak(second) + GOOD


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(chunk(1, bytes(32), CLOCK), id="another record number"),
        pytest.param(chunk(0, bytes(31) + b"\x01", CLOCK), id="another accumulator"),
        pytest.param(chunk(0, bytes(32), CLOCK, promised=(1, bytes(32))), id="another promised number"),
        pytest.param(chunk(0, bytes(32), CLOCK, promised=(0, b"\x80" + bytes(31))), id="another promised accumulator"),
        pytest.param(bytes(79), id="no whole header"),
        pytest.param(bytes(81), id="nothing but zeros is a header and a broken frame"),
    ],
)
def test_a_chunk_that_does_not_follow_leaves_no_record_behind(bad: bytes) -> None:
    machine = machine_over(bad)
    run(machine, 100)
    assert halted(machine)
    assert machine.state.registers.record_count == 0


@pytest.mark.parametrize("count", [1, 2**64 - 1])
def test_a_chunk_with_another_record_number_is_skipped_whole(count: int) -> None:
    machine = machine_over(chunk(count, bytes(32), CLOCK))
    run(machine, 2)
    registers = machine.state.registers
    assert registers.outcome == Outcome.CHUNK_SKIPPED
    assert (registers.phase, registers.chunk_cursor) == (Phase.OPEN_CHUNK, 1)
    assert registers.chunk_hash == bytes(32)


def test_the_chunk_after_a_skipped_one_is_judged_on_its_own() -> None:
    machine = machine_over(chunk(9, bytes(32), CLOCK), GOOD, GOOD)
    run(machine, 100)
    registers = machine.state.registers
    assert halted(machine)
    assert registers.record_count == 1
    assert registers.clock_ms == START * 1000


def test_behind_the_last_chunk_a_batch_that_owes_no_message_is_closed() -> None:
    machine = machine_over(GOOD)
    run(machine, 100)
    registers = machine.state.registers
    assert registers.batch_cursor == 1
    assert registers.phase == Phase.OPEN_BATCH
    closed = (
        registers.batch_time_seconds,
        registers.batch_until_seconds,
        registers.batch_message_limit,
        registers.batch_source,
        registers.chunk_count,
        registers.chunk_cursor,
        registers.chunk_offset,
        registers.chunk_length,
    )
    assert closed == (0, 0, 0, 0, 0, 0, 0, 0)
    assert registers.chunks_hash == registers.chunk_hash == bytes(32)


def test_a_batch_without_a_chunk_that_follows_is_closed_behind_its_messages() -> None:
    deposits = tuple(message(MESSAGE_DEPOSIT, address("alice"), 1, 5) for _ in range(3))
    machine = machine_over(chunk(9, bytes(32), CLOCK), limit=2, messages=deposits)
    run(machine, 100)
    registers = machine.state.registers
    assert halted(machine)
    assert (registers.batch_cursor, registers.message_cursor) == (1, 2)
    assert registers.deposited_units == 10


def test_a_chunk_continues_the_promised_records_of_the_chunks_before_it() -> None:
    order = b"\x03" + bytes(11)
    count, accumulator = 1, accumulate(bytes(32), keccak(order))
    second = chunk(count, accumulator, CLOCK, promised=(1, accumulator))
    machine = machine_over(chunk(0, bytes(32), order), second, chunk(2, bytes(32), CLOCK))
    run(machine, 100)
    registers = machine.state.registers
    assert (registers.record_count, registers.promised_count) == (2, 1)
    assert registers.promised_accumulator == accumulator
    assert registers.clock_ms == START * 1000


def machine_over_blobs(*blobs: bytes) -> Machine:
    world = World()
    world.published.publish_blobs(list(blobs), START, 0, START + 1)
    return world.fresh()


def test_a_chunk_in_a_blob_is_opened_whole_zeros_and_all() -> None:
    machine = machine_over_blobs(pack_blob([GOOD]))
    run(machine, 2)
    registers = machine.state.registers
    assert registers.batch_source == SOURCE_BLOBS
    assert (registers.chunk_count, registers.phase) == (64, Phase.FETCH_RECORD)
    assert registers.chunk_hash == keccak(GOOD.ljust(1984, b"\0"))
    assert (registers.chunk_offset, registers.chunk_length) == (80, 1984)


def test_a_void_chunk_is_skipped_whole_and_the_next_one_is_judged_on_its_own() -> None:
    void = bytearray(pack_blob([GOOD, GOOD]))
    void[SPAN_BYTES - 32] = 1
    machine = machine_over_blobs(bytes(void))
    run(machine, 2)
    registers = machine.state.registers
    assert (registers.phase, registers.chunk_cursor) == (Phase.OPEN_CHUNK, 1)
    run(machine, 1000)
    assert halted(machine)
    assert registers.record_count == 1
    assert registers.batch_source == 0
    assert registers.outcome == Outcome.ACCEPTED, "neither the void one nor what is left of the blob is an outcome"


def test_records_go_on_in_the_next_blob() -> None:
    second = chunk(1, accumulate(bytes(32), keccak(padded(CLOCK))), LATER)
    machine = machine_over_blobs(pack_blob([GOOD]), pack_blob([second]))
    run(machine, 1000)
    registers = machine.state.registers
    assert halted(machine)
    assert registers.record_count == 2
    assert registers.clock_ms == START * 1000 + 1
