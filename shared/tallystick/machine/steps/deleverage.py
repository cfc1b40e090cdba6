"""DELEVERAGE: the nominee's opposite position takes up one that nobody else takes."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.machine.market.liquidation import FUND, Transfer, book_transfer, candidate_takes, last_resort, open_case
from tallystick.state.cells import (
    deleverage_candidate,
    deleverage_market,
    deleverage_since_ms,
    set_deleverage_candidate,
    set_deleverage_market,
    set_deleverage_since_ms,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import ADL_DELAY_MS, ADL_LAPSE_MS


def step(machine: Machine) -> None:
    """Close the position against the nominee's at the zero price, as far as both reach; the nomination is over.

    Rejects: NO_NOMINATION, TOO_EARLY (better candidates may still come). With any other outcome the nomination is over
    as well: EXPIRED (it has lapsed), NO_MARKET, NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, HEALTHY, BOOK_CROSSES, INSURANCE_FIRST, NOT_ELIGIBLE, as in NOMINATE_ADL. Twin:
    contracts/src/referee/steps/Deleverage.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    account = registers.arg_account
    nomination = state.deleverages.open(account)
    words = state.deleverages.words
    number = deleverage_candidate(words, nomination)
    market = deleverage_market(words, nomination)

    # CHECK
    if number == 0:
        machine.finish(Outcome.NO_NOMINATION)
        return
    waited = registers.clock_ms - deleverage_since_ms(words, nomination)
    if waited < ADL_DELAY_MS:
        machine.finish(Outcome.TOO_EARLY)
        return
    case = open_case(machine, account, market)
    fund = state.accounts.open(FUND)
    candidate = state.accounts.open(number)
    moved = Transfer()
    outcome = last_resort(case, fund, moved) if waited < ADL_LAPSE_MS else Outcome.EXPIRED
    if outcome == Outcome.ACCEPTED and not candidate_takes(case, number, candidate, moved):
        outcome = Outcome.NOT_ELIGIBLE

    # APPLY and WRITE
    set_deleverage_candidate(words, nomination, 0)
    set_deleverage_market(words, nomination, 0)
    set_deleverage_since_ms(words, nomination, 0)
    state.deleverages.mark(account)
    if outcome == Outcome.ACCEPTED:
        book_transfer(case, number, moved)
    machine.finish(outcome)
