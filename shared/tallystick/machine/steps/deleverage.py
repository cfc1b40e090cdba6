"""DELEVERAGE: the nominee's opposite position takes up one that nobody else takes."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.machine.market.brake import prolong_brakes
from tallystick.machine.market.funds import fund_of
from tallystick.machine.market.ladder import Transfer, book_transfer, candidate_takes, last_resort
from tallystick.machine.market.liquidation import bankrupt, brake_spares, open_case
from tallystick.state.cells import (
    deleverage_candidate,
    deleverage_market,
    deleverage_since_ms,
    set_deleverage_candidate,
    set_deleverage_since_ms,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import ADL_DELAY_MS, ADL_LAPSE_MS
from tallystick.state.ordinals import AccountId


def step(machine: Machine) -> None:
    """Close the position against the nominee's, as far as both reach and the nominee can bear; the nomination is over.

    Any other outcome leaves the nomination as it is. Rejects: NO_NOMINATION, TOO_EARLY (better candidates may still
    come), EXPIRED (it has lapsed), NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, HEALTHY, BOOK_FIRST,
    INSURANCE_FIRST, BRAKE, NOT_ELIGIBLE, as in NOMINATE_ADL. Twin: contracts/src/referee/steps/Deleverage.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    account = registers.arg_account
    nomination = state.deleverages.open(account)
    words = state.deleverages.words
    number = deleverage_candidate(words, nomination)
    waited = registers.clock_ms - deleverage_since_ms(words, nomination)

    # CHECK
    outcome = Outcome.ACCEPTED
    if number == 0:
        outcome = Outcome.NO_NOMINATION
    elif waited < ADL_DELAY_MS:
        outcome = Outcome.TOO_EARLY
    elif waited >= ADL_LAPSE_MS:
        outcome = Outcome.EXPIRED
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return
    case = open_case(machine, account, deleverage_market(words, nomination))
    fund = state.accounts.open(fund_of(case.market_number))
    candidate = state.accounts.open(number)
    moved = Transfer()
    outcome = last_resort(case, fund, moved)
    if outcome == Outcome.ACCEPTED and brake_spares(case, candidate):
        outcome = Outcome.BRAKE
    if outcome == Outcome.ACCEPTED and not candidate_takes(case, number, candidate, moved):
        outcome = Outcome.NOT_ELIGIBLE
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY and WRITE
    set_deleverage_candidate(words, nomination, AccountId(0))
    set_deleverage_since_ms(words, nomination, registers.clock_ms)
    state.deleverages.mark(account)
    if bankrupt(case):
        prolong_brakes(state, case.market)
    book_transfer(case, number, moved)
    machine.finish(Outcome.ACCEPTED)
