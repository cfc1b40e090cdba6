"""Beyond the book: positions that the market's insurance fund, or who is on the other side, takes up at the index."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import clamp, div_down, ppm_down, products_at_most, triple_products_at_most
from tallystick.machine.machine import Machine
from tallystick.machine.market.brake import has_jumped
from tallystick.machine.market.funds import fund_of, is_fund
from tallystick.machine.market.instrument import exposure_of, weight_of, worth_of
from tallystick.machine.market.liquidation import (
    Case,
    bankrupt,
    brake_spares,
    check_case,
    debt_of,
    is_settled,
    liquidates,
    measure,
    share_of,
    size_of,
    sufficient_lots,
)
from tallystick.machine.market.margin import maintenance_margin
from tallystick.machine.market.risk import health, may_change
from tallystick.machine.market.trade import (
    Fill,
    Terms,
    apply_fill,
    find_position,
    move_totals,
    set_terms,
    undo_fill,
)
from tallystick.state.cells import (
    Account,
    Market,
    Risk,
    account_position_cost_units,
    account_position_size_lots,
    market_bear_most_units,
    market_bear_ms,
    market_bear_units,
    market_fund_budget_units,
    market_insurance_lots,
    market_liquidation_fee_ppm,
    set_market_bear_most_units,
    set_market_bear_ms,
    set_market_bear_units,
    set_market_fund_budget_units,
    set_market_fund_ms,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import BEAR_MS, BEAR_PPM, LEAN_INDEX, LEAN_WORST, MAX_CASH_UNITS, SELL, TRIED_MS
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.state.quantities import Lots, Ppm, Units
from tallystick.state.state import State


class Transfer:
    """Lots that went from one account to another: both sides, to be booked or undone, and what a fund bears with them.

    `lost_units` is what who takes them pays beyond the index, less than nothing when it gains.
    """

    def __init__(self) -> None:
        self.terms = Terms()
        self.gives = Fill()
        self.takes = Fill()
        self.lost_units: i64 = 0
        self.borne_units: i64 = 0
        self.bear_most_units: i64 = 0


def check_ladder(case: Case) -> i64:
    """Whether the book is done with the position; from there on the case is measured at the index.

    It is of an account that owes more than it has, and of one below half its maintenance margin when a LIQUIDATE has
    just left something of the position. A fund has no book to go to before it is deleveraged itself. Rejects: NO_MARKET,
    NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT, HEALTHY (in a settled market whoever does not owe), BRAKE, BOOK_FIRST.
    """
    outcome = check_case(case, True)
    if outcome != Outcome.ACCEPTED:
        return outcome
    measure(case, LEAN_INDEX)
    if bankrupt(case):
        return Outcome.ACCEPTED
    if is_settled(case):
        return Outcome.HEALTHY
    if brake_spares(case, case.account):
        return Outcome.BRAKE
    half_gone = 2 * case.measured.value_units < case.measured.maintenance_units
    return Outcome.ACCEPTED if is_fund(case.number) or (half_gone and _was_tried(case)) else Outcome.BOOK_FIRST


def _was_tried(case: Case) -> bool:
    """Whether the newest LIQUIDATE that the book left something of was of this position, and just now."""
    registers = case.machine.state.registers
    same = registers.tried_account == case.number and registers.tried_market == case.market_number
    return same and registers.clock_ms - registers.tried_ms < TRIED_MS


def lots_due(case: Case) -> i64:
    """Return how many lots are to be closed: those that suffice, all of an account that owes more than it has."""
    return case.lots if bankrupt(case) else sufficient_lots(case)


def zero_quote(case: Case, lots: i64) -> i64:
    """Return what changes hands when lots are closed at the zero price, at least one tick a lot.

    Closed at it they leave the ratio of value to maintenance margin as it is, but where what is owed is shared by what has
    lost by a jump: what has not is closed at the index. Units: units. Rounding: up for a long,
    down for a short.
    """
    share_units = debt_of(case, lots) if bankrupt(case) else share_of(case, lots, case.measured.value_units)
    quote_units = lots * case.lot_units + (-share_units if case.size_lots > 0 else share_units)
    least_units = lots * case.tick_units
    return quote_units if quote_units >= least_units else least_units


def closing_quote(case: Case, lots: i64) -> i64:
    """Return what changes hands when lots are closed beyond the book: the index less the market's fee.

    No worse than the zero quote, and that alone of an account that owes more than it has. A fund pays no fee. Units:
    units. Rounding: for the account.
    """
    zero_units = zero_quote(case, lots)
    if bankrupt(case):
        return zero_units
    index_units = Units(lots * case.lot_units)
    rules = case.machine.state.markets.words
    fee_units = 0 if is_fund(case.number) else ppm_down(index_units, market_liquidation_fee_ppm(rules, case.market))
    if case.size_lots > 0:
        return zero_units if zero_units >= index_units - fee_units else index_units - fee_units
    return zero_units if zero_units <= index_units + fee_units else index_units + fee_units


def _lost(case: Case, lots: i64, quote_units: i64) -> i64:
    """Return what it costs to take lots up for a quote rather than at the index; less than nothing is a gain."""
    lost_units = quote_units - lots * case.lot_units
    return lost_units if case.size_lots > 0 else -lost_units


def transfer_lots(case: Case, other: Account, lots: i64, quote_units: i64, moved: Transfer) -> bool:
    """Move lots to another account for a quote, unless a limit of either forbids it."""
    state = case.machine.state
    set_terms(state, case.market, moved.terms, case.market_number, Lots(lots), Units(quote_units))
    moved.lost_units = _lost(case, lots, quote_units)
    if apply_fill(state, case.account, case.risk, moved.terms, case.side, 0, moved.gives) != Outcome.ACCEPTED:
        return False
    if apply_fill(state, other, case.risk, moved.terms, 1 - case.side, 0, moved.takes) != Outcome.ACCEPTED:
        undo_fill(state, case.account, moved.terms, moved.gives)
        return False
    return True


def undo_transfer(case: Case, other: Account, moved: Transfer) -> None:
    """Put both accounts back to what they were before `transfer_lots`."""
    undo_fill(case.machine.state, other, moved.terms, moved.takes)
    undo_fill(case.machine.state, case.account, moved.terms, moved.gives)


def book_transfer(case: Case, other_number: AccountId, moved: Transfer) -> None:
    """Add a transfer that stands to the totals. Open interest never grows by it."""
    state = case.machine.state
    move_totals(state, case.market, moved.gives, moved.takes)
    if is_fund(case.number):
        add_to_budget(state, case.market, 0, moved.gives)
    state.markets.mark(case.market_number)
    state.accounts.mark(case.number)
    state.accounts.mark(other_number)
    case.machine.emit(
        "takeover", case.market_number, moved.terms.quote_units, moved.terms.lots, case.side, case.number, other_number
    )


def fund_takes(case: Case, fund: Account, lots: i64, moved: Transfer) -> bool:
    """Move lots to the market's insurance fund.

    False, and nothing moved, when they are none, or more than are to be closed or its cap has room for, when it has
    borne too much of accounts that owe already, or its own margin, at the worse prices, would not carry them.
    """
    state = case.machine.state
    held_lots = size_of(state.accounts.words, fund, case.market_number)
    room_lots = market_insurance_lots(state.markets.words, case.market) + (
        -held_lots if case.size_lots > 0 else held_lots
    )
    if lots < 1 or lots > room_lots or lots > lots_due(case):
        return False
    before = health(state, fund, case.risk, LEAN_WORST)
    if not transfer_lots(case, fund, lots, closing_quote(case, lots), moved):
        return False
    after = health(state, fund, case.risk, LEAN_WORST)
    if _may_bear(case, before.value_units, moved) and may_change(before, after, moved.takes.reduces):
        return True
    undo_transfer(case, fund, moved)
    return False


def _may_bear(case: Case, value_units: i64, moved: Transfer) -> bool:
    """Whether the fund, worth so much before, may bear what it loses by lots of an account that owes.

    Within BEAR_MS of the first such loss at most a share of what it was worth then: else it would pay the winner of
    every gap, who is there to be deleveraged.
    """
    rules = case.machine.state.markets.words
    anew = _bears_anew(case)
    moved.borne_units = moved.lost_units if moved.lost_units > 0 else 0
    moved.bear_most_units = market_bear_most_units(rules, case.market)
    if anew:
        moved.bear_most_units = ppm_down(Units(value_units), Ppm(BEAR_PPM)) if value_units > 0 else 0
    return moved.borne_units + (0 if anew else market_bear_units(rules, case.market)) <= moved.bear_most_units


def _bears_anew(case: Case) -> bool:
    """Whether the time is over in which what the fund bears is bounded together."""
    state = case.machine.state
    return state.registers.clock_ms - market_bear_ms(state.markets.words, case.market) >= BEAR_MS


def book_takeover(case: Case, moved: Transfer) -> None:
    """Book a takeover that stands: what the fund has borne, and what its unwinding may lose.

    Half of what it has gained against the index stays in it, and all that it has lost comes out of its budget. Rounding:
    down.
    """
    state = case.machine.state
    rules = state.markets.words
    if moved.borne_units > 0:
        anew = _bears_anew(case)
        kept_units: i64 = 0 if anew else market_bear_units(rules, case.market)
        if anew:
            set_market_bear_ms(rules, case.market, state.registers.clock_ms)
            set_market_bear_most_units(rules, case.market, Units(moved.bear_most_units))
        set_market_bear_units(rules, case.market, Units(kept_units + moved.borne_units))
    gain_units = div_down(-moved.lost_units, 2) if moved.lost_units < 0 else -moved.lost_units
    add_to_budget(state, case.market, gain_units, moved.takes)
    set_market_fund_ms(rules, case.market, state.registers.clock_ms)
    book_transfer(case, fund_of(case.market_number), moved)


def last_resort(case: Case, fund: Account, moved: Transfer) -> i64:
    """Whether neither the book nor the market's fund takes the position up, measured at the index from there on.

    Rejects: those of `check_ladder`, INSURANCE_FIRST (the fund takes a lot at least).
    """
    outcome = check_ladder(case)
    if outcome != Outcome.ACCEPTED or is_fund(case.number) or not fund_takes(case, fund, 1, moved):
        return outcome
    undo_transfer(case, fund, moved)
    return Outcome.INSURANCE_FIRST


def candidate_takes(case: Case, number: AccountId, candidate: Account, moved: Transfer) -> bool:
    """Move as much of the position to a candidate as its own opposite one takes up and it can bear.

    Of two accounts that owe more than they have, lots meet at the index, else they would grow for ever. False, and
    nothing moved, when the candidate has no opposite position, or when a brake holds it or it is worth nothing and the
    account is not bankrupt.
    """
    if number == case.number or is_fund(number) or brake_spares(case, candidate):
        return False
    lots = _opposed_lots(case, candidate)
    value_units = health(case.machine.state, candidate, case.risk, LEAN_INDEX).value_units
    if lots == 0 or (value_units <= 0 and not bankrupt(case)):
        return False
    if value_units <= 0:
        return transfer_lots(case, candidate, lots, lots * case.lot_units, moved)
    lots = _bearable_lots(case, lots, value_units)
    return lots > 0 and transfer_lots(case, candidate, lots, closing_quote(case, lots), moved)


def could_take(case: Case, number: AccountId, candidate: Account, moved: Transfer) -> bool:
    """Whether a candidate takes anything up; nothing is moved."""
    if not candidate_takes(case, number, candidate, moved):
        return False
    undo_transfer(case, candidate, moved)
    return True


def _opposed_lots(case: Case, candidate: Account) -> i64:
    """Return how many of the lots to be closed a candidate holds on the other side."""
    size_lots = size_of(case.machine.state.accounts.words, candidate, case.market_number)
    opposite_lots = -size_lots if case.size_lots > 0 else size_lots
    if opposite_lots <= 0:
        return 0
    lots = lots_due(case)
    return lots if lots <= opposite_lots else opposite_lots


def _bearable_lots(case: Case, lots: i64, value_units: i64) -> i64:
    """Return the most of these lots whose loss a candidate of this value can bear. Loss grows with them."""
    if _lost(case, lots, closing_quote(case, lots)) <= value_units:
        return lots
    low_lots: i64 = 0
    high_lots = lots - 1
    while low_lots < high_lots:
        middle_lots = div_down(low_lots + high_lots + 1, 2)
        if _lost(case, middle_lots, closing_quote(case, middle_lots)) <= value_units:
            low_lots = middle_lots
        else:
            high_lots = middle_lots - 1
    return low_lots


class Rank:
    """How a candidate ranks for a position: whether it gains by closing, then lots x notional by value.

    Units: lots, units. What an account that owes itself ranks is nothing.
    """

    def __init__(self, gains: bool, lots: i64, notional_units: i64, value_units: i64) -> None:
        self.gains = gains
        self.lots = lots
        self.notional_units = notional_units
        self.value_units = value_units


def rank_of(case: Case, candidate: Account) -> Rank:
    """Rank a candidate that could take lots: who has won what the account has lost comes first."""
    state = case.machine.state
    words = state.accounts.words
    measured = health(state, candidate, case.risk, LEAN_INDEX)
    if measured.value_units <= 0:
        return Rank(False, 0, 0, 1)
    lots = _opposed_lots(case, candidate)
    quote_units = closing_quote(case, lots)
    slot = find_position(words, candidate, case.market_number)
    size_lots = account_position_size_lots(words, candidate, slot)
    cost_units = account_position_cost_units(words, candidate, slot)
    gains = (
        products_at_most(int(cost_units), lots, quote_units, int(size_lots))
        if size_lots > 0
        else products_at_most(quote_units, -size_lots, -cost_units, lots)
    )
    return Rank(gains, lots, measured.notional_units, measured.value_units)


def outranks(challenger: Rank, nominee: Rank) -> bool:
    """Whether a candidate ranks above another; both values are above nothing."""
    if challenger.gains != nominee.gains:
        return challenger.gains
    return not triple_products_at_most(
        challenger.lots,
        challenger.notional_units,
        nominee.value_units,
        nominee.lots,
        nominee.notional_units,
        challenger.value_units,
    )


def weighs_more(case: Case, nominated_market: MarketId) -> bool:
    """Whether the position comes before the account's in the market nominated for.

    One that has lost by a jump does so before others; else one that needs more maintenance margin at the index. So does
    any where that is closed by now.
    """
    state = case.machine.state
    marks = state.risk.words
    size_lots = size_of(state.accounts.words, case.account, nominated_market)
    if size_lots == 0:
        return True
    jumped = has_jumped(marks, case.risk, case.market_number, case.size_lots)
    if jumped != has_jumped(marks, case.risk, nominated_market, size_lots):
        return jumped
    worth_units = worth_of(
        marks, case.risk, nominated_market, exposure_of(marks, case.risk, nominated_market, Lots(size_lots)), LEAN_INDEX
    )
    nominated_units = maintenance_margin(marks, case.risk, nominated_market, weight_of(worth_units))
    return maintenance_margin(marks, case.risk, case.market_number, Units(case.lots * case.lot_units)) > nominated_units


def book_slice(machine: Machine, market: Market, risk: Risk, terms: Terms, fill: Fill) -> None:
    """Book what a fill of a fund's unwinding has brought against the index, and that it has traded now."""
    state = machine.state
    registers = state.registers
    if not liquidates(machine) or not is_fund(registers.arg_account):
        return
    exposure = exposure_of(state.risk.words, risk, terms.market, terms.lots)
    gain_units = terms.quote_units - worth_of(state.risk.words, risk, terms.market, exposure, LEAN_INDEX)
    add_to_budget(state, market, gain_units if registers.arg_side == SELL else -gain_units, fill)
    set_market_fund_ms(state.markets.words, market, registers.clock_ms)


def add_to_budget(state: State, market: Market, gain_units: i64, fill: Fill) -> None:
    """Add what a fund has gained against the index to what its unwinding may lose; nothing while it holds nothing.

    It begins anew where its position has turned. It stays within what cash stays within.
    """
    words = state.markets.words
    turned = fill.old_lots > 0 > fill.new_lots or fill.old_lots < 0 < fill.new_lots
    kept_units = 0 if fill.old_lots == 0 or turned else market_fund_budget_units(words, market)
    budget_units = 0 if fill.new_lots == 0 else clamp(kept_units + gain_units, MAX_CASH_UNITS)
    set_market_fund_budget_units(words, market, Units(budget_units))
