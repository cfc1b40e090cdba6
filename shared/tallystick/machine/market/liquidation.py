"""Accounts below their maintenance margin: how much of a position to close in the book, and at which price."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from tallystick.machine.arith import div_down, mul_div_down, mul_div_up, periods_down, ppm_down
from tallystick.machine.machine import Machine
from tallystick.machine.market.brake import is_held
from tallystick.machine.market.funds import fund_of, is_fund
from tallystick.machine.market.instrument import exposure_of, price_of
from tallystick.machine.market.margin import maintenance_fraction, maintenance_margin, tier_begins
from tallystick.machine.market.risk import ALL_MARKETS, Health, health, jumped_weight
from tallystick.machine.market.stages import check_liquidation_stage, index_stopped
from tallystick.machine.market.trade import NO_SLOT, find_position
from tallystick.state.cells import (
    Account,
    Market,
    account_cash_units,
    account_position_size_lots,
    market_fund_budget_units,
    market_fund_ms,
    market_insurance_lots,
    market_liquidation_fee_ppm,
    market_status,
    set_account_cash_units,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import (
    BUY,
    FLAG_LIQUIDATION,
    LEAN_BEST,
    LEAN_INDEX,
    MARKET_LIVE,
    MARKET_SETTLED,
    MAX_CASH_UNITS,
    MAX_PRICE_TICKS,
    PPM,
    SELL,
    SLICE_MS,
    SLICES,
    SLIP_MS,
    SLIP_PPM_MOST,
    SLIP_PPM_STEP,
)
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.state.quantities import Lots, Ppm, Ticks, Units, UnitsPerTick

NO_ACCOUNT: Final = Account(-1)
"""What stands for an account that was not opened."""


class Case:
    """A position that may have to be closed: cell numbers, word offsets, and its account as `measure` has found it.

    `tick_units` is what one lot is worth at one tick, `price_ticks` the price it is measured at, `lot_units` what one lot is
    worth at that; `apart` says that what its account owes is shared by what has lost by a jump, `bears_units` what the
    position bears of that, less than nothing.
    """

    def __init__(self, machine: Machine, account: AccountId, market: MarketId) -> None:
        state = machine.state
        self.machine = machine
        self.number = account
        self.market_number = market
        self.market = state.markets.open(market)
        self.account = state.accounts.open(account)
        self.risk = state.risk.open(0)
        self.price = state.prices.open(market)
        self.tick_units = exposure_of(state.risk.words, self.risk, market, Lots(1))
        self.size_lots = size_of(state.accounts.words, self.account, market)
        self.lots = self.size_lots if self.size_lots >= 0 else -self.size_lots
        self.side: i64 = SELL if self.size_lots > 0 else BUY
        self.price_ticks: i64 = 0
        self.lot_units: i64 = 0
        self.measured = Health(0, 0, 0, 0, 0)
        self.apart = False
        self.bears_units: i64 = 0


def open_case(machine: Machine, account: AccountId, market: MarketId) -> Case:
    """Open the cells of a case and measure it at the better prices, by which an account is due."""
    case = Case(machine, account, market)
    measure(case, LEAN_BEST)
    return case


def measure(case: Case, lean: i64) -> None:
    """Measure a case at the prices that `lean` names: the better ones before the book, the index beyond it."""
    state = case.machine.state
    case.price_ticks = price_of(state.risk.words, case.risk, case.market_number, case.size_lots, lean)
    case.lot_units = case.price_ticks * case.tick_units
    case.measured = health(state, case.account, case.risk, lean)
    case.apart = False
    if lean == LEAN_INDEX and bankrupt(case):
        _share_debt(case)


def _share_debt(case: Case) -> None:
    """Share what an account owes beyond the book by those of its positions that have lost by a jump, if any have.

    Who is on the other side of the others has won nothing of it. Each bears as much as it has lost against its cost, or,
    where none has, as its maintenance margin is. Rounding: down, so that nothing is left over.
    """
    state = case.machine.state
    for by_loss in (True, False):
        whole_units = jumped_weight(state, case.account, case.risk, ALL_MARKETS, by_loss)
        if whole_units > 0:
            own_units = jumped_weight(state, case.account, case.risk, case.market_number, by_loss)
            case.apart = True
            case.bears_units = mul_div_down(case.measured.value_units, own_units, whole_units)
            return


def bankrupt(case: Case) -> bool:
    """Whether the account is worth less than nothing."""
    return case.measured.value_units < 0


def size_of(words: vec[i64], account: Account, market: MarketId) -> Lots:
    """Return an account's signed size in a market. Units: lots."""
    slot = find_position(words, account, market)
    return account_position_size_lots(words, account, slot) if slot != NO_SLOT else Lots(0)


def check_case(case: Case, beyond_book: bool) -> i64:
    """Whether the position may be closed against its owner's will; measured at the better prices.

    Beyond the book a settled market counts as well, and needs no index. Rejects: NO_MARKET, NO_POSITION, STALE_INDEX,
    LIQUIDATIONS_WAIT, HEALTHY (value covers the maintenance margin), BRAKE (in the book, of an account that does not owe).
    """
    state = case.machine.state
    over = beyond_book and is_settled(case)
    if not (is_live(case) or over):
        return Outcome.NO_MARKET
    if case.size_lots == 0:
        return Outcome.NO_POSITION
    outcome: i64 = Outcome.ACCEPTED if over else check_liquidation_stage(state, case.price, bankrupt(case))
    if outcome == Outcome.ACCEPTED and case.measured.value_units >= case.measured.maintenance_units:
        return Outcome.HEALTHY
    if outcome == Outcome.ACCEPTED and not beyond_book and brake_spares(case, case.account):
        return Outcome.BRAKE
    return outcome


def brake_spares(case: Case, account: Account) -> bool:
    """Whether a position stays as it is since a brake holds it and the case's account does not owe.

    Else the ladder itself lets out who has won, by an account or a friend that is due elsewhere.
    """
    state = case.machine.state
    return not bankrupt(case) and is_held(state, case.market, case.risk, case.market_number, account)


def is_live(case: Case) -> bool:
    """Whether the case's market trades and has a price."""
    return market_status(case.machine.state.markets.words, case.market) == MARKET_LIVE and case.price_ticks != 0


def is_settled(case: Case) -> bool:
    """Whether the prices of the case's market are final."""
    return market_status(case.machine.state.markets.words, case.market) == MARKET_SETTLED


def check_slice(case: Case) -> i64:
    """Whether a fund may unwind some of its position now.

    Rejects: NO_MARKET, NO_POSITION, STALE_INDEX, SLICE_WAITS (it has traded just now).
    """
    state = case.machine.state
    if not is_live(case):
        return Outcome.NO_MARKET
    if case.size_lots == 0:
        return Outcome.NO_POSITION
    if index_stopped(state, case.risk, case.market_number):
        return Outcome.STALE_INDEX
    return Outcome.SLICE_WAITS if _idle_ms(case) < SLICE_MS else Outcome.ACCEPTED


def sufficient_lots(case: Case) -> i64:
    """Return the fewest lots that, closed at their price and for the largest fee, bring maintenance margin back.

    What one more closed lot gains is its share of the margin less the fee, so the tiers are walked from the top, where
    a lot gains most. The whole position when no part of it suffices. Rounding: up; a part of a lot does not trade.
    """
    marks = case.machine.state.risk.words
    fee_ppm: int = int(market_liquidation_fee_ppm(case.machine.state.markets.words, case.market))
    lot_units: int = case.lot_units
    top_units: int = case.lots * case.lot_units
    missing_ppm = _missing(case)
    closed_units: int = 0
    tier: i64
    for tier in range(2, -1, -1):
        begin_units: int = int(tier_begins(marks, case.risk, case.market_number, tier))
        if begin_units >= top_units:
            continue
        fraction_ppm: int = int(maintenance_fraction(marks, case.risk, case.market_number, tier))
        gain_ppm = fraction_ppm - fee_ppm
        if gain_ppm <= 0:
            return case.lots
        span_units = top_units - begin_units
        if missing_ppm <= span_units * gain_ppm:
            lots = mul_div_up(closed_units * gain_ppm + missing_ppm, 1, gain_ppm * lot_units)
            return lots if lots < case.lots else case.lots
        missing_ppm -= span_units * gain_ppm
        closed_units += span_units
        top_units = begin_units
    return case.lots


def _missing(case: Case) -> int:
    """Return by how much the maintenance margin passes the value. Units: millionths of a unit, so not a machine word.

    The position's own margin counts unrounded: what then suffices does so with the rounding as well.
    """
    marks = case.machine.state.risk.words
    notional_units = case.lots * case.lot_units
    others_units: int = (
        case.measured.maintenance_units
        - maintenance_margin(marks, case.risk, case.market_number, Units(notional_units))
        - case.measured.value_units
    )
    million: int = PPM
    missing_ppm = others_units * million
    tier: i64
    for tier in range(3):
        begin_units: int = int(tier_begins(marks, case.risk, case.market_number, tier))
        end_units: int = int(tier_begins(marks, case.risk, case.market_number, tier + 1))
        whole_units: int = notional_units
        fraction_ppm: int = int(maintenance_fraction(marks, case.risk, case.market_number, tier))
        if begin_units < whole_units:
            missing_ppm += ((end_units if end_units < whole_units else whole_units) - begin_units) * fraction_ppm
    return missing_ppm


def share_of(case: Case, lots: i64, amount_units: i64) -> i64:
    """Return the part of an amount that stands behind some lots: amount x their margin / all margin.

    Units: units. Rounding: down, for the account when it is of its value.
    """
    return mul_div_down(amount_units, _freed(case, lots), case.measured.maintenance_units)


def debt_of(case: Case, lots: i64) -> i64:
    """Return what some lots bear of what the account owes, less than nothing. Units: units. Rounding: down."""
    if not case.apart:
        return share_of(case, lots, case.measured.value_units)
    return mul_div_down(case.bears_units, _freed(case, lots), _freed(case, case.lots))


def _freed(case: Case, lots: i64) -> i64:
    """Return the maintenance margin that closing some lots frees. Units: units."""
    marks = case.machine.state.risk.words
    margin_units = maintenance_margin(marks, case.risk, case.market_number, Units(case.lots * case.lot_units))
    left_units = maintenance_margin(marks, case.risk, case.market_number, Units((case.lots - lots) * case.lot_units))
    return margin_units - left_units


def sale_limit(case: Case, lots: i64) -> i64:
    """Return the worst price at which the book takes the lots that suffice.

    One fill at it brings maintenance margin back, and nobody buys cheaper than the fund would: it yields at most the
    market's fee, nothing where only a unit of margin is missing, and nothing where nothing is left to yield. Units:
    ticks. Rounding: for the account.
    """
    value_units = case.measured.value_units
    missing_units = case.measured.maintenance_units - value_units
    share_units = share_of(case, lots, value_units if value_units <= missing_units else missing_units)
    fee_units = ppm_down(
        Units(lots * case.lot_units), market_liquidation_fee_ppm(case.machine.state.markets.words, case.market)
    )
    return _shifted(
        case, case.price_ticks, div_down(share_units if share_units <= fee_units else fee_units, lots * case.tick_units)
    )


def slice_lots(case: Case) -> i64:
    """Return how much of its position a fund unwinds at once: a part of what it may hold, at least a lot. Rounding: down."""
    part_lots = div_down(market_insurance_lots(case.machine.state.markets.words, case.market), SLICES)
    part_lots = part_lots if part_lots > 1 else 1
    return case.lots if case.lots <= part_lots else part_lots


def slice_limit(case: Case, lots: i64) -> i64:
    """Return the worst price at which a fund unwinds lots: the index, and a step further for each while it has waited.

    The steps come out of its budget, so that no unwinding takes what the fund had before; while it owes more than it has
    there are none. Units: ticks. Rounding: for the fund.
    """
    state = case.machine.state
    index_ticks = price_of(state.risk.words, case.risk, case.market_number, case.size_lots, LEAN_INDEX)
    budget_units = market_fund_budget_units(state.markets.words, case.market)
    if budget_units <= 0 or bankrupt(case):
        return _shifted(case, index_ticks, 0)
    slip_ppm = SLIP_PPM_STEP * periods_down(_idle_ms(case), SLIP_MS)
    shift_ticks = ppm_down(index_ticks, Ppm(slip_ppm if slip_ppm <= SLIP_PPM_MOST else SLIP_PPM_MOST))
    spent_ticks = div_down(budget_units, lots * case.tick_units)
    return _shifted(case, index_ticks, shift_ticks if shift_ticks <= spent_ticks else spent_ticks)


def _idle_ms(case: Case) -> i64:
    """Return for how long the market's fund has not traded."""
    state = case.machine.state
    return state.registers.clock_ms - market_fund_ms(state.markets.words, case.market)


def _shifted(case: Case, from_ticks: i64, shift_ticks: i64) -> i64:
    """Return a price moved against the position, within what a price may be."""
    price_ticks = from_ticks - shift_ticks if case.size_lots > 0 else from_ticks + shift_ticks
    if price_ticks < 1:
        return 1
    return price_ticks if price_ticks <= MAX_PRICE_TICKS else MAX_PRICE_TICKS


def liquidates(machine: Machine) -> bool:
    """Whether the order in progress closes a position against its owner's will.

    Its limit stands for the margin check: no fill at it makes the account less safe.
    """
    return machine.state.registers.arg_flags & FLAG_LIQUIDATION != 0


def open_fund(machine: Machine) -> Account:
    """Open the market's insurance fund when the order in progress pays it a fee; else NO_ACCOUNT."""
    registers = machine.state.registers
    if not liquidates(machine) or is_fund(registers.arg_account):
        return NO_ACCOUNT
    return machine.state.accounts.open(fund_of(registers.arg_market))


def no_fund(fund: i64) -> bool:
    """Whether there is no fund to pay."""
    return fund == NO_ACCOUNT


def liquidation_fee(
    machine: Machine, market: Market, fund: Account, quote_units: Units, tick_units: UnitsPerTick, price_ticks: Ticks
) -> i64:
    """Return what a liquidated account pays the market's insurance fund for a fill; a fund itself pays nothing.

    At most the market's share of the quote, the improvement over the limit, and what the fund's cash has room for.
    Units: `tick_units` is what all lots of the fill are worth at one tick. Rounding: down.
    """
    if no_fund(fund):
        return 0
    state = machine.state
    distance_ticks = price_ticks - state.registers.arg_price_ticks
    improvement_units = (distance_ticks if distance_ticks >= 0 else -distance_ticks) * tick_units
    fee_units: i64 = ppm_down(quote_units, market_liquidation_fee_ppm(state.markets.words, market))
    fee_units = fee_units if fee_units <= improvement_units else improvement_units
    room_units = MAX_CASH_UNITS - account_cash_units(state.accounts.words, fund)
    fee_units = fee_units if fee_units <= room_units else room_units
    return fee_units if fee_units > 0 else 0


def pay_fund(machine: Machine, fund: Account, fee_units: i64) -> None:
    """Give a fee that an account has paid to the insurance fund of the order's market."""
    state = machine.state
    set_account_cash_units(
        state.accounts.words, fund, Units(account_cash_units(state.accounts.words, fund) + fee_units)
    )
    state.registers.cash_units = Units(state.registers.cash_units + fee_units)
    state.accounts.mark(fund_of(state.registers.arg_market))


def end_order(machine: Machine, outcome: i64) -> None:
    """End the order in progress; a liquidation that the book has left something of counts as tried."""
    registers = machine.state.registers
    if outcome != Outcome.ACCEPTED and liquidates(machine) and not is_fund(registers.arg_account):
        registers.tried_account = registers.arg_account
        registers.tried_market = registers.arg_market
        registers.tried_ms = registers.clock_ms
    machine.finish(outcome)
