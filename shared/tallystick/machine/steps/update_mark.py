"""UPDATE_MARK: move the mark after the index, as far as the book and the bounds let it."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import (
    clamp,
    div_down,
    median_of,
    mul_div_down,
    mul_div_up,
    periods_down,
    ppm_down,
    whole_down,
)
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import NO_PRICE, best_price
from tallystick.machine.market.instrument import exposure_of, pays_funding, weight_of, worth_of
from tallystick.state.codes import Phase
from tallystick.state.layout import (
    BASIS_MS,
    BUY,
    MARKET_BAND_PPM,
    MARKET_MOVE_PPM,
    MARKET_OPEN_INTEREST_LOTS,
    MARKET_SURCHARGE_FROM_UNITS,
    MARKET_SURCHARGE_TO_UNITS,
    MINUTE_MS,
    MOVE_MS,
    PPM,
    PRICE_ANCHOR_MS,
    PRICE_ANCHOR_TICKS,
    PRICE_BASIS_PPM,
    PRICE_INDEX_MS,
    PRICE_INDEX_TICKS,
    PRICE_RESUMED_MS,
    PRICE_SAMPLE_MINUTE,
    RISK_RISKMARKET_INDEX_MS,
    RISK_RISKMARKET_INITIAL_PPM,
    RISK_RISKMARKET_MARK_TICKS,
    RISK_RISKMARKET_RESUMED_MS,
    RISK_RISKMARKET_SURCHARGE_PPM,
    RISK_RISKMARKET_WORDS,
    SELL,
)
from tallystick.state.state import State


def step(machine: Machine) -> None:
    """Set the mark to the median of the index, the index and its usual distance from the book, and the book's middle.

    Then set what open interest adds to the initial margin. Rounding: the basis and the middle down, the surcharge up.
    Twin: contracts/src/referee/steps/UpdateMark.sol.
    """
    state = machine.state
    registers = state.registers
    number = registers.arg_market

    # READ
    market = state.markets.open(number)
    risk = state.risk.open(0)
    price = state.prices.open(number)
    bid = best_price(state, number, BUY)
    ask = best_price(state, number, SELL)

    # CHECK: nothing; the reports that led here were checked.

    # APPLY
    entry = risk + number * RISK_RISKMARKET_WORDS
    mark = _fair(state, market, price, bid, ask)
    mark = _bounded(state, price, mark, state.risk.words[entry + RISK_RISKMARKET_MARK_TICKS], market)
    state.risk.words[entry + RISK_RISKMARKET_MARK_TICKS] = mark
    state.risk.words[entry + RISK_RISKMARKET_INDEX_MS] = state.prices.words[price + PRICE_INDEX_MS]
    state.risk.words[entry + RISK_RISKMARKET_RESUMED_MS] = state.prices.words[price + PRICE_RESUMED_MS]
    state.risk.words[entry + RISK_RISKMARKET_SURCHARGE_PPM] = _surcharge(state, market, entry)

    # WRITE
    state.risk.mark(0)
    state.prices.mark(number)
    machine.emit("mark", number, mark)
    due = periods_down(registers.clock_ms, MINUTE_MS) > state.prices.words[price + PRICE_SAMPLE_MINUTE]
    if due and pays_funding(state.markets.words, market):
        registers.phase = Phase.SAMPLE_FUNDING
    else:
        registers.phase = Phase.FIRE_TRIGGER


def _fair(state: State, market: i64, price: i64, bid: i64, ask: i64) -> i64:
    """Average the basis in and return the median of three prices; the index alone when a book side is empty."""
    words = state.prices.words
    index = words[price + PRICE_INDEX_TICKS]
    if NO_PRICE in (bid, ask):
        return index
    both = bid + ask
    elapsed = state.registers.arg_amount
    basis = words[price + PRICE_BASIS_PPM]
    distance = div_down(both * PPM, 2) - index * PPM
    basis += mul_div_down(distance - basis, elapsed, BASIS_MS)
    basis = clamp(basis, index * state.markets.words[market + MARKET_BAND_PPM])
    words[price + PRICE_BASIS_PPM] = basis
    return median_of(index, index + whole_down(basis), div_down(both, 2))


def _bounded(state: State, price: i64, mark: i64, last: i64, market: i64) -> i64:
    """Return a mark no further from where it stood when the window for its moves began than it may: a tick at least.

    However many rounds and reports there are within a window, together they move it no further.
    """
    words = state.prices.words
    clock = state.registers.clock_ms
    if last == 0 or clock - words[price + PRICE_ANCHOR_MS] >= MOVE_MS:
        words[price + PRICE_ANCHOR_TICKS] = mark if last == 0 else last
        words[price + PRICE_ANCHOR_MS] = clock
    anchor = words[price + PRICE_ANCHOR_TICKS]
    most = ppm_down(anchor, state.markets.words[market + MARKET_MOVE_PPM])
    return anchor + clamp(mark - anchor, most if most > 0 else 1)


def _surcharge(state: State, market: i64, entry: i64) -> i64:
    """Return what open interest adds to the initial margin fraction: from nothing up to all of the notional."""
    rules = state.markets.words
    marks = state.risk.words
    begins = rules[market + MARKET_SURCHARGE_FROM_UNITS]
    ends = rules[market + MARKET_SURCHARGE_TO_UNITS]
    exposure = exposure_of(marks, entry, rules[market + MARKET_OPEN_INTEREST_LOTS])
    worth = weight_of(worth_of(marks, entry, exposure))
    if begins == 0 or worth <= begins:
        return 0
    room = PPM - marks[entry + RISK_RISKMARKET_INITIAL_PPM]
    if worth >= ends:
        return room
    return mul_div_up(worth - begins, room, ends - begins)
