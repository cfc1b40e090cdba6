"""Cutting records into chunks, and the hashes that commit to them."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.errors import BadInput
from tallystick.state.hashing import keccak
from tallystick.state.layout import CHUNK_HEADER_BYTES, FRAME_HEADER_BYTES, MAX_CHUNK_BYTES, MAX_CHUNKS

BATCH_HEADER_BYTES = 79
SOURCE_CALLDATA = 0
MAX_RECORD_BYTES = MAX_CHUNK_BYTES - CHUNK_HEADER_BYTES - FRAME_HEADER_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchHeader:
    """What the Inbox commits to of one batch.

    Units: `time` and `until` are L1 seconds, of its first and of its last record; `message_limit` counts L1 messages.
    Shape: `poster` is an address; `source` says where the chunks are.
    """

    time: int
    until: int
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
        time=int.from_bytes(packed[:8], "big"),
        until=int.from_bytes(packed[8:16], "big"),
        message_limit=int.from_bytes(packed[16:24], "big"),
        source=packed[24],
        poster=packed[25:45],
        chunk_count=int.from_bytes(packed[45:47], "big"),
        chunks_hash=packed[47:],
    )


def chunk_header(record_count: int, accumulator: bytes) -> bytes:
    """Return the header of a chunk whose first record comes after these."""
    return record_count.to_bytes(8, "big") + accumulator


def accumulate(accumulator: bytes, record: bytes) -> bytes:
    """Return the record accumulator after one more record."""
    return keccak(accumulator + keccak(record))


def chunks_hash(chunks: list[bytes]) -> bytes:
    """Return the commitment to a list of chunks."""
    return keccak(b"".join(keccak(chunk) for chunk in chunks))


class Chunker:
    """Cuts a sequence of records into chunks of one batch."""

    def __init__(self, record_count: int, accumulator: bytes) -> None:
        self.record_count = record_count
        self.accumulator = accumulator
        self.chunks: list[bytearray] = []

    def fits(self, record: bytes) -> bool:
        """Whether the batch has room for one more record."""
        size = FRAME_HEADER_BYTES + len(record)
        return len(self.chunks) < MAX_CHUNKS or len(self.chunks[-1]) + size <= MAX_CHUNK_BYTES

    def add(self, record: bytes) -> None:
        """Append one record.

        Raises: BadInput when it is empty, too long for a chunk, or the batch is full.
        """
        if not 0 < len(record) <= MAX_RECORD_BYTES:
            raise BadInput(f"a record has 1 to {MAX_RECORD_BYTES} bytes, not {len(record)}")
        if not self.fits(record):
            raise BadInput(f"the batch is full: {MAX_CHUNKS} chunks")
        frame = len(record).to_bytes(FRAME_HEADER_BYTES, "big") + record
        if not self.chunks or len(self.chunks[-1]) + len(frame) > MAX_CHUNK_BYTES:
            self.chunks.append(bytearray(chunk_header(self.record_count, self.accumulator)))
        self.chunks[-1] += frame
        self.record_count += 1
        self.accumulator = accumulate(self.accumulator, record)

    @property
    def size(self) -> int:
        """Bytes so far."""
        return sum(len(chunk) for chunk in self.chunks)

    def finish(self) -> list[bytes]:
        """Return the chunks."""
        return [bytes(chunk) for chunk in self.chunks]
