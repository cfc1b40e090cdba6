"""Traces on disk: the same nodes as in memory, by one process or several, and nothing damaged is believed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tallystick.dispute.disktraces import Bounds, DiskTraces
from tallystick.dispute.history import History, Trace
from tallystick.dispute.stored import StoredTrace
from tallystick.dispute.traces import MemoryTraces, Source
from tallystick.errors import StateError
from tallystick.machine import engine
from tallystick.rollup.assertion_view import Assertion, Status
from tallystick.state.state import State
from tallystick.testing.world import World
from tests.dispute.test_replay import events_of, inbox_of

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
            limit=limit,
            next_limit=limit + 1,
            proposer=b"",
            bonded=b"",
            block=1,
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

    return DiskTraces(folder, lineage.source, report, Bounds(**{"cores": 2, **SMALL, **more}))


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


def test_a_trace_made_by_several_processes_has_the_nodes_of_one_made_in_memory(
    lineage: Lineage, tmp_path: Path
) -> None:
    true = lineage.history()
    assert len(true.states) > 3 << SMALL["segment"], "there is something to divide"
    for cores in (0, 2):
        told: Told = []
        traces = disk(tmp_path / str(cores), lineage, told, cores=cores)
        if cores:
            assert traces.trace(lineage.child()) is None, "asking does not wait"
        found = waited(traces, lineage.child())
        assert nodes(found) == nodes(true)
        assert list(found.states) == true.states and found.last_state == true.last_state
        for index in (0, 1, 2, 3, 31, 32, 100, len(true.states) - 2, 2**HEIGHT - 1):
            assert found.prove(index) == true.prove(index)
            assert found.prefix(index) == true.prefix(index)
            assert found.base(0, index) == true.base(0, index)
        assert found.last_leaf_siblings() == true.last_leaf_siblings()
        assert ("tracing", {"assertion": lineage.child().id, "steps": len(true.states) - 1, "done": True}) in told
        traces.close()
