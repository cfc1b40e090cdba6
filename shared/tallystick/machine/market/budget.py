"""What a fund has gained against the index since it holds a position: that much its unwinding may lose."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import clamp
from tallystick.machine.machine import Machine
from tallystick.machine.market.funds import is_fund
from tallystick.machine.market.instrument import exposure_of, worth_of
from tallystick.machine.market.liquidation import liquidates
from tallystick.machine.market.trade import Fill, Terms
from tallystick.state.cells import (
    Market,
    Risk,
    market_fund_budget_units,
    set_market_fund_budget_units,
    set_market_fund_ms,
)
from tallystick.state.layout import LEAN_INDEX, MAX_CASH_UNITS, SELL
from tallystick.state.quantities import Units
from tallystick.state.state import State


def book_slice(machine: Machine, market: Market, risk: Risk, terms: Terms, fill: Fill) -> None:
    """Book what a fill of a fund's unwinding has brought against the index, and that it has traded now."""
    state = machine.state
    registers = state.registers
    if not liquidates(machine) or not is_fund(registers.arg_account):
        return
    exposure = exposure_of(state.risk.words, risk, terms.market, terms.lots)
    gain_units = terms.quote_units - worth_of(state.risk.words, risk, terms.market, exposure, LEAN_INDEX)
    add_to_budget(state, market, gain_units if registers.arg_side == SELL else -gain_units, fill)
    set_market_fund_ms(state.markets.words, market, registers.clock_ms)


def add_to_budget(state: State, market: Market, gain_units: i64, fill: Fill) -> None:
    """Add what a fund has gained against the index to what its unwinding may lose; nothing while it holds nothing.

    It begins anew where its position has turned. It stays within what cash stays within.
    """
    words = state.markets.words
    turned = fill.old_lots > 0 > fill.new_lots or fill.old_lots < 0 < fill.new_lots
    kept_units = 0 if fill.old_lots == 0 or turned else market_fund_budget_units(words, market)
    budget_units = 0 if fill.new_lots == 0 else clamp(kept_units + gain_units, MAX_CASH_UNITS)
    set_market_fund_budget_units(words, market, Units(budget_units))
