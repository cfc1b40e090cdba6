"""Money and positions written into a state by hand, as no record could."""

from __future__ import annotations

from tallystick.machine.market.funds import fund_of
from tallystick.state import cells
from tallystick.state.cells import (
    account_cash_units,
    risk_market_mark_ticks,
    risk_market_multiplier_units,
    set_account_cash_units,
    set_account_position_cost_units,
    set_account_position_extra_units,
    set_account_position_market,
    set_account_position_size_lots,
)
from tallystick.state.ordinals import AccountId, MarketId, Number
from tallystick.state.quantities import Lots, Units
from tallystick.state.state import State


def endow(state: State, market: int, units: int) -> None:
    """Give a market's insurance fund money by hand, as if it had been deposited."""
    words, fund = state.accounts.words, state.accounts.open(fund_of(MarketId(market)))
    set_account_cash_units(words, fund, Units(account_cash_units(words, fund) + units))
    state.registers.cash_units = Units(state.registers.cash_units + units)
    state.registers.deposited_units = Units(state.registers.deposited_units + units)
    state.accounts.mark(fund_of(MarketId(market)))


def hold(state: State, account: Number, market: int, size: int, value: int) -> None:
    """Give an account one position, bought at the mark, and the cash that makes it worth a value."""
    base = state.accounts.open(AccountId(account))
    words = state.accounts.words
    for slot in range(2):
        set_account_position_market(words, base, slot, MarketId(market if slot == 0 and size else 0))
        set_account_position_size_lots(words, base, slot, Lots(size if slot == 0 else 0))
        set_account_position_cost_units(words, base, slot, Units(0))
        set_account_position_extra_units(words, base, slot, Units(0))
    marks = state.risk.words
    worth = risk_market_mark_ticks(marks, state.risk.open(0), MarketId(market)) * risk_market_multiplier_units(
        marks, state.risk.open(0), MarketId(market)
    )
    set_account_position_cost_units(words, base, 0, Units(size * worth))
    set_account_cash_units(words, base, Units(value - size * worth))
    state.accounts.mark(account)


def write_rules(state: State, market: int, rules: dict[str, int]) -> None:
    """Write rules into a market's cells, by the names that records have for them, or else their fields."""
    cell, risk = state.markets.open(MarketId(market)), state.risk.open(0)
    for given, value in rules.items():
        name = "multiplier_units" if given == "multiplier" else given
        if hasattr(cells, f"set_market_{name}"):
            getattr(cells, f"set_market_{name}")(state.markets.words, cell, value)
        else:
            getattr(cells, f"set_risk_market_{name}")(state.risk.words, risk, market, value)
    state.markets.mark(market)
    state.risk.mark(0)
