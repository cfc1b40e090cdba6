"""Histories that L1 has left behind: which entries of a log still count, and what was acknowledged in those that do not."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tallystick.records.chunks import BatchHeader
from tallystick.records.codec import Record, decode
from tallystick.schema.record_model import Authority
from tallystick_operator.remembered import OWED, Owed
from tallystick_operator.sequencer.executor import frames, unpack_adopted
from tallystick_operator.sequencer.record_log import Entry, EntryKind, RecordLog
from tallystick_operator.storage.framing import Place

KEPT: Final = frozenset({Authority.OWNER, Authority.OWNER_OR_AGENT, Authority.GOVERNANCE})
"""Whose records are executed again, the same bytes in the same order. Price reports are renewed by their signers, and what
nobody signs is asked for anew by whoever wants it."""
_REWIND: Final = struct.Struct(">QQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """Where L1 goes another way than the log.

    `kept` batches of the log count still. `batches` are those on L1 behind them, `messages` all that the exchange may
    know of, from the first on.
    """

    kept: int
    batches: tuple[tuple[BatchHeader, tuple[bytes, ...]], ...] = ()
    messages: tuple[bytes, ...] = ()
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """What going L1's way meant: batches undone, records owed, and those that cannot be kept any more."""

    undone: int
    owed: int
    lost: tuple[Owed, ...] = field(default=())


def rewind_entry(kept: int, told: int) -> Entry:
    """Return the entry by which all behind so many batches counts no more."""
    return Entry(kind=EntryKind.REWIND, body=_REWIND.pack(kept, told))


def unpack_rewind(body: bytes) -> tuple[int, int]:
    """Return the batches kept and the number of the newest event that was told."""
    kept, told = _REWIND.unpack(body)
    return kept, told


def unpack_owed(body: bytes) -> Owed:
    """Return the owed record of an OWE entry."""
    time, number, outcome = OWED.unpack_from(body)
    return Owed(data=body[OWED.size :], time=time, number=number, outcome=outcome)


def is_kept(record: object) -> bool:
    """Whether a record, once acknowledged, is executed again when it has lost its place."""
    return isinstance(record, Record) and record.kind.authority in KEPT


def surviving(log: RecordLog, since: Place | None = None, batches: int = 0) -> Iterator[Entry]:
    """Yield the entries that count: those in front of a batch that a later entry undoes, and no others.

    Shape: only those behind a place, in front of which so many batches stand and none of them is undone behind it.
    """
    for group, _ in surviving_groups(log, since, batches):
        yield from group


def surviving_groups(
    log: RecordLog, since: Place | None = None, batches: int = 0
) -> Iterator[tuple[list[Entry], Place]]:
    """Yield the same by groups, each with the place behind it."""
    dead = _dead(log.entries(since), batches)
    at = number = 0
    for entries, place in log.groups(since):
        group: list[Entry] = []
        for entry in entries:
            if at < len(dead) and number == dead[at][1]:
                at += 1
            if at == len(dead) or number < dead[at][0]:
                group.append(entry)
            number += 1
        yield group, place


def _dead(entries: Iterable[Entry], batches: int) -> list[tuple[int, int]]:
    """Return the ranges of entries that count no more, in order: first one, and the first behind the last."""
    ends: list[int] = []
    dead: list[tuple[int, int]] = []
    for number, entry in enumerate(entries):
        if entry.kind in (EntryKind.SEAL, EntryKind.ADOPT):
            ends.append(number + 1)
        elif entry.kind is EntryKind.REWIND:
            kept, _ = unpack_rewind(entry.body)
            begin = ends[kept - batches - 1] if kept > batches else 0
            del ends[kept - batches :]
            while dead and dead[-1][0] >= begin:
                dead.pop()
            if begin < number:
                dead.append((begin, number))
    return dead


def acknowledged(entries: Iterable[Entry], owed_before: Mapping[bytes, Owed]) -> dict[bytes, Owed]:
    """Return what was owed in front of entries that count no more and what was acknowledged in them, in its order, each
    record once.

    What was owed already keeps what was told of it first. Records of others' batches are as good as submitted: they are
    signed, and public.
    """
    found = dict(owed_before)
    time = 0
    for entry in entries:
        if entry.kind is EntryKind.OWE:
            owed = unpack_owed(entry.body)
            found.setdefault(owed.data, owed)
        elif entry.kind is EntryKind.BEGIN:
            time = int.from_bytes(entry.body[:8], "big")
        elif entry.record:
            _keep(found, entry.record, time)
        elif entry.kind is EntryKind.ADOPT:
            header, chunks = unpack_adopted(entry.body)
            for chunk in chunks:
                for data in frames(chunk):
                    _keep(found, data, header.time)
        elif entry.kind is EntryKind.LOSE:
            found.pop(entry.body, None)
    return found


def _keep(found: dict[bytes, Owed], data: bytes, time: int) -> None:
    if data not in found and is_kept(decode(data)):
        found[data] = Owed(data=data, time=time)
