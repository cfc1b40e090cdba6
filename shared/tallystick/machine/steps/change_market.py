"""CHANGE_MARKET: propose a listed market's next rules."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.machine import Machine, record_values
from tallystick.machine.market.rules import rules_stand
from tallystick.state.codes import Outcome
from tallystick.state.fields import ChangeMarketFields
from tallystick.state.layout import (
    CHANGE_DELAY_MS,
    MARKET_LIVE,
    MARKET_STATUS,
    PENDING_CHANGES,
    PENDING_EFFECTIVE_MS,
    PENDING_RULES,
    RISK_RISKMARKET_MULTIPLIER,
    RISK_RISKMARKET_WORDS,
    RULES,
)


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
    multiplier = state.risk.words[risk + number * RISK_RISKMARKET_WORDS + RISK_RISKMARKET_MULTIPLIER]
    outcome = Outcome.ACCEPTED
    if state.markets.words[market + MARKET_STATUS] != MARKET_LIVE:
        outcome = Outcome.NO_MARKET
    elif change != words[pending + PENDING_CHANGES] + 1:
        outcome = Outcome.OLD_CHANGE
    elif not rules_stand(rules, multiplier):
        outcome = Outcome.BAD_PARAMETERS
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    words[pending + PENDING_CHANGES] = change
    words[pending + PENDING_EFFECTIVE_MS] = state.registers.clock_ms + CHANGE_DELAY_MS
    place: i64
    for place in range(RULES):
        words[pending + PENDING_RULES + place] = rules[place]

    # WRITE
    state.pendings.mark(number)
    machine.finish(Outcome.ACCEPTED)
