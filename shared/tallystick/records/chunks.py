"""Cutting records into chunks, and the hashes that commit to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.errors import BadInput
from tallystick.schema.record_kinds import RECORDS
from tallystick.state.hashing import keccak
from tallystick.state.layout import (
    CHUNK_HEADER_BYTES,
    FRAME_HEADER_BYTES,
    MAX_CHUNK_BYTES,
    MAX_CHUNKS,
    MIN_FRAME_BYTES,
    SOURCE_CALLDATA,
    Registers,
)
from tallystick.state.ordinals import UnixSeconds

BATCH_HEADER_BYTES = 79
MAX_RECORD_BYTES = MAX_CHUNK_BYTES - CHUNK_HEADER_BYTES - FRAME_HEADER_BYTES
PROMISED: Final = frozenset(kind.number for kind in RECORDS if kind.promised)
"""First bytes of the records that are in the promised chain, whatever becomes of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchHeader:
    """What the Inbox commits to of one batch.

    Units: `time` and `until` are L1 seconds, of its first and of its last record; `message_limit` counts L1 messages.
    Shape: `poster` is an address; `source` says where the chunks are, SOURCE_CALLDATA or SOURCE_BLOBS.
    """

    time: UnixSeconds
    until: UnixSeconds
    message_limit: int
    source: int = SOURCE_CALLDATA
    poster: bytes
    chunk_count: int
    chunks_hash: bytes

    def pack(self) -> bytes:
        """Return the preimage of the Inbox's batch hash."""
        numbers = ((self.time, 8), (self.until, 8), (self.message_limit, 8), (self.source, 1))
        head = b"".join(number.to_bytes(size, "big") for number, size in numbers)
        return head + self.poster + self.chunk_count.to_bytes(2, "big") + self.chunks_hash


def unpack_header(packed: bytes) -> BatchHeader:
    """Return the header that packs to these bytes.

    Raises: BadInput when they are not as many as a header has.
    """
    if len(packed) != BATCH_HEADER_BYTES:
        raise BadInput(f"a batch header has {BATCH_HEADER_BYTES} bytes, not {len(packed)}")
    return BatchHeader(
        time=UnixSeconds(int.from_bytes(packed[:8], "big")),
        until=UnixSeconds(int.from_bytes(packed[8:16], "big")),
        message_limit=int.from_bytes(packed[16:24], "big"),
        source=packed[24],
        poster=packed[25:45],
        chunk_count=int.from_bytes(packed[45:47], "big"),
        chunks_hash=packed[47:],
    )


def chunk_header(record_count: int, accumulator: bytes, promised_count: int, promised_accumulator: bytes) -> bytes:
    """Return the header of a chunk whose first record comes after these, and after these promised ones."""
    return record_count.to_bytes(8, "big") + accumulator + promised_count.to_bytes(8, "big") + promised_accumulator


def padded(record: bytes) -> bytes:
    """Return a record as its frame carries it: a short one with zeros behind."""
    return record.ljust(MIN_FRAME_BYTES, b"\0")


def framed(record: bytes) -> bytes:
    """Return a record's frame."""
    data = padded(record)
    return len(data).to_bytes(FRAME_HEADER_BYTES, "big") + data


def accumulate(accumulator: bytes, record_hash: bytes) -> bytes:
    """Return the accumulator of a chain after one more record, of which the hash is given."""
    return keccak(accumulator + record_hash)


def chunks_hash(chunks: list[bytes]) -> bytes:
    """Return the commitment to a list of chunks in calldata."""
    return keccak(b"".join(keccak(chunk) for chunk in chunks))


def blobs_hash(versioned_hashes: Sequence[bytes]) -> bytes:
    """Return the commitment to the chunks that are in blobs of these hashes."""
    return keccak(b"".join(versioned_hashes))


class Chunker:
    """Cuts a sequence of records into chunks of one batch, behind the records that the registers count.

    `live`, each record is run once it is added: then the registers count for it, too.
    """

    def __init__(self, registers: Registers, live: bool = False) -> None:
        self._live = registers if live else None
        self.record_count = registers.record_count
        self.accumulator = registers.record_accumulator
        self.promised_count = registers.promised_count
        self.promised_accumulator = registers.promised_accumulator
        self.chunks: list[bytearray] = []
        self.size = 0
        """Bytes so far."""
        self._ended = True

    def fits(self, record: bytes) -> bool:
        """Whether the batch has room for one more record."""
        return len(self.chunks) < MAX_CHUNKS or not self._needs_chunk(padded(record))

    def add(self, record: bytes) -> None:
        """Append one record.

        Raises: BadInput when it is empty, too long for a chunk, or the batch is full.
        """
        if not 0 < len(record) <= MAX_RECORD_BYTES:
            raise BadInput(f"a record has 1 to {MAX_RECORD_BYTES} bytes, not {len(record)}")
        data = padded(record)
        if self._needs_chunk(data):
            if len(self.chunks) >= MAX_CHUNKS:
                raise BadInput(f"the batch is full: {MAX_CHUNKS} chunks")
            self.chunks.append(bytearray(self._header()))
            self.size += CHUNK_HEADER_BYTES
            self._ended = False
        length = len(data)
        self.chunks[-1] += length.to_bytes(FRAME_HEADER_BYTES, "big") + data
        self.size += FRAME_HEADER_BYTES + length
        if self._live is not None:
            return
        hashed = keccak(data)
        self.record_count += 1
        self.accumulator = accumulate(self.accumulator, hashed)
        if data[0] in PROMISED:
            self.promised_count += 1
            self.promised_accumulator = accumulate(self.promised_accumulator, hashed)

    def end_chunk(self) -> None:
        """Begin the next record in a new chunk: the machine reads none behind one that does not decode."""
        self._ended = True

    def _needs_chunk(self, data: bytes) -> bool:
        return self._ended or len(self.chunks[-1]) + FRAME_HEADER_BYTES + len(data) > MAX_CHUNK_BYTES

    def _header(self) -> bytes:
        if self._live is not None:
            self.record_count, self.promised_count = self._live.record_count, self._live.promised_count
            self.accumulator, self.promised_accumulator = self._live.record_accumulator, self._live.promised_accumulator
        return chunk_header(self.record_count, self.accumulator, self.promised_count, self.promised_accumulator)

    def finish(self) -> list[bytes]:
        """Return the chunks."""
        return [bytes(chunk) for chunk in self.chunks]
