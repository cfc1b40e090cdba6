"""DELIST: let a perpetual expire."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.machine.market.instrument import charge_funding, end_perpetual, pays_funding
from tallystick.state.cells import market_status
from tallystick.state.codes import Outcome
from tallystick.state.layout import DELIST_DELAY_MS, MARKET_LIVE
from tallystick.state.ordinals import UnixMs


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
    rules = state.markets.words

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
    charge_funding(machine, price, risk, number)
    end_perpetual(rules, market, UnixMs(registers.clock_ms + DELIST_DELAY_MS))

    # WRITE
    state.markets.mark(number)
    machine.finish(Outcome.ACCEPTED)
