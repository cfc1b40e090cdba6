"""When a snapshot is made, and that whoever orders records does not wait for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from tallystick.ports import Clock
from tallystick_operator.sequencer.branch import Branch
from tallystick_operator.storage.framing import Place
from tallystick_operator.storage.operator_snapshots import Report, Snapshots, encode

EVERY_RECORDS: Final = 100_000
"""Behind the newest snapshot at most, so that a start replays them in half a minute."""
EVERY_SECONDS: Final = 900.0


class Job(Protocol):
    """Work that goes on beside its maker."""

    def outcome(self) -> str | None:
        """Return "" when it is done, why it failed when it has, and None while it goes on."""
        ...

    def end(self) -> None:
        """Break it off if it still goes on."""
        ...


Beside = Callable[[Callable[[], None]], Job]
"""Has something done with all as it is at this moment, and returns before it is."""


@dataclass(frozen=True, slots=True)
class Done:
    """A job that is over."""

    error: str = ""

    def outcome(self) -> str:
        """Return how it ended."""
        return self.error

    def end(self) -> None:
        """Nothing is left to end."""


def at_once(work: Callable[[], None]) -> Job:
    """Do something before anything else."""
    try:
        work()
    except OSError as error:
        return Done(str(error))
    return Done()


class SnapshotMaker:
    """Makes a snapshot every so many records, or seconds in which there was one. `report` is told of each."""

    def __init__(
        self,
        snapshots: Snapshots,
        clock: Clock,
        report: Report,
        beside: Beside = at_once,
        *,
        every_records: int = EVERY_RECORDS,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self.snapshots = snapshots
        self._clock = clock
        self._report = report
        self._beside = beside
        self._every_records = every_records
        self._every_seconds = every_seconds
        self._records = 0
        self._since = clock.monotonic()
        self._job: Job | None = None
        self._told: dict[str, object] = {}

    def begin(self, records: int) -> None:
        """Say how many records the newest snapshot has."""
        self._records, self._since = records, self._clock.monotonic()

    def is_due(self, records: int) -> bool:
        """Whether there should be one of a history with so many records, now; and hear how the last one ended."""
        self._hear()
        new = abs(records - self._records)
        waited = self._clock.monotonic() - self._since >= self._every_seconds
        return self._job is None and (new >= self._every_records or (waited and new > 0))

    def make(self, branch: Branch, place: Place) -> None:
        """Make one of a branch between two batches, which is what the log gives up to a place."""
        snapshots = self.snapshots
        before = self._clock.monotonic()

        def work() -> None:
            head, data = encode(branch, place, snapshots.genesis, snapshots.version)
            snapshots.write(head, data)

        registers = branch.executor.state.registers
        self._told = {"records": registers.record_count, "batches": registers.batch_cursor}
        self.begin(registers.record_count)
        self._job = self._beside(work)
        self._told["held_up_ms"] = round((self._clock.monotonic() - before) * 1000, 1)
        self._hear()

    def finish(self, branch: Branch, place: Place) -> None:
        """Make one more before everything ends, if there is anything new."""
        self.end()
        if branch.executor.state.registers.record_count != self._records and not branch.executor.is_open:
            self._beside = at_once
            self.make(branch, place)

    def end(self) -> None:
        """Break off what is being made."""
        if self._job is not None:
            self._job.end()
            self._job = None

    def _hear(self) -> None:
        """Tell how a snapshot came out. A disk that is full or broken is no reason to stop: the log goes on or does not."""
        outcome = self._job.outcome() if self._job is not None else None
        if outcome is None:
            return
        self._job = None
        if outcome:
            self._report("snapshot_failed", {**self._told, "reason": outcome})
        else:
            seconds = round(self._clock.monotonic() - self._since, 3)
            self._report("snapshot_written", {**self._told, "seconds": seconds})
