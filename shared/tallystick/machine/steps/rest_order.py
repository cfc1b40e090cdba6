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
from tallystick.state.codes import Outcome
from tallystick.state.layout import (
    ACCOUNT_POSITION_SIZE_LOTS,
    BUY,
    LEVEL_HEAD_PAGE,
    LEVEL_ORDERS,
    LEVEL_TAIL_PAGE,
    MAX_PAGES,
    ORDER_ACCOUNT,
    ORDER_CLIENT_ID,
    ORDER_EXPIRY_MS,
    ORDER_FLAGS,
    ORDER_MARKET,
    ORDER_PAIR_SEQUENCE,
    ORDER_PAIR_SLOT,
    ORDER_PRICE_TICKS,
    ORDER_REMAINING_LOTS,
    ORDER_SEQUENCE,
    ORDER_SIDE,
    ORDER_TRIGGER_TICKS,
    PAGE_BITS,
    PAGE_NEXT_PAGE,
    PAGE_SLOTS,
    PAGE_USED,
    RISK_RISKMARKET_MULTIPLIER,
    RISK_RISKMARKET_WORDS,
)
from tallystick.state.state import State


@mypyc_attr(acyclic=True, free_list_len=1)
class Place:
    """Where an order goes. `fresh`: on a page of its own, behind the tail page if any. Shape: `number` is the page's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fresh = False
        self.number: i64 = 0
        self.page: i64 = NO_PAGE
        self.tail: i64 = 0
        self.tail_page: i64 = NO_PAGE
        self.position: i64 = 0
        self.order: i64 = 0


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
    other: i64 = state.orders.open(registers.arg_pair_slot) if pairs else 0

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
    place.tail = levels[path.level + LEVEL_TAIL_PAGE] if levels[path.level + LEVEL_ORDERS] else 0
    if place.tail:
        place.tail_page = state.pages.open(place.tail)
    place.fresh = place.tail == 0 or state.pages.words[place.tail_page + PAGE_USED] == PAGE_SLOTS
    place.number = place.tail
    if place.fresh:
        place.number = registers.free_page or registers.page_count + 1
    if place.number > MAX_PAGES:
        return False
    place.page = state.pages.open(place.number) if place.fresh else place.tail_page
    place.position = 0 if place.fresh else state.pages.words[place.page + PAGE_USED]
    place.order = state.orders.open(place.number << 6 | place.position)
    return True


def _may_pair(state: State, other: i64) -> bool:
    """Whether there is an order of the account with the signed client id and no pair yet, where the operator says."""
    words = state.orders.words
    registers = state.registers
    if words[other + ORDER_REMAINING_LOTS] == 0 or words[other + ORDER_PAIR_SLOT] != 0:
        return False
    return (
        words[other + ORDER_ACCOUNT] == registers.arg_account and words[other + ORDER_CLIENT_ID] == registers.arg_pair
    )


def _pair(state: State, place: Place, other: i64) -> None:
    """Let each of two orders name the other."""
    words = state.orders.words
    registers = state.registers
    words[place.order + ORDER_PAIR_SLOT] = registers.arg_pair_slot
    words[place.order + ORDER_PAIR_SEQUENCE] = words[other + ORDER_SEQUENCE]
    words[other + ORDER_PAIR_SLOT] = place.number << 6 | place.position
    words[other + ORDER_PAIR_SEQUENCE] = sequence(registers)
    state.orders.mark(registers.arg_pair_slot)


def _can_carry(state: State, account: i64, risk: i64) -> bool:
    """Whether the account's value covers its initial margin and that of the order, or the order only reduces."""
    registers = state.registers
    position = find_position(state.accounts.words, account, registers.arg_market)
    if position == NO_SLOT:
        return False
    size = state.accounts.words[position + ACCOUNT_POSITION_SIZE_LOTS]
    against = -size if registers.arg_side == BUY else size
    if against >= registers.arg_lots:
        return True
    market = risk + registers.arg_market * RISK_RISKMARKET_WORDS
    quote = registers.arg_lots * registers.arg_price_ticks * state.risk.words[market + RISK_RISKMARKET_MULTIPLIER]
    measured = health(state, account, risk)
    return measured.value >= measured.initial + initial_margin(state.risk.words, market, quote)


def _take_page(state: State, place: Place) -> None:
    """Start a fresh page, from the free list if it has one, behind the price's tail page."""
    registers = state.registers
    pages = state.pages.words
    if registers.free_page:
        registers.free_page = pages[place.page + PAGE_NEXT_PAGE]
    else:
        registers.page_count = place.number
    pages[place.page + PAGE_NEXT_PAGE] = 0
    pages[place.page + PAGE_USED] = 0
    if place.tail_page != NO_PAGE:
        pages[place.tail_page + PAGE_NEXT_PAGE] = place.number
    else:
        state.levels.words[place.path.level + LEVEL_HEAD_PAGE] = place.number
    state.levels.words[place.path.level + LEVEL_TAIL_PAGE] = place.number


def _append(state: State, place: Place) -> None:
    state.pages.words[place.page + PAGE_USED] += 1
    set_bit(state.pages.words, place.page + PAGE_BITS, PAGE_LIMBS, place.position)
    state.levels.words[place.path.level + LEVEL_ORDERS] += 1
    occupy(state, place.path)


def _write_order(state: State, order: i64) -> None:
    registers = state.registers
    words = state.orders.words
    words[order + ORDER_ACCOUNT] = registers.arg_account
    words[order + ORDER_MARKET] = registers.arg_market
    words[order + ORDER_SIDE] = registers.arg_side
    words[order + ORDER_PRICE_TICKS] = registers.arg_price_ticks
    words[order + ORDER_REMAINING_LOTS] = registers.arg_lots
    words[order + ORDER_CLIENT_ID] = registers.arg_id
    words[order + ORDER_SEQUENCE] = sequence(registers)
    words[order + ORDER_EXPIRY_MS] = registers.arg_time_ms
    words[order + ORDER_FLAGS] = registers.arg_flags
    words[order + ORDER_TRIGGER_TICKS] = registers.arg_trigger_ticks
