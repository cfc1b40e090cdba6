"""What a component is given in place of the system: the time, and chance.

A component decides what is due and what follows; it is handed what happens and answers with what is to be done. Threads,
sockets, processes and files are in thin shells around it, and those alone know them. The other ports have their protocols
where they are used: L1 is `l1.client.access.L1`, a signer `l1.sending.signer.Signer`; the stores are what is on disk.
"""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """The time, and waiting for it. Units: seconds."""

    def now(self) -> float:
        """Return the time since 1970, by the clock on the wall: it may be set, back too."""
        ...

    def monotonic(self) -> float:
        """Return the time since some moment of no meaning: it never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return when so much time has gone by."""
        ...


class Chance(Protocol):
    """What nobody can foresee."""

    def below(self, limit: int) -> int:
        """Return a number from 0 to below the limit."""
        ...


class File(Protocol):
    """A file that is open. Units: bytes. Every call may raise an OSError, as disks do."""

    def read(self, at: int, count: int) -> bytes:
        """Return so many bytes from a place on, fewer where the file ends."""
        ...

    def write(self, at: int, data: bytes) -> None:
        """Put bytes at a place. What is there after an error, or before `sync`, nobody knows."""
        ...

    def sync(self) -> None:
        """Return when what was written will be there whatever happens."""
        ...

    def cut(self, size: int) -> None:
        """Drop all behind so many bytes."""
        ...

    def size(self) -> int:
        """Return how long it is."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Disk(Protocol):
    """One folder. Every call may raise an OSError."""

    def names(self) -> list[str]:
        """Return the names of its files, in order."""
        ...

    def open(self, name: str) -> File:
        """Open a file, and make it if it is not there."""
        ...

    def rename(self, name: str, to: str) -> None:
        """Give a file another name, in the place of what had it."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file."""
        ...

    def sync(self) -> None:
        """Return when the names will be there whatever happens."""
        ...

    def free_bytes(self) -> int:
        """Return how much more it takes."""
        ...
