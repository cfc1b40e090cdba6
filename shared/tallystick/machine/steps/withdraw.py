"""WITHDRAW: owe an amount of an account to an L1 address."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.machine.market.risk import health, withdrawable
from tallystick.machine.outbox import append_withdrawal
from tallystick.state.codes import Outcome
from tallystick.state.layout import LEAN_WORST

NOBODY = bytes(20)


def step(machine: Machine) -> None:
    """Grant the withdrawal in progress.

    Rejects: OUT_OF_RANGE (nothing asked for, or for nobody), NOT_WITHDRAWABLE. Twin: contracts/src/referee/steps/Withdraw.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    account = state.accounts.open(registers.arg_account)
    risk = state.risk.open(0)

    # CHECK
    if registers.arg_amount_units == 0 or registers.arg_address == NOBODY:
        machine.finish(Outcome.OUT_OF_RANGE)
        return
    if registers.arg_amount_units > withdrawable(state, health(state, account, risk, LEAN_WORST)):
        machine.finish(Outcome.NOT_WITHDRAWABLE)
        return

    # APPLY and WRITE
    append_withdrawal(machine, registers.arg_account, account, registers.arg_address, registers.arg_amount_units)
    machine.finish(Outcome.ACCEPTED)
