"""A trace whose nodes are on disk, and whose lowest levels are computed anew when they are asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar, overload

from tallystick.dispute.trace_tree import LeafProof, Trace, leaf, levels, padding
from tallystick.dispute.traces.tracefiles import Part, Survey, read_part
from tallystick.dispute.traces.tracework import Job, machine_at, states_from, trace
from tallystick.errors import StateError
from tallystick.proof.tracer import Tracer
from tallystick.state.state import State

MOST_PARTS: Final = 256
MOST_BOTTOMS: Final = 256
MOST_PROOFS: Final = 64
"""Of all traces together: some 4, 12 and 2 MiB."""

Made = TypeVar("Made")


class Lately(Generic[Made]):
    """What was made lately, at most so many of it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[tuple[str, int], Made] = OrderedDict()

    def get(self, key: tuple[str, int], make: Callable[[], Made]) -> Made:
        """Return what is held under a key, made now if it is not."""
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        made = make()
        self._held[key] = made
        if len(self._held) > self._most:
            self._held.popitem(last=False)
        return made

    def forget(self, key: tuple[str, int]) -> None:
        """Have it made again the next time."""
        self._held.pop(key, None)


@dataclass(frozen=True, slots=True)
class Memory:
    """What all stored traces hold of their files."""

    parts: Lately[Part] = field(default_factory=lambda: Lately[Part](MOST_PARTS))
    bottoms: Lately[Trace] = field(default_factory=lambda: Lately[Trace](MOST_BOTTOMS))
    proofs: Lately[LeafProof] = field(default_factory=lambda: Lately[LeafProof](MOST_PROOFS))


class StoredTrace(Trace):
    """A trace read from its folder, where every part of it is.

    A part that turns out to be damaged later is made again at once, in this process; `first` gives the first state
    again should none that is kept be readable.

    Raises: StateError when a part is missing, damaged, or does not begin where the one before it ends.
    """

    def __init__(self, job: Job, survey: Survey, memory: Memory, first: Callable[[], State]) -> None:
        self.job = job
        self.survey = survey
        self._memory = memory
        self._first = first
        self._parts = survey.parts(job.plan)
        self._padding = padding(leaf(job.plan.end), job.plan.height)
        self._top = levels(self._roots(), self._padding[job.plan.segment :])
        super().__init__(_States(self), job.plan.height, self._node)

    def _roots(self) -> list[bytes]:
        plan, before = self.job.plan, self.job.plan.start
        found: list[bytes] = []
        for number in range(self._parts):
            part = read_part(self.job.folder, plan, number)
            if part.first != before:
                raise StateError("the parts of a trace do not meet", folder=str(self.job.folder), part=number)
            before = part.last
            found.append(part.root)
        if before != plan.end:
            raise StateError("the trace does not end in its assertion's state", folder=str(self.job.folder))
        return found

    def state(self, step: int) -> bytes:
        """Return the state hash after so many steps."""
        plan = self.job.plan
        if step == 0:
            return plan.start
        if step >= self.survey.steps:
            return plan.end
        number, at = divmod(step - 1, 1 << plan.bottom)
        return self._bottom(number).states[at + 1]

    def prove(self, index: int) -> LeafProof:
        """Return the proof of one leaf, by running up to its step from the nearest state that is kept."""
        return self._memory.proofs.get((self.job.plan.key, index), lambda: self._prove(index))

    def _prove(self, index: int) -> LeafProof:
        step = Tracer(machine_at(self.job, self.survey, index, self._first)).prove()
        prefix = self.prefix(index)
        return LeafProof(pre=step.pre_hash, base_prev=prefix.base_prev, siblings=prefix.siblings, step=step)

    def _node(self, height: int, index: int) -> bytes:
        plan = self.job.plan
        if height >= plan.segment:
            row = self._top[height - plan.segment]
            return row[index] if index < len(row) else self._padding[height]
        number = index >> (plan.segment - height)
        if number >= self._parts:
            return self._padding[height]
        if height >= plan.bottom:
            return self._part(number).node(plan, height, index - (number << (plan.segment - height)))
        number = index >> (plan.bottom - height)
        return self._bottom(number).span(height, index - (number << (plan.bottom - height)))

    def _part(self, number: int) -> Part:
        return self._memory.parts.get((self.job.plan.key, number), lambda: self._read(number))

    def _read(self, number: int) -> Part:
        try:
            return read_part(self.job.folder, self.job.plan, number)
        except StateError:
            machine = machine_at(self.job, self.survey, number << self.job.plan.segment, self._first)
            trace(self.job, machine, number, number + 1)
            return read_part(self.job.folder, self.job.plan, number)

    def _bottom(self, number: int) -> Trace:
        return self._memory.bottoms.get((self.job.plan.key, number), lambda: self._trace_again(number))

    def _trace_again(self, number: int) -> Trace:
        """Trace the steps under one of the lowest nodes that are kept."""
        plan = self.job.plan
        machine = machine_at(self.job, self.survey, number << plan.bottom, self._first)
        found = Trace(states_from(Tracer(machine), 1 << plan.bottom), plan.bottom)
        if found.span(plan.bottom, 0) != self._node(plan.bottom, number):
            raise StateError("a part of the trace holds other nodes", folder=str(self.job.folder), node=number)
        return found


class _States(Sequence[bytes]):
    """The state hashes of a stored trace, each computed when it is asked for."""

    def __init__(self, trace_: StoredTrace) -> None:
        self._trace = trace_

    def __len__(self) -> int:
        return self._trace.survey.steps + 1

    @overload
    def __getitem__(self, at: int) -> bytes: ...

    @overload
    def __getitem__(self, at: slice) -> list[bytes]: ...

    def __getitem__(self, at: int | slice) -> bytes | list[bytes]:
        if isinstance(at, slice):
            return [self._trace.state(step) for step in range(len(self))[at]]
        return self._trace.state(range(len(self))[at])
