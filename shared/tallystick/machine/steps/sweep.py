"""SWEEP: pay the fees kept so far to the treasury and to the account of the fees."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import div_down
from tallystick.machine.machine import Machine
from tallystick.state.cells import account_cash_units, config_fee_account, set_account_cash_units
from tallystick.state.codes import Outcome
from tallystick.state.layout import MAX_CASH_UNITS, TREASURY_ACCOUNT, TREASURY_SHARE
from tallystick.state.ordinals import AccountId


def step(machine: Machine) -> None:
    """Leave the treasury a fifth of the fees, rounded down, and the account of the fees the rest; anybody may ask for it.

    Without such an account the treasury takes all. Rejects: OUT_OF_RANGE (no fees), POSITION_LIMIT (cash beyond its
    bound). Twin: contracts/src/referee/steps/Sweep.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    number = config_fee_account(state.config.words, state.config.open(0))
    treasury = state.accounts.open(AccountId(TREASURY_ACCOUNT))
    account = state.accounts.open(number)
    words = state.accounts.words
    fees = registers.fees_units
    share = fees if number == TREASURY_ACCOUNT else div_down(fees, TREASURY_SHARE)
    kept: i64 = account_cash_units(words, treasury) + share
    paid: i64 = account_cash_units(words, account) + fees - share

    # CHECK
    outcome: i64 = Outcome.ACCEPTED
    if fees <= 0:
        outcome = Outcome.OUT_OF_RANGE
    elif kept > MAX_CASH_UNITS or paid > MAX_CASH_UNITS:
        outcome = Outcome.POSITION_LIMIT
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    if number != TREASURY_ACCOUNT:
        set_account_cash_units(words, account, paid)
    set_account_cash_units(words, treasury, kept)
    registers.fees_units = 0
    registers.cash_units += fees

    # WRITE
    state.accounts.mark(TREASURY_ACCOUNT)
    state.accounts.mark(number)
    machine.emit("sweep", number, fees - share, share)
    machine.finish(Outcome.ACCEPTED)
