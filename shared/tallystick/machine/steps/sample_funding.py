"""SAMPLE_FUNDING: sample the premium once a minute, and tick the funding index once an hour."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import clamp, div_to_zero, periods_down
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import NO_PRICE, best_price
from tallystick.machine.market.instrument import funding_index
from tallystick.state.cells import (
    Price,
    Risk,
    price_index_ticks,
    price_premium_count,
    price_premium_sum_ppm,
    price_tick_hour,
    risk_market_initial_ppm,
    risk_market_maintenance_ppm,
    set_price_premium_count,
    set_price_premium_sum_ppm,
    set_price_sample_minute,
    set_price_tick_hour,
    set_risk_market_funding_index_ppm,
)
from tallystick.state.codes import Phase
from tallystick.state.layout import (
    BUY,
    FUNDING_HOURS,
    FUNDING_RATE_PPM,
    HOUR_MS,
    INTEREST_CLAMP_PPM,
    INTEREST_PPM,
    MAX_FUNDING_INDEX_PPM,
    MINUTE_MS,
    PPM,
    SELL,
)


def step(machine: Machine) -> None:
    """Take the minute's premium; in a new hour first charge for the samples of the one before.

    Hours without a sample charge nothing. Rounding: premiums, averages and rates to zero. Twin:
    contracts/src/referee/steps/SampleFunding.sol.
    """
    state = machine.state
    registers = state.registers
    number = registers.arg_market

    # READ
    risk = state.risk.open(0)
    price = state.prices.open(number)
    bid = best_price(state, number, BUY)
    ask = best_price(state, number, SELL)

    # CHECK: nothing; UPDATE_MARK has found that a sample is due.

    # APPLY
    words = state.prices.words
    hour = periods_down(registers.clock_ms, HOUR_MS)
    if hour > price_tick_hour(words, price):
        if price_premium_count(words, price):
            _tick(machine, price, risk, number)
        set_price_tick_hour(words, price, hour)
    set_price_premium_sum_ppm(
        words, price, price_premium_sum_ppm(words, price) + premium(price_index_ticks(words, price), bid, ask)
    )
    set_price_premium_count(words, price, price_premium_count(words, price) + 1)
    set_price_sample_minute(words, price, periods_down(registers.clock_ms, MINUTE_MS))

    # WRITE
    state.prices.mark(number)
    registers.phase = Phase.FIRE_TRIGGER


def premium(index: i64, bid: i64, ask: i64) -> i64:
    """Return how far the book is beyond the index, in millionths of it: below 0 when sellers are."""
    beyond: i64 = 0
    if bid > index:
        beyond = bid - index
    if ask != NO_PRICE and ask < index:
        beyond -= index - ask
    return div_to_zero(beyond * PPM, index)


def _tick(machine: Machine, price: Price, risk: Risk, market: i64) -> None:
    """Charge for the samples since the last tick, and begin anew."""
    state = machine.state
    words = state.prices.words
    marks = state.risk.words
    average = div_to_zero(price_premium_sum_ppm(words, price), price_premium_count(words, price))
    rate = hourly_rate(
        average, risk_market_initial_ppm(marks, risk, market), risk_market_maintenance_ppm(marks, risk, market)
    )
    charged = funding_index(marks, risk, market) + rate * price_index_ticks(words, price)
    set_risk_market_funding_index_ppm(marks, risk, market, clamp(charged, MAX_FUNDING_INDEX_PPM))
    set_price_premium_sum_ppm(words, price, 0)
    set_price_premium_count(words, price, 0)
    state.risk.mark(0)
    machine.emit(
        "funding",
        machine.state.registers.arg_market,
        rate,
        price_index_ticks(words, price),
        funding_index(marks, risk, market),
    )


def hourly_rate(average: i64, initial_ppm: i64, maintenance_ppm: i64) -> i64:
    """Return an hour's rate from its average premium, in millionths of the index.

    At most what lies between the two margins, so that one hour takes no account from the one below the other.
    """
    interest = clamp(INTEREST_PPM - average, INTEREST_CLAMP_PPM)
    rate = div_to_zero(average + interest, FUNDING_HOURS)
    between = initial_ppm - maintenance_ppm
    return clamp(rate, between if between < FUNDING_RATE_PPM else FUNDING_RATE_PPM)
