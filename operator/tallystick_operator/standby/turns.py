"""Logs that somebody else writes and that one reads on, until one's turn to write comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from tallystick_operator.storage.framing import Place
from tallystick_operator.storage.logfiles import Frames, LogFile, LogFiles


class Followed(Frames, Protocol):
    """Frames that another process may be writing."""

    @property
    def signer(self) -> bytes:
        """The address with which who leads signs receipts, empty where that is not known."""
        ...

    def follow(self) -> bool:
        """Take in what is new; return whether that is all there is. Raises: DataMismatch, OSError."""
        ...

    def lead(self, signer: bytes) -> bool:
        """Take in the rest and become the one who writes; return whether that came about.

        Raises: DataMismatch, StateError, OSError.
        """
        ...


class FollowedFiles:
    """The files of a folder that several processes see. Who leads is kept apart by a lock on the folder."""

    signer = b""

    def __init__(self, to_read: Callable[[], LogFiles] | None, to_write: Callable[[], LogFiles]) -> None:
        """Open them to be read, or, where that is None, to be written at once.

        Raises: DataMissing when there is no log to be read; as files do.
        """
        self._to_write = to_write
        self._held = to_read() if to_read else to_write()
        self._writes = to_read is None

    @property
    def files(self) -> list[LogFile]:
        """The files."""
        return self._held.files

    @property
    def end(self) -> Place:
        """The place behind the newest frame."""
        return self._held.end

    @property
    def cut_bytes(self) -> int:
        """Bytes that were torn off when it was opened to be written."""
        return self._held.cut_bytes

    @property
    def first(self) -> Place:
        """Where the oldest file at hand begins."""
        return self._held.first

    def follow(self) -> bool:
        """Read on."""
        self._held.read_on()
        return True

    def lead(self, signer: bytes) -> bool:
        """Open them to be written: what a crash left torn is cut off."""
        if not self._writes:
            self._held.close()
            self._held = self._to_write()
            self._writes = True
        return True

    def append(self, payload: bytes) -> Place:
        """Write one frame and return the place behind it when it is on disk."""
        return self._held.append(payload)

    def confirm(self) -> None:
        """The lock on the folder sees to it that nobody else writes."""

    def payloads(self, since: Place) -> Iterator[tuple[bytes, Place]]:
        """Yield every frame behind a place, with the place behind it."""
        return self._held.payloads(since)

    def leads_through(self, place: Place) -> bool:
        """Whether a place is one of this log's."""
        return self._held.leads_through(place)

    def close(self) -> None:
        """Close the files."""
        self._held.close()
