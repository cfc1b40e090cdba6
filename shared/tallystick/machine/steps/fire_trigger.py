"""FIRE_TRIGGER: send the parked orders whose trigger the mark has reached to the book, one a step."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.bits import NO_BIT, lowest_bit
from tallystick.machine.liveness import is_dead, unpair
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import (
    PAGE_LIMBS,
    Path,
    drop_head,
    level_index,
    open_best,
    open_tail_to_free,
    remove_order,
)
from tallystick.machine.market.brake import side_waits
from tallystick.machine.market.stages import index_stopped, is_due
from tallystick.state.cells import (
    Order,
    Risk,
    level_head_page,
    order_account,
    order_client_id,
    order_expiry_ms,
    order_flags,
    order_pair_slot,
    order_price_ticks,
    order_remaining_lots,
    order_sequence,
    order_side,
    order_trigger_ticks,
    page_bits,
    risk_market_mark_ticks,
)
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import BOOK_ABOVE, BOOK_PARKED, BOOKS, FLAG_TRIGGER_ABOVE, SELL, WORK, Registers
from tallystick.state.ordinals import MarketId
from tallystick.state.quantities import Ticks
from tallystick.state.state import State


def step(machine: Machine) -> None:
    """Place the order of a parked book that is due and nearest to its trigger, oldest first, or go on to the next book.

    Those that fire above their trigger come first, and of these and the others those that sell. A dead one is only taken
    out. The order goes through every check of a new one; whatever becomes of it, its book is looked at again, as long as
    the report's work lasts, unless what is left of it is parked again. None fires while only makers may come, nor one of a side that waits for a brake. Twin: contracts/src/referee/steps/FireTrigger.sol.
    """
    state = machine.state
    registers = state.registers
    if registers.resume == 0:
        registers.resume = Phase.FIRE_TRIGGER
        registers.firing_market = registers.arg_market
        registers.clear_args()
    elif registers.fired_trigger_ticks:
        _come_back(registers)

    # READ
    if registers.work == 0 or registers.firing_book == BOOKS - BOOK_PARKED:
        _end(machine)
        return
    registers.work -= 1
    risk = state.risk.open(0)
    if index_stopped(state, risk, registers.firing_market):
        _end(machine)
        return
    path = Path(registers.firing_market, BOOKS - 1 - registers.firing_book)
    if not _open_due(state, path, risk):
        _next_book(machine)
        return
    path.level = state.levels.open(level_index(path))
    head = level_head_page(state.levels.words, path.level)
    page = state.pages.open(head)
    position = lowest_bit(state.pages.words, page_bits(page), PAGE_LIMBS)
    if position == NO_BIT:
        drop_head(state, path, page)
        return
    slot = head << 6 | position
    order = state.orders.open(slot)
    number = order_account(state.orders.words, order)
    account = state.accounts.open(number)
    tail = open_tail_to_free(state, path, head)

    # CHECK
    dead = is_dead(state, slot, order, account)

    # APPLY and WRITE
    if not dead:
        _place(state, order)
    if machine.events is not None:
        name = "removed" if dead else "fired"
        machine.emit(name, number, order_client_id(state.orders.words, order), slot)
    remove_order(state, path, slot, order, account, page, tail)


def _come_back(registers: Registers) -> None:
    """Go on with the report's own work behind an order that has fired, which is none any more."""
    registers.work = registers.pair_work - 1
    registers.pair_work = 0
    registers.fired_trigger_ticks = Ticks(0)
    registers.fired_price_ticks = Ticks(0)
    registers.fired_flags = 0
    registers.fired_sequence = 0


def _open_due(state: State, path: Path, risk: Risk) -> bool:
    """Open the way down to the nearest trigger of a parked book.

    False when the mark has not reached it, or its side waits for a brake.
    """
    market = state.markets.open(path.market)
    if side_waits(state, market, risk, path.market, path.book & SELL):
        return False
    mark_ticks = risk_market_mark_ticks(state.risk.words, risk, path.market)
    return open_best(state, path) and is_due(path.price_ticks, _direction(path), mark_ticks)


def _direction(path: Path) -> i64:
    """Return the flag that the orders of a parked book have, or none."""
    return FLAG_TRIGGER_ABOVE if path.book & BOOK_ABOVE else 0


def _next_book(machine: Machine) -> None:
    """Go on to the next parked book, of which there are as many as of others; end behind the last one."""
    registers = machine.state.registers
    registers.firing_book += 1
    if registers.firing_book == BOOKS - BOOK_PARKED:
        _end(machine)


def _end(machine: Machine) -> None:
    registers = machine.state.registers
    registers.resume = 0
    registers.firing_market = MarketId(0)
    registers.firing_book = 0
    machine.finish(Outcome.ACCEPTED)


def _place(state: State, order: Order) -> None:
    """Make a parked order the order in progress, without its trigger, with work of its own.

    Its pair goes on alone, and is kept in mind, as is what it takes to park it again.
    """
    registers = state.registers
    registers.pair_work = registers.work + 1
    registers.work = WORK
    words = state.orders.words
    registers.fired_trigger_ticks = order_trigger_ticks(words, order)
    registers.fired_price_ticks = order_price_ticks(words, order)
    registers.fired_flags = order_flags(words, order)
    registers.fired_sequence = order_sequence(words, order)
    registers.arg_account = order_account(words, order)
    registers.arg_market = registers.firing_market
    registers.arg_side = order_side(words, order)
    registers.arg_flags = order_flags(words, order) & ~FLAG_TRIGGER_ABOVE
    registers.arg_price_ticks = order_price_ticks(words, order)
    registers.arg_lots = order_remaining_lots(words, order)
    registers.arg_client_id = order_client_id(words, order)
    registers.arg_time_ms = order_expiry_ms(words, order)
    slot = order_pair_slot(words, order)
    if slot:
        other = state.orders.open(slot)
        registers.arg_pair_slot = slot
        registers.arg_pair = order_sequence(words, other)
        unpair(state, other)
        state.orders.mark(slot)
    registers.phase = Phase.PLACE_ORDER
