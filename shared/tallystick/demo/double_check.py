"""The demo's own check: everything L1 published, replayed once more, apart from operator and challenger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tallystick.machine.machine import Machine
from tallystick.rollup.invariants import broken, imbalance
from tallystick.rollup.replay import Replayer, run_out
from tallystick.rollup.views.assertion_view import Assertion, RollupView
from tallystick.rollup.views.fold import ChainEvent
from tallystick.rollup.views.inbox_view import InboxView
from tallystick.state.cells import (
    account_cash_units,
    account_position_market,
    account_position_size_lots,
    outbox_account,
    outbox_amount_units,
    outbox_recipient,
)
from tallystick.state.hashing import keccak
from tallystick.state.layout import MAX_POSITIONS, TAG_OUTBOX
from tallystick.state.ordinals import AccountId, BatchNumber
from tallystick.state.state import State, cell_key


class Audit:
    """The state of the newest confirmed assertion, computed from L1's events alone."""

    def __init__(self, assertion: Assertion, state: State) -> None:
        self.assertion = assertion
        self.state = state

    @property
    def true(self) -> bool:
        """Whether L1 confirmed what the replay gives."""
        return self.state.hash() == self.assertion.state_hash

    @property
    def confirmed_outbox_count(self) -> int:
        """Withdrawals that may be claimed, claimed ones included."""
        return self.state.registers.outbox_count

    @property
    def owed_units(self) -> int:
        """What L1 must hold for accounts, fees, unsettled funding and withdrawals together; rounded down."""
        return self.state.registers.deposited_units + imbalance(self.state) // 1_000_000

    def check(self) -> bool:
        """Whether the state is true and breaks no invariant."""
        return self.true and not broken(self.state)

    def account(self, number: int) -> tuple[int, dict[int, int]]:
        """Return an account's cash and its positions by market. Units: units, lots."""
        accounts = self.state.accounts
        base = accounts.open(AccountId(number))
        positions: dict[int, int] = {}
        for slot in range(MAX_POSITIONS):
            size = account_position_size_lots(accounts.words, base, slot)
            if size:
                positions[int(account_position_market(accounts.words, base, slot))] = int(size)
        return int(account_cash_units(accounts.words, base)), positions

    def withdrawal_proof(self, index: int) -> tuple[Any, ...]:
        """Return the arguments of the Vault's `claim` for a withdrawal."""
        outbox = self.state.outbox
        base = outbox.open(index)
        withdrawal = {
            "index": index,
            "recipient": outbox_recipient(outbox.words, base),
            "amountUnits": outbox_amount_units(outbox.words, base),
            "account": outbox_account(outbox.words, base),
        }
        root = self.state.commit()
        proof = self.state.tree.proof(cell_key(TAG_OUTBOX, index))
        return self.assertion.id, root, keccak(self.state.registers.pack()), withdrawal, proof


class Auditor:
    """Keeps the replay between audits, so that each costs only what is new."""

    def __init__(self, height: int) -> None:
        self.height = height
        self.inbox = InboxView()
        self.rollup = RollupView()
        self.replayer: Replayer | None = None
        self._read = 0

    def newest(self, events: Sequence[ChainEvent]) -> Audit:
        """Replay up to the newest batch, confirmed or not."""
        confirmed = self.audit(events)
        machine = Machine(confirmed.state.copy(), self.inbox.limited(BatchNumber(self.inbox.batch_count)))
        run_out(machine)
        return Audit(confirmed.assertion, machine.state)

    def audit(self, events: Sequence[ChainEvent]) -> Audit:
        """Replay up to the newest confirmed assertion."""
        for event in events[self._read :]:
            self.inbox.apply(event)
            self.rollup.apply(event)
        self._read = len(events)
        if self.replayer is None:
            self.replayer = Replayer(self.rollup.genesis_data, self.rollup.genesis_id, self.inbox, height=self.height)
        path: list[Assertion] = []
        at = self.rollup.assertions[self.rollup.latest_confirmed]
        while not self.replayer.knows(at.id) and at.parent:
            path.append(at)
            at = self.rollup.assertions[at.parent]
        for assertion in reversed(path):
            if self.replayer.knows(assertion.parent):
                self.replayer.expected(self.rollup.assertions[assertion.parent])
        latest = self.rollup.latest_confirmed
        state = self.replayer.states.get(latest)
        if state is None:
            # L1 confirmed what the replay does not give: show the parent's true successor, which will not match.
            parent = self.rollup.assertions[self.rollup.assertions[latest].parent]
            expected = self.replayer.expected(parent)
            state = self.replayer.states[expected.id if expected else parent.id]
        return Audit(self.rollup.assertions[latest], state)
