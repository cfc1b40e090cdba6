"""Whether an account carries an order: could it be filled now, its margin would stand behind it.

What is asked before an order rests is asked again of one that does: nobody else's business waits for a quote that no
money stands behind. Where others go by an order, more is asked: whether somebody who takes all of it gets it.
"""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64, mypyc_attr

from tallystick.machine.arith import div_down, ppm_down
from tallystick.machine.market.brake import is_held
from tallystick.machine.market.instrument import exposure_of, price_of
from tallystick.machine.market.margin import initial_margin, surcharge
from tallystick.machine.market.risk import surplus
from tallystick.machine.market.trade import (
    NO_SLOT,
    Fill,
    Terms,
    apply_fill,
    ask_surcharge,
    fee_of_maker,
    find_position,
    may_stand,
    reducible,
    set_terms,
    undo_fill,
)
from tallystick.state.cells import (
    Account,
    Market,
    Order,
    Risk,
    market_band_ppm,
    market_open_interest_lots,
    order_flags,
    order_market,
    order_price_ticks,
    order_remaining_lots,
    order_side,
    order_trigger_ticks,
    risk_market_maintenance_ppm,
    risk_market_multiplier_units,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import (
    BUY,
    FLAG_REDUCE_ONLY,
    LEAN_INDEX,
    LEAN_WORST,
    MAX_PRICE_TICKS,
    MIN_SLACK_PPM,
    Registers,
)
from tallystick.state.ordinals import MarketId
from tallystick.state.quantities import Lots, Ppm, Ticks, Units
from tallystick.state.state import State


@mypyc_attr(acyclic=True, free_list_len=1)
class Standing:
    """What an order asks of its account while it stands in a book. Units: lots; ticks, where a trigger of 0 is none."""

    def __init__(
        self, market: MarketId, side: i64, flags: i64, lots: Lots, price_ticks: Ticks, trigger_ticks: Ticks
    ) -> None:
        self.market = market
        self.side = side
        self.flags = flags
        self.lots = lots
        self.price_ticks = price_ticks
        self.trigger_ticks = trigger_ticks


def in_progress(registers: Registers) -> Standing:
    """Return what the order in progress would ask."""
    return Standing(
        registers.arg_market,
        registers.arg_side,
        registers.arg_flags,
        registers.arg_lots,
        registers.arg_price_ticks,
        registers.arg_trigger_ticks,
    )


def in_book(words: vec[i64], order: Order) -> Standing:
    """Return what a resting or parked order asks."""
    return Standing(
        order_market(words, order),
        order_side(words, order),
        order_flags(words, order),
        order_remaining_lots(words, order),
        order_price_ticks(words, order),
        order_trigger_ticks(words, order),
    )


def is_carried(state: State, account: Account, risk: Risk, market: Market, order: Standing) -> bool:
    """Whether an order only reduces a position, or its account's value covers what a fill of all of it would leave to cover.

    That is its initial margin, that of the order at its own price, what open interest would ask of it now, and what it
    loses against the index by that price. Of a parked order it is the worst price it may fire with, and the loss from its
    trigger: for who knows what the index is then. Rounding: against the order.
    """
    words = state.accounts.words
    if find_position(words, account, order.market) == NO_SLOT:
        return False
    against_lots = reducible(words, account, order.market, order.side)
    if against_lots >= order.lots or (against_lots > 0 and order.flags & FLAG_REDUCE_ONLY):
        return True
    rules, marks = state.markets.words, state.risk.words
    price_ticks = _worst_price(state, risk, market, order)
    exposure = exposure_of(marks, risk, order.market, order.lots)
    open_lots = Lots(market_open_interest_lots(rules, market) + order.lots)
    needed_units = _loss_ticks(state, risk, order, price_ticks) * exposure
    needed_units += initial_margin(marks, risk, order.market, Units(price_ticks * exposure))
    needed_units += surcharge(rules, market, marks, risk, order.market, open_lots, order.lots)
    return surplus(state, account, risk, LEAN_WORST) >= needed_units


def is_fillable(state: State, account: Account, risk: Risk, market: Market, order: Standing) -> bool:
    """Whether a taker who asks for all of a resting order gets it: the fill is applied, judged as any other, and undone.

    Of what open interest asks it is as if both sides added to it.
    """
    terms = _terms_of(state, account, risk, market, order)
    fill = Fill()
    fee_units = fee_of_maker(state, market, terms.quote_units)
    if terms.lots == 0 or apply_fill(state, account, risk, terms, order.side, fee_units, fill) != Outcome.ACCEPTED:
        return False
    open_lots = Lots(market_open_interest_lots(state.markets.words, market) + terms.lots)
    ask_surcharge(state, market, account, risk, terms, open_lots, fill)
    stands = may_stand(state, account, risk, terms, fill)
    undo_fill(state, account, terms, fill)
    return stands


def _terms_of(state: State, account: Account, risk: Risk, market: Market, order: Standing) -> Terms:
    """Return what would be exchanged if all that an order offers were taken."""
    terms = Terms()
    lots = offered_lots(state, account, risk, market, order)
    quote_units = Units(lots * risk_market_multiplier_units(state.risk.words, risk, order.market) * order.price_ticks)
    set_terms(state, market, terms, order.market, lots, quote_units)
    return terms


def offered_lots(state: State, account: Account, risk: Risk, market: Market, order: Standing) -> Lots:
    """Return how many lots of a resting order there are to take now. Units: lots.

    None while a brake holds the position of its account, and of one that only reduces no more than the position.
    """
    if is_held(state, market, risk, order.market, account):
        return Lots(0)
    if order.flags & FLAG_REDUCE_ONLY == 0:
        return order.lots
    most_lots = reducible(state.accounts.words, account, order.market, order.side)
    return order.lots if order.lots <= most_lots else most_lots


def _worst_price(state: State, risk: Risk, market: Market, order: Standing) -> Ticks:
    """Return the price at which an order costs most: its limit, or where it ends when it has fired without one."""
    if order.price_ticks:
        return order.price_ticks
    return bound(order.side, order.trigger_ticks, slack_ppm(state, market, risk, order.market))


def _loss_ticks(state: State, risk: Risk, order: Standing, price_ticks: i64) -> i64:
    """Return by how much a price is worse than the index, or than the trigger of a parked order."""
    fair_ticks = order.trigger_ticks or price_of(state.risk.words, risk, order.market, order.lots, LEAN_INDEX)
    loss_ticks = price_ticks - fair_ticks if order.side == BUY else fair_ticks - price_ticks
    return loss_ticks if loss_ticks > 0 else 0


def basis_bound_ppm(state: State, market: Market, risk: Risk, number: MarketId) -> Ppm:
    """Return how far the mark may be from the index: the band, but no further than half the maintenance fraction.

    Units: millionths of the index.
    """
    half_ppm = div_down(risk_market_maintenance_ppm(state.risk.words, risk, number), 2)
    band_ppm = market_band_ppm(state.markets.words, market)
    return band_ppm if band_ppm < half_ppm else Ppm(half_ppm)


def slack_ppm(state: State, market: Market, risk: Risk, number: MarketId) -> Ppm:
    """Return how far from the mark a market order may trade that names no price; the collar may end it before.

    The most of: twice the bound of the basis; half the maintenance fraction; a hundredth. Units: millionths of the mark.
    """
    half_ppm = div_down(risk_market_maintenance_ppm(state.risk.words, risk, number), 2)
    most_ppm = 2 * basis_bound_ppm(state, market, risk, number)
    most_ppm = most_ppm if most_ppm > half_ppm else half_ppm
    return Ppm(most_ppm if most_ppm > MIN_SLACK_PPM else MIN_SLACK_PPM)


def bound(side: i64, mark_ticks: Ticks, slack_ppm: Ppm) -> Ticks:
    """Return the worst price of a market order that names none. Units: ticks. Rounding: towards the mark."""
    move_ticks = ppm_down(mark_ticks, slack_ppm)
    if side == BUY:
        return Ticks(mark_ticks + move_ticks if mark_ticks + move_ticks < MAX_PRICE_TICKS else MAX_PRICE_TICKS)
    return Ticks(mark_ticks - move_ticks if mark_ticks - move_ticks > 1 else 1)
