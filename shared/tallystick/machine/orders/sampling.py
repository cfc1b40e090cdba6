"""Samples of a book: when one is due, how it begins, and the mark that an index and the book's usual distance make.

Twin: contracts/src/libraries/orders/Sampling.sol.
"""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import clamp, div_to_zero, mul_div_up
from tallystick.machine.market.instrument import fading_basis
from tallystick.machine.market.stages import is_stale
from tallystick.machine.orders.carried import basis_bound_ppm
from tallystick.state.cells import (
    Market,
    Price,
    Risk,
    market_quote_lots,
    price_basis_ppm,
    price_index_ms,
    price_sample_ms,
    risk_market_index_ticks,
    set_price_quoted,
    set_risk_market_mark_ticks,
)
from tallystick.state.codes import Phase
from tallystick.state.layout import MAX_PRICE_TICKS, PPM, QUOTERS, SAMPLE_MS, SAMPLE_WORK, Registers
from tallystick.state.ordinals import MarketId
from tallystick.state.quantities import Lots, TickPpm, Ticks
from tallystick.state.state import State


def set_mark(state: State, market: Market, risk: Risk, price: Price, number: MarketId) -> None:
    """Let a market's mark be as far from its index of margins as its basis, at most the bound (I16).

    In a settlement window the basis fades: what settles has none. Rounding: to the index.
    """
    marks = state.risk.words
    index_ticks = risk_market_index_ticks(marks, risk, number)
    most_ppm = index_ticks * basis_bound_ppm(state, market, risk, number)
    basis_ppm = clamp(price_basis_ppm(state.prices.words, price), most_ppm)
    fading_ppm = fading_basis(
        state.markets.words, market, TickPpm(basis_ppm), price_index_ms(state.prices.words, price)
    )
    mark_ticks = index_ticks + div_to_zero(fading_ppm, PPM)
    mark_ticks = mark_ticks if mark_ticks < MAX_PRICE_TICKS else MAX_PRICE_TICKS
    set_risk_market_mark_ticks(marks, risk, number, Ticks(mark_ticks if mark_ticks > 1 else 1))


def is_sample_due(state: State, price: Price) -> bool:
    """Whether the newest sample of the book is SAMPLE_MS old, and the index is not stale."""
    waited = state.registers.clock_ms - price_sample_ms(state.prices.words, price)
    return waited >= SAMPLE_MS and not is_stale(state, price)


def begin_sample(state: State, market: Market, price: Price) -> None:
    """Look through the buyers next, for as many lots as a quote of this market has."""
    registers = state.registers
    lots = market_quote_lots(state.markets.words, market)
    registers.arg_lots = Lots(lots if lots > 1 else 1)
    registers.work = SAMPLE_WORK
    registers.phase = Phase.QUOTE
    forget_quoted(state, price)


def forget_quoted(state: State, price: Price) -> None:
    """Let no account have counted."""
    place: i64
    for place in range(QUOTERS):
        set_price_quoted(state.prices.words, price, place, 0)


def least_lots(registers: Registers) -> i64:
    """Return the fewest lots that count, so that as many orders as are remembered suffice. Units: lots. Rounding: up."""
    return mul_div_up(int(registers.arg_lots), 1, QUOTERS)
