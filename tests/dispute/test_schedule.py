"""Who traces what next, without a process: the schedule alone, and the traces of a party whose workers are played."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tallystick.dispute.traces.disktraces import DiskTraces
from tallystick.dispute.traces.schedule import (
    HELD_BYTES,
    MOST_FAILURES,
    PROCESS_BYTES,
    SHARES,
    SURVEYING,
    Bounds,
    Progress,
    Work,
    next_work,
    runs,
)
from tallystick.dispute.traces.tracefiles import read_inputs, read_plan, read_state, read_survey
from tallystick.dispute.traces.tracework import Job, machine_at, survey, trace
from tests.dispute.test_traces import SMALL, Lineage, Told, nodes

TWO = Bounds(cores=2)


def surveyed(parts: int, rank: int = 0, state_bytes: int = 0) -> Progress:
    return Progress(rank=rank, parts=parts, missing=[*range(parts)], state_bytes=state_bytes)


def test_a_trace_is_surveyed_by_one_process_before_its_parts_are_shared_out() -> None:
    progress = Progress()
    assert next_work({b"a": progress}, TWO, 2) == (b"a", SURVEYING)
    progress.begun(SURVEYING)
    assert next_work({b"a": progress}, TWO, 2) is None
    progress.at_work.remove(SURVEYING)
    progress.found(8, range(8))
    assert next_work({b"a": progress}, TWO, 2) == (b"a", Work(first=0, last=2)), "a run of each core's shares"


def test_a_trace_is_cut_into_few_shares_a_core_and_a_gap_ends_a_run() -> None:
    assert SHARES == 2
    progress = surveyed(16)
    progress.found(16, [0, 1, 2, 5, 6, 7, 8, 9, 10])
    given_out = []
    while (found := next_work({b"a": progress}, Bounds(cores=9), 2)) is not None:
        progress.begun(found[1])
        given_out.append(found[1])
        if len(given_out) == 2:
            break
    assert given_out == [Work(first=0, last=3), Work(first=5, last=9)]
    assert progress.missing == [9, 10] and progress.parts_there == 16 - 9


def test_the_trace_asked_for_first_has_its_work_first() -> None:
    makings = {b"later": surveyed(4, rank=1), b"first": surveyed(4, rank=0)}
    assert next_work(makings, TWO, 2) == (b"first", Work(first=0, last=1))
    makings[b"first"].done = True
    assert next_work(makings, TWO, 2) == (b"later", Work(first=0, last=1))


def test_no_more_are_at_work_than_there_are_cores_and_one_where_processes_failed() -> None:
    progress = surveyed(9)
    for width in (2, 1):
        progress.at_work = [Work(first=0, last=1)] * width
        assert next_work({b"a": progress}, TWO, width) is None
    progress.at_work = [Work(first=0, last=1)]
    assert next_work({b"a": progress}, TWO, 2) is not None


def test_memory_for_a_process_and_its_state_is_there_or_it_waits_but_one_may_always_be() -> None:
    progress = surveyed(9, state_bytes=1000)
    two_fit = HELD_BYTES + 2 * (PROCESS_BYTES + 1000)
    for memory_bytes, second in ((two_fit, True), (two_fit - 1, False), (1, False)):
        progress.at_work = []
        bounds = Bounds(cores=2, memory_bytes=memory_bytes)
        found = next_work({b"a": progress}, bounds, 2)
        assert found is not None
        progress.begun(found[1])
        assert (next_work({b"a": progress}, bounds, 2) is not None) == second


def test_a_small_trace_goes_ahead_where_memory_is_too_little_for_a_large_one() -> None:
    at_work = surveyed(4, rank=2)
    at_work.begun(Work(first=0, last=4))
    makings = {b"large": surveyed(4, rank=0, state_bytes=1 << 40), b"small": surveyed(4, rank=1), b"a": at_work}
    assert next_work(makings, TWO, 2) == (b"small", Work(first=0, last=1))


def test_what_is_at_work_is_not_missing_and_what_failed_is_again() -> None:
    progress = surveyed(6)
    lost = Work(first=0, last=2)
    progress.begun(lost)
    progress.found(6, range(6))
    assert progress.missing == [2, 3, 4, 5]
    progress.at_work.remove(lost)
    progress.found(6, range(1, 6))
    assert progress.missing == [1, 2, 3, 4, 5] and progress.parts_there == 1


@given(st.sets(st.integers(0, 40)), st.integers(1, 9))
def test_runs_hold_each_number_once_in_order_and_are_as_long_as_they_may_be(numbers: set[int], most: int) -> None:
    rising = sorted(numbers)
    found = runs(rising, most)
    assert [number for work in found for number in work.parts] == rising
    assert all(1 <= len(work.parts) <= most for work in found)
    for before, after in itertools.pairwise(found):
        assert before.last < after.first or len(before.parts) == most


@given(st.data())
def test_whatever_ends_when_every_part_is_made_within_bounds_and_by_one_process_at_a_time(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 4))
    bounds = Bounds(cores=width, memory_bytes=HELD_BYTES + data.draw(st.integers(0, 4)) * PROCESS_BYTES)
    sizes = data.draw(st.lists(st.integers(1, 20), min_size=1, max_size=3))
    makings = {bytes([rank]): Progress(rank=rank) for rank in range(len(sizes))}
    made: dict[bytes, set[int]] = {id_: set() for id_ in makings}
    for _ in range(400):
        while (found := next_work(makings, bounds, width)) is not None:
            makings[found[0]].begun(found[1])
        busy = [(id_, work) for id_, each in makings.items() for work in each.at_work]
        assert len(busy) <= width
        assert len(busy) <= 1 or HELD_BYTES + len(busy) * PROCESS_BYTES <= bounds.memory_bytes
        numbers = [(id_, number) for id_, work in busy for number in work.parts]
        assert len(numbers) == len(set(numbers))
        if not busy:
            break
        id_, work = data.draw(st.sampled_from(busy))
        making, size = makings[id_], sizes[id_[0]]
        making.at_work.remove(work)
        # a process may die, and leave the first of its parts, or all of them
        left = len(work.parts) if data.draw(st.booleans()) else data.draw(st.integers(0, len(work.parts)))
        made[id_] |= set(work.parts[:left])
        is_surveyed = making.parts is not None or data.draw(st.booleans())
        making.found(
            size if is_surveyed else None, [n for n in range(size) if n not in made[id_]] if is_surveyed else []
        )
        making.done = is_surveyed and len(made[id_]) == size
    else:
        return  # it died all the time
    assert all(each.done for each in makings.values())


class Played:
    """A worker that does its work when it is told to, here, and may fail instead."""

    def __init__(self, folder: Path, work: Work) -> None:
        self.folder = folder
        self.work = work
        self.has_ended = False
        self.why: str | None = None

    def failure(self) -> str | None:
        return self.why

    def end(self) -> None:
        self.has_ended = True

    def run(self) -> None:
        job = Job(folder=self.folder, plan=read_plan(self.folder), inputs=read_inputs(self.folder))
        if self.work.parts:
            at_first = machine_at(job, read_survey(self.folder), self.work.first << job.plan.segment)
            trace(job, at_first, self.work.first, self.work.last)
        else:
            survey(job, read_state(self.folder, 0, job.plan.start))
        self.has_ended = True

    def fail(self, why: str) -> None:
        self.why, self.has_ended = why, True


def played(folder: Path, lineage: Lineage, told: Told) -> tuple[DiskTraces, list[Played]]:
    started: list[Played] = []

    def start(where: Path, work: Work) -> Played:
        started.append(Played(where, work))
        return started[-1]

    def report(name: str, facts: dict[str, object]) -> None:
        told.append((name, facts))

    return DiskTraces(folder, lineage.source, report, Bounds(cores=2, **SMALL), start), started


def at_work(started: list[Played]) -> list[Played]:
    return [each for each in started if not each.has_ended]


def steps_told(told: Told) -> list[int]:
    return [facts["steps"] for name, facts in told if name == "tracing" and "steps" in facts]


def test_a_party_goes_on_with_what_workers_have_found_and_tells_how_far_it_is(tmp_path: Path) -> None:
    lineage, told = Lineage(), Told()
    traces, started = played(tmp_path, lineage, told)
    child = lineage.child()
    assert traces.trace(child) is None
    assert [each.work for each in started] == [SURVEYING]
    assert traces.trace(child) is None, "asking again starts nothing"
    assert len(started) == 1
    started[0].run()
    assert traces.trace(child) is None
    assert traces.under_way == 2
    while (found := traces.trace(child)) is None:
        at_work(started)[-1].run()
    assert nodes(found) == nodes(lineage.history())
    numbers = [number for each in started for number in each.work.parts]
    assert numbers == sorted(set(numbers)), "each part once"
    steps = steps_told(told)
    assert steps == sorted(steps) and steps[-1] == len(found.states) - 1
    assert traces.under_way == 0


def test_after_a_failure_one_worker_is_left_and_after_a_few_the_party_makes_it_itself(tmp_path: Path) -> None:
    lineage, told = Lineage(), Told()
    traces, started = played(tmp_path, lineage, told)
    child = lineage.child()
    traces.trace(child)
    started[0].run()
    traces.trace(child)
    for failures in range(1, MOST_FAILURES):
        failing, *others = at_work(started)
        failing.fail("killed")
        for each in others:
            each.run()
        assert traces.trace(child) is None
        assert traces.under_way == 1, failures
    at_work(started)[0].fail("killed")
    found = traces.trace(child)
    assert found is not None and nodes(found) == nodes(lineage.history())
    assert [facts["reason"] for name, facts in told if name == "tracing_failed"] == ["killed"] * MOST_FAILURES


def test_workers_of_what_is_dropped_are_ended(tmp_path: Path) -> None:
    lineage = Lineage()
    end: list[Callable[[DiskTraces], None]] = [lambda traces: traces.keep(()), lambda traces: traces.close()]
    for number, drop in enumerate(end):
        traces, started = played(tmp_path / str(number), lineage, Told())
        traces.trace(lineage.child())
        drop(traces)
        assert traces.under_way == 0 and all(each.has_ended for each in started)
        assert bool([*(tmp_path / str(number)).glob("*/plan")]) == (number == 1), "what is on disk stays"


def test_work_that_could_not_be_started_is_given_out_again(tmp_path: Path) -> None:
    lineage, told = Lineage(), Told()
    traces, started = played(tmp_path, lineage, told)
    refused = [True]
    inner = traces._start

    def start(folder: Path, work: Work) -> Played:
        if refused.pop():
            raise OSError("no more processes")
        refused.append(False)
        worker = inner(folder, work)
        assert isinstance(worker, Played)
        return worker

    traces._start = start
    assert nodes(traces.trace(lineage.child()) or lineage.history(0)) == nodes(lineage.history()), "made in memory"
    assert ("tracing_failed", {"assertion": lineage.child().id, "reason": "no more processes"}) in told
    refused.append(False)
    assert traces.trace(lineage.child()) is None
    assert [each.work for each in started] == [SURVEYING]
