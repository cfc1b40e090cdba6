"""Who traces what next: decided from how far each trace is and what processes may take. Nothing is started here.

A trace is surveyed first, by one process; then its parts are shared out, few runs of neighbours to a process, for each of
them has to come to its first part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tallystick.dispute.traces.tracefiles import BOTTOM, SEGMENT

MEMORY_BYTES: Final = 1 << 30
"""What tracing may take, however many traces there are."""
HELD_BYTES: Final = 64 << 20
"""Of it, what the party holds of all traces: parts, lowest levels and proofs that it looked at lately."""
PROCESS_BYTES: Final = 80 << 20
"""What a process takes without a state."""
SMALL_STEPS: Final = 1 << 12
"""What takes fewer is traced at once: starting a process takes longer."""
SHARES: Final = 2
"""Into how many runs of parts a trace is cut for each core."""
MOST_FAILURES: Final = 3
"""After so many a trace is made by the party itself, where its error is seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What making traces may take. `cores` 0 makes all in the party's own process.

    Shape: `segment` and `bottom` as in `tracefiles`.
    """

    cores: int
    memory_bytes: int = MEMORY_BYTES
    small_steps: int = SMALL_STEPS
    segment: int = SEGMENT
    bottom: int = BOTTOM


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one process does of a trace: the parts from `first` on and below `last`, or the survey where there are none."""

    first: int = 0
    last: int = 0

    @property
    def parts(self) -> range:
        """The numbers of its parts."""
        return range(self.first, self.last)


SURVEYING: Final = Work()


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a trace is.

    Shape: `rank` is its place among those asked for lately; `parts` is None until it is surveyed; `missing` are the
    numbers, rising, of parts that are not there and that nobody works on.
    """

    rank: int = 0
    state_bytes: int = 0
    parts: int | None = None
    missing: list[int] = field(default_factory=list[int])
    at_work: list[Work] = field(default_factory=list[Work])
    failures: int = 0
    done: bool = False

    @property
    def wants_work(self) -> bool:
        """Whether another process would find something to do."""
        if self.done:
            return False
        return not self.at_work if self.parts is None else bool(self.missing)

    @property
    def is_hopeless(self) -> bool:
        """Whether processes have failed so often that no more are started."""
        return self.failures >= MOST_FAILURES

    @property
    def parts_there(self) -> int:
        """How many parts are there."""
        return (self.parts or 0) - len(self.missing) - sum(len(work.parts) for work in self.at_work)

    def found(self, parts: int | None, absent: Sequence[int]) -> None:
        """Take in what there is: how many parts it has, if it is surveyed, and which of them are not there."""
        busy = {number for work in self.at_work for number in work.parts}
        self.parts = parts
        self.missing = [number for number in absent if number not in busy]

    def begun(self, work: Work) -> None:
        """Take in that a process has this work now."""
        self.at_work.append(work)
        self.missing = [number for number in self.missing if number not in work.parts]


def next_work(traces: Mapping[bytes, Progress], bounds: Bounds, width: int) -> tuple[bytes, Work] | None:
    """Return whose work is to be begun now, and which: that of the trace asked for first, where memory is left for it and
    fewer than `width` processes are at work. One process there may always be. None when nothing is to be begun.
    """
    at_work = sum(len(trace.at_work) for trace in traces.values())
    taken_bytes = HELD_BYTES + sum(len(trace.at_work) * _process_bytes(trace) for trace in traces.values())
    for id_, trace in sorted(traces.items(), key=lambda each: each[1].rank):
        fits = at_work == 0 or taken_bytes + _process_bytes(trace) <= bounds.memory_bytes
        if trace.wants_work and fits and at_work < max(1, width):
            return id_, _work(trace, width)
    return None


def _process_bytes(trace: Progress) -> int:
    return PROCESS_BYTES + trace.state_bytes


def _work(trace: Progress, width: int) -> Work:
    if trace.parts is None:
        return SURVEYING
    share = -(-trace.parts // (SHARES * max(1, width)))
    return runs(trace.missing, share)[0]


def runs(numbers: Sequence[int], most: int) -> list[Work]:
    """Return the runs of neighbours among rising numbers of parts, each of at most so many."""
    found: list[Work] = []
    for number in numbers:
        if found and found[-1].last == number and len(found[-1].parts) < most:
            found[-1] = Work(first=found[-1].first, last=number + 1)
        else:
            found.append(Work(first=number, last=number + 1))
    return found
