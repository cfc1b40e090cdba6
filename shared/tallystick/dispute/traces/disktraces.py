"""The traces of one party: made by all cores from what it replayed, kept on disk, within a declared memory.

A trace is made in two passes. A first process runs without roots, which takes a hundredth of the time, and leaves states
on the way; then several trace a few parts each from there. Each puts what it has found into the trace's folder, so that a
party that is killed goes on where it was: what is in the folder is checked by its content before it is believed. Who does
what is decided in `schedule`; what runs it, a process of its own, is handed in.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from tallystick.artifacts import machine_version
from tallystick.dispute.trace_tree import Trace
from tallystick.dispute.traces.schedule import Bounds, Progress, Work, next_work, runs
from tallystick.dispute.traces.stored_trace import Memory, StoredTrace
from tallystick.dispute.traces.tracefiles import (
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

NODE_BYTES: Final = 260
CELL_BYTES: Final = 64
"""What a state takes for a node of its tree, dictionaries and integers included, measured; and for a cell of its tables beside
its words: at most four places, half as many more while they double, and its mark."""


class Worker(Protocol):
    """What does a piece of work in a trace's folder, beside this process."""

    @property
    def has_ended(self) -> bool:
        """Whether it has."""
        ...

    def failure(self) -> str | None:
        """Return why it failed, None when it did what it should. It has ended, and is asked once."""
        ...

    def end(self) -> None:
        """Have it stop, and return when it is gone."""
        ...


Start = Callable[[Path, Work], Worker]
"""Starts a piece of work in a folder. Raises: OSError."""


@dataclass(slots=True, kw_only=True)
class _Making:
    """A trace that is asked for; `workers` has who does what is `at_work` of its progress."""

    job: Job
    first: Callable[[], State]
    progress: Progress
    known: Survey | None = None
    workers: list[tuple[Work, Worker]] = field(default_factory=list[tuple[Work, Worker]])
    done: StoredTrace | None = None


class DiskTraces:
    """Traces kept in a folder. What was asked for first since the last `keep` is made first.

    `report` is told `tracing` with the steps that are done, and `tracing_failed`. What a full disk does not take is made
    in memory instead: that is slow and takes what it takes, but a dispute is not lost for it.
    """

    def __init__(self, folder: Path, source: Source, report: Report, bounds: Bounds, start: Start) -> None:
        self.folder = folder
        self._source = source
        self._report = report
        self._bounds = bounds
        self._start = start
        self._width = bounds.cores
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
            making.progress.rank, self._asked = self._asked, self._asked + 1
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
        for folder in sorted(set(self.folder.glob("*/")) - at_hand):
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
        making = _Making(job=job, first=lambda: source.state(assertion.parent).copy(), progress=Progress())
        self._report("tracing", {"assertion": assertion.id})
        self._look(making)
        if making.progress.wants_work:
            self._prepare(making, source.state(assertion.parent), inputs)
        return making

    def _look(self, making: _Making) -> None:
        """See what of a trace is on disk: what is whole counts, the rest is made again."""
        job = making.job
        try:
            known = read_survey(job.folder)
        except StateError:
            making.known = None
            making.progress.found(None, [])
            return
        making.known = known
        absent = [each for each in range(known.parts(job.plan)) if not _has_part(job, each)]
        making.progress.found(known.parts(job.plan), absent)
        if not absent:
            self._finish(making)

    def _prepare(self, making: _Making, state: State, inputs: Extract) -> None:
        """Have the folder hold what a process needs, or make the trace here if that is quicker."""
        job = making.job
        write_plan(job.folder, job.plan)
        if self._width == 0 or _is_small(state, job, self._bounds.small_steps):
            self._make_here(making)
            return
        input_bytes = sum(len(each) for batch in (*inputs.chunks, *inputs.blobs) for each in batch)
        making.progress.state_bytes = state_bytes(state) + 2 * input_bytes
        write_state(job.folder, job.plan, 0, state)
        write_inputs(job.folder, inputs)

    def _make_here(self, making: _Making) -> None:
        """Make what is missing of a trace in this process, now."""
        job, absent = making.job, making.progress.missing
        if making.known is None:
            making.known = survey(job, making.first())
            absent = [*range(making.known.parts(job.plan))]
        for work in runs(absent, len(absent)):
            at_first = machine_at(job, making.known, work.first << job.plan.segment, making.first)
            trace(job, at_first, work.first, work.last)
        making.progress.found(making.known.parts(job.plan), [])
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
        making.progress.done = True
        self._report("tracing", {"assertion": making.job.plan.assertion, "steps": making.known.steps, "done": True})

    def _fail(self, making: _Making, reason: str) -> None:
        """Tell of a failure; what keeps failing is made in this process, where its error is seen."""
        making.progress.failures += 1
        self._width = min(self._width, 1)
        self._report("tracing_failed", {"assertion": making.job.plan.assertion, "reason": reason})
        if making.progress.is_hopeless:
            _drop_parts(making)
            self._make_here(making)

    # Going on

    def _go_on(self) -> None:
        """Take in what processes have done, and give work to as many as memory and cores allow."""
        for making in self._makings.values():
            for work, worker in [each for each in making.workers if each[1].has_ended]:
                making.workers.remove((work, worker))
                making.progress.at_work.remove(work)
                self._reap(making, worker)
        progress = {id_: making.progress for id_, making in self._makings.items()}
        while (found := next_work(progress, self._bounds, self._width)) is not None:
            id_, work = found
            making = self._makings[id_]
            making.workers.append((work, self._start(making.job.folder, work)))
            making.progress.begun(work)

    def _reap(self, making: _Making, worker: Worker) -> None:
        failure = worker.failure()
        had_survey = making.known is not None
        self._look(making)
        if making.done is not None:
            return
        if failure is not None:
            self._fail(making, failure)
        elif had_survey and making.known is not None:
            steps = making.progress.parts_there << making.job.plan.segment
            facts = {"assertion": making.job.plan.assertion, "steps": min(steps, making.known.steps)}
            self._report("tracing", facts)


def state_bytes(state: State) -> int:
    """Return about how much memory a state takes."""
    nodes = sum(len(level) for level in state.tree.nodes)
    opened = sum(int(table.count) for table in state.tables)
    words = sum(8 * int(table.used) for table in state.tables)
    return NODE_BYTES * nodes + CELL_BYTES * opened + 2 * words


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
    making.progress.found(None, [])


def _end(making: _Making) -> None:
    for _, worker in making.workers:
        worker.end()
    making.workers.clear()
    making.progress.at_work.clear()
