"""The promised chain as L1 has it, and what it proves of a receipt: kept, broken, or still to come.

Which chunks the machine reads follows from bytes alone, as it does in the machine: a chunk counts when its header agrees
with all before it, up to a broken frame or a record that does not decode.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import Any, Final, Protocol

from tallystick.records.chunks import PROMISED, BatchHeader, accumulate
from tallystick.records.codec import Record, decode
from tallystick.records.group_receipts import GroupReceipt, clash
from tallystick.records.parsing import unpadded
from tallystick.state.hashing import keccak
from tallystick.state.layout import CHUNK_HEADER_BYTES, FRAME_HEADER_BYTES, MIN_FRAME_BYTES
from tallystick.state.ordinals import BatchNumber

LOOK_BACK: Final = 64
"""Records in front of a receipt's own that are tried as those it was promised behind: a group's."""
LOOK_AHEAD: Final = 8
"""Records that may have been pushed in between, and be told from those that were promised."""


class Batches(Protocol):
    """Batches as L1 has them."""

    def batch(self, index: BatchNumber) -> BatchHeader:
        """Return a batch's header."""
        ...

    def chunk(self, batch: BatchNumber, index: int) -> bytes:
        """Return a chunk of a batch."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkPlace:
    """A chunk that counts. `first` is the number of its first promised record, of which it has `count`."""

    batch: BatchNumber
    index: int
    poster: bytes
    first: int
    count: int


def frames_of(chunk: bytes) -> Iterator[bytes]:
    """Yield the records of a chunk as its frames carry them, up to a broken frame."""
    at = CHUNK_HEADER_BYTES
    while at + FRAME_HEADER_BYTES <= len(chunk):
        start = at + FRAME_HEADER_BYTES
        at = start + int.from_bytes(chunk[start - FRAME_HEADER_BYTES : start], "big")
        if at - start < MIN_FRAME_BYTES or at > len(chunk):
            return
        yield chunk[start:at]


class PromisedChain:
    """The chain over the promised records of the batches that were read.

    Shape: `hashes[i]` is that of record i, `accumulators[i]` the chain in front of it; there is one more of these.
    """

    def __init__(self) -> None:
        self.batches = 0
        self.hashes: list[bytes] = []
        self.accumulators: list[bytes] = [bytes(32)]
        self.chunks: list[ChunkPlace] = []
        self._starts: list[int] = []
        self._records = 0
        self._accumulator = bytes(32)

    @property
    def count(self) -> int:
        """Promised records so far."""
        return len(self.hashes)

    @property
    def records(self) -> tuple[int, bytes]:
        """All records so far, and the chain over them."""
        return self._records, self._accumulator

    def read(self, source: Batches, batch: BatchNumber) -> None:
        """Take in the next batch. Raises: as the source."""
        header = source.batch(batch)
        for index in range(header.chunk_count):
            chunk = source.chunk(batch, index)
            if chunk[:CHUNK_HEADER_BYTES] == self._header():
                first = self.count
                self._take(chunk)
                self.chunks.append(
                    ChunkPlace(batch=batch, index=index, poster=header.poster, first=first, count=self.count - first)
                )
                self._starts.append(first)
        self.batches = batch + 1

    def _header(self) -> bytes:
        head = self._records.to_bytes(8, "big") + self._accumulator
        return head + self.count.to_bytes(8, "big") + self.accumulators[-1]

    def _take(self, chunk: bytes) -> None:
        for data in frames_of(chunk):
            hashed = keccak(data)
            self._records += 1
            self._accumulator = accumulate(self._accumulator, hashed)
            if data[0] in PROMISED:
                self.hashes.append(hashed)
                self.accumulators.append(accumulate(self.accumulators[-1], hashed))
            if not isinstance(decode(unpadded(data)), Record):
                return

    def chunk_of(self, number: int) -> ChunkPlace:
        """Return the chunk that has a promised record, which there must be."""
        return self.chunks[bisect_right(self._starts, number) - 1]

    def chunks_from(self, number: int) -> Iterator[ChunkPlace]:
        """Yield the chunk that has a promised record, which there must be, and those behind it."""
        yield from islice(self.chunks, bisect_right(self._starts, number) - 1, None)

    def holds(self, receipt: GroupReceipt) -> bool:
        """Whether L1 has the record at its place, behind those it was promised behind."""
        number = receipt.number
        return (
            number < self.count
            and self.hashes[number] == receipt.record_hash
            and self.accumulators[number + 1] == receipt.accumulator
        )


class Standing(Enum):
    """How a receipt stands. Only the first two, and SHIFTED, leave nothing to do."""

    POSTED = "posted"
    WAITING = "waiting"
    CONTRADICTED = "contradicted"
    CONFLICTING = "conflicting"
    SHIFTED = "shifted"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a receipt stands, and what proves it.

    `own` are the hashes from the first place of difference up to the receipt's record, as promised; `chunk` the one that
    has the record, or another in its place; `other` the receipt that cannot be kept beside this one, `prefix` the chain
    in front of both.
    """

    receipt: GroupReceipt
    standing: Standing
    own: tuple[bytes, ...] = ()
    chunk: ChunkPlace | None = None
    other: GroupReceipt | None = None
    prefix: bytes = bytes(32)


def judge_receipt(chain: PromisedChain, receipt: GroupReceipt, *, operator: bytes, now: int) -> Verdict:
    """Return how a receipt stands beside what L1 has. Units: `now` is L1 seconds."""
    if chain.holds(receipt):
        return Verdict(receipt=receipt, standing=Standing.POSTED, chunk=chain.chunk_of(receipt.number))
    own = _first_difference(chain, receipt)
    if own:
        place = chain.chunk_of(receipt.number + 1 - len(own))
        standing = Standing.CONTRADICTED if place.poster == operator else Standing.SHIFTED
        return Verdict(receipt=receipt, standing=standing, own=own, chunk=place)
    standing = Standing.MISSING if now > receipt.post_by else Standing.WAITING
    return Verdict(receipt=receipt, standing=standing)


def _first_difference(chain: PromisedChain, receipt: GroupReceipt) -> tuple[bytes, ...]:
    """Return the promised hashes from where L1 has another record on, () where that is not known, or not yet there."""
    for back in range(LOOK_BACK):
        begin = receipt.number - back
        if begin < 0:
            return ()
        if begin >= chain.count:
            continue
        for ahead in range(LOOK_AHEAD + 1) if back else (0,):
            between = chain.hashes[begin + ahead : begin + ahead + back]
            own = (*between, receipt.record_hash)
            if len(between) < back or own[0] == chain.hashes[begin]:
                continue
            accumulator = chain.accumulators[begin]
            for each in own:
                accumulator = accumulate(accumulator, each)
            if accumulator == receipt.accumulator:
                return own
    return ()


def conflicts(chain: PromisedChain, receipts: Sequence[GroupReceipt]) -> list[Verdict]:
    """Return the first conflict of each receipt with an other one of the same signer."""
    by_number: dict[int, list[GroupReceipt]] = {}
    for receipt in receipts:
        by_number.setdefault(receipt.number, []).append(receipt)
    firsts: dict[int, list[GroupReceipt]] = {}
    for receipt in receipts:
        firsts.setdefault(receipt.first, []).append(receipt)
    found: list[Verdict] = []
    for receipt in receipts:
        number = receipt.number
        prefix = chain.accumulators[number] if number <= chain.count else bytes(32)
        others = [
            *by_number[number],
            *by_number.get(number + 1, []),
            *firsts.get(number + 1, ()),
            *firsts[receipt.first],
        ]
        other = next((each for each in others if clash(receipt, each, prefix)), None)
        if other is not None:
            found.append(Verdict(receipt=receipt, standing=Standing.CONFLICTING, other=other, prefix=prefix))
    return found


def receipt_argument(receipt: GroupReceipt) -> dict[str, Any]:
    """Return a receipt as `Receipts` takes it."""
    return {
        "epoch": receipt.epoch,
        "first": receipt.first,
        "count": receipt.count,
        "postBy": receipt.post_by,
        "before": receipt.before,
        "number": receipt.number,
        "accumulator": receipt.accumulator,
        "recordHash": receipt.record_hash,
        "path": list(receipt.path),
        "r": receipt.signature[:32],
        "vs": receipt.signature[32:],
    }


def chunk_argument(source: Batches, batch: BatchNumber, index: int) -> Mapping[str, Any]:
    """Return a posted chunk as `Receipts` takes it. Raises: as the source."""
    header = source.batch(batch)
    chunks = [source.chunk(batch, at) for at in range(header.chunk_count)]
    return {
        "batch": batch,
        "header": header.pack(),
        "hashes": [keccak(chunk) for chunk in chunks],
        "index": index,
        "chunk": chunks[index],
    }
