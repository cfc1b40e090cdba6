"""TOP_UP: bring the insurance fund of a market back to what it is to be worth, out of the treasury."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.machine import Machine
from tallystick.machine.market.funds import fund_of
from tallystick.machine.market.risk import health
from tallystick.state.cells import (
    account_cash_units,
    market_fund_units,
    market_status,
    market_topped_ms,
    set_account_cash_units,
    set_market_topped_ms,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import LEAN_WORST, MARKET_LIVE, MAX_CASH_UNITS, TOP_UP_MS, TREASURY_ACCOUNT
from tallystick.state.ordinals import AccountId
from tallystick.state.quantities import Units


def step(machine: Machine) -> None:
    """Move what the fund lacks, and the treasury has, once a day at most; anybody may ask for it.

    The fund counts at the worse price: what it holds is no cash. Rejects: NO_MARKET, TOO_EARLY, OUT_OF_RANGE (nothing to
    move), POSITION_LIMIT (cash beyond its bound). Twin: contracts/src/referee/steps/TopUp.sol.
    """
    state = machine.state
    number = state.registers.arg_market

    # READ
    market = state.markets.open(number)
    risk = state.risk.open(0)
    treasury = state.accounts.open(AccountId(TREASURY_ACCOUNT))
    fund = state.accounts.open(fund_of(number))
    totals = state.markets.words
    words = state.accounts.words
    topped = market_topped_ms(totals, market)
    lacking_units: i64 = market_fund_units(totals, market) - health(state, fund, risk, LEAN_WORST).value_units
    moved_units: i64 = min(account_cash_units(words, treasury), lacking_units)

    # CHECK
    outcome: i64 = Outcome.ACCEPTED
    if market_status(totals, market) != MARKET_LIVE:
        outcome = Outcome.NO_MARKET
    elif topped != 0 and state.registers.clock_ms - topped < TOP_UP_MS:
        outcome = Outcome.TOO_EARLY
    elif moved_units <= 0:
        outcome = Outcome.OUT_OF_RANGE
    elif account_cash_units(words, fund) + moved_units > MAX_CASH_UNITS:
        outcome = Outcome.POSITION_LIMIT
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    set_account_cash_units(words, treasury, Units(account_cash_units(words, treasury) - moved_units))
    set_account_cash_units(words, fund, Units(account_cash_units(words, fund) + moved_units))
    set_market_topped_ms(totals, market, state.registers.clock_ms)

    # WRITE
    state.accounts.mark(TREASURY_ACCOUNT)
    state.accounts.mark(fund_of(number))
    state.markets.mark(number)
    machine.emit("top_up", number, moved_units)
    machine.finish(Outcome.ACCEPTED)
