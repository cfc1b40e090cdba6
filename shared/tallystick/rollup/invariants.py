"""What must hold of every true state; a breach is a bug of the machine itself, worth more than any dispute."""

from __future__ import annotations

from collections import Counter

from tallystick.state.cells import (
    account_cash_units,
    account_orders,
    account_position_funding_index_ppm,
    account_position_market,
    account_position_size_lots,
    market_funding_part_ppm,
    market_funding_whole_ticks,
    market_net_lots,
    market_open_interest_lots,
    market_status,
    order_account,
    order_remaining_lots,
    risk_market_funding_index_ppm,
    risk_market_mark_ticks,
    risk_market_multiplier_units,
)
from tallystick.state.layout import MARKET_SETTLED, MAX_MARKETS, MAX_POSITIONS, PPM
from tallystick.state.ordinals import AccountId
from tallystick.state.state import State


def broken(state: State) -> tuple[str, ...]:
    """Return a sentence for every invariant a state breaks, none for a sound one."""
    registers = state.registers
    words = state.accounts.words
    resting = Counter(
        order_account(state.orders.words, order)
        for _, order in state.orders.every()
        if order_remaining_lots(state.orders.words, order)
    )
    cash = 0
    net = [0] * MAX_MARKETS
    longs = [0] * MAX_MARKETS
    paid = [0] * MAX_MARKETS
    counted = Counter[AccountId]()
    for number, account in state.accounts.every():
        counted[number] = account_orders(words, account)
        cash += account_cash_units(words, account)
        for slot in range(MAX_POSITIONS):
            market = account_position_market(words, account, slot)
            size = account_position_size_lots(words, account, slot)
            net[market] += size
            longs[market] += max(size, 0)
            paid[market] += size * account_position_funding_index_ppm(words, account, slot)
    found: list[str] = []
    if cash != registers.cash_units:
        found.append(f"accounts hold {cash} units, the registers say {registers.cash_units}")
    if +counted != resting or counted.total() != registers.orders_total:
        found.append(
            f"{resting.total()} orders rest, accounts say {counted.total()}, the registers {registers.orders_total}"
        )
    unbalanced = imbalance(state)
    if unbalanced != 0:
        found.append(f"{registers.deposited_units} units were deposited, {unbalanced} millionths more are owed")
    for market, base in sorted(state.markets.every()):
        totals = state.markets.words
        settled = market_status(totals, base) == MARKET_SETTLED
        if net[market] != market_net_lots(totals, base) or (net[market] != 0 and not settled):
            found.append(f"positions of market {market} sum to {net[market]} lots")
        if longs[market] != market_open_interest_lots(totals, base):
            said = market_open_interest_lots(totals, base)
            found.append(f"market {market} has {longs[market]} lots open, its cell says {said}")
        funding = market_funding_whole_ticks(totals, base) * PPM + market_funding_part_ppm(totals, base)
        if paid[market] != funding:
            found.append(f"positions of market {market} have paid funding of {paid[market]}, its cell says {funding}")
    return tuple(found)


def imbalance(state: State) -> int:
    """Return what is owed beyond what was deposited, 0 in every true state, from the totals alone (I1).

    Units: millionths of a unit. Funding not settled yet is in the markets' totals: what the positions of a market
    have paid, they have paid to each other.
    """
    registers = state.registers
    owed = registers.cash_units + registers.fees_units + registers.withdrawn_units - registers.deposited_units
    total = owed * PPM + registers.funding_dust_ppm
    for market, base in state.markets.every():
        totals = state.markets.words
        funding = market_funding_whole_ticks(totals, base) * PPM + market_funding_part_ppm(totals, base)
        if funding:
            total += funding * risk_market_multiplier_units(state.risk.words, state.risk.known(0), market)
    return total + unpaid_settlements(state)


def unpaid_settlements(state: State) -> int:
    """Return what the positions of settled markets that are not paid yet are worth together, less the funding they owe.

    Units: millionths of a unit; less than nothing when mostly winners have been paid. What they paid last is in the totals.
    """
    total = 0
    for market, base in state.markets.every():
        if market_status(state.markets.words, base) == MARKET_SETTLED:
            risk = state.risk.known(0)
            price = PPM * risk_market_mark_ticks(state.risk.words, risk, market)
            price -= risk_market_funding_index_ppm(state.risk.words, risk, market)
            lots = market_net_lots(state.markets.words, base)
            total += lots * risk_market_multiplier_units(state.risk.words, risk, market) * price
    return total
