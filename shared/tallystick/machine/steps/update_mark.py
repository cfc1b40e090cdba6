"""UPDATE_MARK: take the sample of the book that was due, and let the mark follow the index as far from it as the book is."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import clamp, div_down, div_to_zero, mul_div_to_zero, periods_down
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import NO_PRICE
from tallystick.machine.market.instrument import charge_funding, pays_funding
from tallystick.machine.orders.carried import basis_bound_ppm
from tallystick.machine.orders.sampling import is_sample_due, set_mark
from tallystick.state.cells import (
    Market,
    Price,
    Risk,
    price_basis_ppm,
    price_premium_ms,
    price_premium_sum_ppm,
    price_sample_ms,
    price_tick_hour,
    risk_market_index_ticks,
    risk_market_mark_ticks,
    set_price_basis_ppm,
    set_price_premium_ms,
    set_price_premium_sum_ppm,
    set_price_sample_ms,
    set_price_tick_hour,
)
from tallystick.state.codes import Phase
from tallystick.state.layout import BASIS_MS, HOUR_MS, PPM, SAMPLE_MOST_MS, WORK
from tallystick.state.quantities import TickPpm
from tallystick.state.state import State


def step(machine: Machine) -> None:
    """Move the basis towards the book and count its premium; in a new hour first charge for the samples of the one before.

    Hours without a sample charge nothing. Rounding: moves, premiums, averages and rates to zero. Twin:
    contracts/src/referee/steps/UpdateMark.sol.
    """
    state = machine.state
    registers = state.registers
    number = registers.arg_market

    # READ
    market = state.markets.open(number)
    risk = state.risk.open(0)
    price = state.prices.open(number)

    # CHECK: nothing; the reports that led here were checked.

    # APPLY
    if is_sample_due(state, price):
        _take_sample(machine, market, risk, price)
    set_mark(state, market, risk, price, number)

    # WRITE
    state.risk.mark(0)
    state.prices.mark(number)
    machine.emit("mark", number, risk_market_mark_ticks(state.risk.words, risk, number))
    registers.work = WORK
    registers.phase = Phase.FIRE_TRIGGER


def _take_sample(machine: Machine, market: Market, risk: Risk, price: Price) -> None:
    """Count the prices found for the time since the sample before, at most SAMPLE_MOST_MS.

    Where a side has none, the book is where the index is.
    """
    state = machine.state
    registers = state.registers
    words = state.prices.words
    index_ticks = risk_market_index_ticks(state.risk.words, risk, registers.arg_market)
    bound_ppm = basis_bound_ppm(state, market, risk, registers.arg_market)
    bid_ticks, ask_ticks = registers.arg_price_ticks, registers.arg_ask_ticks
    if NO_PRICE in (bid_ticks, ask_ticks):
        bid_ticks = ask_ticks = index_ticks
    waited = registers.clock_ms - price_sample_ms(words, price)
    waited = waited if waited < SAMPLE_MOST_MS else SAMPLE_MOST_MS
    _move_basis(state, price, index_ticks, bid_ticks + ask_ticks, bound_ppm, waited)
    if pays_funding(state.markets.words, market):
        _tick(machine, risk, price)
        sum_ppm = (
            price_premium_sum_ppm(words, price) + clamp(premium(index_ticks, bid_ticks, ask_ticks), bound_ppm) * waited
        )
        set_price_premium_sum_ppm(words, price, sum_ppm)
        set_price_premium_ms(words, price, price_premium_ms(words, price) + waited)
    set_price_sample_ms(words, price, registers.clock_ms)


def _move_basis(state: State, price: Price, index_ticks: i64, both_ticks: i64, bound_ppm: i64, waited: i64) -> None:
    """Move the basis towards the book's middle, half of `both_ticks`."""
    words = state.prices.words
    basis_ppm: i64 = price_basis_ppm(words, price)
    distance_ppm = clamp(div_down(both_ticks * PPM, 2) - index_ticks * PPM, index_ticks * bound_ppm)
    basis_ppm += mul_div_to_zero(distance_ppm - basis_ppm, waited, BASIS_MS)
    set_price_basis_ppm(words, price, TickPpm(basis_ppm))


def _tick(machine: Machine, risk: Risk, price: Price) -> None:
    """In a new hour charge for what was sampled before it, if anything was."""
    state = machine.state
    number = state.registers.arg_market
    words = state.prices.words
    hour = periods_down(state.registers.clock_ms, HOUR_MS)
    if hour <= price_tick_hour(words, price):
        return
    charge_funding(machine, price, risk, number)
    set_price_tick_hour(words, price, hour)


def premium(index_ticks: i64, bid_ticks: i64, ask_ticks: i64) -> i64:
    """Return how far the book is beyond the index, in millionths of it: below 0 when sellers are."""
    beyond_ticks: i64 = bid_ticks - index_ticks if bid_ticks > index_ticks else 0
    if ask_ticks < index_ticks:
        beyond_ticks -= index_ticks - ask_ticks
    return div_to_zero(beyond_ticks * PPM, index_ticks)
