"""A lease on leading: one process has it at a time, and knows until when."""

from __future__ import annotations

import fcntl
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TextIO

from tallystick.errors import StateError


class Lease(Protocol):
    """The right to lead. It is kept by itself once it is taken, until it is lost or given back."""

    def take(self) -> bool:
        """Take it if nobody has it; return whether it is held now. Raises: OSError when that is unknown."""
        ...

    def holds(self) -> bool:
        """Whether it is held still, for sure, at this moment."""
        ...

    def release(self) -> None:
        """Give it back, so that nobody has to wait."""
        ...


class FolderLease:
    """The right to write a folder's log: a lock that the system takes away when its process ends, and only then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def take(self) -> bool:
        """Lock the file, if nobody has.

        Raises: StateError when it cannot be opened.
        """
        if self._file is not None:
            return True
        try:
            file = self._path.open("a")
        except OSError as error:
            raise StateError("the lock of the data directory cannot be opened", path=str(self._path)) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def holds(self) -> bool:
        """Whether it was taken."""
        return self._file is not None

    def release(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None
