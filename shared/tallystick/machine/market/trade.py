"""One side of a fill, applied to an account and undone again when it may not stand."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64, mypyc_attr

from tallystick.machine.arith import mul_div_to_zero, mul_div_up, ppm_down, ppm_up, whole_down
from tallystick.machine.market.funding import dust, owed
from tallystick.machine.market.instrument import exposure_of, funding_index
from tallystick.machine.market.margin import surcharge
from tallystick.machine.market.risk import Health, health, keeps_ratio, surplus
from tallystick.state.cells import (
    Account,
    Market,
    Risk,
    account_cash_units,
    account_position_cost_units,
    account_position_extra_units,
    account_position_funding_index_ppm,
    account_position_market,
    account_position_size_lots,
    market_funding_part_ppm,
    market_funding_whole_ticks,
    market_maker_fee_ppm,
    market_max_lots,
    market_max_open_interest_lots,
    market_net_lots,
    market_open_interest_lots,
    market_rebate_ppm,
    set_account_cash_units,
    set_account_position_cost_units,
    set_account_position_extra_units,
    set_account_position_funding_index_ppm,
    set_account_position_market,
    set_account_position_size_lots,
    set_market_funding_part_ppm,
    set_market_funding_whole_ticks,
    set_market_net_lots,
    set_market_open_interest_lots,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import BUY, LEAN_WORST, MAX_CASH_UNITS, MAX_POSITIONS, PPM
from tallystick.state.ordinals import MarketId
from tallystick.state.quantities import Lots, TickPpm, Units
from tallystick.state.state import State

NO_SLOT: Final[i64] = -1
"""What stands for no slot."""


@mypyc_attr(acyclic=True, free_list_len=1)
class Terms:
    """What the taker and the maker of a fill have in common. Units: lots, units."""

    def __init__(self) -> None:
        self.market = MarketId(0)
        self.lots = Lots(0)
        self.quote_units = Units(0)
        self.max_lots = Lots(0)


@mypyc_attr(acyclic=True, free_list_len=1)
class Fill:
    """One side of a fill: what it changes, and what was there before.

    Units: lots, units, funding indices in millionths of a tick, `dust_ppm` in millionths of a unit. `cash_change_units` has the
    funding settled in it. `added_lots` are those that make a position larger, from nothing when it turns round; `reduces` says that it only makes a position smaller, never turns it round.
    """

    def __init__(self) -> None:
        self.slot = NO_SLOT
        self.old_lots: i64 = 0
        self.new_lots: i64 = 0
        self.cash_change_units: i64 = 0
        self.old_index_ppm: i64 = 0
        self.new_index_ppm: i64 = 0
        self.dust_ppm: i64 = 0
        self.old_cost_units: i64 = 0
        self.new_cost_units: i64 = 0
        self.old_extra_units: i64 = 0
        self.new_extra_units: i64 = 0
        self.added_lots: i64 = 0
        self.reduces = False


def find_position(words: vec[i64], account: Account, market: MarketId) -> i64:
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


def reducible(words: vec[i64], account: Account, market: MarketId, side: i64) -> Lots:
    """Return how many lots an order of this side may trade before the account's position is closed."""
    slot = find_position(words, account, market)
    if slot == NO_SLOT:
        return Lots(0)
    size_lots = account_position_size_lots(words, account, slot)
    against_lots = -size_lots if side == BUY else size_lots
    return Lots(against_lots if against_lots > 0 else 0)


def set_terms(state: State, market: Market, terms: Terms, number: MarketId, lots: Lots, quote_units: Units) -> None:
    """Say what both sides of a fill exchange in a market."""
    terms.market = number
    terms.lots = lots
    terms.quote_units = quote_units
    terms.max_lots = market_max_lots(state.markets.words, market)


def fee_of_maker(state: State, market: Market, quote_units: Units) -> Units:
    """Return what a maker pays for a fill, less than nothing when it is paid. Units: units. Rounding: the fee up, the rebate down."""
    rules = state.markets.words
    fee_units = ppm_up(quote_units, market_maker_fee_ppm(rules, market))
    return Units(fee_units - ppm_down(quote_units, market_rebate_ppm(rules, market)))


def apply_fill(state: State, account: Account, risk: Risk, terms: Terms, side: i64, fee_units: i64, fill: Fill) -> i64:
    """Settle the funding of an account's position and apply one side of a fill to it, unless a limit forbids it.

    Rounding: funding up, what was asked for the lots that stay up, what they have cost to zero. Rejects: NO_POSITION_SLOT, POSITION_LIMIT.
    """
    words = state.accounts.words
    fill.slot = find_position(words, account, terms.market)
    if fill.slot == NO_SLOT:
        return Outcome.NO_POSITION_SLOT
    buys = side == BUY
    fill.old_lots = account_position_size_lots(words, account, fill.slot)
    fill.new_lots = fill.old_lots + terms.lots if buys else fill.old_lots - terms.lots
    _settle_funding(state, account, risk, terms.market, fill)
    fill.cash_change_units += (-terms.quote_units if buys else terms.quote_units) - fee_units
    cash_units = account_cash_units(words, account) + fill.cash_change_units
    fill.reduces = 0 <= fill.new_lots < fill.old_lots if fill.old_lots > 0 else fill.old_lots < fill.new_lots <= 0
    # A change of rules may have left a position beyond the limit: it may always get smaller.
    small = fill.reduces or _within(fill.new_lots, terms.max_lots)
    if not small or not _within(cash_units, MAX_CASH_UNITS):
        return Outcome.POSITION_LIMIT
    _move_cost(state, account, terms, buys, fill)
    set_account_cash_units(words, account, Units(cash_units))
    _set_new(words, account, terms.market, fill)
    return Outcome.ACCEPTED


def _settle_funding(state: State, account: Account, risk: Risk, market: MarketId, fill: Fill) -> None:
    """Work out what the old position owes for the time it was held; a new one owes nothing."""
    marks = state.risk.words
    fill.new_index_ppm = funding_index(marks, risk, market)
    fill.old_index_ppm = fill.new_index_ppm
    if fill.old_lots != 0:
        fill.old_index_ppm = account_position_funding_index_ppm(state.accounts.words, account, fill.slot)
    exposure = exposure_of(marks, risk, market, Lots(fill.old_lots))
    fill.cash_change_units = -owed(exposure, TickPpm(fill.new_index_ppm - fill.old_index_ppm))
    fill.dust_ppm = dust(exposure, TickPpm(fill.new_index_ppm - fill.old_index_ppm))


def _move_cost(state: State, account: Account, terms: Terms, buys: bool, fill: Fill) -> None:
    """Work out what the new position has cost, and what stays of what was asked beyond its margin.

    Reduced, it keeps the share of its lots; turned round, it has cost what they have in this fill.
    """
    words = state.accounts.words
    paid_units = terms.quote_units if buys else -terms.quote_units
    fill.old_cost_units = account_position_cost_units(words, account, fill.slot)
    fill.old_extra_units = account_position_extra_units(words, account, fill.slot)
    held_lots, left_lots = _unsigned(fill.old_lots), _unsigned(fill.new_lots)
    if fill.reduces:
        fill.new_cost_units = mul_div_to_zero(fill.old_cost_units, left_lots, held_lots)
        fill.new_extra_units = mul_div_up(fill.old_extra_units, left_lots, held_lots)
        fill.added_lots = 0
    elif left_lots == held_lots + terms.lots:
        fill.new_cost_units = fill.old_cost_units + paid_units
        fill.new_extra_units = fill.old_extra_units
        fill.added_lots = terms.lots
    else:
        fill.new_cost_units = mul_div_to_zero(paid_units, left_lots, int(terms.lots))
        fill.new_extra_units = 0
        fill.added_lots = left_lots


def open_lots_after(state: State, market: Market, taker: Fill, maker: Fill) -> Lots:
    """Return the open interest with both sides of a fill. Units: lots."""
    return Lots(market_open_interest_lots(state.markets.words, market) + _grown(taker) + _grown(maker))


def ask_surcharge(
    state: State, market: Market, account: Account, risk: Risk, terms: Terms, open_lots: Lots, fill: Fill
) -> None:
    """Ask more margin for what one side of a fill has added, when so many lots are open with it; the position keeps it."""
    if fill.added_lots == 0:
        return
    rules, marks = state.markets.words, state.risk.words
    fill.new_extra_units += surcharge(rules, market, marks, risk, terms.market, open_lots, Lots(fill.added_lots))
    set_account_position_extra_units(state.accounts.words, account, fill.slot, Units(fill.new_extra_units))


def move_totals(state: State, market: Market, taker: Fill, maker: Fill) -> i64:
    """Add both sides of a fill to the market's totals, the sum of all cash and the dust, unless open interest is full.

    Rejects: OPEN_INTEREST (it would grow beyond the market's cap).
    """
    totals = state.markets.words
    open_lots = open_lots_after(state, market, taker, maker)
    cap_lots = market_max_open_interest_lots(totals, market)
    if open_lots > market_open_interest_lots(totals, market) and cap_lots != 0 and open_lots > cap_lots:
        return Outcome.OPEN_INTEREST
    set_market_open_interest_lots(totals, market, open_lots)
    net_lots = market_net_lots(totals, market)
    net_lots = Lots(net_lots + taker.new_lots - taker.old_lots + maker.new_lots - maker.old_lots)
    set_market_net_lots(totals, market, net_lots)
    state.registers.cash_units = Units(state.registers.cash_units + taker.cash_change_units + maker.cash_change_units)
    _book_funding(state, market, taker)
    _book_funding(state, market, maker)
    return Outcome.ACCEPTED


def _book_funding(state: State, market: Market, fill: Fill) -> None:
    """Move the market's funding totals to the position's new size and index; whole units of dust become fees."""
    totals = state.markets.words
    registers = state.registers
    older_ticks = whole_down(fill.old_index_ppm)
    newer_ticks = whole_down(fill.new_index_ppm)
    whole_ticks = market_funding_whole_ticks(totals, market) + fill.new_lots * newer_ticks - fill.old_lots * older_ticks
    part_ppm = fill.new_lots * (fill.new_index_ppm - newer_ticks * PPM)
    part_ppm += market_funding_part_ppm(totals, market) - fill.old_lots * (fill.old_index_ppm - older_ticks * PPM)
    set_market_funding_whole_ticks(totals, market, whole_ticks)
    set_market_funding_part_ppm(totals, market, part_ppm)
    kept_ppm = registers.funding_dust_ppm + fill.dust_ppm
    registers.fees_units = Units(registers.fees_units + whole_down(kept_ppm))
    registers.funding_dust_ppm = kept_ppm - whole_down(kept_ppm) * PPM


def undo_fill(state: State, account: Account, terms: Terms, fill: Fill) -> None:
    """Put an account back to what it was before `apply_fill`."""
    words = state.accounts.words
    set_account_cash_units(words, account, Units(account_cash_units(words, account) - fill.cash_change_units))
    _set_old(words, account, terms.market, fill)


def pay_out(
    state: State, market: Market, account: Account, risk: Risk, number: MarketId, worth_units: Units, fill: Fill
) -> None:
    """Turn the position in the slot of `fill` into cash: what it is worth, less the funding it owes. No limit forbids that.

    Rounding: funding up.
    """
    words = state.accounts.words
    fill.old_lots = account_position_size_lots(words, account, fill.slot)
    fill.old_cost_units = account_position_cost_units(words, account, fill.slot)
    _settle_funding(state, account, risk, number, fill)
    fill.cash_change_units += worth_units
    set_account_cash_units(words, account, Units(account_cash_units(words, account) + fill.cash_change_units))
    _set_new(words, account, number, fill)
    move_totals(state, market, fill, Fill())


def holds_nothing(words: vec[i64], account: Account) -> bool:
    """Whether an account has no position."""
    return all(account_position_size_lots(words, account, slot) == 0 for slot in range(MAX_POSITIONS))


def may_stand(state: State, account: Account, risk: Risk, terms: Terms, fill: Fill) -> bool:
    """Whether a fill just applied may leave the account like this, at the worse prices.

    What the account was worth before is measured only where it matters: the fill is undone for it and applied again.
    """
    if not fill.reduces:
        return surplus(state, account, risk, LEAN_WORST) >= 0
    after = health(state, account, risk, LEAN_WORST)
    return after.value_units >= after.initial_units or keeps_ratio(_before(state, account, risk, terms, fill), after)


def may_leave(state: State, account: Account, risk: Risk, terms: Terms, fill: Fill) -> bool:
    """Whether a fill that only reduces, just applied beside the collar, may leave the account like this.

    However much margin is left: at any price a fill would else be a withdrawal.
    """
    after = health(state, account, risk, LEAN_WORST)
    return keeps_ratio(_before(state, account, risk, terms, fill), after)


def _before(state: State, account: Account, risk: Risk, terms: Terms, fill: Fill) -> Health:
    """Measure an account as it was before a fill that stays applied."""
    words = state.accounts.words
    undo_fill(state, account, terms, fill)
    before = health(state, account, risk, LEAN_WORST)
    set_account_cash_units(words, account, Units(account_cash_units(words, account) + fill.cash_change_units))
    _set_new(words, account, terms.market, fill)
    return before


def _grown(fill: Fill) -> i64:
    """Return by how much one side of a fill makes open interest grow."""
    return _long_part(fill.new_lots) - _long_part(fill.old_lots)


def _long_part(size_lots: i64) -> i64:
    return size_lots if size_lots > 0 else 0


def _unsigned(size_lots: i64) -> i64:
    return size_lots if size_lots >= 0 else -size_lots


def _set_old(words: vec[i64], account: Account, market: MarketId, fill: Fill) -> None:
    set_account_position_market(words, account, fill.slot, market if fill.old_lots else MarketId(0))
    set_account_position_size_lots(words, account, fill.slot, Lots(fill.old_lots))
    set_account_position_funding_index_ppm(
        words, account, fill.slot, TickPpm(fill.old_index_ppm if fill.old_lots else 0)
    )
    set_account_position_cost_units(words, account, fill.slot, Units(fill.old_cost_units))
    set_account_position_extra_units(words, account, fill.slot, Units(fill.old_extra_units))


def _set_new(words: vec[i64], account: Account, market: MarketId, fill: Fill) -> None:
    set_account_position_market(words, account, fill.slot, market if fill.new_lots else MarketId(0))
    set_account_position_size_lots(words, account, fill.slot, Lots(fill.new_lots))
    set_account_position_funding_index_ppm(
        words, account, fill.slot, TickPpm(fill.new_index_ppm if fill.new_lots else 0)
    )
    set_account_position_cost_units(words, account, fill.slot, Units(fill.new_cost_units))
    set_account_position_extra_units(words, account, fill.slot, Units(fill.new_extra_units))


def _within(amount: i64, most: i64) -> bool:
    return -most <= amount <= most
