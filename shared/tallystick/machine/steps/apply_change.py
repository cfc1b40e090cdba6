"""APPLY_CHANGE: put a market's proposed rules in force."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.machine import Machine
from tallystick.machine.market.rules import write_rules
from tallystick.state.cells import (
    market_status,
    pending_effective_ms,
    pending_rules,
    set_pending_effective_ms,
    set_pending_rules,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import MARKET_LIVE, RULES


def step(machine: Machine) -> None:
    """Put the rules proposed for the market in progress in force, once their delay is over; anybody may ask for it.

    Rejects: NO_MARKET, NO_CHANGE, TOO_EARLY. Twin: contracts/src/referee/steps/ApplyChange.sol.
    """
    state = machine.state
    number = state.registers.arg_market

    # READ
    market = state.markets.open(number)
    pending = state.pendings.open(number)
    risk = state.risk.open(0)
    words = state.pendings.words

    # CHECK
    effective = pending_effective_ms(words, pending)
    outcome = Outcome.ACCEPTED
    if market_status(state.markets.words, market) != MARKET_LIVE:
        outcome = Outcome.NO_MARKET
    elif effective == 0:
        outcome = Outcome.NO_CHANGE
    elif effective > state.registers.clock_ms:
        outcome = Outcome.TOO_EARLY
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    rules: list[int] = []
    place: i64
    for place in range(RULES):
        rules.append(pending_rules(words, pending, place))
        set_pending_rules(words, pending, place, 0)
    set_pending_effective_ms(words, pending, 0)

    # WRITE
    state.pendings.mark(number)
    write_rules(state, number, market, risk, rules)
    machine.finish(Outcome.ACCEPTED)
