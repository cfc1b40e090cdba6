"""The machine in live mode, with the log entries that rebuild it.

Every change goes through one of four calls (begin, message, record, seal), each of which is one log entry; applying
the same entries to a new executor gives the same state, the same batches and the same read model.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from tallystick.errors import StateError
from tallystick.machine.by_record import Known, begin_batch, ends_chunk, execute, seal_batch
from tallystick.machine.engine import halted, step
from tallystick.machine.machine import Event, Machine
from tallystick.records.chunks import (
    BATCH_HEADER_BYTES,
    PROMISED,
    BatchHeader,
    Chunker,
    padded,
    unpack_header,
)
from tallystick.rollup.genesis import Genesis, genesis_state
from tallystick.schema.names import Outcome
from tallystick.state.codes import Phase
from tallystick.state.hashing import keccak
from tallystick.state.layout import CHUNK_HEADER_BYTES, FRAME_HEADER_BYTES, MAX_CHUNKS
from tallystick.state.ordinals import UnixMs, UnixSeconds
from tallystick.state.state import State
from tallystick_operator.intake.door import Checked, check_state
from tallystick_operator.intake.inputs import LiveInputs
from tallystick_operator.remembered import NOBODY, Closed, HeldExecutor, SealedBatch
from tallystick_operator.sequencer.readmodel import ReadModel
from tallystick_operator.sequencer.record_log import Entry, EntryKind, record_entry

BATCHES_KEPT: Final = 512
"""Posted batches kept in memory, to be posted again after a reorganisation; older ones are in the log."""
TRAIL_BATCHES: Final = 65_536
"""Closed batches of which it is remembered what they were: weeks, while L1 takes back an hour at most."""


class Executed:
    """What became of one record. `number` counts from 0; `accumulator` is the chain's head after it.

    `promised` is its number in the promised chain and the head in front of it, None for a record that is outside.
    """

    def __init__(
        self,
        *,
        number: int,
        accumulator: bytes,
        record_hash: bytes,
        outcome: Outcome,
        events: tuple[Event, ...],
        promised: tuple[int, bytes] | None,
    ) -> None:
        self.number = number
        self.accumulator = accumulator
        self.record_hash = record_hash
        self.outcome = outcome
        self.events = events
        self.promised = promised


def content(header: BatchHeader) -> bytes:
    """Return the hash of what a batch does, whoever posts it."""
    return keccak(replace(header, poster=NOBODY).pack())


class Executor:
    """The live machine, its open batch and the batches sealed but not yet taken by the publisher.

    `batch_time` is the time of the open batch, or that at which the newest closed one ended.

    Batches below `keep_from` are not kept: replaying a long log must not fill the memory with what L1 has. `trail` says
    what the newest closed batches were, up to the open one; `recent` has those that L1 may not have yet, or may take back.
    """

    def __init__(self, genesis: Genesis, keep_from: int = 0) -> None:
        self.messages = LiveInputs()
        self.state = genesis_state(genesis)
        self.read_model = ReadModel(self.state)
        self.sealed: deque[SealedBatch] = deque()
        self.recent: deque[SealedBatch] = deque()
        self.last_sealed: SealedBatch | None = None
        self.trail: deque[Closed] = deque(maxlen=TRAIL_BATCHES)
        self.batch_time = UnixSeconds(0)
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
    def batch_count(self) -> int:
        """Closed batches; the number of the open one."""
        return int(self.state.registers.batch_cursor)

    @property
    def open_bytes(self) -> int:
        """Bytes of the open batch."""
        return self._chunker.size if self._chunker else 0

    @property
    def chunks_left(self) -> int:
        """Chunks the open batch may still begin: any one record needs one at most."""
        return MAX_CHUNKS - len(self._chunker.chunks) if self._chunker else 0

    @contextmanager
    def as_of(self, clock_ms: UnixMs) -> Iterator[None]:
        """Show the state with a clock that is not behind this."""
        registers = self.state.registers
        stands = registers.clock_ms
        registers.clock_ms = max(stands, clock_ms)
        try:
            yield
        finally:
            registers.clock_ms = stands

    def checked_as_of(self, clock_ms: UnixMs, checked: Checked) -> Checked:
        """Return a record as the state would take it that has a clock not behind this. Raises: Refused, as `check_state`."""
        registers = self.state.registers
        stands = registers.clock_ms
        registers.clock_ms = max(stands, clock_ms)
        try:
            return check_state(self.state, self.read_model, checked)
        finally:
            registers.clock_ms = stands

    def closed(self, index: int) -> Closed | None:
        """Return what a closed batch was, None when that is too long ago."""
        back = self.batch_count - index
        return self.trail[-back] if 0 < back <= len(self.trail) else None

    def begin(self, time: UnixSeconds) -> Entry:
        """Open the next batch at an L1 time in seconds, and consume the messages there are."""
        registers = self.state.registers
        if self._chunker is not None or time < self.batch_time:
            raise StateError("a batch can open only behind the last one", time=time, last=self.batch_time)
        self.batch_time = time
        limit = self.messages.count
        self._events.clear()
        begin_batch(self._machine, time, limit)
        self.messages.forget_before(registers.message_cursor)
        self.read_model.apply(tuple(self._events), registers.record_count, registers.clock_ms)
        self._chunker = Chunker(registers, live=True)
        self._first_record = registers.record_count
        return Entry(kind=EntryKind.BEGIN, body=time.to_bytes(8, "big") + limit.to_bytes(8, "big"))

    def message(self, index: int, message: bytes) -> Entry:
        """Take the next L1 message, to be consumed by the next batch."""
        self.messages.add(index, message)
        return Entry(kind=EntryKind.MESSAGE, body=index.to_bytes(8, "big") + message)

    def record(self, data: bytes, known: Known | None = None) -> tuple[Executed, Entry]:
        """Execute one record in the open batch, which must have room for it; what is known of it is kept in the log."""
        if self._chunker is None:
            raise StateError("a record needs an open batch")
        registers = self.state.registers
        number = registers.record_count
        hashed = known.hashed if known else keccak(padded(data))
        promised = (int(registers.promised_count), registers.promised_accumulator) if data[0] in PROMISED else None
        self._chunker.add(data)
        self._events.clear()
        outcome = execute(self._machine, data, known)
        if ends_chunk(self._machine):
            self._chunker.end_chunk()
        executed = Executed(
            number=number,
            accumulator=registers.record_accumulator,
            record_hash=hashed,
            outcome=outcome,
            events=tuple(self._events),
            promised=promised,
        )
        self.read_model.apply(executed.events, number, registers.clock_ms)
        return executed, record_entry(data, known.signer if known else None)

    def seal(self, *, rooted: bool = True) -> tuple[SealedBatch, Entry]:
        """Close the open batch and keep it for the publisher; take the root behind it, if that is wanted."""
        if self._chunker is None:
            raise StateError("there is no open batch to seal")
        registers = self.state.registers
        index = registers.batch_cursor
        limit = int(registers.batch_message_limit)
        until = seal_batch(self._machine)
        batch = SealedBatch(
            index=index,
            time=self.batch_time,
            until=until,
            message_limit=limit,
            chunks=tuple(self._chunker.finish()),
            state_hash=self.state.hash() if rooted else b"",
            records=registers.record_count - self._first_record,
        )
        self._chunker = None
        self.batch_time = until
        self._close(batch)
        return batch, Entry(kind=EntryKind.SEAL, body=limit.to_bytes(8, "big") + until.to_bytes(8, "big"))

    def adopt(self, header: BatchHeader, chunks: tuple[bytes, ...]) -> tuple[list[bytes], Entry]:
        """Execute a batch that is on L1 and that this log did not make; return the records that ran in it, too.

        Its messages must be known. It is kept like an own one, for L1 may take it back.

        Raises: StateError when a batch is open: what was acknowledged in it has lost its place.
        """
        registers = self.state.registers
        index, first = registers.batch_cursor, registers.record_count
        if self._chunker is not None:
            raise StateError("a batch is open in the place of one from L1", batch=index)
        self.messages.adopt(index, header, chunks)
        self._events.clear()
        ran: list[bytes] = []
        while not halted(self._machine):
            at, count = registers.chunk_offset, registers.record_count
            chunk = chunks[registers.chunk_cursor] if registers.phase == Phase.FETCH_RECORD else b""
            step(self._machine)
            if registers.record_count > count:
                ran.append(frame_at(chunk, at))
            if self._events:
                number = max(first, registers.record_count - 1)
                self.read_model.apply(tuple(self._events), number, registers.clock_ms)
                self._events.clear()
        self.messages.forget_before(registers.message_cursor)
        self.batch_time = max(self.batch_time, header.until)
        batch = SealedBatch(
            index=index,
            time=header.time,
            until=header.until,
            message_limit=header.message_limit,
            chunks=chunks,
            state_hash=self.state.hash(),
            records=registers.record_count - first,
        )
        self._close(batch)
        framed = b"".join(len(chunk).to_bytes(2, "big") + chunk for chunk in chunks)
        return ran, Entry(kind=EntryKind.ADOPT, body=header.pack() + framed)

    def take_root(self) -> None:
        """Take the root behind the newest batch, where that has not been done and the state is still there."""
        if self.last_sealed is not None and not self.is_open and not self.last_sealed.state_hash:
            self.last_sealed = replace(self.last_sealed, state_hash=self.state.hash())

    def rewind(self, told: int) -> None:
        """Note that what is in this history's batches stands, and that all that was told beyond it does not.

        The machine is already where this leads: what came later is not applied when a log is read. `told` is the number
        of the newest event that was told.
        """
        registers = self.state.registers
        self.messages.forget_from(registers.message_cursor)
        self.read_model.history.rewind(told, registers.record_count, registers.clock_ms)

    def take_over(self, before: Executor, kept: int) -> None:
        """Have the batches at hand of a history that was the same up to so many."""
        for mine, theirs in ((self.sealed, before.sealed), (self.recent, before.recent)):
            mine.extendleft(reversed([batch for batch in theirs if batch.index < kept]))

    def forget_before(self, index: int) -> None:
        """Drop the batches of which L1 has had enough behind them."""
        while self.recent and self.recent[0].index < index:
            self.recent.popleft()

    def held(self) -> HeldExecutor:
        """Return what a snapshot keeps of it beside the state, when no batch is open."""
        return HeldExecutor(
            inputs=self.messages.held(),
            read_model=self.read_model.held(),
            recent=list(self.recent),
            trail=list(self.trail),
            batch_time=self.batch_time,
        )

    def put_back(self, state: State, held: HeldExecutor) -> None:
        """Become what was held, with the state of that moment."""
        self.state = state
        self.messages.put_back(held.inputs)
        self.read_model = ReadModel(state)
        self.read_model.put_back(held.read_model)
        self.recent = deque(each for each in held.recent if each.index >= self._keep_from)
        self.sealed = deque(self.recent)
        self.last_sealed = held.recent[-1] if held.recent else None
        self.trail.extend(held.trail)
        self.batch_time = held.batch_time
        self._machine = Machine(state, self.messages, self._events)

    def _close(self, batch: SealedBatch) -> None:
        head = self.messages.head(batch.message_limit)
        self.trail.append(Closed(content=content(batch.header), message_limit=batch.message_limit, head=head))
        if batch.index >= self._keep_from:
            self.sealed.append(batch)
            self.recent.append(batch)
        self.last_sealed = batch


def unpack_adopted(body: bytes) -> tuple[BatchHeader, tuple[bytes, ...]]:
    """Return the header and chunks of an ADOPT entry."""
    header = unpack_header(body[:BATCH_HEADER_BYTES])
    chunks: list[bytes] = []
    at = BATCH_HEADER_BYTES
    while at < len(body):
        end = at + 2 + int.from_bytes(body[at : at + 2], "big")
        chunks.append(body[at + 2 : end])
        at = end
    return header, tuple(chunks)


def frame_at(chunk: bytes, at: int) -> bytes:
    """Return the record whose frame begins at a byte of a chunk."""
    begin = at + FRAME_HEADER_BYTES
    return chunk[begin : begin + int.from_bytes(chunk[at:begin], "big")]


def frames(chunk: bytes) -> Iterator[bytes]:
    """Yield the records of a chunk, up to a broken frame if there is one."""
    at = CHUNK_HEADER_BYTES
    while at < len(chunk):
        record = frame_at(chunk, at)
        at += FRAME_HEADER_BYTES + len(record)
        if not record or at > len(chunk):
            return
        yield record
