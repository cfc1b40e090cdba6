"""The write-ahead log: everything the sequencer decided, on disk before anybody is told.

A frame of its files is one group commit, written and synced as one, so a group is there whole or not at all. What a
crash leaves torn was not acknowledged, and is cut off; what was acknowledged and is damaged is refused (`logfiles`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path
from typing import Final

import msgspec

from tallystick.errors import DataMismatch, StateError
from tallystick.ports import Disk
from tallystick.ports.system import SystemDisk
from tallystick_operator.storage.framing import Place, first_place
from tallystick_operator.storage.logfiles import FILE_BYTES, Frames, LogFiles

SIGNER_BYTES: Final = 20
_ENTRY: Final = struct.Struct(">BI")


class EntryKind(IntEnum):
    """What a log entry says."""

    BEGIN = 1
    """A batch was opened; body: its time in seconds and its message limit (8 bytes each)."""
    RECORD = 2
    """A record was executed; body: the record."""
    MESSAGE = 3
    """An L1 message is known; body: index (8 bytes) and the message."""
    SEAL = 4
    """The open batch was closed; body: its message limit, and the time in seconds at which it ended (8 bytes each)."""
    ADOPT = 5
    """A batch on L1 that this log did not make was executed; body: header, then each chunk behind its length."""
    REWIND = 6
    """L1 has gone another way: all that stands before this and behind a number of batches counts no more. Body: that number,
    and that of the newest event that was told (8 bytes each)."""
    OWE = 7
    """A record that was acknowledged in what counts no more, to be executed again; body: see `Owed`."""
    LOSE = 8
    """An owed record is given up; body: the record."""
    SIGNED = 9
    """A record was executed whose signer was recovered before; body: the signer's address (20 bytes) and the record."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One decision of the sequencer."""

    kind: EntryKind
    body: bytes

    @property
    def record(self) -> bytes:
        """The record that was executed, empty of an entry that says something else."""
        if self.kind is EntryKind.SIGNED:
            return self.body[SIGNER_BYTES:]
        return self.body if self.kind is EntryKind.RECORD else b""

    @property
    def signer(self) -> bytes | None:
        """Who signed it, None where that is to be found out of the record."""
        return self.body[:SIGNER_BYTES] if self.kind is EntryKind.SIGNED else None


def record_entry(data: bytes, signer: bytes | None) -> Entry:
    """Return the entry of a record that was executed, with who has signed it where that is known."""
    return Entry(kind=EntryKind.SIGNED, body=signer + data) if signer else Entry(kind=EntryKind.RECORD, body=data)


def pack_entries(entries: list[Entry]) -> bytes:
    """Return the payload of a frame."""
    return b"".join(_ENTRY.pack(entry.kind, len(entry.body)) + entry.body for entry in entries)


def unpack_entries(payload: bytes) -> Iterator[Entry]:
    """Yield the entries of a frame's payload.

    Raises: DataMismatch when they do not fill it exactly: the checksum was right, so another program wrote it.
    """
    at = 0
    while at < len(payload):
        try:
            kind, length = _ENTRY.unpack_from(payload, at)
            entry = Entry(kind=EntryKind(kind), body=payload[at + _ENTRY.size : at + _ENTRY.size + length])
        except (struct.error, ValueError) as error:
            raise DataMismatch("a log frame holds something that is no entry", at=at) from error
        if len(entry.body) != length:
            raise DataMismatch("a log entry is longer than its frame", at=at)
        at += _ENTRY.size + length
        yield entry


class RecordLog:
    """An open log. One writer."""

    def __init__(
        self,
        path: Path,
        genesis_state_hash: bytes,
        *,
        disk: Disk | None = None,
        file_bytes: int = FILE_BYTES,
        to_read: bool = False,
        frames: Callable[[Disk], Frames] | None = None,
    ) -> None:
        """Open or create the log, cutting off a torn tail. Its files are in a folder, or on a disk that is given;
        `frames` makes what keeps it, if not files alone. `to_read` changes nothing, so that another process may be writing it.

        Raises: StateError when it cannot be opened or belongs to another genesis; DataMismatch, DataMissing when what was
        acknowledged is damaged or not here.
        """
        self.path = path
        self.genesis = genesis_state_hash
        self.begin = first_place(genesis_state_hash)
        try:
            self.disk = disk or SystemDisk(path.parent)
            self.files: Frames = (
                frames(self.disk)
                if frames
                else LogFiles(self.disk, path.name, genesis_state_hash, file_bytes, to_read=to_read)
            )
        except OSError as error:
            raise StateError("the record log cannot be opened", path=str(path), reason=str(error)) from error

    def __enter__(self) -> RecordLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def cut_bytes(self) -> int:
        """Bytes that were torn off when it was opened."""
        return self.files.cut_bytes

    @property
    def end(self) -> Place:
        """The place behind the newest group."""
        return self.files.end

    @property
    def size(self) -> int:
        """Bytes of all groups since the first one."""
        return self.files.end.at

    def append(self, entries: list[Entry]) -> None:
        """Write one group, if there is anything in it, and return when it is on disk and may be told.

        Raises: StateError, the disk's own error as its cause; the log must then be opened anew, for what is on disk is unknown.
        """
        try:
            if entries:
                self.files.append(pack_entries(entries))
            self.files.confirm()
        except OSError as error:
            raise StateError(
                f"the record log cannot be written: {error.strerror or error}",
                hint="what was not acknowledged may be sent again; make room or mend the disk, and start again",
                path=str(self.path),
            ) from error

    def entries(self, since: Place | None = None) -> Iterator[Entry]:
        """Yield every entry, from the first on or from behind a place.

        Raises: DataMismatch, DataMissing.
        """
        for entries, _ in self.groups(since):
            yield from entries

    def groups(self, since: Place | None = None) -> Iterator[tuple[Iterator[Entry], Place]]:
        """Yield every group, with the place behind it.

        Raises: DataMismatch, DataMissing.
        """
        for payload, place in self.files.payloads(since or self.begin):
            yield unpack_entries(payload), place

    def close(self) -> None:
        """Close the files."""
        self.files.close()
