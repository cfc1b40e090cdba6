"""CHANGE_FEE_ACCOUNT: propose the account that fees go to."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.machine import Machine
from tallystick.state.cells import (
    account_owner,
    pending_changes,
    set_pending_changes,
    set_pending_effective_ms,
    set_pending_rules,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import CHANGE_DELAY_MS, FEE_ACCOUNT_PENDING, TREASURY_ACCOUNT
from tallystick.state.ordinals import UnixMs

NOBODY = bytes(20)


def step(machine: Machine) -> None:
    """Keep the proposal in progress; it takes the place of one that is not in force yet, and its delay begins anew.

    Proposals are numbered, so that none is repeated. Rejects: NO_ACCOUNT (nobody's, but for the treasury), OLD_CHANGE.
    Twin: contracts/src/referee/steps/ChangeFeeAccount.sol.
    """
    state = machine.state
    registers = state.registers
    number = registers.arg_account

    # READ
    account = state.accounts.open(number)
    pending = state.pendings.open(FEE_ACCOUNT_PENDING)
    words = state.pendings.words
    change = registers.arg_change

    # CHECK
    outcome: i64 = Outcome.ACCEPTED
    if number != TREASURY_ACCOUNT and account_owner(state.accounts.words, account) == NOBODY:
        outcome = Outcome.NO_ACCOUNT
    elif change != pending_changes(words, pending) + 1:
        outcome = Outcome.OLD_CHANGE
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    set_pending_changes(words, pending, change)
    set_pending_effective_ms(words, pending, UnixMs(registers.clock_ms + CHANGE_DELAY_MS))
    set_pending_rules(words, pending, 0, number)

    # WRITE
    state.pendings.mark(FEE_ACCOUNT_PENDING)
    machine.finish(Outcome.ACCEPTED)
