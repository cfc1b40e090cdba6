"""CANCEL_ALL: make every order of an account dead."""

from __future__ import annotations

from tallystick.machine.liveness import sequence
from tallystick.machine.machine import Machine
from tallystick.state.cells import set_account_dead_before
from tallystick.state.codes import Outcome


def step(machine: Machine) -> None:
    """Cancel what the account has placed so far; each order leaves the book when it is touched.

    Twin: contracts/src/referee/steps/CancelAll.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    account = state.accounts.open(registers.arg_account)

    # CHECK: nothing; who signed has been checked.

    # APPLY
    set_account_dead_before(state.accounts.words, account, sequence(registers))

    # WRITE
    state.accounts.mark(registers.arg_account)
    machine.emit("cancelled_all", registers.arg_account)
    machine.finish(Outcome.ACCEPTED)
