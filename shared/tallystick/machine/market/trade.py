"""One side of a fill, applied to an account and undone again when it may not stand."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64, mypyc_attr

from tallystick.machine.arith import whole_down
from tallystick.machine.market.funding import dust, owed
from tallystick.machine.market.instrument import exposure_of, funding_index
from tallystick.machine.market.risk import health, may_change
from tallystick.state.cells import (
    Account,
    Market,
    Risk,
    account_cash_units,
    account_position_funding_index_ppm,
    account_position_market,
    account_position_size_lots,
    market_funding_part_ppm,
    market_funding_whole_ticks,
    market_max_open_interest_lots,
    market_net_lots,
    market_open_interest_lots,
    set_account_cash_units,
    set_account_position_funding_index_ppm,
    set_account_position_market,
    set_account_position_size_lots,
    set_market_funding_part_ppm,
    set_market_funding_whole_ticks,
    set_market_net_lots,
    set_market_open_interest_lots,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import BUY, MAX_CASH_UNITS, MAX_POSITIONS, PPM
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
        self.slot = NO_SLOT
        self.old_lots: i64 = 0
        self.new_lots: i64 = 0
        self.cash_change_units: i64 = 0
        self.old_index_ppm: i64 = 0
        self.new_index_ppm: i64 = 0
        self.dust_ppm: i64 = 0
        self.reduces = False


def find_position(words: vec[i64], account: Account, market: i64) -> i64:
    """Return the account's slot for a market: its position, else the first free one, else NO_SLOT."""
    free = NO_SLOT
    slot: i64
    for slot in range(MAX_POSITIONS):
        if account_position_size_lots(words, account, slot) == 0:
            if free == NO_SLOT:
                free = slot
        elif account_position_market(words, account, slot) == market:
            return slot
    return free


def reducible(words: vec[i64], account: Account, market: i64, side: i64) -> i64:
    """Return how many lots an order of this side may trade before the account's position is closed."""
    slot = find_position(words, account, market)
    if slot == NO_SLOT:
        return 0
    size = account_position_size_lots(words, account, slot)
    against = -size if side == BUY else size
    return against if against > 0 else 0


def apply_fill(state: State, account: Account, risk: Risk, terms: Terms, side: i64, fee: i64, fill: Fill) -> i64:
    """Settle the funding of an account's position and apply one side of a fill to it, unless a limit forbids it.

    Units: `fee` in units. Rounding: funding up. Rejects: NO_POSITION_SLOT, POSITION_LIMIT.
    """
    words = state.accounts.words
    fill.slot = find_position(words, account, terms.market)
    if fill.slot == NO_SLOT:
        return Outcome.NO_POSITION_SLOT
    buys = side == BUY
    fill.old_lots = account_position_size_lots(words, account, fill.slot)
    fill.new_lots = fill.old_lots + terms.lots if buys else fill.old_lots - terms.lots
    _settle_funding(state, account, risk, terms.market, fill)
    fill.cash_change_units += (-terms.quote_units if buys else terms.quote_units) - fee
    cash = account_cash_units(words, account) + fill.cash_change_units
    fill.reduces = 0 <= fill.new_lots < fill.old_lots if fill.old_lots > 0 else fill.old_lots < fill.new_lots <= 0
    # A change of rules may have left a position beyond the limit: it may always get smaller.
    small = fill.reduces or _within(fill.new_lots, terms.max_lots)
    if not small or not _within(cash, MAX_CASH_UNITS):
        return Outcome.POSITION_LIMIT
    set_account_cash_units(words, account, cash)
    _set_position(words, account, fill.slot, terms.market, fill.new_lots, fill.new_index_ppm)
    return Outcome.ACCEPTED


def _settle_funding(state: State, account: Account, risk: Risk, market: i64, fill: Fill) -> None:
    """Work out what the old position owes for the time it was held; a new one owes nothing."""
    marks = state.risk.words
    fill.new_index_ppm = funding_index(marks, risk, market)
    fill.old_index_ppm = fill.new_index_ppm
    if fill.old_lots != 0:
        fill.old_index_ppm = account_position_funding_index_ppm(state.accounts.words, account, fill.slot)
    exposure = exposure_of(marks, risk, market, fill.old_lots)
    fill.cash_change_units = -owed(exposure, fill.new_index_ppm - fill.old_index_ppm)
    fill.dust_ppm = dust(exposure, fill.new_index_ppm - fill.old_index_ppm)


def move_totals(state: State, market: Market, taker: Fill, maker: Fill) -> i64:
    """Add both sides of a fill to the market's totals, the sum of all cash and the dust, unless open interest is full.

    Rejects: OPEN_INTEREST (it would grow beyond the market's cap).
    """
    totals = state.markets.words
    grown = _long_part(taker.new_lots) - _long_part(taker.old_lots)
    grown += _long_part(maker.new_lots) - _long_part(maker.old_lots)
    lots = market_open_interest_lots(totals, market) + grown
    cap = market_max_open_interest_lots(totals, market)
    if grown > 0 and cap != 0 and lots > cap:
        return Outcome.OPEN_INTEREST
    set_market_open_interest_lots(totals, market, lots)
    net = market_net_lots(totals, market)
    net += taker.new_lots - taker.old_lots + maker.new_lots - maker.old_lots
    set_market_net_lots(totals, market, net)
    state.registers.cash_units += taker.cash_change_units + maker.cash_change_units
    _book_funding(state, market, taker)
    _book_funding(state, market, maker)
    return Outcome.ACCEPTED


def _book_funding(state: State, market: Market, fill: Fill) -> None:
    """Move the market's funding totals to the position's new size and index; whole units of dust become fees."""
    totals = state.markets.words
    registers = state.registers
    older = whole_down(fill.old_index_ppm)
    newer = whole_down(fill.new_index_ppm)
    whole = market_funding_whole_ticks(totals, market) + fill.new_lots * newer - fill.old_lots * older
    part = fill.new_lots * (fill.new_index_ppm - newer * PPM)
    part += market_funding_part_ppm(totals, market) - fill.old_lots * (fill.old_index_ppm - older * PPM)
    set_market_funding_whole_ticks(totals, market, whole)
    set_market_funding_part_ppm(totals, market, part)
    kept = registers.funding_dust_ppm + fill.dust_ppm
    registers.fees_units += whole_down(kept)
    registers.funding_dust_ppm = kept - whole_down(kept) * PPM


def undo_fill(state: State, account: Account, terms: Terms, fill: Fill) -> None:
    """Put an account back to what it was before `apply_fill`."""
    words = state.accounts.words
    set_account_cash_units(words, account, account_cash_units(words, account) - fill.cash_change_units)
    _set_position(words, account, fill.slot, terms.market, fill.old_lots, fill.old_index_ppm)


def may_stand(state: State, account: Account, risk: Risk, terms: Terms, fill: Fill) -> bool:
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
    set_account_cash_units(words, account, account_cash_units(words, account) + fill.cash_change_units)
    _set_position(words, account, fill.slot, terms.market, fill.new_lots, fill.new_index_ppm)
    return may_change(before, after, fill.reduces)


def _long_part(size: i64) -> i64:
    return size if size > 0 else 0


def _set_position(words: vec[i64], account: Account, slot: i64, market: i64, size: i64, index: i64) -> None:
    set_account_position_market(words, account, slot, market if size else 0)
    set_account_position_size_lots(words, account, slot, size)
    set_account_position_funding_index_ppm(words, account, slot, index if size else 0)


def _within(amount: i64, most: i64) -> bool:
    return -most <= amount <= most
