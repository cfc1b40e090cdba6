"""FIRE_TRIGGER: send the parked orders whose trigger the mark has reached to the book, one a step."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.bits import NO_BIT, lowest_bit
from tallystick.machine.liveness import is_dead
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import (
    PAGE_LIMBS,
    Path,
    drop_head,
    level_index,
    open_best,
    open_tail_to_free,
    park,
    remove_order,
)
from tallystick.machine.market.stages import is_due, triggers_wait
from tallystick.state.cells import (
    Order,
    level_head_page,
    order_account,
    order_client_id,
    order_expiry_ms,
    order_flags,
    order_price_ticks,
    order_remaining_lots,
    order_side,
    page_bits,
    risk_market_mark_ticks,
)
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import FLAG_TRIGGER_ABOVE
from tallystick.state.state import State


def step(machine: Machine) -> None:
    """Take the parked order that is due and nearest to its trigger, oldest first, and place it; end when none is due.

    Those that fire above their trigger come first. A dead one is only taken out. The order goes through every check of
    a new one; whatever becomes of it, the next follows. None fires while only makers may come. Twin:
    contracts/src/referee/steps/FireTrigger.sol.
    """
    state = machine.state
    registers = state.registers
    if registers.resume == 0:
        registers.resume = Phase.FIRE_TRIGGER
        registers.firing_market = registers.arg_market
        registers.clear_args()

    # READ
    risk = state.risk.open(0)
    price = state.prices.open(registers.firing_market)
    mark = risk_market_mark_ticks(state.risk.words, risk, registers.firing_market)
    path = Path(registers.firing_market, 0)
    if triggers_wait(state, price) or not _open_due(state, path, mark):
        _end(machine)
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
    remove_order(state, path, slot, order, page, tail)


def _open_due(state: State, path: Path, mark: i64) -> bool:
    """Open the way down to the nearest trigger that the mark has reached; False when there is none."""
    park(path, FLAG_TRIGGER_ABOVE)
    if open_best(state, path) and is_due(path.price, FLAG_TRIGGER_ABOVE, mark):
        return True
    park(path, 0)
    return open_best(state, path) and is_due(path.price, 0, mark)


def _end(machine: Machine) -> None:
    registers = machine.state.registers
    registers.resume = 0
    registers.firing_market = 0
    machine.finish(Outcome.ACCEPTED)


def _place(state: State, order: Order) -> None:
    """Make a parked order the order in progress, without its trigger and its pair."""
    registers = state.registers
    words = state.orders.words
    registers.arg_account = order_account(words, order)
    registers.arg_market = registers.firing_market
    registers.arg_side = order_side(words, order)
    registers.arg_flags = order_flags(words, order) & ~FLAG_TRIGGER_ABOVE
    registers.arg_price_ticks = order_price_ticks(words, order)
    registers.arg_lots = order_remaining_lots(words, order)
    registers.arg_id = order_client_id(words, order)
    registers.arg_time_ms = order_expiry_ms(words, order)
    registers.phase = Phase.PLACE_ORDER
