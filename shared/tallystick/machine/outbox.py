"""The outbox: withdrawals in the order they were granted, each a cell of its own."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.bits import write_address
from tallystick.machine.machine import Machine
from tallystick.state.layout import (
    ACCOUNT_CASH_UNITS,
    OUTBOX_ACCOUNT,
    OUTBOX_AMOUNT_UNITS,
    OUTBOX_RECIPIENT,
)


def append_withdrawal(machine: Machine, number: i64, account: i64, recipient: bytes, amount: i64) -> None:
    """Take an amount off an account and owe it to an L1 address.

    Units: `amount` in units, already checked against what may leave. Opens the outbox cell.
    """
    state = machine.state
    state.accounts.words[account + ACCOUNT_CASH_UNITS] -= amount
    state.accounts.mark(number)
    state.registers.cash_units -= amount
    owe(machine, number, recipient, amount)


def owe(machine: Machine, number: i64, recipient: bytes, amount: i64) -> None:
    """Owe an amount to an L1 address. Opens the outbox cell."""
    state = machine.state
    registers = state.registers
    cell = state.outbox.open(registers.outbox_count)
    words = state.outbox.words
    write_address(words, cell + OUTBOX_RECIPIENT, recipient)
    words[cell + OUTBOX_AMOUNT_UNITS] = amount
    words[cell + OUTBOX_ACCOUNT] = number
    state.outbox.mark(registers.outbox_count)
    machine.emit("withdrawal", registers.outbox_count, number, amount)
    registers.outbox_count += 1
    registers.withdrawn_units += amount
