"""REST_ORDER: put what is left of an order into the book, or park one that waits for its trigger."""

from __future__ import annotations

from mypy_extensions import i64, mypyc_attr

from tallystick.machine.bits import set_bit
from tallystick.machine.liveness import sequence, was_its_pair
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import NO_PAGE, PAGE_LIMBS, Path, add_lots, level_index, occupy, open_price, park
from tallystick.machine.orders.carried import in_progress, is_carried
from tallystick.state.cells import (
    Account,
    Order,
    account_orders,
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
    set_account_orders,
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
from tallystick.state.layout import MAX_ORDERS, MAX_PAGES, ORDERS_MOST, PAGE_SLOTS, Registers
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

    What a fired order has left when its work is done, or behind the collar, is parked again unasked, as old as it was. Rejects: BOOK_FULL,
    TOO_MANY_ORDERS (of the account), NO_SUCH_ORDER (the one it is to be paired with), MARGIN (the account cannot carry
    the order were it filled alone), WORK_LIMIT or UNFILLED (it is parked again). Twin: contracts/src/referee/steps/RestOrder.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    account = state.accounts.open(registers.arg_account)
    risk = state.risk.open(0)
    market = state.markets.open(registers.arg_market)
    place = Place(Path(registers.arg_market, registers.arg_side))
    if not _open_place(state, place):
        machine.finish(Outcome.BOOK_FULL)
        return
    again = _is_parked_again(registers)
    pairs = registers.arg_pair != 0
    other = state.orders.open(registers.arg_pair_slot) if pairs else Order(0)

    # CHECK
    if not again and account_orders(state.accounts.words, account) >= MAX_ORDERS:
        machine.finish(Outcome.TOO_MANY_ORDERS)
        return
    if registers.fired_trigger_ticks:
        pairs = pairs and was_its_pair(state, other)
    elif pairs and not _may_pair(state, other):
        machine.finish(Outcome.NO_SUCH_ORDER)
        return
    if not again and not is_carried(state, account, risk, market, in_progress(registers)):
        machine.finish(Outcome.MARGIN)
        return

    # APPLY
    if place.fresh:
        _take_page(state, place)
    _append(state, place)
    _write_order(state, place.order)
    _count(state, account)
    if pairs:
        _pair(state, place, other)

    # WRITE
    slot = place.number << 6 | place.position
    state.orders.mark(slot)
    state.accounts.mark(registers.arg_account)
    state.pages.mark(place.number)
    if place.tail:
        state.pages.mark(place.tail)
    state.levels.mark(level_index(place.path))
    machine.rested = slot
    if machine.events is not None:
        name = "parked" if registers.arg_trigger_ticks else "rested"
        machine.emit(name, registers.arg_account, registers.arg_client_id, slot, registers.arg_lots)
        if pairs:
            machine.emit("paired", registers.arg_account, registers.arg_client_id, registers.arg_pair_slot)
    machine.finish(_why_parked(registers) if again else Outcome.ACCEPTED)


def _is_parked_again(registers: Registers) -> bool:
    """Whether the order in progress has fired and goes back to where it lay: no other fired one has a trigger."""
    return registers.fired_trigger_ticks != 0 and registers.arg_trigger_ticks != 0


def _why_parked(registers: Registers) -> i64:
    """Return why the order in progress is parked again: its work is done, or it was left by the collar."""
    return Outcome.WORK_LIMIT if registers.work == 0 else Outcome.UNFILLED


def _age(registers: Registers) -> i64:
    """Return the sequence of the order in progress: that of now, or the one it was parked with before."""
    return registers.fired_sequence if _is_parked_again(registers) else sequence(registers)


def _open_place(state: State, place: Place) -> bool:
    """Open the price, its tail page, the fresh page if one is needed, and the order; False when no pages are left, or there are ORDERS_MOST orders."""
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
    if place.number > MAX_PAGES or registers.orders_total >= ORDERS_MOST:
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
    set_order_pair_sequence(words, other, _age(registers))
    state.orders.mark(registers.arg_pair_slot)


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
    add_lots(state, place.path, state.registers.arg_lots)
    if level_orders(state.levels.words, place.path.level) == 1:
        occupy(state, place.path)


def _count(state: State, account: Account) -> None:
    """Count the order among its account's and among all."""
    words = state.accounts.words
    set_account_orders(words, account, account_orders(words, account) + 1)
    state.registers.orders_total += 1


def _write_order(state: State, order: Order) -> None:
    registers = state.registers
    words = state.orders.words
    set_order_account(words, order, registers.arg_account)
    set_order_market(words, order, registers.arg_market)
    set_order_side(words, order, registers.arg_side)
    set_order_price_ticks(words, order, registers.arg_price_ticks)
    set_order_remaining_lots(words, order, registers.arg_lots)
    set_order_client_id(words, order, registers.arg_client_id)
    set_order_sequence(words, order, _age(registers))
    set_order_expiry_ms(words, order, registers.arg_time_ms)
    set_order_flags(words, order, registers.arg_flags)
    set_order_trigger_ticks(words, order, registers.arg_trigger_ticks)
