"""Traces that several processes make: the same nodes as in memory, in the order that is asked for, within bounds."""

from __future__ import annotations

import time
from pathlib import Path

from tests.dispute.test_traces import HEIGHT, SMALL, Lineage, Told, disk, lineage, nodes, waited

__all__ = ["lineage"]


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


def test_what_is_asked_for_first_is_made_first_and_memory_bounds_how_many_work_at_once(
    lineage: Lineage, tmp_path: Path
) -> None:
    traces = disk(tmp_path, lineage, memory_bytes=1, cores=2)
    try:
        assert traces.trace(lineage.child(2)) is None
        assert traces.trace(lineage.child(3)) is None
        assert traces.under_way == 1, "one there may always be"
        traces.keep({lineage.child(2).id, lineage.child(3).id})
        traces.trace(lineage.child(3))
        traces.trace(lineage.child(2))
        until = time.monotonic() + 60
        while traces.trace(lineage.child(3)) is None:
            assert traces.trace(lineage.child(2)) is None, "the nearer need goes first"
            assert traces.under_way <= 1
            assert time.monotonic() < until
            traces.keep({lineage.child(2).id, lineage.child(3).id})
            time.sleep(0.05)
    finally:
        traces.close()
