"""Where a party has its own traces from: made at once in memory here, on disk by all cores in `disktraces`."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any, Protocol

from tallystick.dispute.trace_tree import History, Step, Trace
from tallystick.errors import StateError
from tallystick.machine import engine
from tallystick.machine.machine import Inputs
from tallystick.rollup.replay import Replayer
from tallystick.rollup.views.assertion_view import Assertion, RollupView
from tallystick.rollup.views.inbox_view import InboxView
from tallystick.state.ordinals import BatchNumber
from tallystick.state.state import State

Report = Callable[[str, dict[str, Any]], None]


class Traces(Protocol):
    """Where a party has its own traces from."""

    def trace(self, assertion: Assertion) -> Trace | None:
        """Return the own trace of a true assertion; None while it is being made. Asking starts that."""
        ...

    def keep(self, ids: Container[bytes]) -> None:
        """Drop the traces of all other assertions."""
        ...

    def close(self) -> None:
        """End what is being made; what is on disk stays."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where traces begin: assertions by id, the state of a true one, and what L1 holds below a limit of batches; `height`
    is the deployment's.
    """

    assertion: Callable[[bytes], Assertion]
    state: Callable[[bytes], State]
    inputs: Callable[[BatchNumber], Inputs]
    height: int


class Known(Protocol):
    """What a party knows, as far as its traces begin there."""

    @property
    def inbox(self) -> InboxView:
        """L1's inputs."""
        ...

    @property
    def rollup(self) -> RollupView:
        """All assertions."""
        ...

    @property
    def replayer(self) -> Replayer | None:
        """The states."""
        ...


def source_of(known: Known, height: int) -> Source:
    """Return where the traces of a party begin. A state below everything at hand, as the dispute is old, is replayed."""
    return Source(
        assertion=lambda id_: known.rollup.assertions[id_],
        state=lambda id_: _state(known, id_, height),
        inputs=known.inbox.limited,
        height=height,
    )


def _state(known: Known, assertion: bytes, height: int) -> State:
    """Return the state of a true assertion, replayed from genesis when it was dropped.

    Raises: StateError when it is not known to be true.
    """
    own, rollup = known.replayer, known.rollup
    if own is None or not own.knows(assertion):
        raise StateError("the assertion is not known to be true", assertion=assertion)
    try:
        return own.state(assertion)
    except StateError:
        path = [rollup.assertions[assertion]]
        while path[-1].id != rollup.genesis_id:
            path.append(rollup.assertions[path[-1].parent])
        again = Replayer(rollup.genesis_data, rollup.genesis_id, known.inbox, height=height, step=own.step)
        for before in path[:0:-1]:
            again.expected(before)
        return again.state(assertion)


class MemoryTraces:
    """Traces made at once in this process and held in memory; a liar has a `step` of its own."""

    def __init__(self, source: Source, report: Report, step: Step = engine.step) -> None:
        self._source = source
        self._report = report
        self._step = step
        self._held: dict[bytes, History] = {}

    def trace(self, assertion: Assertion) -> Trace | None:
        """Return the trace of an assertion, made on first use."""
        if assertion.id not in self._held:
            self._report("tracing", {"assertion": assertion.id})
            self._held[assertion.id] = History(
                self._source.state(assertion.parent),
                self._source.inputs(assertion.limit),
                height=self._source.height,
                step=self._step,
                progress=lambda steps: self._report("tracing", {"assertion": assertion.id, "steps": steps}),
            )
        return self._held[assertion.id]

    def keep(self, ids: Container[bytes]) -> None:
        """Drop the traces of all other assertions."""
        self._held = {id_: history for id_, history in self._held.items() if id_ in ids}

    def close(self) -> None:
        """Nothing is being made."""
