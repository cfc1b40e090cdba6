"""SETTLE_POSITION: turn one position of a settled market into cash; settle one that is dead."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.machine import Machine
from tallystick.machine.market.funds import fund_of
from tallystick.machine.market.instrument import charge_funding, exposure_of, settle_at, worth_of
from tallystick.machine.market.risk import health
from tallystick.machine.market.stages import is_market_dead, served_ms
from tallystick.machine.market.trade import NO_SLOT, Fill, find_position, holds_nothing, pay_out
from tallystick.state.cells import (
    Account,
    Market,
    Price,
    Risk,
    account_cash_units,
    account_position_size_lots,
    market_dead_ms,
    market_settled_ms,
    market_status,
    risk_market_index_ticks,
    risk_market_mark_ticks,
    set_account_cash_units,
    set_market_dead_ms,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import (
    DEAD_MARKET_MS,
    DEAD_WAIT_MS,
    LEAN_MARKED,
    LEAN_WORST,
    MARKET_LIVE,
    MARKET_SETTLED,
    SETTLE_WAIT_MS,
)
from tallystick.state.quantities import Lots, Units


def step(machine: Machine) -> None:
    """Pay the account in progress what its position in the market is worth at the final mark; anybody may ask for it.

    The account's value stays what it was, unless the market's fund covers what it is short of. A live market that is dead
    is found so, and a day later settles, whoever is named. Rejects: NOT_SETTLED, NO_POSITION, TOO_EARLY (who owes in the
    market is closed first; or the day is not over). Rounding: funding up. Twin:
    contracts/src/referee/steps/SettlePosition.sol.
    """
    state = machine.state
    registers = state.registers
    number = registers.arg_market

    # READ
    market = state.markets.open(number)
    account = state.accounts.open(registers.arg_account)
    risk = state.risk.open(0)
    price = state.prices.open(number)
    words = state.accounts.words

    # CHECK
    if market_status(state.markets.words, market) == MARKET_LIVE and is_market_dead(state, market, price):
        machine.finish(_bury(machine, market, risk, price))
        return
    slot = find_position(words, account, number)
    size_lots = account_position_size_lots(words, account, slot) if slot != NO_SLOT else Lots(0)
    outcome = Outcome.ACCEPTED
    if market_status(state.markets.words, market) != MARKET_SETTLED:
        outcome = Outcome.NOT_SETTLED
    elif size_lots == 0:
        outcome = Outcome.NO_POSITION
    elif registers.clock_ms - market_settled_ms(state.markets.words, market) < SETTLE_WAIT_MS:
        outcome = Outcome.TOO_EARLY
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    worth_units = worth_of(
        state.risk.words, risk, number, exposure_of(state.risk.words, risk, number, size_lots), LEAN_MARKED
    )
    fill = Fill()
    fill.slot = slot
    pay_out(state, market, account, risk, number, worth_units, fill)
    final_ticks = risk_market_mark_ticks(state.risk.words, risk, number)
    machine.emit("settlement", number, final_ticks, size_lots, registers.arg_account)
    if holds_nothing(words, account) and registers.arg_account != fund_of(number):
        _cover(machine, account, risk, fill.old_cost_units - worth_units)

    # WRITE
    state.accounts.mark(registers.arg_account)
    state.markets.mark(number)
    machine.finish(Outcome.ACCEPTED)


def _bury(machine: Machine, market: Market, risk: Risk, price: Price) -> i64:
    """Note that a market is dead, or settle it when that was a day ago and of the index that is still its last.

    It settles at the index of margins: in a settlement window the last index stands until the expiry, as ever. What the
    hour has sampled is charged first. Rejects: TOO_EARLY.
    """
    state = machine.state
    registers = state.registers
    number = registers.arg_market
    rules = state.markets.words
    found = market_dead_ms(rules, market)
    if found <= served_ms(state, market, price) + DEAD_MARKET_MS:
        set_market_dead_ms(rules, market, registers.clock_ms)
        state.markets.mark(number)
        return Outcome.ACCEPTED
    if registers.clock_ms - found < DEAD_WAIT_MS:
        return Outcome.TOO_EARLY
    charge_funding(machine, price, risk, number)
    settle_at(machine, market, risk, number, risk_market_index_ticks(state.risk.words, risk, number))
    return Outcome.ACCEPTED


def _cover(machine: Machine, account: Account, risk: Risk, lost_units: i64) -> None:
    """Let the market's fund pay what the account is short of: no more than it has lost in this market, nor than the fund can spare.

    The fund's own margin stays in it, at the worse price.
    """
    state = machine.state
    number = state.registers.arg_market
    owed_units = -account_cash_units(state.accounts.words, account)
    if owed_units <= 0 or lost_units <= 0:
        return
    fund = state.accounts.open(fund_of(number))
    words = state.accounts.words
    measured = health(state, fund, risk, LEAN_WORST)
    paid_units: i64 = min(owed_units, lost_units, measured.value_units - measured.initial_units)
    if paid_units <= 0:
        return
    set_account_cash_units(words, fund, Units(account_cash_units(words, fund) - paid_units))
    set_account_cash_units(words, account, Units(account_cash_units(words, account) + paid_units))
    state.accounts.mark(fund_of(number))
    machine.emit("covered", number, paid_units, state.registers.arg_account)
