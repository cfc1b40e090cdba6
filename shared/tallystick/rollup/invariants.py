"""What must hold of every true state; a breach is a bug of the machine itself, worth more than any dispute."""

from __future__ import annotations

from tallystick.state.layout import (
    ACCOUNT_CASH_UNITS,
    ACCOUNT_POSITION_FUNDING_INDEX_PPM,
    ACCOUNT_POSITION_MARKET,
    ACCOUNT_POSITION_SIZE_LOTS,
    ACCOUNT_POSITION_WORDS,
    ACCOUNT_POSITIONS,
    MARKET_FUNDING_PART_PPM,
    MARKET_FUNDING_WHOLE_TICKS,
    MARKET_NET_LOTS,
    MARKET_OPEN_INTEREST_LOTS,
    MARKET_SETTLED,
    MARKET_STATUS,
    MAX_MARKETS,
    MAX_POSITIONS,
    PPM,
    RISK_RISKMARKET_MARK_TICKS,
    RISK_RISKMARKET_MULTIPLIER,
    RISK_RISKMARKET_WORDS,
)
from tallystick.state.state import State


def broken(state: State) -> tuple[str, ...]:
    """Return a sentence for every invariant a state breaks, none for a sound one."""
    registers = state.registers
    words = state.accounts.words
    cash = 0
    net = [0] * MAX_MARKETS
    longs = [0] * MAX_MARKETS
    paid = [0] * MAX_MARKETS
    for account in state.accounts.rows.values():
        cash += words[account + ACCOUNT_CASH_UNITS]
        for slot in range(MAX_POSITIONS):
            position = account + ACCOUNT_POSITIONS + slot * ACCOUNT_POSITION_WORDS
            market = words[position + ACCOUNT_POSITION_MARKET]
            size = words[position + ACCOUNT_POSITION_SIZE_LOTS]
            net[market] += size
            longs[market] += max(size, 0)
            paid[market] += size * words[position + ACCOUNT_POSITION_FUNDING_INDEX_PPM]
    found: list[str] = []
    if cash != registers.cash_units:
        found.append(f"accounts hold {cash} units, the registers say {registers.cash_units}")
    unbalanced = imbalance(state)
    if unbalanced != 0:
        found.append(f"{registers.deposited_units} units were deposited, {unbalanced} millionths more are owed")
    for market, base in sorted(state.markets.rows.items()):
        totals = state.markets.words
        settled = totals[base + MARKET_STATUS] == MARKET_SETTLED
        if net[market] != totals[base + MARKET_NET_LOTS] or (net[market] != 0 and not settled):
            found.append(f"positions of market {market} sum to {net[market]} lots")
        if longs[market] != totals[base + MARKET_OPEN_INTEREST_LOTS]:
            said = totals[base + MARKET_OPEN_INTEREST_LOTS]
            found.append(f"market {market} has {longs[market]} lots open, its cell says {said}")
        funding = totals[base + MARKET_FUNDING_WHOLE_TICKS] * PPM + totals[base + MARKET_FUNDING_PART_PPM]
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
    risk = state.risk.rows.get(0, -1)
    for market, base in state.markets.rows.items():
        totals = state.markets.words
        funding = totals[base + MARKET_FUNDING_WHOLE_TICKS] * PPM + totals[base + MARKET_FUNDING_PART_PPM]
        if funding:
            at = risk + market * RISK_RISKMARKET_WORDS + RISK_RISKMARKET_MULTIPLIER
            total += funding * state.risk.words[at]
    return total + PPM * unpaid_settlements(state)


def unpaid_settlements(state: State) -> int:
    """Return what the positions of settled markets that are not paid yet are worth together.

    Units: units; less than nothing when mostly winners have been paid.
    """
    risk = state.risk.rows.get(0, -1)
    total = 0
    for market, base in state.markets.rows.items():
        if state.markets.words[base + MARKET_STATUS] == MARKET_SETTLED:
            entry = risk + market * RISK_RISKMARKET_WORDS
            price = state.risk.words[entry + RISK_RISKMARKET_MARK_TICKS]
            worth = price * state.risk.words[entry + RISK_RISKMARKET_MULTIPLIER]
            total += state.markets.words[base + MARKET_NET_LOTS] * worth
    return total
