"""The machine in live mode, with the log entries that rebuild it.

Every change goes through one of four calls (begin, message, record, seal), each of which is one log entry; applying
the same entries to a new executor gives the same state, the same batches and the same read model.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from tallystick.errors import DataMissing, StateError
from tallystick.machine.engine import halted, step
from tallystick.machine.live import begin_batch, execute, seal_batch
from tallystick.machine.machine import Event, Machine
from tallystick.records.chunks import BATCH_HEADER_BYTES, BatchHeader, Chunker, chunks_hash, unpack_header
from tallystick.rollup.genesis import Genesis, genesis_state
from tallystick.schema.names import Outcome
from tallystick.state.hashing import keccak
from tallystick.state.layout import MAX_CHUNKS
from tallystick_operator.log import Entry, EntryKind
from tallystick_operator.readmodel import ReadModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """What became of one record. `number` counts from 0; `accumulator` is the chain's head after it."""

    number: int
    accumulator: bytes
    record_hash: bytes
    outcome: Outcome
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBatch:
    """A batch as it will be published.

    Shape: `state_hash` is that behind it. Units: `time` is L1 seconds.
    """

    index: int
    time: int
    until: int
    message_limit: int
    chunks: tuple[bytes, ...]
    state_hash: bytes
    records: int

    def header_by(self, poster: bytes) -> BatchHeader:
        """What the Inbox will commit to when this address posts it."""
        return BatchHeader(
            time=self.time,
            until=self.until,
            poster=poster,
            message_limit=self.message_limit,
            chunk_count=len(self.chunks),
            chunks_hash=chunks_hash(list(self.chunks)),
        )


class LiveInputs:
    """What the live machine reads of L1: messages it has not consumed yet, and the batch it adopts.

    Shape: `accumulator` is the head of the Inbox's chain over all `count` of them.
    """

    def __init__(self) -> None:
        self.batch_limit = 0
        self.count = 0
        self.accumulator = bytes(32)
        self._waiting: dict[int, bytes] = {}
        self._adopted: tuple[int, BatchHeader, tuple[bytes, ...]] | None = None

    def add(self, index: int, message: bytes) -> None:
        """Take the next message.

        Raises: StateError when it is not the next one.
        """
        if index != self.count:
            raise StateError("L1 messages must come in order", index=index, expected=self.count)
        self._waiting[index] = message
        self.accumulator = keccak(self.accumulator + keccak(message))
        self.count += 1

    def forget_before(self, index: int) -> None:
        """Drop the messages that have been consumed."""
        for old in [at for at in self._waiting if at < index]:
            del self._waiting[old]

    def adopt(self, index: int, header: BatchHeader, chunks: tuple[bytes, ...]) -> None:
        """Show the machine one batch from L1."""
        self._adopted = (index, header, chunks)
        self.batch_limit = index + 1

    def batch(self, index: int) -> BatchHeader:
        """Return the adopted batch's header.

        Raises: DataMissing for any other.
        """
        return self._only(index)[0]

    def chunk(self, batch: int, index: int) -> bytes:
        """Return a chunk of the adopted batch.

        Raises: DataMissing for any other.
        """
        return self._only(batch)[1][index]

    def _only(self, index: int) -> tuple[BatchHeader, tuple[bytes, ...]]:
        if self._adopted is None or self._adopted[0] != index:
            raise DataMissing("a live machine reads no batch but the one it adopts", batch=index)
        return self._adopted[1:]

    def message(self, index: int) -> bytes:
        """Return a message that has not been consumed.

        Raises: DataMissing when it is not known.
        """
        found = self._waiting.get(index)
        if found is None:
            raise DataMissing("the machine asks for a message the log does not hold", index=index)
        return found


class Executor:
    """The live machine, its open batch and the batches sealed but not yet taken by the publisher.

    Batches below `keep_from` are not kept: replaying a long log must not fill the memory with what L1 has.
    """

    def __init__(self, genesis: Genesis, keep_from: int = 0) -> None:
        self.messages = LiveInputs()
        self.state = genesis_state(genesis)
        self.read_model = ReadModel(self.state)
        self.sealed: deque[SealedBatch] = deque()
        self.last_sealed: SealedBatch | None = None
        self.batch_time = 0
        self._events: list[Event] = []
        self._machine = Machine(self.state, self.messages, self._events)
        self._chunker: Chunker | None = None
        self._first_record = 0
        self._keep_from = keep_from

    @property
    def is_open(self) -> bool:
        """Whether a batch is open."""
        return self._chunker is not None

    @property
    def open_bytes(self) -> int:
        """Bytes of the open batch."""
        return self._chunker.size if self._chunker else 0

    @property
    def chunks_left(self) -> int:
        """Chunks the open batch may still begin: any one record needs one at most."""
        return MAX_CHUNKS - len(self._chunker.chunks) if self._chunker else 0

    def begin(self, time: int) -> Entry:
        """Open the next batch at an L1 time in seconds."""
        registers = self.state.registers
        if self._chunker is not None or time < self.batch_time:
            raise StateError("a batch can open only behind the last one", time=time, last=self.batch_time)
        self.batch_time = time
        begin_batch(self._machine, time)
        self._chunker = Chunker(registers.record_count, registers.record_accumulator)
        self._first_record = registers.record_count
        return Entry(kind=EntryKind.BEGIN, body=time.to_bytes(8, "big"))

    def message(self, index: int, message: bytes) -> Entry:
        """Take the next L1 message, to be consumed by a later record."""
        self.messages.add(index, message)
        return Entry(kind=EntryKind.MESSAGE, body=index.to_bytes(8, "big") + message)

    def record(self, data: bytes) -> tuple[Executed, Entry]:
        """Execute one record in the open batch, which must have room for it."""
        if self._chunker is None:
            raise StateError("a record needs an open batch")
        registers = self.state.registers
        number = registers.record_count
        self._chunker.add(data)
        self._events.clear()
        outcome = execute(self._machine, data)
        executed = Executed(
            number=number,
            accumulator=registers.record_accumulator,
            record_hash=keccak(data),
            outcome=outcome,
            events=tuple(self._events),
        )
        self.messages.forget_before(registers.message_cursor)
        self.read_model.apply(executed.events, number, registers.clock_ms)
        return executed, Entry(kind=EntryKind.RECORD, body=data)

    def seal(self) -> tuple[SealedBatch, Entry]:
        """Close the open batch and keep it for the publisher."""
        if self._chunker is None:
            raise StateError("there is no open batch to seal")
        registers = self.state.registers
        index = registers.batch_cursor
        limit = seal_batch(self._machine)
        batch = SealedBatch(
            index=index,
            time=self.batch_time,
            until=self.batch_time,
            message_limit=limit,
            chunks=tuple(self._chunker.finish()),
            state_hash=self.state.hash(),
            records=registers.record_count - self._first_record,
        )
        self._chunker = None
        if index >= self._keep_from:
            self.sealed.append(batch)
        self.last_sealed = batch
        return batch, Entry(kind=EntryKind.SEAL, body=limit.to_bytes(8, "big"))

    def adopt(self, header: BatchHeader, chunks: tuple[bytes, ...]) -> Entry:
        """Execute a batch that is on L1 and that this log did not make. Its messages must be known.

        Raises: StateError when a batch is open: what was acknowledged in it has lost its place.
        """
        registers = self.state.registers
        index, first = registers.batch_cursor, registers.record_count
        if self._chunker is not None:
            raise StateError(
                "somebody else posted the batch that is open here",
                hint="its acknowledged records lost their place; start with an empty data directory",
                batch=index,
            )
        self.messages.adopt(index, header, chunks)
        self._events.clear()
        while not halted(self._machine):
            step(self._machine)
            if self._events:
                self.read_model.apply(tuple(self._events), registers.record_count - 1, registers.clock_ms)
                self._events.clear()
        self.messages.forget_before(registers.message_cursor)
        self.batch_time = max(self.batch_time, header.until)
        self.last_sealed = SealedBatch(
            index=index,
            time=header.time,
            until=header.until,
            message_limit=header.message_limit,
            chunks=chunks,
            state_hash=self.state.hash(),
            records=registers.record_count - first,
        )
        framed = b"".join(len(chunk).to_bytes(2, "big") + chunk for chunk in chunks)
        return Entry(kind=EntryKind.ADOPT, body=header.pack() + framed)

    def apply(self, entry: Entry) -> Executed | None:
        """Do again what a log entry says; return what became of its record if it holds one.

        Raises: StateError when the entry cannot follow those before it.
        """
        if entry.kind is EntryKind.RECORD:
            return self.record(entry.body)[0]
        if entry.kind is EntryKind.BEGIN:
            self.begin(int.from_bytes(entry.body, "big"))
        elif entry.kind is EntryKind.MESSAGE:
            self.message(int.from_bytes(entry.body[:8], "big"), entry.body[8:])
        elif entry.kind is EntryKind.ADOPT:
            self.adopt(*_unpack_adopted(entry.body))
        else:
            batch, _ = self.seal()
            expected = int.from_bytes(entry.body, "big")
            if batch.message_limit != expected:
                raise StateError(
                    "replaying the log gives another batch than it did before",
                    batch=batch.index,
                    message_limit=batch.message_limit,
                    expected=expected,
                )
        return None


def _unpack_adopted(body: bytes) -> tuple[BatchHeader, tuple[bytes, ...]]:
    """Return the header and chunks of an ADOPT entry."""
    header = unpack_header(body[:BATCH_HEADER_BYTES])
    chunks: list[bytes] = []
    at = BATCH_HEADER_BYTES
    while at < len(body):
        end = at + 2 + int.from_bytes(body[at : at + 2], "big")
        chunks.append(body[at + 2 : end])
        at = end
    return header, tuple(chunks)
