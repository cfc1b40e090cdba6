"""Traces on disk: the same nodes as in memory, by one process or several, and nothing damaged is believed."""

from __future__ import annotations

import gc
import itertools
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tallystick.dispute.trace_tree import History, Trace
from tallystick.dispute.traces.disktraces import DiskTraces
from tallystick.dispute.traces.schedule import Bounds
from tallystick.dispute.traces.stored_trace import StoredTrace
from tallystick.dispute.traces.traceprocess import Process
from tallystick.dispute.traces.traces import MemoryTraces, Source
from tallystick.errors import StateError
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.rollup.views.assertion_view import Assertion, Status
from tallystick.state.ordinals import BatchNumber, BlockNumber
from tallystick.state.quantities import Units
from tallystick.state.state import State
from tallystick.testing.world import World
from tests.dispute.test_replay import events_of, inbox_of
from tests.meta.tree import ROOT

HEIGHT = 9
SMALL = {"small_steps": 0, "segment": 4, "bottom": 2}
Told = list[tuple[str, dict[str, Any]]]


class Lineage:
    """A true chain of assertions over a world's batches, a batch each."""

    def __init__(self, batches: int = 3, orders: int = 30) -> None:
        world = World()
        world.clock()
        world.list_market(0)
        world.report(0, 618_000)
        self.states: dict[bytes, State] = {}
        self.assertions: dict[bytes, Assertion] = {}
        self.order = [self._add(world.fresh().state, 0)]
        world.seal()
        self.order.append(self._add(world.state.copy(), 1))
        for batch in range(1, batches):
            world.deposit("alice", 1, 10**12)
            for number in range(orders):
                world.order(1, 0, number % 2, 617_000 + number, 1, client_id=batch * orders + number + 1)
            world.seal()
            self.order.append(self._add(world.state.copy(), batch + 1))
        self.inbox = inbox_of(events_of(world))
        self.asked: list[bytes] = []

    def _add(self, state: State, limit: int) -> bytes:
        id_ = bytes([limit + 1]) * 32
        self.states[id_] = state
        self.assertions[id_] = Assertion(
            id=id_,
            parent=bytes([limit]) * 32,
            state_hash=state.hash(),
            state_root=b"",
            registers=state.registers.pack() if limit else b"",
            limit=BatchNumber(limit),
            next_limit=BatchNumber(limit + 1),
            proposer=b"",
            bonded=b"",
            block=BlockNumber(1),
            status=Status.PENDING,
        )
        return id_

    def state(self, id_: bytes) -> State:
        self.asked.append(id_)
        return self.states[id_]

    @property
    def source(self) -> Source:
        return Source(assertion=self.assertions.__getitem__, state=self.state, inputs=self.inbox.limited, height=HEIGHT)

    def child(self, number: int = 2) -> Assertion:
        return self.assertions[self.order[number]]

    def history(self, number: int = 2) -> History:
        child = self.child(number)
        return History(self.states[child.parent], self.inbox.limited(child.limit), height=HEIGHT)


@pytest.fixture(scope="module")
def lineage() -> Lineage:
    return Lineage()


def disk(folder: Path, lineage: Lineage, told: Told | None = None, **more: Any) -> DiskTraces:
    def report(name: str, facts: dict[str, Any]) -> None:
        if told is not None:
            told.append((name, facts))

    return DiskTraces(folder, lineage.source, report, Bounds(**{"cores": 2, **SMALL, **more}), Process)


def waited(traces: DiskTraces, assertion: Assertion, seconds: float = 60) -> StoredTrace:
    """Ask until it is there, as a party does in each of its ticks."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = traces.trace(assertion)
        if found is not None:
            assert isinstance(found, StoredTrace)
            return found
        time.sleep(0.02)
    raise AssertionError("the trace was not made in time")


def nodes(trace: Trace) -> list[bytes]:
    return [trace.span(height, index) for height in range(HEIGHT + 1) for index in range(1 << (HEIGHT - height))]


def test_a_trace_of_few_steps_is_there_at_once(lineage: Lineage, tmp_path: Path) -> None:
    traces = disk(tmp_path, lineage, small_steps=1 << HEIGHT)
    found = traces.trace(lineage.child())
    assert found is not None and nodes(found) == nodes(lineage.history())


def test_a_trace_that_is_longer_than_its_tree_ends_with_the_tree(lineage: Lineage, tmp_path: Path) -> None:
    """An assertion of as many steps as there can be: its machine has not halted."""
    child, height = lineage.child(), 5
    machine = Machine(lineage.states[child.parent].copy(), lineage.inbox.limited(child.limit))
    engine.run(machine, 1 << height)
    cut = replace(child, id=b"cut", state_hash=machine.state.hash())
    source = replace(lineage.source, height=height)
    bounds = Bounds(cores=0, **SMALL)
    found = DiskTraces(tmp_path, source, lambda name, facts: None, bounds, Process).trace(cut)
    true = History(lineage.states[child.parent], lineage.inbox.limited(child.limit), height=height)
    assert found is not None and found.last_state == cut.state_hash
    assert [found.span(h, i) for h in range(6) for i in range(1 << (5 - h))] == [
        true.span(h, i) for h in range(6) for i in range(1 << (5 - h))
    ]


def test_a_restarted_party_reads_its_trace_and_asks_for_no_state(lineage: Lineage, tmp_path: Path) -> None:
    waited(disk(tmp_path, lineage, cores=0), lineage.child())
    lineage.asked.clear()
    found = disk(tmp_path, lineage).trace(lineage.child())
    assert found is not None, "it was there"
    assert nodes(found) == nodes(lineage.history())
    assert found.prove(70) == lineage.history().prove(70)
    assert lineage.asked == []


@pytest.mark.parametrize("what", ["part", "state", "survey", "plan", "inputs"])
@pytest.mark.parametrize("how", ["changed", "cut", "gone"])
def test_a_damaged_file_is_found_out_and_made_again(lineage: Lineage, tmp_path: Path, what: str, how: str) -> None:
    waited(disk(tmp_path, lineage, cores=0), lineage.child())
    (folder,) = tmp_path.iterdir()
    names = {"part": "000002.part", "state": "000000.state"}
    path = folder / names.get(what, what)
    if path.exists():
        data = path.read_bytes()
        path.write_bytes(data[:40] + bytes([data[40] ^ 1]) + data[41:] if how == "changed" else data[:-1])
        if how == "gone":
            path.unlink()
    found = waited(disk(tmp_path, lineage, cores=0), lineage.child())
    assert nodes(found) == nodes(lineage.history())
    assert found.prove(33) == lineage.history().prove(33)


def test_a_part_that_is_damaged_while_the_party_runs_is_made_again(lineage: Lineage, tmp_path: Path) -> None:
    found = waited(disk(tmp_path, lineage, cores=0), lineage.child())
    for path in found.job.folder.glob("*"):
        path.unlink()
    assert nodes(found) == nodes(lineage.history())
    assert found.prove(40) == lineage.history().prove(40)


def test_parts_of_other_inputs_another_start_or_another_height_are_not_taken(lineage: Lineage, tmp_path: Path) -> None:
    first = waited(disk(tmp_path, lineage, cores=0), lineage.child())
    for source in (replace(lineage.source, height=HEIGHT + 1), Lineage(orders=31).source):
        other = DiskTraces(tmp_path, source, lambda name, facts: None, Bounds(cores=0, **SMALL), Process)
        made = other.trace(source.assertion(lineage.child().id))
        assert isinstance(made, StoredTrace) and made.job.folder != first.job.folder


def test_only_what_is_kept_stays_on_disk(lineage: Lineage, tmp_path: Path) -> None:
    traces = disk(tmp_path, lineage, cores=0)
    for number in (2, 3):
        waited(traces, lineage.child(number))
    again = disk(tmp_path, lineage, cores=0)
    kept = waited(again, lineage.child(3))
    again.keep({lineage.child(3).id})
    assert [*tmp_path.iterdir()] == [kept.job.folder]
    again.keep(())
    assert [*tmp_path.iterdir()] == []


def test_what_keeps_failing_in_processes_is_made_in_this_one(lineage: Lineage, tmp_path: Path) -> None:
    told: Told = []
    traces = disk(tmp_path, lineage, told)
    try:
        traces.trace(lineage.child())
        (folder,) = tmp_path.iterdir()
        (folder / "inputs").write_bytes(b"nothing")
        found = waited(traces, lineage.child())
    finally:
        traces.close()
    assert nodes(found) == nodes(lineage.history())
    failed = [facts for name, facts in told if name == "tracing_failed"]
    assert failed and "damaged" in failed[0]["reason"]


KILLED = """
import sys, time
from pathlib import Path
from tests.dispute.test_traces import Lineage, disk
lineage = Lineage(orders=75)
traces = disk(Path(sys.argv[1]), lineage, segment=3)
while traces.trace(lineage.child()) is None:
    print("", flush=True)
    time.sleep(0.01)
print("done", flush=True)
"""


def test_a_party_killed_while_tracing_goes_on_from_what_is_on_disk(tmp_path: Path) -> None:
    """SIGKILL: nothing is told to the processes at work, which end by themselves, and what they found counts."""
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        until = time.monotonic() + 100
        while not [*tmp_path.glob("*/*.part")]:
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.005)
    finally:
        process.kill()
        process.communicate()
    made = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*/*.part")}
    lineage = Lineage(orders=75)
    traces = disk(tmp_path, lineage, segment=3)
    try:
        found = waited(traces, lineage.child())
    finally:
        traces.close()
    assert nodes(found) == nodes(lineage.history())
    kept = [name for name, time_ in made.items() if (found.job.folder / name).stat().st_mtime_ns == time_]
    assert kept, "what was there was not made again"


def test_p08_the_memory_of_a_party_does_not_grow_with_the_generations_it_traces(tmp_path: Path) -> None:
    """P08: in memory each contested generation costs 300 bytes a step; on disk the party holds what it looks at."""
    lineage = Lineage(batches=8, orders=60)
    grown: dict[str, list[int]] = {}
    for name in ("disk", "memory"):
        bounds = Bounds(cores=0, segment=6, bottom=4)
        report = lambda name, facts: None  # noqa: E731
        traces = (
            DiskTraces(tmp_path, lineage.source, report, bounds, Process)
            if name == "disk"
            else MemoryTraces(lineage.source, report)
        )
        held: list[int] = []
        tracemalloc.start()
        try:
            for number in range(2, 9):
                found = traces.trace(lineage.child(number))
                assert found is not None and found.span(HEIGHT, 0)
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
        grown[name] = [after - before for before, after in itertools.pairwise(held[2:])]
    steps = len(lineage.history(5).states)
    assert min(grown["memory"]) > 100 * steps
    assert sum(grown["disk"]) / len(grown["disk"]) < 9_000, (
        "whatever the steps: some nodes at the top, and where the rest is"
    )


def test_a_liars_step_makes_its_trace_in_memory(lineage: Lineage) -> None:
    def lie(machine: Machine) -> None:
        engine.step(machine)
        machine.state.registers.fees_units = Units(machine.state.registers.fees_units + 1)

    told: Told = []
    traces = MemoryTraces(lineage.source, lambda name, facts: told.append((name, facts)), lie)
    found = traces.trace(lineage.child())
    assert found is not None and found.last_state != lineage.history().last_state
    assert traces.trace(lineage.child()) is found
    assert [name for name, _ in told] == ["tracing"]
    traces.keep(())
    assert traces.trace(lineage.child()) is not found
    traces.close()


def test_a_state_that_is_not_the_assertions_is_no_trace_of_it(lineage: Lineage, tmp_path: Path) -> None:
    wrong = replace(lineage.child(), state_hash=bytes(32))
    with pytest.raises(StateError, match="does not end"):
        disk(tmp_path, lineage, cores=0).trace(wrong)


def test_a_disk_that_takes_no_more_is_told_and_costs_no_dispute(lineage: Lineage, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    told: Told = []
    traces = disk(tmp_path / "file" / "traces", lineage, told)
    found = traces.trace(lineage.child())
    assert found is not None and nodes(found) == nodes(lineage.history())
    assert [name for name, _ in told if name == "tracing_failed"]
    traces.keep(())
    traces.close()
