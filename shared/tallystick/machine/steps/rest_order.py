"""REST_ORDER: put what is left of an order into the book, or park one that waits for its trigger."""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr

from tallystick.machine.bits import set_bit
from tallystick.machine.liveness import sequence
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import NO_PAGE, PAGE_LIMBS, Path, level_index, occupy, open_price, park
from tallystick.machine.market.margin import initial_margin
from tallystick.machine.market.risk import health
from tallystick.machine.market.trade import NO_SLOT, find_position
from tallystick.state.cells import (
    Account,
    Order,
    Risk,
    account_position_size_lots,
    level_orders,
    level_tail_page,
    order_account,
    order_client_id,
    order_pair_slot,
    order_remaining_lots,
    order_sequence,
    page_bits,
    page_next_page,
    page_used,
    risk_market_multiplier,
    set_level_head_page,
    set_level_orders,
    set_level_tail_page,
    set_order_account,
    set_order_client_id,
    set_order_expiry_ms,
    set_order_flags,
    set_order_market,
    set_order_pair_sequence,
    set_order_pair_slot,
    set_order_price_ticks,
    set_order_remaining_lots,
    set_order_sequence,
    set_order_side,
    set_order_trigger_ticks,
    set_page_next_page,
    set_page_used,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import BUY, MAX_PAGES, PAGE_SLOTS
from tallystick.state.state import State


@mypyc_attr(acyclic=True, free_list_len=1)
class Place:
    """Where an order goes. `fresh`: on a page of its own, behind the tail page if any. Shape: `number` is the page's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fresh = False
        self.number: i64 = 0
        self.page = NO_PAGE
        self.tail: i64 = 0
        self.tail_page = NO_PAGE
        self.position: i64 = 0
        self.order = Order(0)


def step(machine: Machine) -> None:
    """Rest the order in progress behind the orders already at its price, or at its trigger.

    Rejects: MARGIN (the account cannot carry the order were it filled alone), BOOK_FULL, NO_SUCH_ORDER (the one it is to
    be paired with). Twin: contracts/src/referee/steps/RestOrder.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    account = state.accounts.open(registers.arg_account)
    risk = state.risk.open(0)
    place = Place(Path(registers.arg_market, registers.arg_side))
    if not _open_place(state, place):
        machine.finish(Outcome.BOOK_FULL)
        return
    pairs = registers.arg_pair != 0
    other = state.orders.open(registers.arg_pair_slot) if pairs else Order(0)

    # CHECK
    if pairs and not _may_pair(state, other):
        machine.finish(Outcome.NO_SUCH_ORDER)
        return
    if not _can_carry(state, account, risk):
        machine.finish(Outcome.MARGIN)
        return

    # APPLY
    if place.fresh:
        _take_page(state, place)
    _append(state, place)
    _write_order(state, place.order)
    if pairs:
        _pair(state, place, other)

    # WRITE
    slot = place.number << 6 | place.position
    state.orders.mark(slot)
    state.pages.mark(place.number)
    if place.tail:
        state.pages.mark(place.tail)
    state.levels.mark(level_index(place.path))
    machine.rested = slot
    if machine.events is not None:
        name = "parked" if registers.arg_trigger_ticks else "rested"
        machine.emit(name, registers.arg_account, registers.arg_id, slot, registers.arg_lots)
    machine.finish(Outcome.ACCEPTED)


def _open_place(state: State, place: Place) -> bool:
    """Open the price, its tail page, the fresh page if one is needed, and the order; False when no pages are left."""
    registers = state.registers
    path = place.path
    trigger = registers.arg_trigger_ticks
    if trigger:
        park(path, registers.arg_flags)
    open_price(state, path, trigger or registers.arg_price_ticks)
    levels = state.levels.words
    place.tail = level_tail_page(levels, path.level) if level_orders(levels, path.level) else 0
    if place.tail:
        place.tail_page = state.pages.open(place.tail)
    place.fresh = place.tail == 0 or page_used(state.pages.words, place.tail_page) == PAGE_SLOTS
    place.number = place.tail
    if place.fresh:
        place.number = registers.free_page or registers.page_count + 1
    if place.number > MAX_PAGES:
        return False
    place.page = state.pages.open(place.number) if place.fresh else place.tail_page
    place.position = 0 if place.fresh else page_used(state.pages.words, place.page)
    place.order = state.orders.open(place.number << 6 | place.position)
    return True


def _may_pair(state: State, other: Order) -> bool:
    """Whether there is an order of the account with the signed client id and no pair yet, where the operator says."""
    words = state.orders.words
    registers = state.registers
    if order_remaining_lots(words, other) == 0 or order_pair_slot(words, other) != 0:
        return False
    return order_account(words, other) == registers.arg_account and order_client_id(words, other) == registers.arg_pair


def _pair(state: State, place: Place, other: Order) -> None:
    """Let each of two orders name the other."""
    words = state.orders.words
    registers = state.registers
    set_order_pair_slot(words, place.order, registers.arg_pair_slot)
    set_order_pair_sequence(words, place.order, order_sequence(words, other))
    set_order_pair_slot(words, other, place.number << 6 | place.position)
    set_order_pair_sequence(words, other, sequence(registers))
    state.orders.mark(registers.arg_pair_slot)


def _can_carry(state: State, account: Account, risk: Risk) -> bool:
    """Whether the account's value covers its initial margin and that of the order, or the order only reduces."""
    registers = state.registers
    slot = find_position(state.accounts.words, account, registers.arg_market)
    if slot == NO_SLOT:
        return False
    size = account_position_size_lots(state.accounts.words, account, slot)
    against = -size if registers.arg_side == BUY else size
    if against >= registers.arg_lots:
        return True
    marks = state.risk.words
    market = registers.arg_market
    quote = registers.arg_lots * registers.arg_price_ticks * risk_market_multiplier(marks, risk, market)
    measured = health(state, account, risk)
    return measured.value >= measured.initial + initial_margin(marks, risk, market, quote)


def _take_page(state: State, place: Place) -> None:
    """Start a fresh page, from the free list if it has one, behind the price's tail page."""
    registers = state.registers
    pages = state.pages.words
    if registers.free_page:
        registers.free_page = page_next_page(pages, place.page)
    else:
        registers.page_count = place.number
    set_page_next_page(pages, place.page, 0)
    set_page_used(pages, place.page, 0)
    if place.tail_page != NO_PAGE:
        set_page_next_page(pages, place.tail_page, place.number)
    else:
        set_level_head_page(state.levels.words, place.path.level, place.number)
    set_level_tail_page(state.levels.words, place.path.level, place.number)


def _append(state: State, place: Place) -> None:
    set_page_used(state.pages.words, place.page, page_used(state.pages.words, place.page) + 1)
    set_bit(state.pages.words, page_bits(place.page), PAGE_LIMBS, place.position)
    set_level_orders(state.levels.words, place.path.level, level_orders(state.levels.words, place.path.level) + 1)
    occupy(state, place.path)


def _write_order(state: State, order: Order) -> None:
    registers = state.registers
    words = state.orders.words
    set_order_account(words, order, registers.arg_account)
    set_order_market(words, order, registers.arg_market)
    set_order_side(words, order, registers.arg_side)
    set_order_price_ticks(words, order, registers.arg_price_ticks)
    set_order_remaining_lots(words, order, registers.arg_lots)
    set_order_client_id(words, order, registers.arg_id)
    set_order_sequence(words, order, sequence(registers))
    set_order_expiry_ms(words, order, registers.arg_time_ms)
    set_order_flags(words, order, registers.arg_flags)
    set_order_trigger_ticks(words, order, registers.arg_trigger_ticks)
