"""SWEEP: pay the fees kept so far to the treasury and to the account of the fees."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import div_down
from tallystick.machine.machine import Machine
from tallystick.state.cells import account_cash_units, config_fee_account, set_account_cash_units
from tallystick.state.codes import Outcome
from tallystick.state.layout import MAX_CASH_UNITS, TREASURY_ACCOUNT, TREASURY_SHARE
from tallystick.state.ordinals import AccountId
from tallystick.state.quantities import Units


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
    fees_units = registers.fees_units
    share_units = fees_units if number == TREASURY_ACCOUNT else div_down(fees_units, TREASURY_SHARE)
    kept_units: i64 = account_cash_units(words, treasury) + share_units
    paid_units: i64 = account_cash_units(words, account) + fees_units - share_units

    # CHECK
    outcome: i64 = Outcome.ACCEPTED
    if fees_units <= 0:
        outcome = Outcome.OUT_OF_RANGE
    elif kept_units > MAX_CASH_UNITS or paid_units > MAX_CASH_UNITS:
        outcome = Outcome.POSITION_LIMIT
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    if number != TREASURY_ACCOUNT:
        set_account_cash_units(words, account, Units(paid_units))
    set_account_cash_units(words, treasury, Units(kept_units))
    registers.fees_units = Units(0)
    registers.cash_units = Units(registers.cash_units + fees_units)

    # WRITE
    state.accounts.mark(TREASURY_ACCOUNT)
    state.accounts.mark(number)
    machine.emit("sweep", number, fees_units - share_units, share_units)
    machine.finish(Outcome.ACCEPTED)
