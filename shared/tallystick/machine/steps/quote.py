"""QUOTE: look for the price at which a side of the book holds what a sample asks for, a price, order or page a step."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.bits import NO_BIT, lowest_bit_from
from tallystick.machine.liveness import is_dead, let_pair_go
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import (
    NO_PRICE,
    PAGE_LIMBS,
    Path,
    level_index,
    open_best,
    open_next,
    open_order_path,
    open_tail_to_free,
    remove_order,
)
from tallystick.machine.market.brake import is_held
from tallystick.machine.market.stages import beyond_collar, is_outdated
from tallystick.machine.orders.carried import in_book, is_fillable, offered_lots
from tallystick.machine.orders.sampling import forget_quoted, least_lots
from tallystick.state.cells import (
    Account,
    Market,
    Order,
    Page,
    Risk,
    level_head_page,
    level_lots,
    level_orders,
    order_account,
    order_client_id,
    order_sequence,
    page_bits,
    page_next_page,
    price_quoted,
    set_price_quoted,
)
from tallystick.state.codes import Phase
from tallystick.state.layout import BUY, QUOTERS, SAMPLE_WORK, SELL
from tallystick.state.ordinals import AccountId
from tallystick.state.quantities import Lots, Ticks
from tallystick.state.state import State


def step(machine: Machine) -> None:
    """Look at the next price of a side, or at the next order of a price; behind the sellers the mark follows.

    An order that nobody can fill is taken out: dead, from before a halt, beyond the collar to its own loss, or of an
    account that may not have all of it filled. One that is nobody's to take just now does not count. A price that holds too little is passed over, and an account counts once a side. Without work, without orders, or
    beyond what anybody may take, the side has no price. Twin: contracts/src/referee/steps/Quote.sol.
    """
    state = machine.state
    registers = state.registers
    number = registers.arg_market

    # READ
    if registers.work == 0:
        _end_side(state, NO_PRICE)
        return
    registers.work -= 1
    market = state.markets.open(number)
    risk = state.risk.open(0)
    if registers.arg_order_slot == 0:
        _come_to_price(state, market, risk)
        return
    page_number = registers.arg_order_slot >> 6
    page = state.pages.open(page_number)
    position = lowest_bit_from(state.pages.words, page_bits(page), PAGE_LIMBS, registers.arg_order_slot & 63)
    if position == NO_BIT:
        registers.arg_order_slot = page_next_page(state.pages.words, page) << 6
        return
    slot = page_number << 6 | position
    order = state.orders.open(slot)
    account = state.accounts.open(order_account(state.orders.words, order))

    # CHECK
    dead = is_dead(state, slot, order, account)
    goes = dead or not _may_stay(state, market, risk, order, account)

    # APPLY and WRITE
    registers.arg_order_slot = _behind(state, page, slot)
    if goes and not dead:
        let_pair_go(state, order)
    if goes:
        _take_out(machine, slot, order, account, page)
    else:
        _count(state, market, risk, order, account)


def _come_to_price(state: State, market: Market, risk: Risk) -> None:
    """Go on to the side's next price, and to its orders when it holds enough; beyond what anybody may fill, end the side."""
    registers = state.registers
    path = Path(registers.arg_market, registers.arg_side)
    path.price_ticks = registers.arg_trigger_ticks
    found = open_next(state, path) if registers.arg_trigger_ticks else open_best(state, path)
    taker = SELL if registers.arg_side == BUY else BUY
    if not found or beyond_collar(state, market, risk, path.market, taker, path.price_ticks):
        _end_side(state, NO_PRICE)
        return
    path.level = state.levels.open(level_index(path))
    registers.arg_trigger_ticks = Ticks(path.price_ticks)
    if level_lots(state.levels.words, path.level) >= least_lots(registers):
        registers.arg_order_slot = level_head_page(state.levels.words, path.level) << 6


def _may_stay(state: State, market: Market, risk: Risk, order: Order, account: Account) -> bool:
    """Whether an order that lives is not from before a halt, within the collar for its own sake, and could be filled.

    One of an account that a brake holds may be, in a while.
    """
    registers = state.registers
    number, side, price_ticks = registers.arg_market, registers.arg_side, registers.arg_trigger_ticks
    if is_outdated(state, risk, number, order_sequence(state.orders.words, order), side, price_ticks):
        return False
    if beyond_collar(state, market, risk, number, side, price_ticks):
        return False
    if is_held(state, market, risk, number, account):
        return True
    return is_fillable(state, account, risk, market, in_book(state.orders.words, order))


def _behind(state: State, page: Page, slot: i64) -> i64:
    """Return where the price goes on behind a slot: in its page, in the page behind it, 0 for nowhere."""
    position = lowest_bit_from(state.pages.words, page_bits(page), PAGE_LIMBS, (slot & 63) + 1)
    if position == NO_BIT:
        return page_next_page(state.pages.words, page) << 6
    return slot >> 6 << 6 | position


def _take_out(machine: Machine, slot: i64, order: Order, account: Account, page: Page) -> None:
    """Remove an order; behind the last one of a price nothing is left of its pages."""
    state = machine.state
    path = open_order_path(state, order)
    tail = open_tail_to_free(state, path, slot >> 6)
    if level_orders(state.levels.words, path.level) == 1:
        state.registers.arg_order_slot = 0
    if machine.events is not None:
        words = state.orders.words
        machine.emit("removed", order_account(words, order), order_client_id(words, order), slot)
    remove_order(state, path, slot, order, account, page, tail)


def _count(state: State, market: Market, risk: Risk, order: Order, account: Account) -> None:
    """Count an order that is large enough, if its account has not counted yet; with the last lots the side ends here."""
    registers = state.registers
    words = state.orders.words
    lots = offered_lots(state, account, risk, market, in_book(words, order))
    if lots < least_lots(registers) or not _is_new(state, order_account(words, order)):
        return
    registers.arg_counted_lots = Lots(registers.arg_counted_lots + lots)
    if registers.arg_counted_lots >= registers.arg_lots:
        _end_side(state, registers.arg_trigger_ticks)


def _is_new(state: State, account: AccountId) -> bool:
    """Remember that an account has counted, and say whether it had not. Each adds a part, so that there is room."""
    number = state.registers.arg_market
    price = state.prices.open(number)
    place: i64
    for place in range(QUOTERS):
        quoted = price_quoted(state.prices.words, price, place)
        if quoted == account:
            return False
        if quoted == 0:
            set_price_quoted(state.prices.words, price, place, account)
            state.prices.mark(number)
            return True
    return False


def _end_side(state: State, found_ticks: i64) -> None:
    """Note the price that was found, and go on to the sellers, or to the mark."""
    registers = state.registers
    forget_quoted(state, state.prices.open(registers.arg_market))
    state.prices.mark(registers.arg_market)
    registers.arg_trigger_ticks = Ticks(0)
    registers.arg_order_slot = 0
    registers.arg_counted_lots = Lots(0)
    registers.work = SAMPLE_WORK
    if registers.arg_side == BUY:
        registers.arg_price_ticks = Ticks(found_ticks)
        registers.arg_side = SELL
    else:
        registers.arg_ask_ticks = Ticks(found_ticks)
        registers.phase = Phase.UPDATE_MARK
