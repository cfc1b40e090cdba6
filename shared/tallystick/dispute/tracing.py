"""Traces made at once and kept in memory: for small machines, and for tests."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any, Protocol

from tallystick.dispute.history import History
from tallystick.errors import StateError
from tallystick.rollup.assertion_view import Assertion, RollupView
from tallystick.rollup.inbox_view import InboxView
from tallystick.rollup.replay import Replayer
from tallystick.state.state import State


class Source(Protocol):
    """What traces are made from."""

    @property
    def inbox(self) -> InboxView:
        """The machine's inputs."""
        ...

    @property
    def rollup(self) -> RollupView:
        """All assertions."""
        ...

    @property
    def replayer(self) -> Replayer | None:
        """The states."""
        ...


class MemoryTraces:
    """Keeps every trace that was asked for until it is dropped, and makes each on first use."""

    def __init__(self, source: Source, report: Callable[[str, dict[str, Any]], None]) -> None:
        self._source = source
        self._report = report
        self._made: dict[bytes, History] = {}

    def trace(self, assertion: Assertion) -> History:
        """Return the trace of a true assertion."""
        if assertion.id not in self._made:
            self._report("tracing", {"assertion": assertion.id})
            self._made[assertion.id] = History(
                self._start(assertion),
                self._source.inbox.limited(assertion.limit),
                step=self._replayer.step,
                progress=lambda steps: self._report("tracing", {"assertion": assertion.id, "steps": steps}),
            )
        return self._made[assertion.id]

    def keep(self, ids: Container[bytes]) -> None:
        """Drop all but the traces of these assertions."""
        self._made = {id_: history for id_, history in self._made.items() if id_ in ids}

    @property
    def _replayer(self) -> Replayer:
        assert self._source.replayer is not None
        return self._source.replayer

    def _start(self, assertion: Assertion) -> State:
        """Return the state a trace begins in; one that was dropped, as the dispute is old, is replayed from genesis."""
        try:
            return self._replayer.state(assertion.parent)
        except StateError:
            rollup = self._source.rollup
            path = [rollup.assertions[assertion.parent]]
            while path[-1].id != rollup.genesis_id:
                path.append(rollup.assertions[path[-1].parent])
            replayer = Replayer(rollup.genesis_data, rollup.genesis_id, self._source.inbox, self._replayer.step)
            for before in path[:0:-1]:
                replayer.expected(before)
            return replayer.state(assertion.parent)
