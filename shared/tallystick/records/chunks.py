"""Cutting records into chunks, and the hashes that commit to them."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.errors import BadInput
from tallystick.state.hashing import keccak
from tallystick.state.layout import CHUNK_HEADER_BYTES, FRAME_HEADER_BYTES, MAX_CHUNK_BYTES, MAX_CHUNKS

MAX_RECORD_BYTES = MAX_CHUNK_BYTES - CHUNK_HEADER_BYTES - FRAME_HEADER_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchHeader:
    """What the Inbox commits to of one batch.

    Units: `time` is L1 seconds; `message_limit` counts L1 messages.
    """

    time: int
    message_limit: int
    chunk_count: int
    chunks_hash: bytes

    def pack(self) -> bytes:
        """Return the preimage of the Inbox's batch hash."""
        head = self.time.to_bytes(8, "big") + self.message_limit.to_bytes(8, "big")
        return head + self.chunk_count.to_bytes(2, "big") + self.chunks_hash


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
