"""LIST_MARKET: open a new market."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.state.codes import Outcome
from tallystick.state.layout import (
    MARKET_LIVE,
    MARKET_MAKER_PPM,
    MARKET_MAX_LOTS,
    MARKET_STATUS,
    MARKET_TAKER_PPM,
    MAX_EXPOSURE,
    RISK_RISKMARKET_INITIAL_PPM,
    RISK_RISKMARKET_MAINTENANCE_PPM,
    RISK_RISKMARKET_MULTIPLIER,
    RISK_RISKMARKET_WORDS,
)


def step(machine: Machine) -> None:
    """List the market in progress; a listed market never changes.

    Rejects: MARKET_EXISTS, BAD_PARAMETERS. Twin: contracts/src/referee/steps/ListMarket.sol.
    """
    state = machine.state
    registers = state.registers
    multiplier, max_lots = registers.arg_price, registers.arg_lots
    initial, maintenance = registers.arg_id, registers.arg_time

    # READ
    market = state.markets.open(registers.arg_market)
    risk = state.risk.open(0)

    # CHECK
    if state.markets.words[market + MARKET_STATUS] != 0:
        machine.finish(Outcome.MARKET_EXISTS)
        return
    if multiplier == 0 or max_lots == 0 or max_lots > MAX_EXPOSURE // multiplier or not 0 < maintenance <= initial:
        machine.finish(Outcome.BAD_PARAMETERS)
        return

    # APPLY
    rules = state.markets.words
    rules[market + MARKET_STATUS] = MARKET_LIVE
    rules[market + MARKET_TAKER_PPM] = registers.arg_amount
    rules[market + MARKET_MAKER_PPM] = registers.arg_slot
    rules[market + MARKET_MAX_LOTS] = max_lots
    entry = risk + registers.arg_market * RISK_RISKMARKET_WORDS
    state.risk.words[entry + RISK_RISKMARKET_MULTIPLIER] = multiplier
    state.risk.words[entry + RISK_RISKMARKET_INITIAL_PPM] = initial
    state.risk.words[entry + RISK_RISKMARKET_MAINTENANCE_PPM] = maintenance

    # WRITE
    state.markets.mark(registers.arg_market)
    state.risk.mark(0)
    machine.finish(Outcome.ACCEPTED)
