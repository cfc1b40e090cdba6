"""Runs the machine's own steps, watching every cell, for the state hash after each and the witness of any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tallystick.blobs.kzg import prove_chunk
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.state.codes import Phase
from tallystick.state.layout import CELL_BYTES, CELL_NAMES, INDEX_BITS, SOURCE_BLOBS
from tallystick.state.state import State, cell_key, state_hash
from tallystick.state.table import Watcher

INPUT_LENGTH_BYTES: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One cell a step opened, with its packed value before and after (empty bytes for zeros)."""

    tag: int
    index: int
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProof:
    """What the Referee needs to run one step, and what it must find.

    Shape: `witness` = packed registers, tree root, length of the input (2 bytes), input, then for each cell in the
    order of its first opening its full packed value and its proof. A cell's proof is against the root after the
    changes of the cells before it, so that the same proof serves to check the old value and to put in the new one.
    """

    phase: int
    pre_hash: bytes
    post_hash: bytes
    outcome: int
    accesses: tuple[Access, ...]
    witness: bytes


class _Accesses(Watcher):
    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.before: dict[tuple[int, int], bytes] = {}

    def opened(self, tag: int, index: int) -> None:
        if (tag, index) not in self.before:
            self.before[tag, index] = self.machine.state.table(tag).pack(index)


class Tracer:
    """Steps a machine for the root after each step, or with every cell watched for its proof.

    `step` replaces the machine's own step for tests and demos that need a liar's trace.
    """

    def __init__(self, machine: Machine, step: Callable[[Machine], None] = engine.step) -> None:
        self.machine = machine
        self.root = machine.state.commit()
        self._step = step
        self._accesses = _Accesses(machine)

    @property
    def state_hash(self) -> bytes:
        """The state hash now."""
        return state_hash(self.root, self.machine.state.registers.pack())

    def advance(self) -> bytes:
        """Run one step and return the state hash after it."""
        self._step(self.machine)
        self.root = self.machine.state.commit()
        return self.state_hash

    def prove(self) -> StepProof:
        """Run one step and return its proof."""
        state = self.machine.state
        phase = state.registers.phase
        registers = state.registers.pack()
        root = self.root
        opening = self._opening()
        accesses = self._run()
        source = opening or self.machine.step_input
        parts = [registers, root, len(source).to_bytes(INPUT_LENGTH_BYTES, "big"), source]
        for each in accesses:
            key = cell_key(each.tag, each.index)
            parts += [each.before or bytes(CELL_BYTES[each.tag]), state.tree.proof(key)]
            if each.before != each.after:
                state.tree.update({key: each.after})
        return StepProof(
            phase=phase,
            pre_hash=state_hash(root, registers),
            post_hash=self._finish(),
            outcome=state.registers.outcome,
            accesses=tuple(accesses),
            witness=b"".join(parts),
        )

    def _opening(self) -> bytes:
        """Return what proves the chunk in a blob that the next step opens, nothing when it opens none."""
        registers, inputs = self.machine.state.registers, self.machine.inputs
        is_blobs = registers.phase == Phase.OPEN_CHUNK and registers.batch_source == SOURCE_BLOBS
        if not is_blobs or registers.chunk_cursor == registers.chunk_count or engine.halted(self.machine):
            return b""
        return prove_chunk(inputs.blobs_of(registers.batch_cursor), int(registers.chunk_cursor))

    def _run(self) -> list[Access]:
        seen = self._accesses.before
        seen.clear()
        state = self.machine.state
        state.watch(self._accesses)
        try:
            self._step(self.machine)
        finally:
            state.watch(None)
        accesses = [
            Access(tag=tag, index=index, before=before, after=state.table(tag).pack(index))
            for (tag, index), before in seen.items()
        ]
        _expect_marks(state, accesses)
        return accesses

    def _finish(self) -> bytes:
        state = self.machine.state
        for table in state.tables:
            table.settle()
        self.root = state.tree.root
        return self.state_hash


def _expect_marks(state: State, accesses: list[Access]) -> None:
    """Raises: AssertionError when a step wrote a cell and did not mark it: the next root would hold the old value."""
    marked = {(table.tag, index) for table in state.tables for index in table.dirty()}
    for each in accesses:
        written = each.before != each.after
        name = f"{CELL_NAMES[each.tag]} {each.index}"
        assert not written or (each.tag, each.index) in marked, f"{name} was written and not marked"


def key_name(key: int, names: tuple[str, ...]) -> str:
    """Return a cell key for people, as `Account 7`."""
    return f"{names[key >> INDEX_BITS]} {key & ((1 << INDEX_BITS) - 1)}"
