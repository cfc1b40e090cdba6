"""A machine that only counts, and the trees over its traces: enough to be right or wrong about."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from tallystick.dispute.trace_tree import Prefix
from tallystick.errors import BadInput
from tallystick.schema.names import Phase
from tallystick.state.layout import Registers
from tallystick.state.ordinals import BatchNumber
from tallystick.state.state import state_hash
from tallystick.testing.protocol.challenge_rules import REMEMBERED, Edge, leaf, node

COUNT_BYTES: Final = 8


class State(NamedTuple):
    """Steps so far, and what tells a lie from the truth: 0 for the truth. `cursor` is the next batch."""

    salt: int
    steps: int
    phase: int
    cursor: int

    @property
    def root(self) -> bytes:
        """The state root."""
        return self.salt.to_bytes(32 - COUNT_BYTES, "big") + self.steps.to_bytes(COUNT_BYTES, "big")

    @property
    def registers(self) -> bytes:
        """The registers, packed."""
        return _registers(self.phase, self.cursor)


@lru_cache(REMEMBERED)
def hash_of(state: State) -> bytes:
    """Return a state's hash, as the Rollup computes it."""
    return state_hash(state.root, state.registers)


@lru_cache(REMEMBERED)
def _registers(phase: int, cursor: int) -> bytes:
    registers = Registers()
    registers.phase, registers.batch_cursor = phase, BatchNumber(cursor)
    return registers.pack()


class Machine:
    """Runs batches that are so many steps each; `work` adds them up. Twin: CountingReferee in Model.sol."""

    def __init__(self, steps: Sequence[int]) -> None:
        self.work = [0]
        for each in steps:
            self.work.append(self.work[-1] + each)
        self.states: dict[bytes, State] = {}
        self._next: dict[tuple[bytes, int], bytes] = {}
        self.genesis = self.name(State(0, 0, Phase.OPEN_BATCH, 0))

    def name(self, state: State) -> bytes:
        """Return a state's hash, and remember what it is of."""
        name = hash_of(state)
        self.states[name] = state
        return name

    def halted(self, name: bytes, limit: int) -> bool:
        """Whether a state has nothing left to read below a limit."""
        state = self.states[name]
        return state.phase == Phase.OPEN_BATCH and state.cursor >= limit

    def step(self, name: bytes, limit: int) -> bytes:
        """Run one step.

        Raises: BadInput when nobody knows the state.
        """
        key = name, limit
        after = self._next.get(key)
        if after is None:
            if name not in self.states:
                raise BadInput("no witness")
            after = self._next[key] = name if self.halted(name, limit) else self.name(self._after(self.states[name]))
        return after

    def trace(self, name: bytes, limit: int, steps: int) -> list[bytes]:
        """Return a state and its successors."""
        names = [name]
        for _ in range(steps):
            names.append(self.step(names[-1], limit))
        return names

    def left(self, name: bytes, batches: int) -> int:
        """Return the steps there are behind a true state, with so many batches."""
        return self.work[batches] - self.states[name].steps

    def _after(self, state: State) -> State:
        count = state.steps + 1
        cursor = 0
        while cursor + 1 < len(self.work) and self.work[cursor + 1] <= count:
            cursor += 1
        phase = Phase.OPEN_BATCH if self.work[cursor] == count else Phase.FETCH_RECORD
        return State(state.salt, count, phase, cursor)


class Tree:
    """The tree over a trace. `states` are its hashes, the first one before any step; `levels` go from the leaves up to
    `span`. `root` is the edge that the whole tree is, `end` the last state.

    With `broken_base` right children keep their parent's base, as they do where the rule against that is dropped.
    `garbage` stands for the left half: nobody can open it.
    """

    __slots__ = ("broken_base", "edges", "end", "height", "levels", "root", "span", "states")

    def __init__(self, states: Sequence[bytes], *, broken_base: bool = False, garbage: bytes = b"") -> None:
        self.states = states
        self.broken_base = broken_base
        level = [leaf(state) for state in states[1:]]
        self.levels = [level]
        while len(level) > 1:
            level = [node(level[i], level[i + 1]) for i in range(0, len(level), 2)]
            self.levels.append(level)
        if garbage:
            self.levels[-2][0] = garbage
            self.levels[-1][0] = node(garbage, self.levels[-2][1])
        self.end = states[-1]
        self.height = len(self.levels) - 1
        self.span = self.levels[-1][0]
        self.root = Edge(self.height, 0, leaf(states[0]), self.span)
        self.edges: dict[Edge, tuple[bytes, bytes] | None] = {}
        self._add_edges(self.root)

    def siblings(self) -> tuple[bytes, ...]:
        """Return the left siblings of the last leaf, from the leaf up."""
        return tuple(level[-2] for level in self.levels[:-1])

    def prefix(self, index: int) -> Prefix:
        """Return what proves the state before a leaf."""
        if index == 0:
            return Prefix(pre=self.states[0], base_prev=bytes(32), siblings=())
        zeros = (index & -index).bit_length() - 1
        siblings = tuple(self.levels[height][((index - 1) >> height) - 1] for height in range(zeros))
        return Prefix(pre=self.states[index], base_prev=self._base(zeros, (index >> zeros) - 1), siblings=siblings)

    def _base(self, height: int, index: int) -> bytes:
        base = leaf(self.states[0])
        for above in range(self.height - 1, height - 1, -1):
            ancestor = index >> (above - height)
            if ancestor & 1:
                base = node(base, self.levels[above][ancestor - 1])
        return base

    def _add_edges(self, edge: Edge) -> None:
        height, index, base, span = edge
        if height == 0:
            self.edges[edge] = None
            return
        below = self.levels[height - 1]
        left, right = below[2 * index], below[2 * index + 1]
        if node(left, right) != span:
            return
        self.edges[edge] = left, right
        self._add_edges(Edge(height - 1, 2 * index, base, left))
        right_base = base if self.broken_base else node(base, left)
        self._add_edges(Edge(height - 1, 2 * index + 1, right_base, right))
