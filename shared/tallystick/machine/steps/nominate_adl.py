"""NOMINATE_ADL: name the account whose opposite position is to take up one that nobody else takes."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.machine.market.liquidation import (
    FUND,
    Case,
    Transfer,
    candidate_takes,
    last_resort,
    open_case,
    outranks,
    undo_transfer,
)
from tallystick.machine.market.risk import health
from tallystick.state.cells import (
    Account,
    Deleverage,
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
    """Nominate a candidate, or put one that ranks above the nominee in its place while the delay runs.

    Rejects: HEALTHY (also the fund itself), NO_MARKET, NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, BOOK_CROSSES, INSURANCE_FIRST (the fund can take
    over), NOT_ELIGIBLE (the candidate has no opposite position or cannot bear the loss), OUTRANKED (the nominee is
    leveraged at least as much, its delay is over, or it is for another market). Twin:
    contracts/src/referee/steps/NominateAdl.sol.
    """
    state = machine.state
    registers = state.registers
    number = registers.arg_id

    # READ
    case = open_case(machine, registers.arg_account, registers.arg_market)
    fund = state.accounts.open(FUND)
    candidate = state.accounts.open(number)
    nomination = state.deleverages.open(case.number)
    words = state.deleverages.words
    nominee_number = deleverage_candidate(words, nomination)
    nominee = state.accounts.open(nominee_number)

    # CHECK
    moved = Transfer()
    outcome = last_resort(case, fund, moved)
    if outcome == Outcome.ACCEPTED:
        if candidate_takes(case, number, candidate, moved):
            undo_transfer(case, candidate, moved)
        else:
            outcome = Outcome.NOT_ELIGIBLE
    waited = registers.clock_ms - deleverage_since_ms(words, nomination)
    stands = nominee_number != 0 and waited < ADL_LAPSE_MS
    if outcome == Outcome.ACCEPTED and stands and not _replaces(case, nomination, candidate, nominee):
        outcome = Outcome.OUTRANKED
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    set_deleverage_market(words, nomination, case.market_number)
    set_deleverage_candidate(words, nomination, number)
    if not stands:
        set_deleverage_since_ms(words, nomination, registers.clock_ms)

    # WRITE
    state.deleverages.mark(case.number)
    machine.emit("nominated", case.number, case.market_number, number)
    machine.finish(Outcome.ACCEPTED)


def _replaces(case: Case, nomination: Deleverage, candidate: Account, nominee: Account) -> bool:
    """Whether a candidate may take the nominee's place: in time, in the same market, and ranked above it."""
    state = case.machine.state
    words = state.deleverages.words
    if deleverage_market(words, nomination) != case.market_number:
        return False
    if state.registers.clock_ms - deleverage_since_ms(words, nomination) >= ADL_DELAY_MS:
        return False
    number = deleverage_candidate(words, nomination)
    moved = Transfer()
    if not candidate_takes(case, number, nominee, moved):
        return True
    undo_transfer(case, nominee, moved)
    return outranks(health(state, candidate, case.risk), health(state, nominee, case.risk))
