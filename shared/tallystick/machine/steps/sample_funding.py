"""SAMPLE_FUNDING: sample the premium once a minute, and tick the funding index once an hour."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import clamp, div_to_zero, periods_down
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import NO_PRICE, best_price
from tallystick.machine.market.instrument import funding_index
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
    PRICE_INDEX_TICKS,
    PRICE_PREMIUM_COUNT,
    PRICE_PREMIUM_SUM_PPM,
    PRICE_SAMPLE_MINUTE,
    PRICE_TICK_HOUR,
    RISK_RISKMARKET_FUNDING_INDEX_PPM,
    RISK_RISKMARKET_INITIAL_PPM,
    RISK_RISKMARKET_MAINTENANCE_PPM,
    RISK_RISKMARKET_WORDS,
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
    if hour > words[price + PRICE_TICK_HOUR]:
        if words[price + PRICE_PREMIUM_COUNT]:
            _tick(machine, price, risk + number * RISK_RISKMARKET_WORDS)
        words[price + PRICE_TICK_HOUR] = hour
    words[price + PRICE_PREMIUM_SUM_PPM] += premium(words[price + PRICE_INDEX_TICKS], bid, ask)
    words[price + PRICE_PREMIUM_COUNT] += 1
    words[price + PRICE_SAMPLE_MINUTE] = periods_down(registers.clock_ms, MINUTE_MS)

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


def _tick(machine: Machine, price: i64, entry: i64) -> None:
    """Charge for the samples since the last tick, and begin anew."""
    state = machine.state
    words = state.prices.words
    marks = state.risk.words
    average = div_to_zero(words[price + PRICE_PREMIUM_SUM_PPM], words[price + PRICE_PREMIUM_COUNT])
    rate = hourly_rate(
        average, marks[entry + RISK_RISKMARKET_INITIAL_PPM], marks[entry + RISK_RISKMARKET_MAINTENANCE_PPM]
    )
    charged = funding_index(marks, entry) + rate * words[price + PRICE_INDEX_TICKS]
    marks[entry + RISK_RISKMARKET_FUNDING_INDEX_PPM] = clamp(charged, MAX_FUNDING_INDEX_PPM)
    words[price + PRICE_PREMIUM_SUM_PPM] = 0
    words[price + PRICE_PREMIUM_COUNT] = 0
    state.risk.mark(0)
    machine.emit(
        "funding",
        machine.state.registers.arg_market,
        rate,
        words[price + PRICE_INDEX_TICKS],
        funding_index(marks, entry),
    )


def hourly_rate(average: i64, initial_ppm: i64, maintenance_ppm: i64) -> i64:
    """Return an hour's rate from its average premium, in millionths of the index.

    At most what lies between the two margins, so that one hour takes no account from the one below the other.
    """
    interest = clamp(INTEREST_PPM - average, INTEREST_CLAMP_PPM)
    rate = div_to_zero(average + interest, FUNDING_HOURS)
    between = initial_ppm - maintenance_ppm
    return clamp(rate, between if between < FUNDING_RATE_PPM else FUNDING_RATE_PPM)
