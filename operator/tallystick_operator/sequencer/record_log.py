"""The write-ahead log: everything the sequencer decided, on disk before anybody is told.

The file is a header (magic, genesis state hash) and frames. A frame is one group commit: length, checksum, entries;
it is written and synced as one, so a group is there whole or not at all. A crash can leave at most the newest frame
torn, and nothing in it was acknowledged: opening the log cuts it off. A damaged frame with more behind it is no torn
tail but a damaged disk, and is refused.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Final

import msgspec

from tallystick.errors import DataMismatch, StateError

MAGIC: Final = b"tallylog\x00\x01"
SIGNER_BYTES: Final = 20
HEADER_BYTES: Final = len(MAGIC) + 32
_FRAME: Final = struct.Struct(">II")
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
    """A record was executed whose signer was recovered before; body: the signer's address (20 bytes) and the record. Logs of
    earlier versions have none of these; a version that does not know them refuses the log."""


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
    """An open log file. One writer."""

    def __init__(self, path: Path, genesis_state_hash: bytes) -> None:
        """Open or create the log, cutting off a torn tail.

        Raises: StateError when it cannot be opened or belongs to another genesis; DataMismatch when it is damaged before its tail.
        """
        self.path = path
        self.cut_bytes = 0
        fresh = not path.exists() or path.stat().st_size < HEADER_BYTES
        try:
            self._file = path.open("wb+" if fresh else "rb+", buffering=0)
        except OSError as error:
            raise StateError("the record log cannot be opened", path=str(path)) from error
        if fresh:
            self._file.write(MAGIC + genesis_state_hash)
            os.fsync(self._file.fileno())
            _sync_directory(path.parent)
        try:
            self._check_header(genesis_state_hash)
            self._end = self._find_end()
            self.cut_bytes = path.stat().st_size - self._end
            if self.cut_bytes:
                self._file.truncate(self._end)
                os.fsync(self._file.fileno())
            self._file.seek(self._end)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> RecordLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._end

    def append(self, entries: list[Entry]) -> None:
        """Write one group and return when it is on disk.

        Raises: OSError; the log must then be opened anew, for what is on disk is unknown.
        """
        payload = pack_entries(entries)
        frame = _FRAME.pack(len(payload), zlib.crc32(payload)) + payload
        view = memoryview(frame)
        while view:
            view = view[self._file.write(view) :]
        os.fdatasync(self._file.fileno())
        self._end += len(frame)

    def entries(self) -> Iterator[Entry]:
        """Yield every entry from the first on."""
        with self.path.open("rb") as file:
            file.seek(HEADER_BYTES)
            while file.tell() < self._end:
                length, _ = _FRAME.unpack(file.read(_FRAME.size))
                yield from unpack_entries(file.read(length))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _check_header(self, genesis_state_hash: bytes) -> None:
        self._file.seek(0)
        header = self._file.read(HEADER_BYTES)
        if header[: len(MAGIC)] != MAGIC:
            raise StateError("this file is no record log", path=str(self.path))
        if header[len(MAGIC) :] != genesis_state_hash:
            raise StateError(
                "the record log belongs to another deployment",
                hint="give each deployment a data directory of its own",
                path=str(self.path),
                genesis=header[len(MAGIC) :],
                expected=genesis_state_hash,
            )

    def _find_end(self) -> int:
        """Return where the last whole frame ends."""
        size = self.path.stat().st_size
        at = HEADER_BYTES
        while at < size:
            self._file.seek(at)
            head = self._file.read(_FRAME.size)
            if len(head) < _FRAME.size:
                return at
            length, checksum = _FRAME.unpack(head)
            end = at + _FRAME.size + length
            payload = self._file.read(length) if length > 0 and end <= size else b""
            if len(payload) == length and length and zlib.crc32(payload) == checksum:
                at = end
                continue
            if end < size and not self._all_zero(at):
                raise DataMismatch("the record log is damaged before its tail", path=str(self.path), at=at)
            return at
        return at

    def _all_zero(self, at: int) -> bool:
        """Whether nothing but zeros follows: blocks a crashed file system gave out and never filled."""
        self._file.seek(at)
        while piece := self._file.read(1 << 20):
            if any(piece):
                return False
        return True


def _sync_directory(path: Path) -> None:
    """Make a new file's name durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
