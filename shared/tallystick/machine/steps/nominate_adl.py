"""NOMINATE_ADL: name the account whose opposite position is to take up one that nobody else takes."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.machine.market.funds import fund_of
from tallystick.machine.market.ladder import Transfer, could_take, last_resort, outranks, rank_of, weighs_more
from tallystick.machine.market.liquidation import Case, brake_spares, open_case
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
from tallystick.state.layout import ADL_DELAY_MS, ADL_LAPSE_MS, ADL_NEXT_MS
from tallystick.state.ordinals import UnixMs


def step(machine: Machine) -> None:
    """Nominate a candidate, or put one that ranks above the nominee in its place while the delay runs.

    A nominee that cannot take anything up any more gives way to any, and the delay goes on. In another market the
    nomination goes over to the position that weighs more, and the delay begins anew. Behind a deleveraging of the same
    position only ADL_NEXT_MS of it are left. Rejects: NO_MARKET, NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, HEALTHY,
    BOOK_FIRST, INSURANCE_FIRST (the fund can take over), BRAKE (it holds the account's position or the candidate's), NOT_ELIGIBLE (the candidate has no opposite position, or bears
    the loss of no lot), OUTRANKED (the nominee ranks as high, its delay is over, or its market weighs as much). Twin:
    contracts/src/referee/steps/NominateAdl.sol.
    """
    state = machine.state
    registers = state.registers
    number = registers.arg_candidate

    # READ
    case = open_case(machine, registers.arg_account, registers.arg_market)
    fund = state.accounts.open(fund_of(case.market_number))
    candidate = state.accounts.open(number)
    nomination = state.deleverages.open(case.number)
    words = state.deleverages.words
    nominee_number = deleverage_candidate(words, nomination)
    nominee = state.accounts.open(nominee_number)

    # CHECK
    moved = Transfer()
    outcome = last_resort(case, fund, moved)
    if outcome == Outcome.ACCEPTED and brake_spares(case, candidate):
        outcome = Outcome.BRAKE
    if outcome == Outcome.ACCEPTED and not could_take(case, number, candidate, moved):
        outcome = Outcome.NOT_ELIGIBLE
    same = deleverage_market(words, nomination) == case.market_number
    runs = registers.clock_ms - deleverage_since_ms(words, nomination) < ADL_LAPSE_MS
    stands = nominee_number != 0 and runs
    if outcome == Outcome.ACCEPTED and stands:
        nominated = deleverage_market(words, nomination)
        goes_over = _replaces(case, nomination, candidate, nominee) if same else weighs_more(case, nominated)
        if not goes_over:
            outcome = Outcome.OUTRANKED
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    set_deleverage_market(words, nomination, case.market_number)
    set_deleverage_candidate(words, nomination, number)
    if not (stands and same):
        begun = ADL_DELAY_MS - ADL_NEXT_MS if same and runs else 0
        set_deleverage_since_ms(words, nomination, UnixMs(registers.clock_ms - begun))

    # WRITE
    state.deleverages.mark(case.number)
    machine.emit("nominated", case.number, case.market_number, number)
    machine.finish(Outcome.ACCEPTED)


def _replaces(case: Case, nomination: Deleverage, candidate: Account, nominee: Account) -> bool:
    """Whether a candidate may take the nominee's place: in time and ranked above it, or at once when that one cannot take."""
    state = case.machine.state
    words = state.deleverages.words
    if not could_take(case, deleverage_candidate(words, nomination), nominee, Transfer()):
        return True
    if state.registers.clock_ms - deleverage_since_ms(words, nomination) >= ADL_DELAY_MS:
        return False
    return outranks(rank_of(case, candidate), rank_of(case, nominee))
