"""Winding down: what an account has a claim to, and what is paid of it."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import mul_div_down
from tallystick.machine.machine import Machine
from tallystick.machine.market.risk import health
from tallystick.machine.outbox import append_withdrawal
from tallystick.state.cells import (
    Account,
    Risk,
    account_claim_units,
    account_owner,
    account_settled,
    set_account_claim_units,
    set_account_settled,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import (
    CLAIM_COUNTED,
    CLAIM_MS,
    CLAIM_PAID,
    LEAN_MARKED,
    MAX_AMOUNT,
    MAX_DEPOSITED_UNITS,
    Registers,
)
from tallystick.state.ordinals import AccountId
from tallystick.state.quantities import Units


def settle_claim(machine: Machine, number: AccountId, account: Account, risk: Risk) -> i64:
    """Count an account's claim, or pay it once the time for counting is over.

    Shape: `account` and `risk` are word offsets. Rounding: payments down; what is left stays in the Vault. Rejects:
    NO_CLAIM (it has been paid), TOO_EARLY (it is counted, and others may still come).
    """
    registers = machine.state.registers
    words = machine.state.accounts.words
    settled = account_settled(words, account)
    if settled == CLAIM_PAID:
        return Outcome.NO_CLAIM
    if registers.clock_ms - registers.wind_down_ms >= CLAIM_MS:
        _close_claims(registers)
        _pay(machine, number, account, risk)
        return Outcome.ACCEPTED
    if settled == CLAIM_COUNTED:
        return Outcome.TOO_EARLY
    _count(machine, number, account, risk)
    return Outcome.ACCEPTED


def _worth(machine: Machine, account: Account, risk: Risk) -> i64:
    """Return what an account is worth at the last marks, at least nothing."""
    value_units = health(machine.state, account, risk, LEAN_MARKED).value_units
    return value_units if value_units > 0 else 0


def _least(a: i64, b: i64) -> i64:
    return a if a < b else b


def _held(registers: Registers) -> i64:
    return registers.deposited_units - registers.withdrawn_units


def _count(machine: Machine, number: AccountId, account: Account, risk: Risk) -> None:
    """Add an account's claim to all others. None is larger than all that can ever be deposited."""
    state = machine.state
    registers = state.registers
    claim_units = _least(_worth(machine, account, risk), MAX_DEPOSITED_UNITS)
    claim_units = _least(claim_units, MAX_AMOUNT - registers.claims_units)
    registers.claims_units = Units(registers.claims_units + claim_units)
    set_account_claim_units(state.accounts.words, account, Units(claim_units))
    set_account_settled(state.accounts.words, account, CLAIM_COUNTED)
    state.accounts.mark(number)
    machine.emit("claim", number, claim_units)


def _close_claims(registers: Registers) -> None:
    """Divide what is held between the claims that were counted and those that come late, once."""
    if registers.claims_closed:
        return
    held_units = _held(registers)
    registers.claims_closed = 1
    registers.pool_units = Units(_least(held_units, registers.claims_units))
    registers.surplus_units = Units(held_units - registers.pool_units)


def _pay(machine: Machine, number: AccountId, account: Account, risk: Risk) -> None:
    """Pay an account its share of the pool, or, when it comes late, of what the others have left."""
    state = machine.state
    registers = state.registers
    words = state.accounts.words
    paid_units: i64 = 0
    if account_settled(words, account) == CLAIM_COUNTED:
        if registers.claims_units:
            paid_units = mul_div_down(
                int(account_claim_units(words, account)), int(registers.pool_units), int(registers.claims_units)
            )
    else:
        paid_units = _least(_worth(machine, account, risk), registers.surplus_units)
        registers.surplus_units = Units(registers.surplus_units - paid_units)
    set_account_settled(words, account, CLAIM_PAID)
    state.accounts.mark(number)
    if paid_units:
        append_withdrawal(machine, number, account, account_owner(words, account), Units(paid_units))
