"""LIST_MARKET: open a new market."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.machine import Machine, record_values
from tallystick.machine.market.instrument import term_stands
from tallystick.machine.market.rules import rules_stand, write_rules
from tallystick.state.cells import (
    market_status,
    set_market_expiry_ms,
    set_market_kind,
    set_market_status,
    set_risk_market_multiplier,
)
from tallystick.state.codes import Outcome
from tallystick.state.fields import ListMarketFields
from tallystick.state.layout import MARKET_LIVE


def step(machine: Machine) -> None:
    """List the market in progress, for good: its kind, multiplier and expiry never change.

    Rejects: MARKET_EXISTS, BAD_PARAMETERS. Twin: contracts/src/referee/steps/ListMarket.sol.
    """
    state = machine.state
    number = state.registers.arg_market

    # READ
    values = record_values(machine)
    market = state.markets.open(number)
    risk = state.risk.open(0)
    kind: i64 = values[ListMarketFields.KIND]
    multiplier: i64 = values[ListMarketFields.MULTIPLIER]
    expiry: i64 = values[ListMarketFields.EXPIRY_MS]
    rules = values[ListMarketFields.FIRST_RULE :]

    # CHECK
    if market_status(state.markets.words, market) != 0:
        machine.finish(Outcome.MARKET_EXISTS)
        return
    if not term_stands(kind, expiry, state.registers.clock_ms) or not rules_stand(rules, multiplier):
        machine.finish(Outcome.BAD_PARAMETERS)
        return

    # APPLY
    set_market_status(state.markets.words, market, MARKET_LIVE)
    set_market_kind(state.markets.words, market, kind)
    set_market_expiry_ms(state.markets.words, market, expiry)
    set_risk_market_multiplier(state.risk.words, risk, number, multiplier)

    # WRITE
    write_rules(state, number, market, risk, rules)
    machine.finish(Outcome.ACCEPTED)
