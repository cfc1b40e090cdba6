"""CANCEL_ALL: make every order of an account dead, or those before a sequence number."""

from __future__ import annotations

from tallystick.machine.liveness import sequence
from tallystick.machine.machine import Machine
from tallystick.state.cells import account_dead_before, set_account_dead_before
from tallystick.state.codes import Outcome


def step(machine: Machine) -> None:
    """Cancel what the account has placed so far and before a number; each order leaves the book when it is touched.

    A number beyond the present one kills no order that is still to come; what is dead stays dead. Twin:
    contracts/src/referee/steps/CancelAll.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    account = state.accounts.open(registers.arg_account)

    # CHECK: nothing; who signed has been checked.

    # APPLY
    words = state.accounts.words
    before = min(registers.arg_sequence, sequence(registers))
    set_account_dead_before(words, account, max(account_dead_before(words, account), before))

    # WRITE
    state.accounts.mark(registers.arg_account)
    machine.emit("cancelled_all", registers.arg_account, account_dead_before(words, account))
    machine.finish(Outcome.ACCEPTED)
