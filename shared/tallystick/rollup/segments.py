"""A part of the history that can be replayed by itself, in another process or on another machine.

It begins at genesis or at a snapshot and carries what L1 holds behind that: batches, messages, assertions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from tallystick.artifacts import machine_version
from tallystick.errors import DataMissing, StateError
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.records.blob_chunks import chunk_in_blob
from tallystick.records.chunks import BatchHeader
from tallystick.rollup.genesis import decode_genesis, genesis_state
from tallystick.rollup.invariants import broken
from tallystick.rollup.snapshots.snapshot import decode
from tallystick.rollup.snapshots.snapshotstore import SnapshotStore, read
from tallystick.rollup.views.assertion_view import Assertion, assertion_id
from tallystick.state.layout import BLOB_CHUNK_BITS, BLOB_CHUNKS, SOURCE_BLOBS, Registers
from tallystick.state.ordinals import BatchNumber
from tallystick.state.state import State, state_hash


class Batches(Protocol):
    """Whatever knows L1's batches and messages."""

    def batch(self, index: BatchNumber) -> BatchHeader:
        """Return a batch's header."""
        ...

    def chunk(self, batch: BatchNumber, index: int) -> bytes:
        """Return one chunk of a batch."""
        ...

    def blobs_of(self, batch: BatchNumber) -> Sequence[bytes]:
        """Return the blobs that hold a batch's chunks, none when these are in calldata."""
        ...

    def message(self, index: int) -> bytes:
        """Return one L1 message."""
        ...


@dataclass(slots=True, kw_only=True)
class Extract:
    """The batches from one on and the messages they take, cut out of an Inbox. `batch_limit` is where a machine stops.

    Of each batch there are either the `chunks` or the `blobs` that hold them.
    """

    batch_limit: BatchNumber
    first_batch: BatchNumber
    first_message: int
    headers: Sequence[BatchHeader]
    chunks: Sequence[Sequence[bytes]]
    blobs: Sequence[Sequence[bytes]]
    messages: Sequence[bytes]

    @property
    def end(self) -> BatchNumber:
        """The first batch that is not in here."""
        return BatchNumber(self.first_batch + len(self.headers))

    def batch(self, index: BatchNumber) -> BatchHeader:
        """Return a batch's header.

        Raises: DataMissing when it is not in here.
        """
        if not self.first_batch <= index < self.end:
            raise DataMissing("the batch is not in this part of the history", batch=index)
        return self.headers[index - self.first_batch]

    def chunk(self, batch: BatchNumber, index: int) -> bytes:
        """Return a chunk of a batch.

        Raises: DataMissing when it is not in here.
        """
        if self.batch(batch).source == SOURCE_BLOBS:
            blob = self.blobs_of(batch)[index >> BLOB_CHUNK_BITS]
            return chunk_in_blob(blob, index & (BLOB_CHUNKS - 1))
        return self.chunks[batch - self.first_batch][index]

    def blobs_of(self, batch: BatchNumber) -> Sequence[bytes]:
        """Return the blobs of a batch, none when its chunks are in calldata.

        Raises: DataMissing when it is not in here.
        """
        self.batch(batch)
        return self.blobs[batch - self.first_batch]

    def message(self, index: int) -> bytes:
        """Return a message.

        Raises: DataMissing when it is not in here.
        """
        if not self.first_message <= index < self.first_message + len(self.messages):
            raise DataMissing("the message is not in this part of the history", message=index)
        return self.messages[index - self.first_message]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What is to be replayed: everything that follows from `start` among the assertions.

    Shape: `snapshot` is a file, or what is in one; without it `start` is the genesis. `save` is a folder for the
    snapshots of what is confirmed on the way, `spacing` batches apart; an assertion covers 2^height steps at most;
    `machine` is the version that asks.
    """

    start: Assertion
    genesis: bytes
    snapshot: Path | bytes | None
    assertions: tuple[Assertion, ...]
    inputs: Extract
    save: Path | None
    spacing: int
    height: int
    machine: str = field(default_factory=machine_version)

    def carrying(self) -> Segment:
        """Return the same with the snapshot in it, for those who cannot see the file.

        Raises: StateError when it cannot be read.
        """
        return replace(self, snapshot=read(self.snapshot)) if isinstance(self.snapshot, Path) else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The one true child of an assertion, and the invariants its state breaks."""

    parent: bytes
    id: bytes
    limit: BatchNumber
    state_hash: bytes
    steps: int
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What became of a segment: `unusable` says why its snapshot is, and then there are no judgements."""

    judgements: tuple[Judgement, ...] = ()
    unusable: str = ""


def extract(inbox: Batches, start: Assertion, end: BatchNumber) -> Extract:
    """Return the inputs of all batches behind an assertion and below `end`, checked against L1's commitments.

    Raises: DataMissing, DataMismatch.
    """
    registers = Registers()
    if start.registers:
        registers.load(start.registers)
    first_batch, first_message = registers.batch_cursor, int(registers.message_cursor)
    batches = [BatchNumber(number) for number in range(first_batch, end)]
    headers = [inbox.batch(batch) for batch in batches]
    last_message = headers[-1].message_limit if headers else first_message
    return Extract(
        batch_limit=first_batch,
        first_batch=first_batch,
        first_message=first_message,
        headers=headers,
        chunks=[
            [] if h.source == SOURCE_BLOBS else [inbox.chunk(batch, i) for i in range(h.chunk_count)]
            for batch, h in zip(batches, headers, strict=True)
        ],
        blobs=[inbox.blobs_of(batch) for batch in batches],
        messages=[inbox.message(index) for index in range(first_message, last_message)],
    )


def replay(segment: Segment, told: Callable[[Judgement], None] = lambda judgement: None) -> Replayed:
    """Replay a segment down its one true path, which ends where the next true assertion is not posted.

    Raises: StateError when it comes from another version of the machine; DataMissing when inputs are not in it.
    """
    if segment.machine != machine_version():
        raise StateError(
            "this worker runs another version of the machine", asked=segment.machine, here=machine_version()
        )
    try:
        state = _first(segment)
    except StateError as error:
        return Replayed(unusable=str(error))
    posted = {each.id: each for each in segment.assertions}
    parents = {each.parent for each in segment.assertions}
    store = None
    if segment.save is not None:
        store = SnapshotStore(segment.save, _nobody, spacing=segment.spacing, newest=segment.start.limit)
    machine = Machine(state, segment.inputs)
    found: list[Judgement] = []
    at: Assertion | None = segment.start
    while at is not None and at.id in parents and at.next_limit <= segment.inputs.end:
        machine.inputs = replace(segment.inputs, batch_limit=at.next_limit)
        steps = int(engine.run(machine, 1 << segment.height))
        hashed = state_hash(state.commit(), state.registers.pack())
        judgement = Judgement(
            parent=at.id,
            id=assertion_id(at.id, hashed),
            limit=at.next_limit,
            state_hash=hashed,
            steps=steps,
            broken=broken(state),
        )
        found.append(judgement)
        told(judgement)
        at = posted.get(judgement.id)
        if store is not None and at is not None:
            store.offer(at, state)
    return Replayed(judgements=tuple(found))


def _first(segment: Segment) -> State:
    if segment.snapshot is None:
        return genesis_state(decode_genesis(segment.genesis))
    data = read(segment.snapshot) if isinstance(segment.snapshot, Path) else segment.snapshot
    return decode(data, segment.start.state_hash)


def _nobody(name: str, facts: dict[str, object]) -> None:
    """What a store tells in another process is heard by nobody."""
