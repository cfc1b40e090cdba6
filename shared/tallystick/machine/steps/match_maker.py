"""MATCH_MAKER: meet the order in progress with the best resting one."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from tallystick.machine.arith import ppm_down, ppm_up
from tallystick.machine.bits import NO_BIT, lowest_bit
from tallystick.machine.liveness import is_dead, unpair
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import (
    NO_PAGE,
    PAGE_LIMBS,
    Path,
    drop_head,
    level_index,
    open_best,
    open_tail_to_free,
    remove_order,
)
from tallystick.machine.market.liquidation import NO_ACCOUNT, liquidates, liquidation_fee, no_fund, open_fund, pay_fund
from tallystick.machine.market.trade import Fill, Terms, apply_fill, may_stand, move_totals, reducible, undo_fill
from tallystick.state.cells import (
    Account,
    Market,
    Order,
    Page,
    Risk,
    level_head_page,
    market_maker_fee_ppm,
    market_max_lots,
    market_rebate_ppm,
    market_taker_fee_ppm,
    order_account,
    order_client_id,
    order_flags,
    order_remaining_lots,
    page_bits,
    risk_market_multiplier,
    set_order_remaining_lots,
)
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import BUY, FLAG_IOC, FLAG_POST_ONLY, FLAG_REDUCE_ONLY, FLAG_STP_BOTH, FLAG_STP_TAKER

MAKER_FAILED: Final = Outcome.NO_SUCH_ORDER
"""What `_trade` returns when the maker may not trade; no taker ever fails with it."""


@mypyc_attr(acyclic=True, free_list_len=1)
class Match:
    """The cells of one match, the terms and both sides' fills. Shape: `slot` and numbers are cell indices, cells word offsets."""

    def __init__(self, machine: Machine) -> None:
        registers = machine.state.registers
        self.machine = machine
        self.path = Path(registers.arg_market, 1 - registers.arg_side)
        self.market = Market(0)
        self.taker = Account(0)
        self.risk = Risk(0)
        self.page = Page(0)
        self.slot: i64 = 0
        self.order = Order(0)
        self.maker_number: i64 = 0
        self.maker = Account(0)
        self.tail = NO_PAGE
        self.fund = NO_ACCOUNT
        self.terms = Terms()
        self.taker_fee: i64 = 0
        self.maker_fee: i64 = 0
        self.taker_fill = Fill()
        self.maker_fill = Fill()


def step(machine: Machine) -> None:
    """Fill against the best maker, take a dead one out of the book, or find that nothing crosses.

    Price-time priority is what the cells say: the best price by the occupancy words, the oldest order of its page.
    Meeting an own order cancels the maker, the taker or both, as the taker's flags say; a dead order is nobody's.
    Rejects: NOTHING_TO_REDUCE, UNFILLED, SELF_TRADE, WOULD_CROSS, NO_POSITION_SLOT, POSITION_LIMIT, MARGIN (a maker
    with one of these three faults leaves the book), OPEN_INTEREST; the taker's rest is cancelled. Rounding: fees up,
    the maker's rebate down. Twin: contracts/src/referee/steps/MatchMaker.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    match = Match(machine)
    match.market = state.markets.open(registers.arg_market)
    match.taker = state.accounts.open(registers.arg_account)
    match.risk = state.risk.open(0)
    if registers.arg_flags & FLAG_REDUCE_ONLY and not _clip(match):
        machine.finish(Outcome.NOTHING_TO_REDUCE)
        return
    if not open_best(state, match.path) or not _crosses(machine, match.path.price):
        _leave_book(machine)
        return
    match.path.level = state.levels.open(level_index(match.path))
    head = level_head_page(state.levels.words, match.path.level)
    match.page = state.pages.open(head)
    position = lowest_bit(state.pages.words, page_bits(match.page), PAGE_LIMBS)
    if position == NO_BIT:
        drop_head(state, match.path, match.page)
        return
    match.slot = head << 6 | position
    match.order = state.orders.open(match.slot)
    match.maker_number = order_account(state.orders.words, match.order)
    match.maker = state.accounts.open(match.maker_number)
    match.tail = open_tail_to_free(state, match.path, head)
    match.fund = open_fund(machine)

    # CHECK
    if _makers_turn_ends(match):
        return
    lots = _lots(match)
    if lots == 0:
        _remove_maker(match)
        return
    outcome = _trade(match, lots)

    # APPLY and WRITE
    if outcome == MAKER_FAILED:
        _remove_maker(match)
    elif outcome != Outcome.ACCEPTED:
        machine.finish(outcome)
    else:
        _settle(match, lots)


def _crosses(machine: Machine, price: i64) -> bool:
    registers = machine.state.registers
    return price <= registers.arg_price_ticks if registers.arg_side == BUY else price >= registers.arg_price_ticks


def _leave_book(machine: Machine) -> None:
    """Nothing crosses: rest what is left, or cancel it when the order is immediate-or-cancel."""
    registers = machine.state.registers
    if registers.arg_flags & FLAG_IOC:
        machine.finish(Outcome.UNFILLED)
    else:
        registers.phase = Phase.REST_ORDER


def _clip(match: Match) -> bool:
    """Leave of a reduce-only taker no more than its position; False when there is none to reduce."""
    state = match.machine.state
    registers = state.registers
    most = reducible(state.accounts.words, match.taker, registers.arg_market, registers.arg_side)
    registers.arg_lots = min(registers.arg_lots, most)
    return most > 0


def _makers_turn_ends(match: Match) -> bool:
    """Whether the step is over before a fill: a dead maker, the taker's own order, or a taker that only posts."""
    machine = match.machine
    registers = machine.state.registers
    flags = registers.arg_flags
    if is_dead(machine.state, match.slot, match.order, match.maker):
        _remove_maker(match)
        return True
    if match.maker_number == registers.arg_account:
        if flags & FLAG_STP_TAKER == 0:
            _remove_maker(match)
        if flags & (FLAG_STP_TAKER | FLAG_STP_BOTH):
            machine.finish(Outcome.SELF_TRADE)
        return True
    if flags & FLAG_POST_ONLY:
        machine.finish(Outcome.WOULD_CROSS)
        return True
    return False


def _lots(match: Match) -> i64:
    """Return what the two may exchange: 0 when a reduce-only maker has nothing to reduce."""
    state = match.machine.state
    registers = state.registers
    words = state.orders.words
    lots = order_remaining_lots(words, match.order)
    if order_flags(words, match.order) & FLAG_REDUCE_ONLY:
        most = reducible(state.accounts.words, match.maker, match.path.market, match.path.side)
        lots = min(lots, most)
    return min(lots, registers.arg_lots)


def _remove_maker(match: Match) -> None:
    machine = match.machine
    client_id = order_client_id(machine.state.orders.words, match.order)
    remove_order(machine.state, match.path, match.slot, match.order, match.page, match.tail)
    if machine.events is not None:
        machine.emit("removed", match.maker_number, client_id, match.slot)


def _trade(match: Match, lots: i64) -> i64:
    """Apply both sides and check their limits and margin; undo both when either may not stand."""
    machine = match.machine
    state = machine.state
    registers = state.registers
    side = registers.arg_side
    _set_terms(match, lots)
    outcome = apply_fill(state, match.taker, match.risk, match.terms, side, match.taker_fee, match.taker_fill)
    if outcome != Outcome.ACCEPTED:
        return outcome
    if not liquidates(machine) and not may_stand(state, match.taker, match.risk, match.terms, match.taker_fill):
        undo_fill(state, match.taker, match.terms, match.taker_fill)
        return Outcome.MARGIN
    outcome = apply_fill(state, match.maker, match.risk, match.terms, 1 - side, match.maker_fee, match.maker_fill)
    if outcome != Outcome.ACCEPTED:
        undo_fill(state, match.taker, match.terms, match.taker_fill)
        return MAKER_FAILED
    if not may_stand(state, match.maker, match.risk, match.terms, match.maker_fill):
        undo_fill(state, match.maker, match.terms, match.maker_fill)
        undo_fill(state, match.taker, match.terms, match.taker_fill)
        return MAKER_FAILED
    outcome = move_totals(state, match.market, match.taker_fill, match.maker_fill)
    if outcome != Outcome.ACCEPTED:
        undo_fill(state, match.maker, match.terms, match.maker_fill)
        undo_fill(state, match.taker, match.terms, match.taker_fill)
        return outcome
    if not no_fund(match.fund):
        pay_fund(machine, match.fund, match.taker_fee)
        match.taker_fee = 0
    registers.fees_units += match.taker_fee + match.maker_fee
    return Outcome.ACCEPTED


def _set_terms(match: Match, lots: i64) -> None:
    """What both sides would exchange, and what each would pay for it."""
    machine = match.machine
    state = machine.state
    rules = state.markets.words
    tick = lots * risk_market_multiplier(state.risk.words, match.risk, match.path.market)
    quote = tick * match.path.price
    match.maker_fee = ppm_up(quote, market_maker_fee_ppm(rules, match.market))
    if liquidates(machine):
        match.taker_fee = liquidation_fee(machine, match.market, match.fund, quote, tick, match.path.price)
    else:
        match.taker_fee = ppm_up(quote, market_taker_fee_ppm(rules, match.market))
        match.maker_fee -= ppm_down(quote, market_rebate_ppm(rules, match.market))
    match.terms.market = match.path.market
    match.terms.lots = lots
    match.terms.quote_units = quote
    match.terms.max_lots = market_max_lots(rules, match.market)


def _settle(match: Match, lots: i64) -> None:
    """Book a trade that stands: the maker's order, the taker's rest."""
    machine = match.machine
    state = machine.state
    registers = state.registers
    orders = state.orders.words
    machine.fills += 1
    state.markets.mark(registers.arg_market)
    state.accounts.mark(registers.arg_account)
    state.accounts.mark(match.maker_number)
    if machine.events is not None:
        _tell_fill(match, lots)
    set_order_remaining_lots(orders, match.order, order_remaining_lots(orders, match.order) - lots)
    unpair(state, match.order)
    state.orders.mark(match.slot)
    if order_remaining_lots(orders, match.order) == 0:
        remove_order(state, match.path, match.slot, match.order, match.page, match.tail)
    registers.arg_lots -= lots
    if registers.arg_lots == 0:
        machine.finish(Outcome.ACCEPTED)


def _tell_fill(match: Match, lots: i64) -> None:
    machine = match.machine
    state = machine.state
    registers = state.registers
    machine.emit(
        "fill",
        registers.arg_market,
        match.path.price,
        lots,
        registers.arg_side,
        registers.arg_account,
        match.maker_number,
        registers.arg_id,
        order_client_id(state.orders.words, match.order),
        match.slot,
    )
