"""REST_ORDER: put what is left of an order into the book, or park one that waits for its trigger."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import set_bit
from tallystick.machine.liveness import sequence
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import PAGE_LIMBS, Path, occupy, open_price
from tallystick.machine.market.margin import initial_margin
from tallystick.machine.market.risk import health
from tallystick.machine.market.trade import find_position
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
    path = Path(registers.arg_market, registers.arg_side)
    if registers.arg_trigger:
        path.park(registers.arg_flags)
    open_price(state, path, registers.arg_trigger or registers.arg_price)
    orders = state.levels.words[path.level + LEVEL_ORDERS]
    tail = state.levels.words[path.level + LEVEL_TAIL_PAGE] if orders else 0
    tail_page = state.pages.open(tail) if tail else -1
    fresh = tail == 0 or state.pages.words[tail_page + PAGE_USED] == PAGE_SLOTS
    page = tail
    if fresh:
        page = registers.free_page or registers.page_count + 1
    if page > MAX_PAGES:
        machine.finish(Outcome.BOOK_FULL)
        return
    page_base = state.pages.open(page) if fresh else tail_page
    slot = page << 6 | (0 if fresh else state.pages.words[page_base + PAGE_USED])
    order = state.orders.open(slot)
    other = state.orders.open(registers.arg_pair_slot) if registers.arg_pair else -1

    # CHECK
    if other >= 0 and not _may_pair(state, other):
        machine.finish(Outcome.NO_SUCH_ORDER)
        return
    if not _can_carry(state, account, risk):
        machine.finish(Outcome.MARGIN)
        return

    # APPLY
    if fresh:
        _take_page(state, path, page, page_base, tail_page)
    _append(state, path, slot, page_base)
    _write_order(state, order)
    if other >= 0:
        _pair(state, slot, order, other)

    # WRITE
    state.orders.mark(slot)
    state.pages.mark(page)
    if tail:
        state.pages.mark(tail)
    state.levels.mark(path.level_index)
    machine.rested = slot
    if machine.events is not None:
        name = "parked" if registers.arg_trigger else "rested"
        machine.emit(name, registers.arg_account, registers.arg_id, slot, registers.arg_lots)
    machine.finish(Outcome.ACCEPTED)


def _may_pair(state: State, other: i64) -> bool:
    """Whether there is an order of the account with the signed client id and no pair yet, where the operator says."""
    words = state.orders.words
    registers = state.registers
    if words[other + ORDER_REMAINING_LOTS] == 0 or words[other + ORDER_PAIR_SLOT] != 0:
        return False
    return (
        words[other + ORDER_ACCOUNT] == registers.arg_account and words[other + ORDER_CLIENT_ID] == registers.arg_pair
    )


def _pair(state: State, slot: i64, order: i64, other: i64) -> None:
    """Let each of two orders name the other."""
    words = state.orders.words
    registers = state.registers
    words[order + ORDER_PAIR_SLOT] = registers.arg_pair_slot
    words[order + ORDER_PAIR_SEQUENCE] = words[other + ORDER_SEQUENCE]
    words[other + ORDER_PAIR_SLOT] = slot
    words[other + ORDER_PAIR_SEQUENCE] = sequence(registers)
    state.orders.mark(registers.arg_pair_slot)


def _can_carry(state: State, account: i64, risk: i64) -> bool:
    """Whether the account's value covers its initial margin and that of the order, or the order only reduces."""
    registers = state.registers
    position = find_position(state.accounts.words, account, registers.arg_market)
    if position < 0:
        return False
    size = state.accounts.words[position + ACCOUNT_POSITION_SIZE_LOTS]
    against = -size if registers.arg_side == BUY else size
    if against >= registers.arg_lots:
        return True
    market = risk + registers.arg_market * RISK_RISKMARKET_WORDS
    quote = registers.arg_lots * registers.arg_price * state.risk.words[market + RISK_RISKMARKET_MULTIPLIER]
    measured = health(state, account, risk)
    return measured.value >= measured.initial + initial_margin(state.risk.words, market, quote)


def _take_page(state: State, path: Path, page: i64, page_base: i64, tail_page: i64) -> None:
    """Start a fresh page, from the free list if it has one, behind the price's tail page."""
    registers = state.registers
    pages = state.pages.words
    if registers.free_page:
        registers.free_page = pages[page_base + PAGE_NEXT_PAGE]
    else:
        registers.page_count = page
    pages[page_base + PAGE_NEXT_PAGE] = 0
    pages[page_base + PAGE_USED] = 0
    if tail_page >= 0:
        pages[tail_page + PAGE_NEXT_PAGE] = page
    else:
        state.levels.words[path.level + LEVEL_HEAD_PAGE] = page
    state.levels.words[path.level + LEVEL_TAIL_PAGE] = page


def _append(state: State, path: Path, slot: i64, page_base: i64) -> None:
    state.pages.words[page_base + PAGE_USED] += 1
    set_bit(state.pages.words, page_base + PAGE_BITS, PAGE_LIMBS, slot & 63)
    state.levels.words[path.level + LEVEL_ORDERS] += 1
    occupy(state, path)


def _write_order(state: State, order: i64) -> None:
    registers = state.registers
    words = state.orders.words
    words[order + ORDER_ACCOUNT] = registers.arg_account
    words[order + ORDER_MARKET] = registers.arg_market
    words[order + ORDER_SIDE] = registers.arg_side
    words[order + ORDER_PRICE_TICKS] = registers.arg_price
    words[order + ORDER_REMAINING_LOTS] = registers.arg_lots
    words[order + ORDER_CLIENT_ID] = registers.arg_id
    words[order + ORDER_SEQUENCE] = sequence(registers)
    words[order + ORDER_EXPIRY_MS] = registers.arg_time
    words[order + ORDER_FLAGS] = registers.arg_flags
    words[order + ORDER_TRIGGER_TICKS] = registers.arg_trigger
