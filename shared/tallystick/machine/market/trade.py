"""One side of a fill, applied to an account and undone again when it may not stand."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64, mypyc_attr

from tallystick.machine.arith import whole_down
from tallystick.machine.market.funding import dust, owed
from tallystick.machine.market.instrument import exposure_of, funding_index
from tallystick.machine.market.risk import health, may_change
from tallystick.state.codes import Outcome
from tallystick.state.layout import (
    ACCOUNT_CASH_UNITS,
    ACCOUNT_POSITION_FUNDING_INDEX_PPM,
    ACCOUNT_POSITION_MARKET,
    ACCOUNT_POSITION_SIZE_LOTS,
    ACCOUNT_POSITION_WORDS,
    ACCOUNT_POSITIONS,
    BUY,
    MARKET_FUNDING_PART_PPM,
    MARKET_FUNDING_WHOLE_TICKS,
    MARKET_MAX_OPEN_INTEREST_LOTS,
    MARKET_NET_LOTS,
    MARKET_OPEN_INTEREST_LOTS,
    MAX_CASH_UNITS,
    MAX_POSITIONS,
    PPM,
    RISK_RISKMARKET_WORDS,
)
from tallystick.state.state import State

NO_SLOT: Final[i64] = -1
"""What stands for no slot."""


@mypyc_attr(acyclic=True, free_list_len=1)
class Terms:
    """What the taker and the maker of a fill have in common. Units: lots, units."""

    def __init__(self) -> None:
        self.market: i64 = 0
        self.lots: i64 = 0
        self.quote_units: i64 = 0
        self.max_lots: i64 = 0


@mypyc_attr(acyclic=True, free_list_len=1)
class Fill:
    """One side of a fill: what it changes, and what was there before.

    Units: lots, units, funding indices in millionths of a tick, `dust_ppm` in millionths of a unit. `cash_change_units` has the
    funding settled in it. `reduces` says that it only makes a position smaller, never turns it round.
    """

    def __init__(self) -> None:
        self.position: i64 = -1
        self.old_lots: i64 = 0
        self.new_lots: i64 = 0
        self.cash_change_units: i64 = 0
        self.old_index_ppm: i64 = 0
        self.new_index_ppm: i64 = 0
        self.dust_ppm: i64 = 0
        self.reduces = False


def find_position(words: vec[i64], account: i64, market: i64) -> i64:
    """Return the word offset of the account's slot for a market: its position, else the first free one, else NO_SLOT."""
    free = NO_SLOT
    slot: i64
    for slot in range(MAX_POSITIONS):
        position = account + ACCOUNT_POSITIONS + slot * ACCOUNT_POSITION_WORDS
        if words[position + ACCOUNT_POSITION_SIZE_LOTS] == 0:
            if free == NO_SLOT:
                free = position
        elif words[position + ACCOUNT_POSITION_MARKET] == market:
            return position
    return free


def reducible(words: vec[i64], account: i64, market: i64, side: i64) -> i64:
    """Return how many lots an order of this side may trade before the account's position is closed."""
    position = find_position(words, account, market)
    if position == NO_SLOT:
        return 0
    size = words[position + ACCOUNT_POSITION_SIZE_LOTS]
    against = -size if side == BUY else size
    return against if against > 0 else 0


def apply_fill(state: State, account: i64, risk: i64, terms: Terms, side: i64, fee: i64, fill: Fill) -> i64:
    """Settle the funding of an account's position and apply one side of a fill to it, unless a limit forbids it.

    Shape: `account` and `risk` are word offsets. Units: `fee` in units. Rounding: funding up. Rejects:
    NO_POSITION_SLOT, POSITION_LIMIT.
    """
    words = state.accounts.words
    fill.position = find_position(words, account, terms.market)
    if fill.position == NO_SLOT:
        return Outcome.NO_POSITION_SLOT
    buys = side == BUY
    fill.old_lots = words[fill.position + ACCOUNT_POSITION_SIZE_LOTS]
    fill.new_lots = fill.old_lots + terms.lots if buys else fill.old_lots - terms.lots
    _settle_funding(state, risk + terms.market * RISK_RISKMARKET_WORDS, fill)
    fill.cash_change_units += (-terms.quote_units if buys else terms.quote_units) - fee
    cash = words[account + ACCOUNT_CASH_UNITS] + fill.cash_change_units
    fill.reduces = 0 <= fill.new_lots < fill.old_lots if fill.old_lots > 0 else fill.old_lots < fill.new_lots <= 0
    # A change of rules may have left a position beyond the limit: it may always get smaller.
    small = fill.reduces or _within(fill.new_lots, terms.max_lots)
    if not small or not _within(cash, MAX_CASH_UNITS):
        return Outcome.POSITION_LIMIT
    words[account + ACCOUNT_CASH_UNITS] = cash
    _set_position(words, fill.position, terms.market, fill.new_lots, fill.new_index_ppm)
    return Outcome.ACCEPTED


def _settle_funding(state: State, entry: i64, fill: Fill) -> None:
    """Work out what the old position owes for the time it was held; a new one owes nothing."""
    marks = state.risk.words
    fill.new_index_ppm = funding_index(marks, entry)
    fill.old_index_ppm = fill.new_index_ppm
    if fill.old_lots != 0:
        fill.old_index_ppm = state.accounts.words[fill.position + ACCOUNT_POSITION_FUNDING_INDEX_PPM]
    exposure = exposure_of(marks, entry, fill.old_lots)
    fill.cash_change_units = -owed(exposure, fill.new_index_ppm - fill.old_index_ppm)
    fill.dust_ppm = dust(exposure, fill.new_index_ppm - fill.old_index_ppm)


def move_totals(state: State, market: i64, taker: Fill, maker: Fill) -> i64:
    """Add both sides of a fill to the market's totals, the sum of all cash and the dust, unless open interest is full.

    Shape: `market` is a word offset. Rejects: OPEN_INTEREST (it would grow beyond the market's cap).
    """
    totals = state.markets.words
    grown = _long_part(taker.new_lots) - _long_part(taker.old_lots)
    grown += _long_part(maker.new_lots) - _long_part(maker.old_lots)
    lots = totals[market + MARKET_OPEN_INTEREST_LOTS] + grown
    cap = totals[market + MARKET_MAX_OPEN_INTEREST_LOTS]
    if grown > 0 and cap != 0 and lots > cap:
        return Outcome.OPEN_INTEREST
    totals[market + MARKET_OPEN_INTEREST_LOTS] = lots
    totals[market + MARKET_NET_LOTS] += taker.new_lots - taker.old_lots + maker.new_lots - maker.old_lots
    state.registers.cash_units += taker.cash_change_units + maker.cash_change_units
    _book_funding(state, market, taker)
    _book_funding(state, market, maker)
    return Outcome.ACCEPTED


def _book_funding(state: State, market: i64, fill: Fill) -> None:
    """Move the market's funding totals to the position's new size and index; whole units of dust become fees."""
    totals = state.markets.words
    registers = state.registers
    older = whole_down(fill.old_index_ppm)
    newer = whole_down(fill.new_index_ppm)
    totals[market + MARKET_FUNDING_WHOLE_TICKS] += fill.new_lots * newer - fill.old_lots * older
    part = fill.new_lots * (fill.new_index_ppm - newer * PPM)
    totals[market + MARKET_FUNDING_PART_PPM] += part - fill.old_lots * (fill.old_index_ppm - older * PPM)
    kept = registers.funding_dust_ppm + fill.dust_ppm
    registers.fees_units += whole_down(kept)
    registers.funding_dust_ppm = kept - whole_down(kept) * PPM


def undo_fill(state: State, account: i64, terms: Terms, fill: Fill) -> None:
    """Put an account back to what it was before `apply_fill`."""
    words = state.accounts.words
    words[account + ACCOUNT_CASH_UNITS] -= fill.cash_change_units
    _set_position(words, fill.position, terms.market, fill.old_lots, fill.old_index_ppm)


def may_stand(state: State, account: i64, risk: i64, terms: Terms, fill: Fill) -> bool:
    """Whether a fill just applied may leave the account like this.

    What the account was worth before is measured only where it matters: the fill is undone for it and applied again.
    """
    after = health(state, account, risk)
    if after.value >= after.initial:
        return True
    if not fill.reduces:
        return False
    words = state.accounts.words
    undo_fill(state, account, terms, fill)
    before = health(state, account, risk)
    words[account + ACCOUNT_CASH_UNITS] += fill.cash_change_units
    _set_position(words, fill.position, terms.market, fill.new_lots, fill.new_index_ppm)
    return may_change(before, after, fill.reduces)


def _long_part(size: i64) -> i64:
    return size if size > 0 else 0


def _set_position(words: vec[i64], position: i64, market: i64, size: i64, index: i64) -> None:
    words[position + ACCOUNT_POSITION_MARKET] = market if size else 0
    words[position + ACCOUNT_POSITION_SIZE_LOTS] = size
    words[position + ACCOUNT_POSITION_FUNDING_INDEX_PPM] = index if size else 0


def _within(amount: i64, most: i64) -> bool:
    return -most <= amount <= most
