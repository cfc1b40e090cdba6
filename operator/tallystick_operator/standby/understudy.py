"""A standby: it follows the log, keeps the exchange as that gives it, and leads when nobody else does.

It is handed what has happened and answers with what is to be done. Safety does not hang on the lease: who leads has put a
fence into the log, or a lock on it, so that of two who believe to lead one alone can write. The lease says when to try.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.record_log import EntryKind, RecordLog

LOOK_SECONDS: Final = 0.2
"""Between two looks at the log and the lease: what a failover takes beside the lease's own time."""


@dataclass(frozen=True, slots=True)
class Started:
    """It begins."""


@dataclass(frozen=True, slots=True)
class Waited:
    """The time has gone by."""


@dataclass(frozen=True, slots=True)
class LogRead:
    """The log has been read on, to its end or not yet."""

    complete: bool


@dataclass(frozen=True, slots=True)
class LeaseAsked:
    """Whether the lease is this one's."""

    held: bool


@dataclass(frozen=True, slots=True)
class Fenced:
    """Whether the log takes what this one writes, and nobody else's any more."""

    stands: bool


@dataclass(frozen=True, slots=True)
class PostedKnown:
    """So many batches are on L1."""

    batches: int


Event = Started | Waited | LogRead | LeaseAsked | Fenced | PostedKnown


@dataclass(frozen=True, slots=True)
class ReadLog:
    """Read the log on, and say how far."""


@dataclass(frozen=True, slots=True)
class AskLease:
    """Take the lease if nobody has it."""


@dataclass(frozen=True, slots=True)
class Fence:
    """Become the one who writes the log."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Come back when so much time has gone by. Units: seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Lead:
    """Lead, with the exchange as it stands."""


Effect = ReadLog | AskLease | Fence | Wait | Lead


class Understudy:
    """One who stands by. `core` is the exchange up to `place`; `new_core` makes one at the genesis, on the same log."""

    def __init__(self, new_core: Callable[[], Core], log: RecordLog, *, makes_snapshots: bool) -> None:
        self._new_core = new_core
        self._log = log
        self._makes_snapshots = makes_snapshots
        self._leads = False
        self._posted = 0
        self.core = new_core()
        self.place = log.begin

    def step(self, event: Event) -> list[Effect]:
        """Take in what has happened; return what is to be done.

        Raises: StateError, DataMismatch, DataMissing when the log gives no exchange.
        """
        if isinstance(event, Started):
            self._rebuild()
            return [ReadLog()]
        if isinstance(event, Waited):
            return [ReadLog()]
        if isinstance(event, LeaseAsked):
            return [Fence()] if event.held else [Wait(LOOK_SECONDS)]
        if isinstance(event, Fenced):
            self._leads = event.stands
            return [ReadLog()] if not event.stands else self._finish()
        if isinstance(event, PostedKnown):
            self._posted = event.batches
            self.core.learn_posted(event.batches)
            return []
        self._apply()
        return [AskLease()] if event.complete else [ReadLog()]

    def _finish(self) -> list[Effect]:
        """Take in what the fence stands behind: nothing comes in front of it any more."""
        if self._log.files.leads_through(self.place):
            self._apply()
        else:
            self._rebuild()  # a power cut took what had been read of a file and was not synced
        self.core.begin_anew()
        return [Lead()]

    def _apply(self) -> None:
        """Apply what the log has behind the place."""
        for entries, place in self._log.groups(self.place):
            for entry in entries:
                if entry.kind is EntryKind.REWIND:
                    self._rebuild()
                    return
                self.core.branch.apply(entry)
            self.place = place
            self._keep_snapshots()

    def _rebuild(self) -> None:
        """Make the exchange anew from all that the log has."""
        self.core = self._new_core()
        end = self._log.end
        self.core.replay()
        self.place = end
        self.core.learn_posted(self._posted)

    def _keep_snapshots(self) -> None:
        maker, executor = self.core.maker, self.core.executor
        if not self._makes_snapshots or maker is None or executor.is_open:
            return
        if maker.is_due(executor.state.registers.record_count):
            maker.make(self.core.branch, self.place)
