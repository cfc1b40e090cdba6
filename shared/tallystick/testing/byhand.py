"""Money and positions written into a state by hand, as no record could."""

from __future__ import annotations

from tallystick.state.cells import (
    account_cash_units,
    risk_market_mark_ticks,
    risk_market_multiplier,
    set_account_cash_units,
    set_account_position_market,
    set_account_position_size_lots,
)
from tallystick.state.state import State


def endow(state: State, units: int) -> None:
    """Give the insurance fund money by hand, as if it had been deposited."""
    set_account_cash_units(
        state.accounts.words,
        state.accounts.open(0),
        account_cash_units(state.accounts.words, state.accounts.open(0)) + units,
    )
    state.registers.cash_units += units
    state.registers.deposited_units += units
    state.accounts.mark(0)


def hold(state: State, account: int, market: int, size: int, value: int) -> None:
    """Give an account one position and the cash that makes it worth a value."""
    base = state.accounts.open(account)
    words = state.accounts.words
    for slot in range(2):
        set_account_position_market(words, base, slot, market if slot == 0 and size else 0)
        set_account_position_size_lots(words, base, slot, size if slot == 0 else 0)
    marks = state.risk.words
    worth = risk_market_mark_ticks(marks, state.risk.open(0), market) * risk_market_multiplier(
        marks, state.risk.open(0), market
    )
    set_account_cash_units(words, base, value - size * worth)
    state.accounts.mark(account)
