"""DELIST: let a perpetual expire."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.machine.market.instrument import charge_funding, end_perpetual, funding_index, pays_funding
from tallystick.state.cells import market_status, price_index_ticks, price_premium_count
from tallystick.state.codes import Outcome
from tallystick.state.layout import DELIST_DELAY_MS, MARKET_LIVE


def step(machine: Machine) -> None:
    """Make the market in progress a dated future that expires in a week; what the hour has sampled is charged first.

    So it cannot be repeated. Rejects: NO_MARKET, BAD_PARAMETERS (it expires anyway). Twin:
    contracts/src/referee/steps/Delist.sol.
    """
    state = machine.state
    registers = state.registers
    number = registers.arg_market

    # READ
    market = state.markets.open(number)
    risk = state.risk.open(0)
    price = state.prices.open(number)
    rules, prices, marks = state.markets.words, state.prices.words, state.risk.words

    # CHECK
    outcome = Outcome.ACCEPTED
    if market_status(rules, market) != MARKET_LIVE:
        outcome = Outcome.NO_MARKET
    elif not pays_funding(rules, market):
        outcome = Outcome.BAD_PARAMETERS
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    if price_premium_count(prices, price):
        rate = charge_funding(prices, price, marks, risk, number)
        machine.emit("funding", number, rate, price_index_ticks(prices, price), funding_index(marks, risk, number))
    end_perpetual(rules, market, registers.clock_ms + DELIST_DELAY_MS)

    # WRITE
    state.markets.mark(number)
    state.risk.mark(0)
    state.prices.mark(number)
    machine.finish(Outcome.ACCEPTED)
