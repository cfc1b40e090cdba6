"""A player's own trace, committed as the complete binary tree over the states after each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.errors import StateError
from tallystick.machine import engine
from tallystick.machine.machine import Inputs, Machine
from tallystick.proof.tracer import StepProof, Tracer
from tallystick.state.hashing import keccak
from tallystick.state.state import State

PROGRESS_EVERY: Final = 4096
Step = Callable[[Machine], None]
Progress = Callable[[int], None]
Span = Callable[[int, int], bytes]


def leaf(state: bytes) -> bytes:
    """Return the leaf that commits to a state hash."""
    return keccak(b"\0" + state)


def node(left: bytes, right: bytes) -> bytes:
    """Return the node over two nodes."""
    return keccak(left + right)


def padding(node_: bytes, levels: int) -> list[bytes]:
    """Return a node and, for each level above it, the node over nothing but such nodes."""
    found = [node_]
    for _ in range(levels):
        found.append(node(found[-1], found[-1]))
    return found


def levels(lowest: list[bytes], right: list[bytes]) -> list[list[bytes]]:
    """Return every level over the nodes of the lowest one, up to a single root.

    Shape: right of the given nodes all is padding, `right[h]` at the h-th level above the lowest; it is left out.
    """
    found = [lowest]
    for pad in right[:-1]:
        level = found[-1]
        full = [*level, pad] if len(level) % 2 else level
        found.append([node(full[i], full[i + 1]) for i in range(0, len(full), 2)])
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """How the state before a leaf ends the prefix all rivals at that leaf agree on.

    Shape: the prefix is `base_prev` and the subtree whose last leaf is `pre`; `siblings` lead from there to its root.
    """

    pre: bytes
    base_prev: bytes
    siblings: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafProof(Prefix):
    """What `prove` takes beside the edge: the agreed prefix, and the step's witness."""

    step: StepProof


class Trace:
    """The states of a trace as a tree, padded with the last one. It can play, but has nothing to prove with.

    Shape: leaf number i commits to the state after i + 1 steps; there are 2^height leaves. `states[i]` is the state
    hash after i steps, as far as the machine really ran; `span` gives the nodes where they are kept elsewhere.
    """

    def __init__(self, states: Sequence[bytes], height: int, span: Span | None = None) -> None:
        self.states = states
        self.height = height
        self._span = span or _in_memory(states, height)

    @property
    def last_state(self) -> bytes:
        """The state hash after 2^height steps."""
        return self.states[-1]

    def span(self, height: int, index: int) -> bytes:
        """Return the node at a height and index."""
        return self._span(height, index)

    def base(self, height: int, index: int) -> bytes:
        """Return the hash of everything left of a node, the first state's leaf included."""
        base = leaf(self.states[0])
        for above in range(self.height - 1, height - 1, -1):
            ancestor = index >> (above - height)
            if ancestor & 1:
                base = node(base, self.span(above, ancestor - 1))
        return base

    def last_leaf_siblings(self) -> tuple[bytes, ...]:
        """Return the left siblings that prove the last leaf, from the leaf up."""
        last = (1 << self.height) - 1
        return tuple(self.span(h, (last >> h) - 1) for h in range(self.height))

    def prefix(self, index: int) -> Prefix:
        """Return the prefix of a leaf, from its last state up."""
        pre = self.states[min(index, len(self.states) - 1)]
        if index == 0:
            return Prefix(pre=pre, base_prev=bytes(32), siblings=())
        zeros = (index & -index).bit_length() - 1
        siblings = tuple(self.span(h, ((index - 1) >> h) - 1) for h in range(zeros))
        return Prefix(pre=pre, base_prev=self.base(zeros, (index >> zeros) - 1), siblings=siblings)

    def prove(self, index: int) -> LeafProof:
        """Raises: StateError, always: bare hashes prove nothing."""
        raise StateError("a bare trace has nothing to prove with", index=index)


def _in_memory(states: Sequence[bytes], height: int) -> Span:
    """Return the nodes of the whole tree over states."""
    right = padding(leaf(states[-1]), height)
    rows = levels([leaf(state) for state in states[1 : (1 << height) + 1]], right)

    def span(at: int, index: int) -> bytes:
        return rows[at][index] if index < len(rows[at]) else right[at]

    return span


class History(Trace):
    """The trace a machine runs from an assertion's parent state; a liar's `step` makes a liar's history."""

    def __init__(
        self,
        start: State,
        inputs: Inputs,
        *,
        height: int,
        step: Step = engine.step,
        progress: Progress = lambda steps: None,
    ) -> None:
        self._start = start.copy()
        self._inputs = inputs
        self._proofs: dict[int, LeafProof] = {}
        super().__init__(self._run(height, step, progress), height)

    def prove(self, index: int) -> LeafProof:
        """Return the proof of one leaf, by running the trace again up to its step, once."""
        if index not in self._proofs:
            self._proofs[index] = self._prove(index)
        return self._proofs[index]

    def _prove(self, index: int) -> LeafProof:
        machine = Machine(self._start.copy(), self._inputs)
        engine.run(machine, index)
        step = Tracer(machine).prove()
        prefix = self.prefix(index)
        return LeafProof(pre=step.pre_hash, base_prev=prefix.base_prev, siblings=prefix.siblings, step=step)

    def _run(self, height: int, step: Step, progress: Progress) -> list[bytes]:
        machine = Machine(self._start.copy(), self._inputs)
        tracer = Tracer(machine, step)
        states = [tracer.state_hash]
        while len(states) <= 1 << height and not engine.halted(machine):
            states.append(tracer.advance())
            if len(states) % PROGRESS_EVERY == 0:
                progress(len(states))
        return states
