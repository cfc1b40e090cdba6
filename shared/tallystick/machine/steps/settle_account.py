"""SETTLE_ACCOUNT: wind the exchange down, one account at a time."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.machine.winding import settle_claim
from tallystick.state.cells import account_owner
from tallystick.state.codes import Outcome
from tallystick.state.layout import WIND_DOWN_MS

NOBODY = bytes(20)


def step(machine: Machine) -> None:
    """Count or pay an account's claim; the first one begins the wind-down, when there has been no index for long.

    Rejects: NO_ACCOUNT, TOO_EARLY, NO_CLAIM. Twin: contracts/src/referee/steps/SettleAccount.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    account = state.accounts.open(registers.arg_account)
    risk = state.risk.open(0)

    # CHECK
    if account_owner(state.accounts.words, account) == NOBODY:
        machine.finish(Outcome.NO_ACCOUNT)
        return
    if registers.wind_down_ms == 0:
        last = registers.last_index_ms
        if last == 0 or registers.clock_ms - last < WIND_DOWN_MS:
            machine.finish(Outcome.TOO_EARLY)
            return
        registers.wind_down_ms = registers.clock_ms

    # APPLY and WRITE
    machine.finish(settle_claim(machine, registers.arg_account, account, risk))
