"""TAKE_OVER: the market's insurance fund takes up lots of a position that the book does not."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.machine.market.funds import fund_of, is_fund
from tallystick.machine.market.ladder import Transfer, book_takeover, check_ladder, fund_takes
from tallystick.machine.market.liquidation import open_case
from tallystick.state.codes import Outcome


def step(machine: Machine) -> None:
    """Move the lots that the record names to the market's insurance fund, at the index less the market's fee.

    Rejects: HEALTHY (also a fund itself), NO_MARKET, NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, BRAKE, BOOK_FIRST (it does
    not owe, and no LIQUIDATE has just left something of it), INSURANCE_LIMIT (no lots, or more than are to be closed, the
    market's cap has room for, the fund may bear of accounts that owe, or its own margin would carry). Twin:
    contracts/src/referee/steps/TakeOver.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    case = open_case(machine, registers.arg_account, registers.arg_market)
    fund = state.accounts.open(fund_of(case.market_number))

    # CHECK
    moved = Transfer()
    outcome = Outcome.HEALTHY if is_fund(case.number) else check_ladder(case)
    if outcome == Outcome.ACCEPTED and not fund_takes(case, fund, registers.arg_lots, moved):
        outcome = Outcome.INSURANCE_LIMIT
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY and WRITE
    book_takeover(case, moved)
    machine.finish(Outcome.ACCEPTED)
