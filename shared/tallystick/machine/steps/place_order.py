"""PLACE_ORDER: check an order against its market before it meets the book."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import (
    MARKET_EXPIRY_MS,
    MARKET_LIVE,
    MARKET_MAX_LOTS,
    MARKET_STATUS,
    RISK_RISKMARKET_MARK_TICKS,
    RISK_RISKMARKET_WORDS,
)


def step(machine: Machine) -> None:
    """Accept an order for matching.

    Rejects: NO_MARKET, MARKET_EXPIRED, NO_MARK, OUT_OF_RANGE (zero size or price), TOO_LARGE, EXPIRED. Twin:
    contracts/src/referee/steps/PlaceOrder.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    market = state.markets.open(registers.arg_market)
    risk = state.risk.open(0)

    # CHECK
    outcome = Outcome.ACCEPTED
    mark = state.risk.words[risk + registers.arg_market * RISK_RISKMARKET_WORDS + RISK_RISKMARKET_MARK_TICKS]
    if state.markets.words[market + MARKET_STATUS] != MARKET_LIVE:
        outcome = Outcome.NO_MARKET
    elif 0 < state.markets.words[market + MARKET_EXPIRY_MS] <= registers.clock_ms:
        outcome = Outcome.MARKET_EXPIRED
    elif mark == 0:
        outcome = Outcome.NO_MARK
    elif registers.arg_lots == 0 or registers.arg_price == 0:
        outcome = Outcome.OUT_OF_RANGE
    elif registers.arg_lots > state.markets.words[market + MARKET_MAX_LOTS]:
        outcome = Outcome.TOO_LARGE
    elif registers.arg_time != 0 and registers.arg_time <= registers.clock_ms:
        outcome = Outcome.EXPIRED
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    registers.phase = Phase.MATCH_MAKER

    # WRITE: registers only.
