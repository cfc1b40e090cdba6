"""What the live machine reads of L1."""

from __future__ import annotations

import msgspec

from tallystick.errors import DataMissing, StateError
from tallystick.records.chunks import BatchHeader
from tallystick.state.hashing import keccak
from tallystick.state.ordinals import BatchNumber

NO_MESSAGES = bytes(32)
"""The head of the Inbox's chain before its first message."""


class HeldInputs(msgspec.Struct, frozen=True, kw_only=True):
    """The inputs as a snapshot keeps them, with no batch being adopted."""

    batch_limit: BatchNumber
    count: int
    accumulator: bytes
    waiting: dict[int, bytes]
    heads: dict[int, bytes]


class LiveInputs:
    """The messages the machine has not consumed yet, and the batch it adopts.

    Shape: `accumulator` is the head of the Inbox's chain over all `count` messages.
    """

    def __init__(self) -> None:
        self.batch_limit = BatchNumber(0)
        self.count = 0
        self.accumulator = NO_MESSAGES
        self._waiting: dict[int, bytes] = {}
        self._heads: dict[int, bytes] = {0: NO_MESSAGES}
        self._adopted: tuple[int, BatchHeader, tuple[bytes, ...]] | None = None

    def held(self) -> HeldInputs:
        """Return what a snapshot keeps of them."""
        return HeldInputs(
            batch_limit=self.batch_limit,
            count=self.count,
            accumulator=self.accumulator,
            waiting=self._waiting,
            heads=self._heads,
        )

    def put_back(self, held: HeldInputs) -> None:
        """Become what was held."""
        self.batch_limit, self.count, self.accumulator = held.batch_limit, held.count, held.accumulator
        self._waiting, self._heads = dict(held.waiting), dict(held.heads)

    def add(self, index: int, message: bytes) -> None:
        """Take the next message.

        Raises: StateError when it is not the next one.
        """
        if index != self.count:
            raise StateError("L1 messages must come in order", index=index, expected=self.count)
        self._waiting[index] = message
        self.accumulator = keccak(self.accumulator + keccak(message))
        self.count += 1
        self._heads[self.count] = self.accumulator

    def head(self, count: int) -> bytes:
        """Return the head of the chain over so many messages; of those consumed only the newest is known."""
        return self._heads[count]

    def forget_before(self, index: int) -> None:
        """Drop the messages that have been consumed."""
        for old in [at for at in self._waiting if at < index]:
            del self._waiting[old]
            del self._heads[old]

    def forget_from(self, index: int) -> None:
        """Drop the messages that have not been consumed: L1 may have put others in their places."""
        for waiting in [at for at in self._waiting if at >= index]:
            del self._waiting[waiting]
            del self._heads[waiting + 1]
        self.count = index
        self.accumulator = self._heads[index]

    def adopt(self, index: BatchNumber, header: BatchHeader, chunks: tuple[bytes, ...]) -> None:
        """Show the machine one batch from L1."""
        self._adopted = (index, header, chunks)
        self.batch_limit = BatchNumber(index + 1)

    def batch(self, index: BatchNumber) -> BatchHeader:
        """Return the adopted batch's header.

        Raises: DataMissing for any other.
        """
        return self._only(index)[0]

    def chunk(self, batch: BatchNumber, index: int) -> bytes:
        """Return a chunk of the adopted batch.

        Raises: DataMissing for any other.
        """
        return self._only(batch)[1][index]

    def blobs_of(self, batch: BatchNumber) -> tuple[bytes, ...]:
        """Return none: an adopted batch is given chunk by chunk."""
        return ()

    def message(self, index: int) -> bytes:
        """Return a message that has not been consumed.

        Raises: DataMissing when it is not known.
        """
        found = self._waiting.get(index)
        if found is None:
            raise DataMissing("the machine asks for a message the log does not hold", index=index)
        return found

    def _only(self, index: BatchNumber) -> tuple[BatchHeader, tuple[bytes, ...]]:
        if self._adopted is None or self._adopted[0] != index:
            raise DataMissing("a live machine reads no batch but the one it adopts", batch=index)
        return self._adopted[1:]
