"""What every step works on: state, inputs from L1, and how a record ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

from mypy_extensions import i64

from tallystick.machine.arith import div_down
from tallystick.records.chunks import BatchHeader
from tallystick.records.codec import Record, decode
from tallystick.state.codes import Phase
from tallystick.state.layout import Registers
from tallystick.state.ordinals import BatchNumber, Number, UnixMs, UnixSeconds
from tallystick.state.state import State


class Inputs(Protocol):
    """What L1 holds for the machine. Every call has one answer for ever."""

    batch_limit: BatchNumber

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


class NoInputs:
    """No batches and no messages: the live executor brings its own records."""

    batch_limit = BatchNumber(0)

    def batch(self, index: BatchNumber) -> BatchHeader:
        """Raises: LookupError, always."""
        raise LookupError(f"no batch {index}")

    def chunk(self, batch: BatchNumber, index: int) -> bytes:
        """Raises: LookupError, always."""
        raise LookupError(f"no chunk {index} of batch {batch}")

    def blobs_of(self, batch: BatchNumber) -> Sequence[bytes]:
        """Raises: LookupError, always."""
        raise LookupError(f"no batch {batch}")

    def message(self, index: int) -> bytes:
        """Raises: LookupError, always."""
        raise LookupError(f"no message {index}")


Event = tuple[str, tuple[int, ...]]


class Machine:
    """A state and its inputs, being stepped by `engine`.

    `events`, when a list is given, collects what hosts show to people: it is no part of the state. `step_input` holds
    the input bytes the newest step took from L1, which its witness must carry; `live_record` the record a live executor
    runs, before the chunk it will be in exists. `fills` and `rested` tell a host how many fills there were and where the
    newest order rests.
    """

    def __init__(self, state: State, inputs: Inputs, events: list[Event] | None = None) -> None:
        self.state = state
        self.inputs = inputs
        self.events = events
        self.step_input = b""
        self.live_record = b""
        self.fills: i64 = 0
        self.rested: i64 = -1

    def emit(self, name: str, *values: Number) -> None:
        """Tell the host what happened, in plain numbers."""
        if self.events is not None:
            self.events.append((name, cast("tuple[int, ...]", values)))

    def finish(self, outcome: i64) -> None:
        """End the record or the order in progress with an outcome, and go on where `resume` says, or with what is next."""
        self.state.registers.outcome = outcome
        self.go_on()
        if self.events is not None:
            self.emit("outcome", outcome)

    def go_on(self) -> None:
        """Zero the record in progress; with nothing to resume and no pair left, the next message, chunk or record comes."""
        registers = self.state.registers
        registers.clear_args()
        if registers.resume:
            registers.phase = registers.resume
            return
        if registers.bulk_end:
            registers.phase = Phase.REPORT_PRICE
            return
        registers.forced_ms = UnixMs(0)
        registers.record_source = 0
        if registers.message_cursor < registers.batch_message_limit:
            registers.phase = Phase.CONSUME_MESSAGE
        elif registers.chunk_length == 0:
            registers.phase = Phase.OPEN_CHUNK
        else:
            registers.phase = Phase.FETCH_RECORD

    def record_in_progress(self) -> bytes:
        """Return the bytes of the record in progress, for a step that reads more of it than the registers hold."""
        registers = self.state.registers
        if registers.record_source == 0 and self.live_record:
            return self.live_record
        if registers.record_source == 0:
            self.step_input = self.inputs.chunk(registers.batch_cursor, registers.chunk_cursor)
        else:
            self.read_message(registers.message_cursor - 1)
        return self.step_input[registers.arg_record_at : registers.arg_record_end]

    def read_message(self, index: i64) -> bytes:
        """Return an L1 message, which is then the step's input."""
        self.step_input = self.inputs.message(index)
        return self.step_input


def record_values(machine: Machine) -> list[int]:
    """Return the values of the record in progress, which FETCH_RECORD has found sound."""
    record = decode(machine.record_in_progress())
    assert isinstance(record, Record), "FETCH_RECORD has found it sound"
    return list(record.values)


def begin_items(registers: Registers, phase: i64) -> None:
    """Have `phase` take the items of the record in progress one by one, each as `recall_record` says."""
    registers.resume = phase
    recall_record(registers)


def recall_record(registers: Registers) -> None:
    """Keep where the record is before its first item or pair, and say so again before every other."""
    if registers.bulk_end == 0:
        registers.bulk_at = registers.arg_record_at
        registers.bulk_end = registers.arg_record_end
    registers.arg_record_at = registers.bulk_at
    registers.arg_record_end = registers.bulk_end


def end_items(registers: Registers) -> None:
    """Say that the record in progress has no more items or pairs."""
    registers.resume = 0
    registers.bulk_at = 0
    registers.bulk_end = 0
    registers.bulk_item = 0
    registers.bulk_slot = 0
    registers.bulk_half = 0


def are_whole(length: i64, part: i64) -> bool:
    """Whether so many bytes are parts of this length, one at least."""
    return length != 0 and div_down(length, part) * part == length


def close_batch(registers: Registers) -> None:
    """End the open batch and go to the next one."""
    registers.batch_cursor = BatchNumber(registers.batch_cursor + 1)
    registers.batch_time_seconds = UnixSeconds(0)
    registers.batch_until_seconds = UnixSeconds(0)
    registers.batch_message_limit = 0
    registers.batch_source = 0
    registers.chunk_count = 0
    registers.chunk_cursor = 0
    registers.chunks_hash = bytes(32)
    registers.phase = Phase.OPEN_BATCH
