"""The outbox: withdrawals in the order they were granted, each a cell of its own."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import write_address
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
    registers = state.registers
    cell = state.outbox.open(registers.outbox_count)
    words = state.outbox.words
    write_address(words, cell + OUTBOX_RECIPIENT, recipient)
    words[cell + OUTBOX_AMOUNT_UNITS] = amount
    words[cell + OUTBOX_ACCOUNT] = number
    state.accounts.words[account + ACCOUNT_CASH_UNITS] -= amount
    state.outbox.mark(registers.outbox_count)
    state.accounts.mark(number)
    machine.emit("withdrawal", registers.outbox_count, number, amount)
    registers.outbox_count += 1
    registers.cash_units -= amount
    registers.withdrawn_units += amount
