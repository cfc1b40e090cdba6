"""TAKE_OVER: the insurance fund takes up a position that the book does not."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.machine.market.liquidation import (
    FUND,
    Transfer,
    bankrupt,
    book_crosses,
    book_transfer,
    check_case,
    fund_takes,
    open_case,
)
from tallystick.state.codes import Outcome


def step(machine: Machine) -> None:
    """Move as much of the position to the insurance fund, at the zero price, as its cap has room for.

    Rejects: HEALTHY (also the fund itself), NO_MARKET, NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, BOOK_CROSSES (somebody bids the zero price or
    better), INSURANCE_LIMIT (no room below the market's cap, or the fund's own margin would not carry it). Twin:
    contracts/src/referee/steps/TakeOver.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    case = open_case(machine, registers.arg_account, registers.arg_market)
    fund = state.accounts.open(FUND)

    # CHECK
    outcome = Outcome.HEALTHY if case.number == FUND else check_case(case)
    if outcome == Outcome.ACCEPTED and not bankrupt(case) and book_crosses(case):
        outcome = Outcome.BOOK_CROSSES
    moved = Transfer()
    if outcome == Outcome.ACCEPTED and not fund_takes(case, fund, moved):
        outcome = Outcome.INSURANCE_LIMIT
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY and WRITE
    book_transfer(case, FUND, moved)
    machine.finish(Outcome.ACCEPTED)
