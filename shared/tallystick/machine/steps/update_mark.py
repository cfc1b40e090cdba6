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
from tallystick.state.cells import (
    Market,
    Price,
    Risk,
    market_band_ppm,
    market_move_ppm,
    market_open_interest_lots,
    market_surcharge_from_units,
    market_surcharge_to_units,
    price_anchor_ms,
    price_anchor_ticks,
    price_basis_ppm,
    price_index_ms,
    price_index_ticks,
    price_resumed_ms,
    price_sample_minute,
    risk_market_initial_ppm,
    risk_market_mark_ticks,
    set_price_anchor_ms,
    set_price_anchor_ticks,
    set_price_basis_ppm,
    set_risk_market_index_ms,
    set_risk_market_mark_ticks,
    set_risk_market_resumed_ms,
    set_risk_market_surcharge_ppm,
)
from tallystick.state.codes import Phase
from tallystick.state.layout import BASIS_MS, BUY, MINUTE_MS, MOVE_MS, PPM, SELL
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
    mark = _fair(state, market, price, bid, ask)
    mark = _bounded(state, price, mark, risk_market_mark_ticks(state.risk.words, risk, number), market)
    set_risk_market_mark_ticks(state.risk.words, risk, number, mark)
    set_risk_market_index_ms(state.risk.words, risk, number, price_index_ms(state.prices.words, price))
    set_risk_market_resumed_ms(state.risk.words, risk, number, price_resumed_ms(state.prices.words, price))
    set_risk_market_surcharge_ppm(state.risk.words, risk, number, _surcharge(state, market, risk, number))

    # WRITE
    state.risk.mark(0)
    state.prices.mark(number)
    machine.emit("mark", number, mark)
    due = periods_down(registers.clock_ms, MINUTE_MS) > price_sample_minute(state.prices.words, price)
    if due and pays_funding(state.markets.words, market):
        registers.phase = Phase.SAMPLE_FUNDING
    else:
        registers.phase = Phase.FIRE_TRIGGER


def _fair(state: State, market: Market, price: Price, bid: i64, ask: i64) -> i64:
    """Average the basis in and return the median of three prices; the index alone when a book side is empty."""
    words = state.prices.words
    index = price_index_ticks(words, price)
    if NO_PRICE in (bid, ask):
        return index
    both = bid + ask
    elapsed = state.registers.arg_amount
    basis = price_basis_ppm(words, price)
    distance = div_down(both * PPM, 2) - index * PPM
    basis += mul_div_down(distance - basis, elapsed, BASIS_MS)
    basis = clamp(basis, index * market_band_ppm(state.markets.words, market))
    set_price_basis_ppm(words, price, basis)
    return median_of(index, index + whole_down(basis), div_down(both, 2))


def _bounded(state: State, price: Price, mark: i64, last: i64, market: Market) -> i64:
    """Return a mark no further from where it stood when the window for its moves began than it may: a tick at least.

    However many rounds and reports there are within a window, together they move it no further.
    """
    words = state.prices.words
    clock = state.registers.clock_ms
    if last == 0 or clock - price_anchor_ms(words, price) >= MOVE_MS:
        set_price_anchor_ticks(words, price, mark if last == 0 else last)
        set_price_anchor_ms(words, price, clock)
    anchor = price_anchor_ticks(words, price)
    most = ppm_down(anchor, market_move_ppm(state.markets.words, market))
    return anchor + clamp(mark - anchor, most if most > 0 else 1)


def _surcharge(state: State, market: Market, risk: Risk, number: i64) -> i64:
    """Return what open interest adds to the initial margin fraction: from nothing up to all of the notional."""
    rules = state.markets.words
    marks = state.risk.words
    begins = market_surcharge_from_units(rules, market)
    ends = market_surcharge_to_units(rules, market)
    exposure = exposure_of(marks, risk, number, market_open_interest_lots(rules, market))
    worth = weight_of(worth_of(marks, risk, number, exposure))
    if begins == 0 or worth <= begins:
        return 0
    room = PPM - risk_market_initial_ppm(marks, risk, number)
    if worth >= ends:
        return room
    return mul_div_up(worth - begins, room, ends - begins)
