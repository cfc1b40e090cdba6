"""Batches and messages as L1 holds them, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from tallystick.blobs.kzg import hash_of
from tallystick.records.blob_chunks import chunk_in_blob, pack_blobs
from tallystick.records.chunks import BatchHeader, blobs_hash, chunks_hash
from tallystick.records.signing import address_of
from tallystick.state.hashing import keccak
from tallystick.state.layout import BLOB_CHUNKS, SOURCE_BLOBS
from tallystick.state.ordinals import BatchNumber, UnixSeconds

OPERATOR: Final = bytes.fromhex(address_of(keccak(b"operator"))[2:])


@dataclass(slots=True)
class Published:
    """Batches and messages as L1 holds them: what a replay reads."""

    batch_limit: BatchNumber = field(default=BatchNumber(0))
    headers: list[BatchHeader] = field(default_factory=list)
    chunks: list[list[bytes]] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    blobs: dict[int, list[bytes]] = field(default_factory=dict)

    def batch(self, index: BatchNumber) -> BatchHeader:
        """Return a batch's header."""
        return self.headers[index]

    def chunk(self, batch: BatchNumber, index: int) -> bytes:
        """Return one chunk."""
        return self.chunks[batch][index]

    def blobs_of(self, batch: BatchNumber) -> list[bytes]:
        """Return a batch's blobs, none when its chunks are in calldata."""
        return self.blobs.get(batch, [])

    def message(self, index: int) -> bytes:
        """Return one L1 message."""
        return self.messages[index]

    def publish(self, chunks: list[bytes], time: int, message_limit: int, until: int = 0) -> None:
        """Append a batch of the sequencer's; `until` is its time unless it is later."""
        header = BatchHeader(
            time=UnixSeconds(time),
            until=UnixSeconds(max(time, until)),
            message_limit=message_limit,
            poster=OPERATOR,
            chunk_count=len(chunks),
            chunks_hash=chunks_hash(chunks),
        )
        self.headers.append(header)
        self.chunks.append(chunks)
        self.batch_limit = BatchNumber(len(self.headers))

    def publish_blobs(self, blobs: list[bytes], time: int, message_limit: int, until: int = 0) -> None:
        """Append a batch of the sequencer's whose chunks are in blobs."""
        self.publish([], time, message_limit, until)
        self._hold_in_blobs(len(self.headers) - 1, blobs)

    def move_into_blobs(self, batch: int) -> list[bytes]:
        """Have a batch that was published in chunks, each short enough, be in blobs, and return these."""
        blobs = pack_blobs(self.chunks[batch])
        self._hold_in_blobs(batch, blobs)
        return blobs

    def _hold_in_blobs(self, batch: int, blobs: list[bytes]) -> None:
        self.blobs[batch] = blobs
        self.chunks[batch] = [chunk_in_blob(blob, index) for blob in blobs for index in range(BLOB_CHUNKS)]
        self.headers[batch] = replace(
            self.headers[batch],
            source=SOURCE_BLOBS,
            chunk_count=len(self.chunks[batch]),
            chunks_hash=blobs_hash([hash_of(blob) for blob in blobs]),
        )
