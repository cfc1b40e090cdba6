"""Batches and messages as the Inbox's events give them, checked against its commitments."""

from __future__ import annotations

from tallystick.errors import DataMismatch, DataMissing
from tallystick.records.chunks import BatchHeader, chunks_hash
from tallystick.rollup.view import ChainEvent, View
from tallystick.state.hashing import keccak


class InboxView(View):
    """All the machine's inputs on L1.

    A chunk is checked against its batch's commitment when the batch is first read. `posted_blocks` are the L1 blocks of
    the batches.
    """

    def reset(self) -> None:
        """Forget everything."""
        self.headers: list[BatchHeader] = []
        self.posted_blocks: list[int] = []
        self.messages: list[bytes] = []
        self._accumulator = bytes(32)
        self._chunks: dict[tuple[int, int], bytes] = {}
        self._checked: set[int] = set()

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
        self.messages.append(message)

    def on_ChunkPosted(self, event: ChainEvent) -> None:
        """Take in a chunk."""
        self._chunks[event.args["batch"], event.args["chunk"]] = event.args["data"]

    def on_BatchPosted(self, event: ChainEvent) -> None:
        """Take in a batch's header.

        Raises: DataMismatch when a batch is missing before it.
        """
        if event.args["index"] != len(self.headers):
            raise DataMismatch("a batch is missing", expected=len(self.headers), actual=event.args["index"])
        self.posted_blocks.append(event.block)
        self.headers.append(
            BatchHeader(
                time=event.args["time"],
                until=event.args["until"],
                message_limit=event.args["messageLimit"],
                source=event.args["source"],
                poster=event.args["poster"],
                chunk_count=event.args["chunkCount"],
                chunks_hash=event.args["chunksHash"],
            )
        )

    def batch(self, index: int) -> BatchHeader:
        """Return a batch's header.

        Raises: DataMissing when it is not there yet.
        """
        if not 0 <= index < len(self.headers):
            raise DataMissing("the batch is not on L1 yet", batch=index)
        return self.headers[index]

    def chunk(self, batch: int, index: int) -> bytes:
        """Return a chunk of a batch.

        Raises: DataMissing, DataMismatch.
        """
        if batch not in self._checked:
            self._check(batch)
        return self._chunks[batch, index]

    def message(self, index: int) -> bytes:
        """Return a message.

        Raises: DataMissing when it is not there yet.
        """
        if not 0 <= index < len(self.messages):
            raise DataMissing("the message is not on L1 yet", message=index)
        return self.messages[index]

    def limited(self, limit: int) -> LimitedInputs:
        """Return the machine's inputs for batches below a limit."""
        return LimitedInputs(self, limit)

    def _check(self, batch: int) -> None:
        header = self.batch(batch)
        keys = [(batch, index) for index in range(header.chunk_count)]
        missing = [index for batch_, index in keys if (batch_, index) not in self._chunks]
        if missing:
            raise DataMissing("chunks of a batch are missing", batch=batch, chunks=missing)
        if chunks_hash([self._chunks[key] for key in keys]) != header.chunks_hash:
            raise DataMismatch("a batch's chunks are not what it commits to", batch=batch)
        self._checked.add(batch)


class LimitedInputs:
    """An Inbox as one assertion's machine sees it: `batch_limit` batches and no more."""

    def __init__(self, inbox: InboxView, limit: int) -> None:
        self._inbox = inbox
        self.batch_limit = limit

    def batch(self, index: int) -> BatchHeader:
        """Return a batch's header."""
        return self._inbox.batch(index)

    def chunk(self, batch: int, index: int) -> bytes:
        """Return a chunk of a batch."""
        return self._inbox.chunk(batch, index)

    def message(self, index: int) -> bytes:
        """Return a message."""
        return self._inbox.message(index)
