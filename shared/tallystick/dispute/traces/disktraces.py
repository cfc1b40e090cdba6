"""The traces of one party: made by all cores from what it replayed, kept on disk, within a declared memory.

A trace is made in two passes. A first process runs without roots, which takes a hundredth of the time, and leaves states
on the way; then several trace a few parts each from there. Each puts what it has found into the trace's folder, so that a
party that is killed goes on where it was: what is in the folder is checked by its content before it is believed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tallystick.artifacts import machine_version
from tallystick.dispute.trace_tree import Trace
from tallystick.dispute.traces.stored_trace import Memory, StoredTrace
from tallystick.dispute.traces.tracefiles import (
    BOTTOM,
    SEGMENT,
    SURVEY,
    Plan,
    Survey,
    inputs_hash,
    read_part,
    read_plan,
    read_survey,
    write_inputs,
    write_plan,
    write_state,
)
from tallystick.dispute.traces.traces import MemoryTraces, Report, Source
from tallystick.dispute.traces.tracework import Job, machine_at, survey, trace
from tallystick.errors import StateError
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.rollup.segments import Extract, extract
from tallystick.rollup.views.assertion_view import Assertion
from tallystick.state.state import State

MEMORY_BYTES: Final = 1 << 30
"""What tracing may take, however many traces there are."""
HELD_BYTES: Final = 64 << 20
"""Of it, what the party holds of all traces: parts, lowest levels and proofs that it looked at lately."""
PROCESS_BYTES: Final = 80 << 20
"""What a process takes without a state."""
NODE_BYTES: Final = 260
ROW_BYTES: Final = 200
"""What a state takes for a node of its tree and a cell of its tables, dictionaries and integers included; measured."""
SMALL_STEPS: Final = 1 << 12
"""What takes fewer is traced at once: starting a process takes longer."""
SHARES: Final = 2
"""Into how many runs of parts a trace is cut for each core: few, for each has to come to its first part."""
MOST_FAILURES: Final = 3


def cores() -> int:
    """Return the processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What making traces may take. `cores` 0 makes all in this process.

    Shape: `segment` and `bottom` as in `tracefiles`.
    """

    memory_bytes: int = MEMORY_BYTES
    cores: int = field(default_factory=cores)
    small_steps: int = SMALL_STEPS
    segment: int = SEGMENT
    bottom: int = BOTTOM


@dataclass(slots=True, kw_only=True)
class _Worker:
    """A process at work on a trace: on some parts of it, or, without any, on its survey."""

    process: subprocess.Popen[bytes]
    errors: Path
    bytes_: int
    parts: range | None


@dataclass(slots=True, kw_only=True)
class _Making:
    """A trace that is asked for. `rank` is its place among those asked for lately; `missing` parts nobody works on."""

    job: Job
    rank: int = 0
    first: Callable[[], State]
    state_bytes: int
    known: Survey | None = None
    missing: list[int] = field(default_factory=list[int])
    workers: list[_Worker] = field(default_factory=list[_Worker])
    failures: int = 0
    done: StoredTrace | None = None


class DiskTraces:
    """Traces kept in a folder. What was asked for first since the last `keep` is made first.

    `report` is told `tracing` with the steps that are done, and `tracing_failed`. What a full disk does not take is made
    in memory instead: that is slow and takes what it takes, but a dispute is not lost for it.
    """

    def __init__(self, folder: Path, source: Source, report: Report, bounds: Bounds | None = None) -> None:
        self.folder = folder
        self._source = source
        self._report = report
        self._bounds = bounds or Bounds()
        self._width = self._bounds.cores
        self._memory = Memory()
        self._without_disk = MemoryTraces(source, report)
        self._makings: dict[bytes, _Making] = {}
        self._asked = 0

    @property
    def under_way(self) -> int:
        """Processes at work."""
        return sum(len(making.workers) for making in self._makings.values())

    def trace(self, assertion: Assertion) -> Trace | None:
        """Return the own trace of a true assertion; None while it is being made. Asking starts that.

        Raises: StateError when the state it begins with is not to be had.
        """
        try:
            if assertion.id not in self._makings:
                self._makings[assertion.id] = self._begin(assertion)
            making = self._makings[assertion.id]
            making.rank, self._asked = self._asked, self._asked + 1
            self._go_on()
        except OSError as error:
            self._report("tracing_failed", {"assertion": assertion.id, "reason": str(error)})
            return self._without_disk.trace(assertion)
        return making.done

    def keep(self, ids: Container[bytes]) -> None:
        """Drop the traces of all other assertions, those of an earlier run included."""
        self._asked = 0
        self._without_disk.keep(ids)
        for id_ in [each for each in self._makings if each not in ids]:
            making = self._makings.pop(id_)
            _end(making)
            shutil.rmtree(making.job.folder, ignore_errors=True)
        at_hand = {making.job.folder for making in self._makings.values()}
        for folder in set(self.folder.glob("*/")) - at_hand:
            try:
                kept = read_plan(folder).assertion in ids
            except StateError:
                kept = False
            if not kept:
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """End what is being made; what is on disk stays."""
        for making in self._makings.values():
            _end(making)

    # Beginning

    def _begin(self, assertion: Assertion) -> _Making:
        """Have the folder hold a plan and the first state, and see what is there already."""
        source, bounds = self._source, self._bounds
        origin = source.assertion(assertion.parent)
        limited = source.inputs(assertion.limit)
        inputs = extract(limited, origin, assertion.limit)
        segment = min(bounds.segment, source.height)
        plan = Plan(
            machine=machine_version(),
            height=source.height,
            assertion=assertion.id,
            start=origin.state_hash,
            end=assertion.state_hash,
            limit=assertion.limit,
            inputs=inputs_hash(inputs),
            segment=segment,
            bottom=min(bounds.bottom, segment),
        )
        # a party's own look at the trace reads L1's inputs where they are, instead of holding them
        job = Job(folder=self.folder / plan.key, plan=plan, inputs=limited)
        making = _Making(job=job, first=lambda: source.state(assertion.parent).copy(), state_bytes=0)
        self._report("tracing", {"assertion": assertion.id})
        self._look(making)
        if making.done is None and (making.known is None or making.missing):
            self._prepare(making, source.state(assertion.parent), inputs)
        return making

    def _look(self, making: _Making) -> None:
        """See what of a trace is on disk: what is whole counts, the rest is made again."""
        job = making.job
        try:
            making.known = read_survey(job.folder)
        except StateError:
            making.known = None
            return
        making.missing = [each for each in range(making.known.parts(job.plan)) if not _has_part(job, each)]
        if not making.missing:
            self._finish(making)

    def _prepare(self, making: _Making, state: State, inputs: Extract) -> None:
        """Have the folder hold what a process needs, or make the trace here if that is quicker."""
        job = making.job
        write_plan(job.folder, job.plan)
        if self._width == 0 or _is_small(state, job, self._bounds.small_steps):
            self._make_here(making)
            return
        making.state_bytes = state_bytes(state) + 2 * sum(len(each) for chunks in inputs.chunks for each in chunks)
        write_state(job.folder, job.plan, 0, state)
        write_inputs(job.folder, inputs)

    def _make_here(self, making: _Making) -> None:
        """Make what is missing of a trace in this process, now."""
        job = making.job
        if making.known is None:
            making.known = survey(job, making.first())
            making.missing = [*range(making.known.parts(job.plan))]
        for first, last in _runs(making.missing, len(making.missing)):
            trace(job, machine_at(job, making.known, first << job.plan.segment, making.first), first, last)
        making.missing = []
        self._finish(making)

    def _finish(self, making: _Making) -> None:
        """Read what is there as a trace; parts that do not fit together are all made again."""
        assert making.known is not None
        try:
            making.done = StoredTrace(making.job, making.known, self._memory, making.first)
        except StateError as error:
            _drop_parts(making)
            self._fail(making, str(error))
            return
        self._report("tracing", {"assertion": making.job.plan.assertion, "steps": making.known.steps, "done": True})

    def _fail(self, making: _Making, reason: str) -> None:
        """Tell of a failure; what keeps failing is made in this process, where its error is seen."""
        making.failures += 1
        self._width = min(self._width, 1)
        self._report("tracing_failed", {"assertion": making.job.plan.assertion, "reason": reason})
        if making.failures >= MOST_FAILURES:
            _drop_parts(making)
            self._make_here(making)

    # Going on

    def _go_on(self) -> None:
        """Take in what processes have done, and give work to as many as memory and cores allow."""
        for making in self._makings.values():
            for worker in [each for each in making.workers if each.process.poll() is not None]:
                making.workers.remove(worker)
                self._reap(making, worker)
        for making in sorted(self._makings.values(), key=lambda each: each.rank):
            while making.done is None and self._may_start(making):
                self._start(making)

    def _reap(self, making: _Making, worker: _Worker) -> None:
        errors = worker.errors.read_text(errors="replace").strip().splitlines()
        worker.errors.unlink()
        had_survey = making.known is not None
        self._look(making)
        busy = {number for each in making.workers for number in each.parts or ()}
        making.missing = [number for number in making.missing if number not in busy]
        if making.done is not None:
            return
        if worker.process.returncode:
            self._fail(making, errors[-1] if errors else f"a process ended with {worker.process.returncode}")
        elif had_survey and making.known is not None:
            steps = (making.known.parts(making.job.plan) - len(making.missing) - len(busy)) << making.job.plan.segment
            facts = {"assertion": making.job.plan.assertion, "steps": min(steps, making.known.steps)}
            self._report("tracing", facts)

    def _may_start(self, making: _Making) -> bool:
        """Whether there is something to do, a core and memory for it; one process there may always be."""
        wanted = not making.workers if making.known is None else bool(making.missing)
        if not wanted or self.under_way >= max(1, self._width):
            return False
        taken = HELD_BYTES + sum(each.bytes_ for other in self._makings.values() for each in other.workers)
        return self.under_way == 0 or taken + PROCESS_BYTES + making.state_bytes <= self._bounds.memory_bytes

    def _start(self, making: _Making) -> None:
        parts: range | None = None
        job = ["survey", "0", "0"]
        if making.known is not None:
            share = -(-making.known.parts(making.job.plan) // (SHARES * max(1, self._width)))
            first, last = _runs(making.missing, share)[0]
            parts = range(first, last)
            making.missing = making.missing[last - first :]
            job = ["trace", str(first), str(last)]
        errors = making.job.folder / f"{'-'.join(job)}.errors"
        command = [
            sys.executable,
            "-m",
            "tallystick.dispute.traces.tracework",
            str(making.job.folder),
            str(os.getpid()),
            *job,
        ]
        with errors.open("wb") as stderr:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True
            )
        bytes_ = PROCESS_BYTES + making.state_bytes
        making.workers.append(_Worker(process=process, errors=errors, bytes_=bytes_, parts=parts))


def state_bytes(state: State) -> int:
    """Return about how much memory a state takes."""
    nodes = sum(len(level) for level in state.tree.nodes)
    rows = sum(len(table.rows) for table in state.tables)
    words = sum(8 * int(table.used) for table in state.tables)
    return NODE_BYTES * nodes + ROW_BYTES * rows + 2 * words


def _is_small(state: State, job: Job, most: int) -> bool:
    """Whether a run ends within so many steps."""
    machine = Machine(state.copy(), job.inputs)
    engine.run(machine, most)
    return engine.halted(machine) or most >> job.plan.height > 0


def _has_part(job: Job, number: int) -> bool:
    try:
        read_part(job.folder, job.plan, number)
    except StateError:
        return False
    return True


def _drop_parts(making: _Making) -> None:
    for part in making.job.folder.glob("*.part"):
        part.unlink(missing_ok=True)
    (making.job.folder / SURVEY).unlink(missing_ok=True)
    making.known = None
    making.missing = []


def _runs(numbers: list[int], most: int) -> list[tuple[int, int]]:
    """Return the runs of neighbours among rising numbers, each of at most so many, as first and behind the last."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number and number - found[-1][0] < most:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return found


def _end(making: _Making) -> None:
    for worker in making.workers:
        worker.process.kill()
        worker.process.wait()
    making.workers.clear()
