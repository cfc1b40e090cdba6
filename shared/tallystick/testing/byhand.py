"""Money and positions written into a state by hand, as no record could."""

from __future__ import annotations

from tallystick.state import layout
from tallystick.state.layout import ACCOUNT_CASH_UNITS
from tallystick.state.state import State


def endow(state: State, units: int) -> None:
    """Give the insurance fund money by hand, as if it had been deposited."""
    state.accounts.words[state.accounts.open(0) + ACCOUNT_CASH_UNITS] += units
    state.registers.cash_units += units
    state.registers.deposited_units += units
    state.accounts.mark(0)


def hold(state: State, account: int, market: int, size: int, value: int) -> None:
    """Give an account one position and the cash that makes it worth a value."""
    base = state.accounts.open(account)
    words = state.accounts.words
    for slot in range(2):
        at = base + layout.ACCOUNT_POSITIONS + slot * layout.ACCOUNT_POSITION_WORDS
        words[at + layout.ACCOUNT_POSITION_MARKET] = market if slot == 0 and size else 0
        words[at + layout.ACCOUNT_POSITION_SIZE_LOTS] = size if slot == 0 else 0
    marks = state.risk.words
    entry = state.risk.open(0) + market * layout.RISK_RISKMARKET_WORDS
    worth = marks[entry + layout.RISK_RISKMARKET_MARK_TICKS] * marks[entry + layout.RISK_RISKMARKET_MULTIPLIER]
    words[base + layout.ACCOUNT_CASH_UNITS] = value - size * worth
    state.accounts.mark(account)
