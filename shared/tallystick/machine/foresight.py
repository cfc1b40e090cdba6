"""What would become of a record now: the machine's own checks, asked of a state that stays as it is.

A host asks before it gives a record a place. Nothing here decides anything: it opens cells, runs a step, and puts back.
"""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from tallystick.machine.admission import begin, check_record
from tallystick.machine.by_record import OUTCOMES
from tallystick.machine.engine import advance
from tallystick.machine.machine import Event, Machine, NoInputs
from tallystick.records.chunks import padded
from tallystick.records.codec import Record, encode
from tallystick.schema.names import Outcome
from tallystick.state.state import State
from tallystick.state.table import Watcher


class Undo(Watcher):
    """Notes what a state is, and every cell before it is written, to put all of it back; nothing else may watch it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._registers = state.registers.pack()
        self._extents: list[tuple[int, int]] = [(table.used, table.dirty_count) for table in state.tables]
        self._held: dict[tuple[int, int], vec[i64]] = {}
        state.watch(self)

    def opened(self, tag: int, index: int) -> None:
        """Keep the cell as it was when it was opened first."""
        if (tag, index) not in self._held:
            self._held[tag, index] = self._state.table(tag).held(index)

    def has_changed(self) -> bool:
        """Whether anything is other than it was, but for how a record ended, what comes next, and the work that began."""
        registers = self._state.registers
        for (tag, index), held in self._held.items():
            if list(self._state.table(tag).held(index)) != list(held):
                return True
        now, outcome, phase, work = registers.pack(), registers.outcome, registers.phase, registers.work
        registers.load(self._registers)
        registers.outcome, registers.phase, registers.work = outcome, phase, work
        return registers.pack() != now

    def put_back(self) -> None:
        """Make the state what it was."""
        self._state.watch(None)
        for (tag, index), held in self._held.items():
            self._state.table(tag).put_back(index, held)
        for table, (used, dirty_count) in zip(self._state.tables, self._extents, strict=True):
            table.cut_back(used, dirty_count)
        self._state.registers.load(self._registers)


def foresee_admission(state: State, record: Record, signer: bytes | None) -> Outcome:
    """Return why a record that `signer` has signed would not be admitted now, else ACCEPTED; `check_record` says it."""
    accounts, agents, config = state.accounts.used, state.agents.used, state.config.used
    outcome = check_record(Machine(state, NoInputs()), record, signer)
    state.accounts.cut_back(accounts, state.accounts.dirty_count)
    state.agents.cut_back(agents, state.agents.dirty_count)
    state.config.cut_back(config, state.config.dirty_count)
    return OUTCOMES[outcome]


def foresee(state: State, record: Record) -> Outcome:
    """Return why a record that is admitted would be rejected now and change nothing, as its own step says it.

    The step is run, for each of a record's items or pairs, and undone. ACCEPTED when it would do anything, also when
    more steps follow, which may reject it still.
    """
    events: list[Event] = []
    machine = Machine(state, NoInputs(), events)
    machine.live_record = padded(encode(record))
    undo = Undo(state)
    try:
        state.make_room()
        rejection = begin(machine, record)
        if rejection != Outcome.ACCEPTED:
            return Outcome(rejection)
        state.registers.arg_record_end = len(machine.live_record)
        advance(machine)
        while record.kind.phase in (state.registers.resume, state.registers.phase):
            advance(machine)
        ended = bool(events) and events[-1][0] == "outcome"
        return Outcome.ACCEPTED if not ended or undo.has_changed() else Outcome(state.registers.outcome)
    finally:
        undo.put_back()
