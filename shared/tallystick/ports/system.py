"""The ports as the system has them: what daemons and commands hand to the components they put together."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path


class SystemClock:
    """The clocks of the machine it runs on."""

    def now(self) -> float:
        """Return the time since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Return the time since the machine started, or thereabouts."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Hold up this thread."""
        time.sleep(seconds)


class SystemChance:
    """The operating system's source of randomness, good enough for keys."""

    def below(self, limit: int) -> int:
        """Return a number from 0 to below the limit."""
        return secrets.randbelow(limit)


class SystemFile:
    """A file of the operating system's."""

    def __init__(self, path: Path, *, to_read: bool = False) -> None:
        flags = os.O_RDONLY if to_read else os.O_RDWR | os.O_CREAT
        self._handle = os.open(path, flags | os.O_CLOEXEC, 0o666)
        self._is_open = True

    def read(self, at: int, count: int) -> bytes:
        """Return what is there."""
        found = bytearray()
        while len(found) < count and (piece := os.pread(self._handle, count - len(found), at + len(found))):
            found += piece
        return bytes(found)

    def write(self, at: int, data: bytes) -> None:
        """Put it there, however often it takes."""
        view = memoryview(data)
        while view:
            done = os.pwrite(self._handle, view, at)
            view, at = view[done:], at + done

    def sync(self) -> None:
        """Wait for the disk."""
        os.fdatasync(self._handle)

    def cut(self, size: int) -> None:
        """Shorten it."""
        os.ftruncate(self._handle, size)

    def size(self) -> int:
        """Ask how long it is."""
        return os.fstat(self._handle).st_size

    def close(self) -> None:
        """Close it, once."""
        if self._is_open:
            self._is_open = False
            os.close(self._handle)


class SystemDisk:
    """A folder of the operating system's, made if it is not there; `to_read` makes and changes nothing."""

    def __init__(self, folder: Path, *, to_read: bool = False) -> None:
        if not to_read:
            folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._to_read = to_read

    def names(self) -> list[str]:
        """Return the names of its files."""
        return sorted(path.name for path in self.folder.iterdir() if path.is_file())

    def open(self, name: str) -> SystemFile:
        """Open or make a file."""
        return SystemFile(self.folder / name, to_read=self._to_read)

    def rename(self, name: str, to: str) -> None:
        """Rename a file."""
        (self.folder / name).replace(self.folder / to)

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self.folder / name).unlink(missing_ok=True)

    def sync(self) -> None:
        """Wait for the folder."""
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def free_bytes(self) -> int:
        """Ask what there is for who is not root."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize
