"""SETTLE_POSITION: turn one position of a settled market into cash."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.machine.market.instrument import exposure_of, worth_of
from tallystick.machine.market.trade import NO_SLOT, find_position
from tallystick.state.cells import (
    account_cash_units,
    account_position_size_lots,
    market_net_lots,
    market_open_interest_lots,
    market_status,
    risk_market_mark_ticks,
    set_account_cash_units,
    set_account_position_funding_index_ppm,
    set_account_position_market,
    set_account_position_size_lots,
    set_market_net_lots,
    set_market_open_interest_lots,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import MARKET_SETTLED


def step(machine: Machine) -> None:
    """Pay the account in progress what its position in the market is worth at the final mark; anybody may ask for it.

    The account's value stays what it was. A dated future pays no funding. Rejects: NOT_SETTLED, NO_POSITION. Twin:
    contracts/src/referee/steps/SettlePosition.sol.
    """
    state = machine.state
    registers = state.registers
    number = registers.arg_market

    # READ
    market = state.markets.open(number)
    account = state.accounts.open(registers.arg_account)
    risk = state.risk.open(0)
    words = state.accounts.words
    totals = state.markets.words

    # CHECK
    slot = find_position(words, account, number)
    size = account_position_size_lots(words, account, slot) if slot != NO_SLOT else 0
    outcome = Outcome.ACCEPTED
    if market_status(totals, market) != MARKET_SETTLED:
        outcome = Outcome.NOT_SETTLED
    elif size == 0:
        outcome = Outcome.NO_POSITION
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    price = risk_market_mark_ticks(state.risk.words, risk, number)
    worth = worth_of(state.risk.words, risk, number, exposure_of(state.risk.words, risk, number, size))
    set_account_cash_units(words, account, account_cash_units(words, account) + worth)
    set_account_position_market(words, account, slot, 0)
    set_account_position_size_lots(words, account, slot, 0)
    set_account_position_funding_index_ppm(words, account, slot, 0)
    set_market_net_lots(totals, market, market_net_lots(totals, market) - size)
    if size > 0:
        set_market_open_interest_lots(totals, market, market_open_interest_lots(totals, market) - size)
    registers.cash_units += worth

    # WRITE
    state.accounts.mark(registers.arg_account)
    state.markets.mark(number)
    machine.emit("settlement", number, price, size, registers.arg_account)
    machine.finish(Outcome.ACCEPTED)
