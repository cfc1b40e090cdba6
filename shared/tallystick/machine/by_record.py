"""Driving the machine record by record, before the batch they will be in exists.

Bytes and live records are two doors to one machine: a replay of what was sealed comes to the same registers. Who hands
in a record live may say what was found out of its bytes before; a replay finds it out of them again.
"""

from __future__ import annotations

from typing import Final

from tallystick.machine import admission
from tallystick.machine.arith import div_down
from tallystick.machine.engine import advance
from tallystick.machine.machine import Machine, close_batch
from tallystick.machine.steps import fetch_record, open_batch
from tallystick.records.chunks import padded
from tallystick.records.codec import Record
from tallystick.schema.names import Outcome
from tallystick.state.codes import Outcome as Code
from tallystick.state.codes import Phase
from tallystick.state.layout import MAX_BATCH_SECONDS
from tallystick.state.ordinals import UnixSeconds

OUTCOMES: Final = {int(outcome): outcome for outcome in Outcome}
"""Outcomes by their codes: a look takes a tenth of a call of the enumeration."""


class Known:
    """What somebody has found out of a record's bytes: what they say, who signed, and the hash of its frame's record.

    Whoever makes one has decoded these bytes and has recovered the signer from them, never compared it with one that was
    expected; else live machine and replay would part. `signer` is None where nobody signs, or nobody can have.
    """

    def __init__(self, record: Record, signer: bytes | None, hashed: bytes) -> None:
        self.record = record
        self.signer = signer
        self.hashed = hashed


def begin_batch(machine: Machine, time: UnixSeconds, message_limit: int) -> None:
    """Open the next batch at a declared L1 time in seconds, and consume its messages: those below the limit.

    What becomes of them is in the machine's events. The clock is raised as in a replay; until the batch is sealed it may
    go on to MAX_BATCH_SECONDS beyond `time`.
    """
    registers = machine.state.registers
    open_batch.enter(registers, time, UnixSeconds(time + MAX_BATCH_SECONDS), message_limit)
    while registers.phase != Phase.OPEN_CHUNK:
        advance(machine)
    # As if a chunk were open, so that a record's end leads to the next record; its bytes are never looked at.
    registers.chunk_length = 1
    registers.phase = Phase.FETCH_RECORD


def begin(machine: Machine, record: bytes, known: Known | None = None) -> None:
    """Make a record the one in progress, or end it where it is not admitted; what is known of it is not worked out anew."""
    registers = machine.state.registers
    registers.chunk_offset = 0
    machine.live_record = padded(record)
    machine.state.make_room()
    if known is None:
        fetch_record.begin_record(machine, machine.live_record)
    else:
        fetch_record.count(registers, machine.live_record[0], known.hashed)
        rejection = admission.check_record(machine, known.record, known.signer)
        if rejection == Code.ACCEPTED:
            rejection = admission.begin(machine, known.record)
        if rejection != Code.ACCEPTED:
            machine.finish(rejection)
    if registers.phase != Phase.FETCH_RECORD:
        registers.arg_record_end = len(machine.live_record)


def execute(machine: Machine, record: bytes, known: Known | None = None) -> Outcome:
    """Run one record to its end and return its outcome. `ends_chunk` says whether the next one needs a new chunk."""
    registers = machine.state.registers
    begin(machine, record, known)
    while registers.phase != Phase.FETCH_RECORD:
        advance(machine)
    machine.live_record = b""
    return OUTCOMES[registers.outcome]


def ends_chunk(machine: Machine) -> bool:
    """Whether the newest record did not decode: whoever cuts chunks puts nothing behind it into the same one."""
    registers = machine.state.registers
    return registers.chunk_offset == registers.chunk_length


def seal_batch(machine: Machine) -> UnixSeconds:
    """Close the batch and return its `until` in seconds, the least that its clock records allow.

    The state is then what a replay of the published batch ends with.
    """
    registers = machine.state.registers
    until = max(registers.batch_time_seconds, -div_down(-registers.clock_ms, 1000))
    registers.chunk_length = 0
    registers.chunk_offset = 0
    close_batch(registers)
    return UnixSeconds(int(until))
