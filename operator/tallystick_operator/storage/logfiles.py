"""A log as files: one after the other, each of them bound to all before it, and a mark of what was acknowledged.

A file is a header (magic, genesis, the place at which it begins, a checksum) and frames. The first has the log's name, a
later one that and the place at which it begins. A crash leaves at most the newest frame torn, and nothing in that was
acknowledged: opening the log cuts it off. The mark beside them, written once a frame is on disk, tells a frame that was
never there whole from one that was and is damaged now: that is refused.

Older files may be taken away when a snapshot stands behind them; nothing here ever removes one.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from tallystick.errors import DataMismatch, DataMissing, StateError
from tallystick.ports import Disk
from tallystick_operator.storage.framing import CHAIN_BYTES, Place, first_place, frame_in, framed

NAME: Final = b"tallylog"
MAGIC: Final = NAME + b"\x00\x02"
_HEADER: Final = struct.Struct(f">{len(MAGIC)}s32sQ{CHAIN_BYTES}sI")
HEADER_BYTES: Final = _HEADER.size
_MARK: Final = struct.Struct(f">Q{CHAIN_BYTES}sI")
MARK_ENDING: Final = ".mark"
FILE_BYTES: Final = 256 << 20
"""After which a file is followed by another: two million orders or so, and what a start reads through at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """One file of a log and the places at which it begins and ends. `end` of the newest one moves."""

    name: str
    begin: Place


class Frames(Protocol):
    """What keeps a log's frames: files, or a stream with files beside it. One writer.

    `files` are those at hand, `end` is behind the newest frame that is known here, `cut_bytes` were torn off when it was opened.
    """

    @property
    def files(self) -> list[LogFile]: ...  # noqa: D102  these three are told above
    @property
    def end(self) -> Place: ...  # noqa: D102
    @property
    def cut_bytes(self) -> int: ...  # noqa: D102

    @property
    def first(self) -> Place:
        """Where what is at hand begins."""
        ...

    def append(self, payload: bytes) -> Place:
        """Write one frame and return the place behind it when nothing that is declared can lose it.

        Raises: OSError; whether it is there is unknown then.
        """
        ...

    def confirm(self) -> None:
        """Return if this writer may tell what has been written. Raises: OSError when another one may have taken its place."""
        ...

    def payloads(self, since: Place) -> Iterator[tuple[bytes, Place]]:
        """Yield every frame behind a place, with the place behind it. Raises: DataMismatch, DataMissing."""
        ...

    def leads_through(self, place: Place) -> bool:
        """Whether a place is one of this log's."""
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


class LogFiles:
    """The frames of a log on a disk. One writer.

    `cut_bytes` were torn off when it was opened. `end` is behind the newest frame.
    """

    def __init__(
        self,
        disk: Disk,
        name: str,
        genesis_state_hash: bytes,
        file_bytes: int = FILE_BYTES,
        *,
        to_read: bool = False,
    ) -> None:
        """Open the log or begin one, cutting off a torn tail; `to_read` leaves all as it is.

        Raises: StateError when it belongs to another genesis or is no log; DataMismatch when what was acknowledged is
        damaged; OSError.
        """
        self._disk = disk
        self._name = name
        self._genesis = genesis_state_hash
        self._file_bytes = file_bytes
        self.cut_bytes = 0
        self._to_read = to_read
        has_mark = not to_read or name + MARK_ENDING in disk.names()
        self._mark_file = disk.open(name + MARK_ENDING) if has_mark else None
        marked = self._read_mark()
        self.files = self._find(marked)
        self._file = disk.open(self.files[-1].name)
        try:
            self.end = self._find_end(marked)
            self._mark()
        except BaseException:
            self.close()
            raise

    @property
    def first(self) -> Place:
        """Where the oldest file at hand begins."""
        return self.files[0].begin

    def append(self, payload: bytes) -> Place:
        """Write one frame and return the place behind it when it is on disk.

        Raises: OSError; the log must then be opened anew, for what is on disk is unknown.
        """
        if self.end.at - self.files[-1].begin.at >= self._file_bytes:
            self._begin_file()
        frame, behind = framed(payload, self.end)
        self._file.write(self._offset(self.files[-1], self.end), frame)
        self._file.sync()
        self.end = behind
        self._mark()
        return behind

    def confirm(self) -> None:
        """Nobody else writes: a lock on the folder sees to that."""

    def read_on(self) -> None:
        """Take in what another process has written since, up to the last frame that is whole; for one opened to be read."""
        while True:
            newest = self.files[-1]
            size = self._file.size()
            while (offset := self._offset(newest, self.end)) < size:
                found = frame_in(self._file, offset, size, self.end)
                if found.behind is None:
                    break
                self.end = found.behind
            name = f"{self._name}.{self.end.at:016}"
            if name == newest.name or name not in self._disk.names() or self._read_header(name) != self.end:
                return
            self.files.append(LogFile(name=name, begin=self.end))
            self._file.close()
            self._file = self._disk.open(name)

    def payloads(self, since: Place) -> Iterator[tuple[bytes, Place]]:
        """Yield every frame behind a place, with the place behind it.

        Raises: DataMismatch when one does not follow those before it; DataMissing when the place is in no file at hand.
        """
        at, end = since, self.end
        if at.at < self.first.at:
            raise DataMissing(
                "a file of the log is not here",
                hint="bring back the files that were taken away",
                begins_at=self.first.at,
                wanted=at.at,
            )
        for number, each in enumerate(self.files):
            stop = self.files[number + 1].begin.at if number + 1 < len(self.files) else end.at
            if at.at >= stop:
                continue
            file = self._disk.open(each.name)
            try:
                size = self._offset(each, Place(at=stop, chain=b""))
                while at.at < stop:
                    found = frame_in(file, self._offset(each, at), size, at)
                    if found.behind is None:
                        raise _damaged(each.name, self._offset(each, at))
                    at = found.behind
                    yield found.payload, at
            finally:
                file.close()

    def leads_through(self, place: Place) -> bool:
        """Whether a place is one of this log's, as far as the frame behind it tells."""
        if place.at >= self.end.at:
            return place == self.end
        if place.at < self.first.at:
            return False
        begins = [each for each in self.files if each.begin.at <= place.at]
        if begins[-1].begin.at == place.at:
            return begins[-1].begin == place
        try:
            next(self.payloads(place))
        except DataMismatch:
            return False
        return True

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._mark_file is not None:
            self._mark_file.close()

    def _find(self, marked: Place | None) -> list[LogFile]:
        """Return the files there are, in order, without those that a crash left before their first frame.

        Raises: StateError, DataMismatch.
        """
        names = [each for each in self._disk.names() if each == self._name or _is_later(each, self._name)]
        found = [LogFile(name=name, begin=begin) for name in names if (begin := self._read_header(name))]
        found.sort(key=lambda each: each.begin.at)
        if found:
            return found
        if marked is not None and marked.at:
            raise DataMissing(
                "the log's files are not here, and something was acknowledged",
                hint=f"bring them back; without {self._name}{MARK_ENDING} a new log is begun",
                acknowledged_bytes=marked.at,
            )
        if self._to_read:
            raise DataMissing("there is no log here", path=self._name)
        return [self._make(self._name, first_place(self._genesis))]

    def _read_header(self, name: str) -> Place | None:
        """Return where a file begins, None for one that was torn while it was made.

        Raises: StateError.
        """
        file = self._disk.open(name)
        try:
            header, size = file.read(0, HEADER_BYTES), file.size()
        finally:
            file.close()
        if header.startswith(NAME) and len(header) >= len(MAGIC) and not header.startswith(MAGIC):
            raise _other_version(name)
        if len(header) < HEADER_BYTES or (not any(header) and size == HEADER_BYTES):
            return None
        magic, genesis, at, chain, checksum = _HEADER.unpack(header)
        if magic != MAGIC:
            raise _other_version(name)
        if checksum != zlib.crc32(header[:-4]):
            raise DataMismatch("the header of a file of the log is damaged", path=name)
        if genesis != self._genesis:
            raise StateError(
                "the record log belongs to another deployment",
                hint="give each deployment a data directory of its own",
                path=name,
                genesis=genesis,
                expected=self._genesis,
            )
        return Place(at=at, chain=chain)

    def _make(self, name: str, begin: Place) -> LogFile:
        """Begin a file."""
        file = self._disk.open(name)
        try:
            file.cut(0)
            header = _HEADER.pack(MAGIC, self._genesis, begin.at, begin.chain, 0)[:-4]
            file.write(0, header + zlib.crc32(header).to_bytes(4, "big"))
            file.sync()
        finally:
            file.close()
        self._disk.sync()
        return LogFile(name=name, begin=begin)

    def _begin_file(self) -> None:
        made = self._make(f"{self._name}.{self.end.at:016}", self.end)
        self._file.close()
        self._file = self._disk.open(made.name)
        self.files.append(made)

    def _find_end(self, marked: Place | None) -> Place:
        """Return the place behind the last whole frame, having cut off what is torn.

        Raises: DataMismatch when what is behind it was acknowledged.
        """
        newest = self.files[-1]
        at, size = newest.begin, self._file.size()
        while (offset := self._offset(newest, at)) < size:
            found = frame_in(self._file, offset, size, at)
            if found.behind is None:
                self._check_torn(found.ends_at, offset, size, at, marked)
                break
            at = found.behind
            if marked is not None and at.at == marked.at and at != marked:
                raise DataMismatch("the log is another than the one that was acknowledged", path=newest.name, at=at.at)
        if marked is not None and at.at < marked.at:
            raise DataMismatch(
                "the log is shorter than what was acknowledged",
                hint=f"restore a backup that holds it; see the runbook, before removing {self._name}{MARK_ENDING}",
                path=newest.name,
                holds=at.at,
                acknowledged=marked.at,
            )
        self.cut_bytes = size - self._offset(newest, at)
        if self.cut_bytes and not self._to_read:
            self._file.cut(self._offset(newest, at))
            self._file.sync()
        return at

    def _check_torn(self, ends_at: int | None, offset: int, size: int, at: Place, marked: Place | None) -> None:
        """See that what is no frame was never acknowledged. Raises: DataMismatch."""
        name = self.files[-1].name
        if marked is not None and at.at < marked.at:
            raise _damaged(name, offset)
        more_behind = ends_at < size if ends_at is not None else marked is None
        if more_behind and not self._all_zero(offset):
            raise _damaged(name, offset)

    def _all_zero(self, offset: int) -> bool:
        """Whether nothing but zeros follows: blocks a crashed file system gave out and never filled."""
        while piece := self._file.read(offset, 1 << 20):
            if any(piece):
                return False
            offset += len(piece)
        return True

    def _read_mark(self) -> Place | None:
        """Return what was acknowledged for sure, None when there is no mark or it was torn."""
        held = self._mark_file.read(0, _MARK.size) if self._mark_file is not None else b""
        if len(held) < _MARK.size:
            return None
        at, chain, checksum = _MARK.unpack(held)
        return Place(at=at, chain=chain) if checksum == zlib.crc32(held[:-4]) else None

    def _mark(self) -> None:
        """Note what is on disk. It need not be there itself after a power cut: it is a least, and the next sync is near."""
        if self._to_read or self._mark_file is None:
            return
        held = _MARK.pack(self.end.at, self.end.chain, 0)[:-4]
        self._mark_file.write(0, held + zlib.crc32(held).to_bytes(4, "big"))

    @staticmethod
    def _offset(file: LogFile, place: Place) -> int:
        return HEADER_BYTES + place.at - file.begin.at


def genesis_of(disk: Disk, name: str) -> bytes:
    """Return the genesis a log says it is of.

    Raises: StateError when there is no log of this version.
    """
    for each in disk.names():
        if each == name or _is_later(each, name):
            file = disk.open(each)
            header = file.read(0, HEADER_BYTES)
            file.close()
            if len(header) == HEADER_BYTES and header.startswith(MAGIC):
                return header[len(MAGIC) : len(MAGIC) + 32]
    raise _other_version(name)


def _other_version(name: str) -> StateError:
    return StateError(
        "this file is no record log of this version",
        hint="drain the operator with the release that wrote it; this one, on an empty data directory, has everything from L1",
        path=name,
    )


def _is_later(name: str, first: str) -> bool:
    return re.fullmatch(re.escape(first) + r"\.[0-9]+", name) is not None


def _damaged(name: str, offset: int) -> DataMismatch:
    return DataMismatch(
        "the record log is damaged before its tail",
        hint="restore a backup, or take another copy of this file",
        path=name,
        at=offset,
    )
