"""CHANGE_MARKET: propose a listed market's next rules."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.machine import Machine, record_values
from tallystick.machine.market.rules import rules_stand
from tallystick.state.cells import (
    market_status,
    pending_changes,
    risk_market_multiplier_units,
    set_pending_changes,
    set_pending_effective_ms,
    set_pending_rules,
)
from tallystick.state.codes import Outcome
from tallystick.state.fields import ChangeMarketFields
from tallystick.state.layout import CHANGE_DELAY_MS, MARKET_LIVE, RULES
from tallystick.state.ordinals import UnixMs


def step(machine: Machine) -> None:
    """Keep the proposal in progress; it takes the place of one that is not in force yet, and its delay begins anew.

    Proposals are numbered by market, so that none is repeated. Rejects: NO_MARKET, OLD_CHANGE, BAD_PARAMETERS. Twin:
    contracts/src/referee/steps/ChangeMarket.sol.
    """
    state = machine.state
    number = state.registers.arg_market

    # READ
    values = record_values(machine)
    market = state.markets.open(number)
    pending = state.pendings.open(number)
    risk = state.risk.open(0)
    words = state.pendings.words
    change: i64 = values[ChangeMarketFields.CHANGE]
    rules = values[ChangeMarketFields.FIRST_RULE :]

    # CHECK
    multiplier_units = risk_market_multiplier_units(state.risk.words, risk, number)
    outcome = Outcome.ACCEPTED
    if market_status(state.markets.words, market) != MARKET_LIVE:
        outcome = Outcome.NO_MARKET
    elif change != pending_changes(words, pending) + 1:
        outcome = Outcome.OLD_CHANGE
    elif not rules_stand(rules, multiplier_units):
        outcome = Outcome.BAD_PARAMETERS
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    set_pending_changes(words, pending, change)
    set_pending_effective_ms(words, pending, UnixMs(state.registers.clock_ms + CHANGE_DELAY_MS))
    place: i64
    for place in range(RULES):
        set_pending_rules(words, pending, place, rules[place])

    # WRITE
    state.pendings.mark(number)
    machine.finish(Outcome.ACCEPTED)
