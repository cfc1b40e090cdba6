"""Re-executing the published inputs: what each assertion should have said."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Final

from tallystick.errors import StateError
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.rollup.genesis import decode_genesis, genesis_state
from tallystick.rollup.snapshots.snapshot import decode, encode_state
from tallystick.rollup.views.assertion_view import Assertion, RollupView, Status, assertion_id
from tallystick.rollup.views.inbox_view import InboxView
from tallystick.rollup.views.shelf import Shelf
from tallystick.state.ordinals import BatchNumber, BlockNumber
from tallystick.state.state import State, state_hash

SLICE_STEPS: Final = 1 << 20
STATES: Final = 0
KEPT_STATES: Final = 2
"""In memory, of the pending assertions: each is a copy of everything, and a challenge period may see thousands. The
others are put by on disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The one true child of an assertion. `steps` were run; the rest up to 2^height is standing still."""

    id: bytes
    parent: bytes
    limit: BatchNumber
    state_root: bytes
    registers: bytes
    state_hash: bytes
    steps: int


def run_out(machine: Machine) -> None:
    """Run a machine until its inputs are used up, however many assertions that takes."""
    while not engine.halted(machine):
        engine.run(machine, SLICE_STEPS)


class Replayer:
    """Keeps the states of true assertions, from genesis on.

    `step` replaces the machine's own step for those who need to know what a liar would assert. `inherited` are the
    assertions known to be true from an earlier replay. An assertion covers 2^height steps at most.
    """

    def __init__(
        self,
        genesis_data: bytes,
        genesis_id: bytes,
        inbox: InboxView,
        *,
        height: int,
        step: Callable[[Machine], None] = engine.step,
    ) -> None:
        self.inbox = inbox
        self.most_steps = 1 << height
        self.step = step
        self.states: dict[bytes, State] = {genesis_id: genesis_state(decode_genesis(genesis_data))}
        self.inherited: frozenset[bytes] = frozenset()
        self._expected: dict[bytes, Expectation] = {}
        self._true = {genesis_id}
        self._shelf = Shelf()
        self._shelved: dict[bytes, int] = {}
        self._shelved_ever = 0

    @property
    def limit(self) -> BatchNumber:
        """Batches below this one are replayed."""
        return max((each.limit for each in self._expected.values()), default=BatchNumber(0))

    def resume(self, rollup: RollupView, assertion: bytes, state: State) -> None:
        """Go on from the state of a confirmed assertion that an earlier replay reached, instead of from genesis.

        What was expected on the way is what is confirmed; its steps are not counted again.
        """
        at = rollup.assertions[assertion]
        inherited: set[bytes] = set()
        while at.id != rollup.genesis_id:
            inherited.add(at.id)
            self._expected[at.parent] = Expectation(
                id=at.id,
                parent=at.parent,
                limit=at.limit,
                state_root=at.state_root,
                registers=at.registers,
                state_hash=at.state_hash,
                steps=0,
            )
            at = rollup.assertions[at.parent]
        self._true |= inherited
        self.inherited = frozenset(inherited)
        self.states = {assertion: state}
        self._unshelve(lambda id_: False)

    def knows(self, assertion: bytes) -> bool:
        """Whether an assertion is known to be true; its state may have been dropped since."""
        return assertion in self._true

    def expected(self, parent: Assertion) -> Expectation | None:
        """Return the true child of a true assertion, or None while its inputs are not on L1 yet.

        Raises: StateError when the parent's state is not known here; DataError when L1's data contradicts itself.
        """
        known = self._expected.get(parent.id)
        if known is not None:
            return known
        if not self.knows(parent.id):
            raise StateError("the parent is not known to be true", parent=parent.id)
        if self.inbox.batch_count < parent.next_limit:
            return None
        machine = Machine(self.state(parent.id).copy(), self.inbox.limited(parent.next_limit))
        steps = self._run(machine)
        root = machine.state.commit()
        registers = machine.state.registers.pack()
        hashed = state_hash(root, registers)
        expectation = Expectation(
            id=assertion_id(parent.id, hashed),
            parent=parent.id,
            limit=parent.next_limit,
            state_root=root,
            registers=registers,
            state_hash=hashed,
            steps=steps,
        )
        self._expected[parent.id] = expectation
        self.states[expectation.id] = machine.state
        self._true.add(expectation.id)
        return expectation

    def state(self, assertion: bytes) -> State:
        """Return the state of a true assertion: put by, or replayed from the nearest one at hand, when it was dropped.

        Raises: StateError when it is not known to be true, or below everything at hand.
        """
        behind = {each.id: each for each in self._expected.values()}
        missing: list[Expectation] = []
        at = assertion
        while at not in self.states:
            hashed = behind[at].state_hash if at in behind else b""
            if at in self._shelved and self._take_down(at, hashed):
                break
            if at not in behind:
                raise StateError("the assertion's state is not at hand", assertion=assertion)
            missing.append(behind[at])
            at = behind[at].parent
        if missing:
            machine = Machine(self.states[at].copy(), self.inbox.limited(BatchNumber(0)))
            for each in reversed(missing):
                machine.inputs = self.inbox.limited(each.limit)
                self._run(machine)
            machine.state.commit()
            self.states[assertion] = machine.state
        return self.states[assertion]

    def _run(self, machine: Machine) -> int:
        if self.step is engine.step:
            return engine.run(machine, self.most_steps)
        steps = 0
        while steps < self.most_steps and not engine.halted(machine):
            self.step(machine)
            steps += 1
        return steps

    def forget(self, rollup: RollupView) -> None:
        """Drop the states nobody will need: those below the latest confirmed assertion whose children are replayed.

        Every child of such a one is posted by now: L1 takes no more. Of the pending ones only the newest are kept in
        memory; `state` takes the others from disk when a dispute wants them.
        """
        if self.knows(rollup.latest_confirmed):
            self.state(rollup.latest_confirmed)
        for id_ in list(self.states):
            known = rollup.assertions.get(id_)
            if known is None or known.status is Status.PENDING or id_ == rollup.latest_confirmed:
                continue
            if known.status is Status.REJECTED or id_ in self._expected:
                del self.states[id_]
        spare = [id_ for id_ in self.states if id_ != rollup.latest_confirmed]
        for id_ in spare[:-KEPT_STATES]:
            self._put_by(id_)
        pending = {id_ for id_ in self._shelved if id_ not in rollup.assertions or _is_pending(rollup, id_)}
        self._unshelve(lambda id_: id_ in pending)

    def _put_by(self, id_: bytes) -> None:
        """Have a state on disk instead of in memory."""
        state = self.states.pop(id_)
        if id_ not in self._shelved:
            self._shelved[id_] = self._shelved_ever
            self._shelf.put(STATES, self._shelved_ever, BlockNumber(0), encode_state(state, id_, BatchNumber(0)))
            self._shelved_ever += 1

    def _take_down(self, id_: bytes, state_hash_: bytes) -> bool:
        """Have a state that was put by in memory again; return whether the disk still had it."""
        found = self._shelf.get(STATES, self._shelved[id_])
        try:
            self.states[id_] = decode(found[1] if found is not None else b"", state_hash_)
        except StateError:
            self._unshelve(lambda each: each != id_)
            return False
        return True

    def _unshelve(self, is_kept: Callable[[bytes], bool]) -> None:
        """Let go of states on disk."""
        for id_ in [each for each in self._shelved if not is_kept(each)]:
            self._shelf.drop(STATES, self._shelved.pop(id_))

    def retain(self, assertions: Container[bytes]) -> None:
        """Keep what these assertions fix and forget the rest: after a reorganisation inputs may differ.

        What was posted before the fork had its inputs on L1 before that.
        """
        self.states = {id_: state for id_, state in self.states.items() if id_ in assertions}
        self._expected = {at: each for at, each in self._expected.items() if each.id in assertions}
        self._true = {id_ for id_ in self._true if id_ in assertions}
        self._unshelve(lambda id_: id_ in assertions)


def _is_pending(rollup: RollupView, id_: bytes) -> bool:
    return rollup.assertions[id_].status is Status.PENDING
