"""TRANSFER: move cash between the accounts of one owner, or into an insurance fund or the treasury."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.machine import Machine
from tallystick.machine.market.funds import is_nobodys
from tallystick.machine.market.risk import health, withdrawable
from tallystick.state.cells import account_cash_units, account_owner, set_account_cash_units, set_account_owner
from tallystick.state.codes import Outcome
from tallystick.state.layout import LEAN_WORST, MAIN_ACCOUNT_MASK, MAX_CASH_UNITS
from tallystick.state.quantities import Units


def step(machine: Machine) -> None:
    """Move an amount that may leave one account to another of its family, which the first transfer opens.

    Rejects: OUT_OF_RANGE (nothing asked for, or to itself), NOT_AUTHORISED (another family), NOT_WITHDRAWABLE,
    POSITION_LIMIT (cash beyond its bound). Twin: contracts/src/referee/steps/Transfer.sol.
    """
    state = machine.state
    registers = state.registers
    number = registers.arg_account
    other = registers.arg_to_account
    amount_units = registers.arg_amount_units

    # READ
    account = state.accounts.open(number)
    risk = state.risk.open(0)
    target = state.accounts.open(other)
    words = state.accounts.words

    # CHECK
    family = number & MAIN_ACCOUNT_MASK == other & MAIN_ACCOUNT_MASK
    outcome: i64 = Outcome.ACCEPTED
    if amount_units == 0 or number == other:
        outcome = Outcome.OUT_OF_RANGE
    elif not is_nobodys(other) and not family:
        outcome = Outcome.NOT_AUTHORISED
    elif amount_units > withdrawable(state, health(state, account, risk, LEAN_WORST)):
        outcome = Outcome.NOT_WITHDRAWABLE
    elif (
        account_cash_units(words, account) - amount_units < -MAX_CASH_UNITS
        or account_cash_units(words, target) + amount_units > MAX_CASH_UNITS
    ):
        outcome = Outcome.POSITION_LIMIT
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    set_account_cash_units(words, account, Units(account_cash_units(words, account) - amount_units))
    set_account_cash_units(words, target, Units(account_cash_units(words, target) + amount_units))
    if not is_nobodys(other):
        set_account_owner(words, target, account_owner(words, account))

    # WRITE
    state.accounts.mark(number)
    state.accounts.mark(other)
    machine.emit("transfer", number, other, amount_units)
    machine.finish(Outcome.ACCEPTED)
