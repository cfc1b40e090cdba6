"""Framing and chunks: what fits, what is refused, what is committed to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import BadInput
from tallystick.records.chunks import (
    BATCH_HEADER_BYTES,
    MAX_RECORD_BYTES,
    PROMISED,
    BatchHeader,
    Chunker,
    chunks_hash,
    unpack_header,
)
from tallystick.state.hashing import keccak
from tallystick.state.layout import CHUNK_HEADER_BYTES, MAX_CHUNK_BYTES, MAX_CHUNKS, Registers
from tallystick.state.ordinals import UnixSeconds

settings.register_profile("chunks", max_examples=60, deadline=None, derandomize=False)
CHUNKS = settings.get_profile("chunks")
START = bytes(range(32))
PROMISED_START = bytes(range(32, 64))
SIGNED_BY_ACCOUNTS = {3, 4, 5, 6, 12, 13, 14, 15, 21, 23, 25}
"""Orders, cancels, withdrawals, agents, transfers, bulks, cancel-alls, dead-man switches, conditionals, block trades,
cancels before a number."""
RECORDS = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=40),
        st.integers(MAX_RECORD_BYTES - 3, MAX_RECORD_BYTES).map(lambda size: b"r" * size),
        st.integers(1000, 2100).map(lambda size: b"s" * size),
    ),
    max_size=20,
)


def behind(count: int, promised: int) -> Registers:
    """Return registers that have counted so many records and so many promised ones."""
    registers = Registers()
    registers.record_count, registers.record_accumulator = count, START
    registers.promised_count, registers.promised_accumulator = promised, PROMISED_START
    return registers


def read(chunks: list[bytes], registers: Registers) -> list[bytes]:
    """Read the records back as the specification says, checking every header."""
    count, accumulator = int(registers.record_count), registers.record_accumulator
    promised, promised_accumulator = int(registers.promised_count), registers.promised_accumulator
    records = []
    for chunk in chunks:
        numbers = count.to_bytes(8, "big") + accumulator + promised.to_bytes(8, "big") + promised_accumulator
        assert chunk[:80] == numbers
        at = 80
        while at < len(chunk):
            size = int.from_bytes(chunk[at : at + 2], "big")
            record = chunk[at + 2 : at + 2 + size]
            assert 12 <= size == len(record)
            records.append(record)
            accumulator = keccak(accumulator + keccak(record))
            count += 1
            if record[0] in SIGNED_BY_ACCOUNTS:
                promised += 1
                promised_accumulator = keccak(promised_accumulator + keccak(record))
            at += 2 + size
    return records


@CHUNKS
@given(RECORDS, st.integers(0, 2**40), st.integers(0, 2**40))
def test_chunked_records_read_back_in_order_under_right_headers(records: list[bytes], count: int, signed: int) -> None:
    registers = behind(count, signed)
    chunker = Chunker(registers)
    for record in records:
        chunker.add(record)
    chunks = chunker.finish()
    assert read(chunks, registers) == [record.ljust(12, b"\0") for record in records]
    assert all(CHUNK_HEADER_BYTES < len(chunk) <= MAX_CHUNK_BYTES for chunk in chunks)
    assert chunker.size == sum(map(len, chunks))


def test_the_promised_kinds_are_those_that_accounts_sign() -> None:
    assert PROMISED == SIGNED_BY_ACCOUNTS


def test_the_longest_record_fills_a_chunk_to_its_last_byte() -> None:
    chunker = Chunker(Registers())
    chunker.add(b"x" * MAX_RECORD_BYTES)
    assert [len(chunk) for chunk in chunker.finish()] == [MAX_CHUNK_BYTES]


@pytest.mark.parametrize("size", [0, MAX_RECORD_BYTES + 1])
def test_an_empty_or_overlong_record_is_refused(size: int) -> None:
    with pytest.raises(BadInput, match=f"not {size}"):
        Chunker(Registers()).add(b"x" * size)


def test_a_record_that_does_not_fit_opens_the_next_chunk() -> None:
    chunker = Chunker(Registers())
    chunker.add(b"x" * (MAX_RECORD_BYTES - 15))
    chunker.add(b"y" * 13)
    chunker.add(b"z")
    assert [len(chunk) for chunk in chunker.finish()] == [MAX_CHUNK_BYTES, CHUNK_HEADER_BYTES + 14]


def test_behind_a_record_that_does_not_decode_a_new_chunk_begins() -> None:
    chunker = Chunker(Registers())
    chunker.add(b"x")
    chunker.end_chunk()
    chunker.add(b"y")
    assert [len(chunk) for chunk in chunker.finish()] == [CHUNK_HEADER_BYTES + 14] * 2


def test_a_full_batch_refuses_the_next_record() -> None:
    chunker = Chunker(Registers())
    for _ in range(MAX_CHUNKS):
        assert chunker.fits(b"x" * MAX_RECORD_BYTES)
        chunker.add(b"x" * MAX_RECORD_BYTES)
    assert not chunker.fits(b"x")
    with pytest.raises(BadInput, match="full"):
        chunker.add(b"x")
    assert len(chunker.finish()) == MAX_CHUNKS


def test_the_last_chunk_still_takes_what_fits_as_padded() -> None:
    chunker = Chunker(Registers())
    for _ in range(MAX_CHUNKS - 1):
        chunker.add(b"x" * MAX_RECORD_BYTES)
    chunker.add(b"x" * (MAX_RECORD_BYTES - 27))
    assert chunker.fits(b"y")
    chunker.add(b"y")
    assert not chunker.fits(b"y")
    assert len(chunker.finish()[-1]) == MAX_CHUNK_BYTES - 13


def a_header() -> BatchHeader:
    return BatchHeader(
        time=UnixSeconds(1_700_000_000),
        until=UnixSeconds(1_700_000_060),
        message_limit=7,
        source=0,
        poster=bytes(range(20)),
        chunk_count=2,
        chunks_hash=chunks_hash([b"a" * 41, b"b" * 42]),
    )


def test_a_batch_header_packs_to_the_inboxs_79_bytes() -> None:
    commitment = keccak(keccak(b"a" * 41) + keccak(b"b" * 42))
    numbers = b"".join(number.to_bytes(8, "big") for number in (1_700_000_000, 1_700_000_060, 7))
    expected = numbers + b"\0" + bytes(range(20)) + b"\0\2" + commitment
    assert a_header().pack() == expected
    assert len(expected) == BATCH_HEADER_BYTES == 79


def test_a_batch_header_unpacks_to_itself_and_no_other_length_does() -> None:
    packed = a_header().pack()
    assert unpack_header(packed) == a_header()
    for wrong in (packed[:-1], packed + b"\0", b""):
        with pytest.raises(BadInput):
            unpack_header(wrong)
