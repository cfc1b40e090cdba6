"""APPLY_CHANGE: put a market's proposed rules, or the proposed account of the fees, in force."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.machine import Machine
from tallystick.machine.market.rules import write_rules
from tallystick.state.cells import (
    Pending,
    market_status,
    pending_effective_ms,
    pending_rules,
    set_config_fee_account,
    set_pending_effective_ms,
    set_pending_rules,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import FEE_ACCOUNT_PENDING, MARKET_LIVE, MAX_MARKETS, RULES
from tallystick.state.ordinals import AccountId, MarketId, UnixMs


def step(machine: Machine) -> None:
    """Put the change in progress in force, once its delay is over; anybody may ask for it.

    Rejects: NO_MARKET, NO_CHANGE, TOO_EARLY. Twin: contracts/src/referee/steps/ApplyChange.sol.
    """
    number = machine.state.registers.arg_market

    # READ, CHECK, APPLY and WRITE
    outcome: i64 = Outcome.NO_MARKET
    if number == FEE_ACCOUNT_PENDING:
        outcome = _apply_fee_account(machine)
    elif number < MAX_MARKETS:
        outcome = _apply_rules(machine, number)
    machine.finish(outcome)


def _apply_rules(machine: Machine, number: MarketId) -> i64:
    """Put the rules proposed for a market in force."""
    state = machine.state
    pending = state.pendings.open(number)
    market = state.markets.open(number)
    risk = state.risk.open(0)
    words = state.pendings.words
    if market_status(state.markets.words, market) != MARKET_LIVE:
        return Outcome.NO_MARKET
    outcome = _check_time(machine, pending)
    if outcome != Outcome.ACCEPTED:
        return outcome
    rules: list[int] = []
    place: i64
    for place in range(RULES):
        rules.append(pending_rules(words, pending, place))
        set_pending_rules(words, pending, place, 0)
    set_pending_effective_ms(words, pending, UnixMs(0))
    state.pendings.mark(number)
    write_rules(state, number, market, risk, rules)
    return Outcome.ACCEPTED


def _apply_fee_account(machine: Machine) -> i64:
    """Let fees go to the account that was proposed."""
    state = machine.state
    pending = state.pendings.open(FEE_ACCOUNT_PENDING)
    config = state.config.open(0)
    words = state.pendings.words
    outcome = _check_time(machine, pending)
    if outcome != Outcome.ACCEPTED:
        return outcome
    set_config_fee_account(state.config.words, config, AccountId(pending_rules(words, pending, 0)))
    set_pending_rules(words, pending, 0, 0)
    set_pending_effective_ms(words, pending, UnixMs(0))
    state.pendings.mark(FEE_ACCOUNT_PENDING)
    state.config.mark(0)
    return Outcome.ACCEPTED


def _check_time(machine: Machine, pending: Pending) -> i64:
    """Return why a change is not to be put in force now, or ACCEPTED."""
    effective = pending_effective_ms(machine.state.pendings.words, pending)
    if effective == 0:
        return Outcome.NO_CHANGE
    if effective > machine.state.registers.clock_ms:
        return Outcome.TOO_EARLY
    return Outcome.ACCEPTED
