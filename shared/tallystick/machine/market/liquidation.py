"""Accounts below their maintenance margin: how much to close, at which price, and with whom."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from tallystick.machine.arith import div_down, mul_div_down, mul_div_up, ppm_down, products_at_most
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import Path, open_best
from tallystick.machine.market.instrument import exposure_of, worth_of
from tallystick.machine.market.margin import maintenance_fraction, maintenance_margin, tier_begins
from tallystick.machine.market.risk import Health, health, may_change
from tallystick.machine.market.stages import check_liquidation_stage, holder_waits
from tallystick.machine.market.trade import NO_SLOT, Fill, Terms, apply_fill, find_position, move_totals, undo_fill
from tallystick.state.cells import (
    Account,
    Market,
    account_cash_units,
    account_position_size_lots,
    market_insurance_lots,
    market_liquidation_fee_ppm,
    market_max_lots,
    market_status,
    risk_market_mark_ticks,
    set_account_cash_units,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import BUY, FLAG_LIQUIDATION, MARKET_LIVE, MAX_CASH_UNITS, PPM, SELL

FUND: Final = 0
"""The insurance fund's account: nobody owns it, so nobody can trade for it or withdraw from it."""
NO_ACCOUNT: Final = Account(-1)
"""What stands for an account that was not opened."""


class Case:
    """A position that may have to be closed: cell numbers, word offsets, and its account as it stands.

    Units: `tick` is what one lot is worth at one tick, `worth` what it is worth at the mark.
    """

    def __init__(self, machine: Machine, account: i64, market: i64) -> None:
        state = machine.state
        self.machine = machine
        self.number = account
        self.market_number = market
        self.market = state.markets.open(market)
        self.account = state.accounts.open(account)
        self.risk = state.risk.open(0)
        self.price = state.prices.open(market)
        self.mark = risk_market_mark_ticks(state.risk.words, self.risk, market)
        self.tick = exposure_of(state.risk.words, self.risk, market, 1)
        self.worth = worth_of(state.risk.words, self.risk, market, self.tick)
        self.size = size_of(state.accounts.words, self.account, market)
        self.lots = self.size if self.size >= 0 else -self.size
        self.side: i64 = SELL if self.size > 0 else BUY
        self.measured = health(state, self.account, self.risk)


def open_case(machine: Machine, account: i64, market: i64) -> Case:
    """Open the cells of a case and measure it."""
    return Case(machine, account, market)


def bankrupt(case: Case) -> bool:
    """Whether the account is worth less than nothing."""
    return case.measured.value < 0


def size_of(words: vec[i64], account: Account, market: i64) -> i64:
    """Return an account's signed size in a market. Units: lots."""
    slot = find_position(words, account, market)
    return account_position_size_lots(words, account, slot) if slot != NO_SLOT else 0


def check_market(case: Case) -> i64:
    """Whether the position can be closed at all. Rejects: NO_MARKET, NO_POSITION, STALE_INDEX, LIQUIDATIONS_WAIT."""
    state = case.machine.state
    if market_status(state.markets.words, case.market) != MARKET_LIVE or case.mark == 0:
        return Outcome.NO_MARKET
    if case.size == 0:
        return Outcome.NO_POSITION
    return check_liquidation_stage(state, case.price)


def check_case(case: Case) -> i64:
    """Whether the position may be closed against its owner's will.

    Rejects: as `check_market`, HEALTHY (value covers the maintenance margin), and LIQUIDATIONS_WAIT for the sake of
    another market as well.
    """
    outcome = check_market(case)
    if outcome != Outcome.ACCEPTED:
        return outcome
    if case.measured.value >= case.measured.maintenance:
        return Outcome.HEALTHY
    waits = holder_waits(case.machine.state, case.account, case.risk)
    return Outcome.LIQUIDATIONS_WAIT if waits else Outcome.ACCEPTED


def sufficient_lots(case: Case) -> i64:
    """Return the fewest lots that, closed at the mark and for the largest fee, bring maintenance margin back.

    What one more closed lot gains is its share of the margin less the fee, so the tiers are walked from the top, where
    a lot gains most. The whole position when no part of it suffices. Rounding: up; a part of a lot does not trade.
    """
    marks = case.machine.state.risk.words
    fee: int = market_liquidation_fee_ppm(case.machine.state.markets.words, case.market)
    worth: int = case.worth
    top: int = case.lots * case.worth
    missing = _missing(case)
    closed: int = 0
    tier: i64
    for tier in range(2, -1, -1):
        begin: int = tier_begins(marks, case.risk, case.market_number, tier)
        if begin >= top:
            continue
        fraction: int = maintenance_fraction(marks, case.risk, case.market_number, tier)
        gain = fraction - fee
        if gain <= 0:
            return case.lots
        span = top - begin
        if missing <= span * gain:
            lots = mul_div_up(closed * gain + missing, 1, gain * worth)
            return lots if lots < case.lots else case.lots
        missing -= span * gain
        closed += span
        top = begin
    return case.lots


def _missing(case: Case) -> int:
    """Return by how much the maintenance margin passes the value. Units: millionths of a unit, so not a machine word.

    The position's own margin counts unrounded: what then suffices does so with the rounding as well.
    """
    marks = case.machine.state.risk.words
    notional = case.lots * case.worth
    others: int = (
        case.measured.maintenance
        - maintenance_margin(marks, case.risk, case.market_number, notional)
        - case.measured.value
    )
    million: int = PPM
    missing = others * million
    tier: i64
    for tier in range(3):
        begin: int = tier_begins(marks, case.risk, case.market_number, tier)
        end: int = tier_begins(marks, case.risk, case.market_number, tier + 1)
        whole: int = notional
        fraction: int = maintenance_fraction(marks, case.risk, case.market_number, tier)
        if begin < whole:
            missing += ((end if end < whole else whole) - begin) * fraction
    return missing


def value_share(case: Case, lots: i64) -> i64:
    """Return the part of the account's value that stands behind some lots: value x their margin / all margin.

    Closing them for their worth at the mark less this, for a long (more it, for a short), leaves the ratio of value to
    maintenance margin as it is. Units: units. Rounding: down, for the account.
    """
    marks = case.machine.state.risk.words
    margin = maintenance_margin(marks, case.risk, case.market_number, case.lots * case.worth)
    margin -= maintenance_margin(marks, case.risk, case.market_number, (case.lots - lots) * case.worth)
    return mul_div_down(case.measured.value, margin, case.measured.maintenance)


def zero_quote(case: Case, lots: i64) -> i64:
    """Return what changes hands when lots are closed at the zero price, at least one tick a lot.

    Units: units. Rounding: up for a long, down for a short.
    """
    share = value_share(case, lots)
    quote = lots * case.worth + (-share if case.size > 0 else share)
    least = lots * case.tick
    return quote if quote >= least else least


def zero_price(case: Case, lots: i64) -> i64:
    """Return the zero price of lots as a limit of an order. Units: ticks. Rounding: up for a long, down for a short."""
    shift = div_down(value_share(case, lots), lots * case.tick)
    return case.mark - shift if case.size > 0 else case.mark + shift


def book_crosses(case: Case) -> bool:
    """Whether an order rests that would take the whole position at its zero price or better; opens the book."""
    path = Path(case.market_number, 1 - case.side)
    if not open_best(case.machine.state, path):
        return False
    limit = zero_price(case, case.lots)
    return path.price >= limit if case.side == SELL else path.price <= limit


def liquidates(machine: Machine) -> bool:
    """Whether the order in progress closes a position against its owner's will.

    Its limit, the zero price, stands for the margin check: no fill at it makes the account less safe.
    """
    return machine.state.registers.arg_flags & FLAG_LIQUIDATION != 0


def open_fund(machine: Machine) -> Account:
    """Open the insurance fund's account when the order in progress pays it a fee; else NO_ACCOUNT."""
    if not liquidates(machine) or machine.state.registers.arg_account == FUND:
        return NO_ACCOUNT
    return machine.state.accounts.open(FUND)


def no_fund(fund: i64) -> bool:
    """Whether there is no fund to pay."""
    return fund == NO_ACCOUNT


def liquidation_fee(machine: Machine, market: Market, fund: Account, quote: i64, tick: i64, price: i64) -> i64:
    """Return what a liquidated account pays the insurance fund for a fill; the fund itself pays nothing.

    At most the market's share of the quote, the improvement over the limit, and what the fund's cash has room for.
    Units: `tick` is what all lots of the fill are worth at one tick. Rounding: down.
    """
    if no_fund(fund):
        return 0
    state = machine.state
    distance = price - state.registers.arg_price_ticks
    improvement = (distance if distance >= 0 else -distance) * tick
    fee = ppm_down(quote, market_liquidation_fee_ppm(state.markets.words, market))
    fee = fee if fee <= improvement else improvement
    room = MAX_CASH_UNITS - account_cash_units(state.accounts.words, fund)
    fee = fee if fee <= room else room
    return fee if fee > 0 else 0


def pay_fund(machine: Machine, fund: Account, fee: i64) -> None:
    """Give a fee that an account has paid to the insurance fund."""
    state = machine.state
    set_account_cash_units(state.accounts.words, fund, account_cash_units(state.accounts.words, fund) + fee)
    state.registers.cash_units += fee
    state.accounts.mark(FUND)


class Transfer:
    """Lots that went from one account to another at the zero price: both sides, to be booked or undone."""

    def __init__(self) -> None:
        self.terms = Terms()
        self.gives = Fill()
        self.takes = Fill()


def transfer_lots(case: Case, other: Account, lots: i64, moved: Transfer) -> bool:
    """Move lots to another account at the zero price, unless a limit of either forbids it."""
    state = case.machine.state
    moved.terms.market = case.market_number
    moved.terms.lots = lots
    moved.terms.quote_units = zero_quote(case, lots)
    moved.terms.max_lots = market_max_lots(state.markets.words, case.market)
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


def book_transfer(case: Case, other_number: i64, moved: Transfer) -> None:
    """Add a transfer that stands to the totals. Open interest never grows by it."""
    state = case.machine.state
    move_totals(state, case.market, moved.gives, moved.takes)
    state.markets.mark(case.market_number)
    state.accounts.mark(case.number)
    state.accounts.mark(other_number)
    case.machine.emit(
        "takeover", case.market_number, moved.terms.quote_units, moved.terms.lots, case.side, case.number, other_number
    )


def fund_takes(case: Case, fund: Account, moved: Transfer) -> bool:
    """Move as much of the position to the insurance fund as its cap for the market has room for.

    False, and nothing moved, when that is nothing, or the fund's own margin would not carry it.
    """
    state = case.machine.state
    held = size_of(state.accounts.words, fund, case.market_number)
    room = market_insurance_lots(state.markets.words, case.market) + (-held if case.size > 0 else held)
    lots = case.lots if case.lots <= room else room
    if lots <= 0:
        return False
    before = health(state, fund, case.risk)
    if not transfer_lots(case, fund, lots, moved):
        return False
    if may_change(before, health(state, fund, case.risk), moved.takes.reduces):
        return True
    undo_transfer(case, fund, moved)
    return False


def candidate_takes(case: Case, number: i64, candidate: Account, moved: Transfer) -> bool:
    """Move as much of the position to a candidate as its own opposite one can take up.

    False, and nothing moved, when the candidate has no opposite position, is worth nothing, or would be worth less than
    nothing afterwards.
    """
    state = case.machine.state
    if number in (case.number, FUND) or health(state, candidate, case.risk).value <= 0:
        return False
    size = size_of(state.accounts.words, candidate, case.market_number)
    opposite = -size if case.size > 0 else size
    lots = case.lots if case.lots <= opposite else opposite
    if lots <= 0 or not transfer_lots(case, candidate, lots, moved):
        return False
    if health(state, candidate, case.risk).value >= 0:
        return True
    undo_transfer(case, candidate, moved)
    return False


def outranks(challenger: Health, nominee: Health) -> bool:
    """Whether an account is leveraged more, notional by value, than another; both are worth more than nothing."""
    return not products_at_most(challenger.notional, nominee.value, nominee.notional, challenger.value)


def last_resort(case: Case, fund: Account, moved: Transfer) -> i64:
    """Whether neither the book nor the insurance fund takes the position up."""
    if case.number == FUND:
        return Outcome.HEALTHY
    outcome = check_case(case)
    if outcome != Outcome.ACCEPTED:
        return outcome
    if not bankrupt(case) and book_crosses(case):
        return Outcome.BOOK_CROSSES
    if fund_takes(case, fund, moved):
        undo_transfer(case, fund, moved)
        return Outcome.INSURANCE_FIRST
    return Outcome.ACCEPTED
