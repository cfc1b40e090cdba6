"""The outbox: withdrawals in the order they were granted, each a cell of its own."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.state.cells import (
    Account,
    account_cash_units,
    set_account_cash_units,
    set_outbox_account,
    set_outbox_amount_units,
    set_outbox_recipient,
)
from tallystick.state.ordinals import AccountId
from tallystick.state.quantities import Units


def append_withdrawal(
    machine: Machine, number: AccountId, account: Account, recipient: bytes, amount_units: Units
) -> None:
    """Take an amount off an account and owe it to an L1 address.

    Units: `amount_units` is already checked against what may leave. Opens the outbox cell.
    """
    state = machine.state
    set_account_cash_units(
        state.accounts.words, account, Units(account_cash_units(state.accounts.words, account) - amount_units)
    )
    state.accounts.mark(number)
    state.registers.cash_units = Units(state.registers.cash_units - amount_units)
    owe(machine, number, recipient, amount_units)


def owe(machine: Machine, number: AccountId, recipient: bytes, amount_units: Units) -> None:
    """Owe an amount to an L1 address. Opens the outbox cell."""
    state = machine.state
    registers = state.registers
    cell = state.outbox.open(registers.outbox_count)
    words = state.outbox.words
    set_outbox_recipient(words, cell, recipient)
    set_outbox_amount_units(words, cell, amount_units)
    set_outbox_account(words, cell, number)
    state.outbox.mark(registers.outbox_count)
    machine.emit("withdrawal", registers.outbox_count, number, amount_units)
    registers.outbox_count += 1
    registers.withdrawn_units = Units(registers.withdrawn_units + amount_units)
