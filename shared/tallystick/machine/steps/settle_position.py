"""SETTLE_POSITION: turn one position of a settled market into cash."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.machine.market.instrument import exposure_of, worth_of
from tallystick.machine.market.trade import NO_SLOT, find_position
from tallystick.state.codes import Outcome
from tallystick.state.layout import (
    ACCOUNT_CASH_UNITS,
    ACCOUNT_POSITION_FUNDING_INDEX_PPM,
    ACCOUNT_POSITION_MARKET,
    ACCOUNT_POSITION_SIZE_LOTS,
    MARKET_NET_LOTS,
    MARKET_OPEN_INTEREST_LOTS,
    MARKET_SETTLED,
    MARKET_STATUS,
    RISK_RISKMARKET_MARK_TICKS,
    RISK_RISKMARKET_WORDS,
)


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
    position = find_position(words, account, number)
    size = words[position + ACCOUNT_POSITION_SIZE_LOTS] if position != NO_SLOT else 0
    outcome = Outcome.ACCEPTED
    if totals[market + MARKET_STATUS] != MARKET_SETTLED:
        outcome = Outcome.NOT_SETTLED
    elif size == 0:
        outcome = Outcome.NO_POSITION
    if outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
        return

    # APPLY
    entry = risk + number * RISK_RISKMARKET_WORDS
    price = state.risk.words[entry + RISK_RISKMARKET_MARK_TICKS]
    worth = worth_of(state.risk.words, entry, exposure_of(state.risk.words, entry, size))
    words[account + ACCOUNT_CASH_UNITS] += worth
    words[position + ACCOUNT_POSITION_MARKET] = 0
    words[position + ACCOUNT_POSITION_SIZE_LOTS] = 0
    words[position + ACCOUNT_POSITION_FUNDING_INDEX_PPM] = 0
    totals[market + MARKET_NET_LOTS] -= size
    if size > 0:
        totals[market + MARKET_OPEN_INTEREST_LOTS] -= size
    registers.cash_units += worth

    # WRITE
    state.accounts.mark(registers.arg_account)
    state.markets.mark(number)
    machine.emit("settlement", number, price, size, registers.arg_account)
    machine.finish(Outcome.ACCEPTED)
