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
