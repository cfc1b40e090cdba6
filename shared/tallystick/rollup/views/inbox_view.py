"""Batches and messages as the Inbox's events give them, checked against its commitments."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Protocol

import msgspec

from tallystick.errors import DataMismatch, DataMissing
from tallystick.records.blob_chunks import chunk_in_blob
from tallystick.records.chunks import BatchHeader, blobs_hash, chunks_hash
from tallystick.rollup.views.fold import ChainEvent, View
from tallystick.rollup.views.shelf import Blocks, Pairs, Row, Shelf
from tallystick.state.hashing import keccak
from tallystick.state.layout import BLOB_CHUNK_BITS, BLOB_CHUNKS, SOURCE_BLOBS
from tallystick.state.ordinals import BatchNumber, BlockNumber

HASH_BYTES: Final = 32
BATCHES: Final = 0
MESSAGES: Final = 1
CHUNKS: Final = 2
BLOBS: Final = 3
LATELY: Final = 4
"""Batches whose chunks are held in memory, checked: a machine reads one batch again and again, then the next."""


class BlobReader(Protocol):
    """Whoever has blobs by their versioned hashes, and has held each against its own."""

    def blob(self, versioned_hash: bytes, block: BlockNumber) -> bytes:
        """Return a blob that was posted in a block. Raises: DataMissing."""
        ...


class NoBlobs:
    """For those who know that no batch is in blobs."""

    def blob(self, versioned_hash: bytes, block: BlockNumber) -> bytes:
        """Raises: DataMissing, always."""
        raise DataMissing("a batch is in blobs, and nobody is named who has them", block=block, blob=versioned_hash)


class InboxView(View):
    """All the machine's inputs on L1, on disk but for what was read lately.

    A chunk is checked against its batch's commitment when the batch is first read. `posted_blocks` are the L1 blocks of
    the batches; `blobs` gives the blobs of those that are in some.
    """

    def __init__(self, blobs: BlobReader | None = None) -> None:
        super().__init__()
        self._blobs = blobs or NoBlobs()

    def reset(self) -> None:
        """Forget everything."""
        shelf = self._shelf = Shelf()
        self.headers: Row[BatchHeader] = Row(shelf, BATCHES, _packed, _header)
        self.posted_blocks = Blocks(self.headers)
        self.messages: Row[bytes] = Row(shelf, MESSAGES, bytes, lambda data: data[HASH_BYTES:])
        self._accumulator = bytes(HASH_BYTES)
        self._chunks = Pairs(shelf, CHUNKS)
        self._blob_hashes = Pairs(shelf, BLOBS)
        self._lately: OrderedDict[int, list[bytes]] = OrderedDict()

    def apply(self, event: ChainEvent) -> None:
        """Take in the next event; one that is none of this view's business is passed over."""
        handler = getattr(self, f"on_{event.name}", None)
        if handler is not None:
            handler(event)

    def rollback(self, block: BlockNumber) -> None:
        """Undo every event above a block."""
        self._shelf.drop_above(block)
        self.headers.recount()
        self.messages.recount()
        last = self._shelf.get(MESSAGES, len(self.messages) - 1)
        self._accumulator = last[1][:HASH_BYTES] if last is not None else bytes(HASH_BYTES)
        self._lately.clear()

    @property
    def batch_count(self) -> int:
        """Batches so far."""
        return len(self.headers)

    @property
    def message_count(self) -> int:
        """Messages so far."""
        return len(self.messages)

    @property
    def accumulator(self) -> bytes:
        """The head of the chain of messages."""
        return self._accumulator

    def on_MessageQueued(self, event: ChainEvent) -> None:
        """Take in a message.

        Raises: DataMismatch when it does not continue the chain of messages.
        """
        message: bytes = event.args["message"]
        accumulator = keccak(self._accumulator + keccak(message))
        if event.args["index"] != len(self.messages) or event.args["accumulator"] != accumulator:
            raise DataMismatch("a message does not continue the queue", index=event.args["index"])
        self._accumulator = accumulator
        self.messages.append(accumulator + message, event.block)

    def on_ChunkPosted(self, event: ChainEvent) -> None:
        """Take in a chunk."""
        self._chunks.put((event.args["batch"], event.args["chunk"]), event.args["data"], event.block)

    def on_BlobsPosted(self, event: ChainEvent) -> None:
        """Take in the versioned hashes of a batch's blobs."""
        for index, versioned_hash in enumerate(event.args["versionedHashes"]):
            self._blob_hashes.put((event.args["batch"], index), versioned_hash, event.block)

    def on_BatchPosted(self, event: ChainEvent) -> None:
        """Take in a batch's header.

        Raises: DataMismatch when a batch is missing before it.
        """
        if event.args["index"] != len(self.headers):
            raise DataMismatch("a batch is missing", expected=len(self.headers), actual=event.args["index"])
        self.headers.append(
            BatchHeader(
                time=event.args["time"],
                until=event.args["until"],
                message_limit=event.args["messageLimit"],
                source=event.args["source"],
                poster=event.args["poster"],
                chunk_count=event.args["chunkCount"],
                chunks_hash=event.args["chunksHash"],
            ),
            event.block,
        )

    def batch(self, index: BatchNumber) -> BatchHeader:
        """Return a batch's header.

        Raises: DataMissing when it is not there yet.
        """
        if not 0 <= index < len(self.headers):
            raise DataMissing("the batch is not on L1 yet", batch=index)
        return self.headers[index]

    def chunk(self, batch: BatchNumber, index: int) -> bytes:
        """Return a chunk of a batch.

        Raises: DataMissing, DataMismatch.
        """
        if batch not in self._lately:
            self._lately[batch] = self._check(batch)
            if len(self._lately) > LATELY:
                self._lately.popitem(last=False)
        return self._lately[batch][index]

    def blobs_of(self, batch: BatchNumber) -> list[bytes]:
        """Return the blobs that hold a batch's chunks, none when these are in calldata.

        Raises: DataMissing, DataMismatch.
        """
        header = self.batch(batch)
        if header.source != SOURCE_BLOBS:
            return []
        found = [self._blob_hashes.get((batch, at)) for at in range(header.chunk_count >> BLOB_CHUNK_BITS)]
        hashes = [each for each in found if each is not None]
        if len(hashes) < len(found):
            raise DataMissing("versioned hashes of a batch are missing", batch=batch)
        if blobs_hash(hashes) != header.chunks_hash:
            raise DataMismatch("a batch's blobs are not those it commits to", batch=batch)
        return [self._blobs.blob(each, self.headers.block(batch)) for each in hashes]

    def message(self, index: int) -> bytes:
        """Return a message.

        Raises: DataMissing when it is not there yet.
        """
        if not 0 <= index < len(self.messages):
            raise DataMissing("the message is not on L1 yet", message=index)
        return self.messages[index]

    def limited(self, limit: BatchNumber) -> LimitedInputs:
        """Return the machine's inputs for batches below a limit."""
        return LimitedInputs(self, limit)

    def _check(self, batch: BatchNumber) -> list[bytes]:
        """Return a batch's chunks.

        Raises: DataMissing, DataMismatch.
        """
        header = self.batch(batch)
        if header.source == SOURCE_BLOBS:
            return [chunk_in_blob(blob, index) for blob in self.blobs_of(batch) for index in range(BLOB_CHUNKS)]
        found = [self._chunks.get((batch, index)) for index in range(header.chunk_count)]
        missing = [index for index, chunk in enumerate(found) if chunk is None]
        if missing:
            raise DataMissing("chunks of a batch are missing", batch=batch, chunks=missing)
        chunks = [chunk for chunk in found if chunk is not None]
        if chunks_hash(chunks) != header.chunks_hash:
            raise DataMismatch("a batch's chunks are not what it commits to", batch=batch)
        return chunks


def _packed(header: BatchHeader) -> bytes:
    return msgspec.msgpack.encode(header)


def _header(data: bytes) -> BatchHeader:
    return msgspec.msgpack.decode(data, type=BatchHeader)


class LimitedInputs:
    """An Inbox as one assertion's machine sees it: `batch_limit` batches and no more."""

    def __init__(self, inbox: InboxView, limit: BatchNumber) -> None:
        self._inbox = inbox
        self.batch_limit = limit

    def batch(self, index: BatchNumber) -> BatchHeader:
        """Return a batch's header."""
        return self._inbox.batch(index)

    def chunk(self, batch: BatchNumber, index: int) -> bytes:
        """Return a chunk of a batch."""
        return self._inbox.chunk(batch, index)

    def blobs_of(self, batch: BatchNumber) -> list[bytes]:
        """Return a batch's blobs."""
        return self._inbox.blobs_of(batch)

    def message(self, index: int) -> bytes:
        """Return a message."""
        return self._inbox.message(index)
