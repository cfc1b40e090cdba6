"""Which resting orders are dead: still in the book, but nobody may fill them any more; and what fired ones go back to."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.state.cells import (
    Account,
    Order,
    account_dead_before,
    account_dead_man_ms,
    order_account,
    order_expiry_ms,
    order_pair_sequence,
    order_pair_slot,
    order_remaining_lots,
    order_sequence,
    set_order_pair_sequence,
    set_order_pair_slot,
    set_order_remaining_lots,
)
from tallystick.state.codes import Phase
from tallystick.state.layout import FLAG_MARKET, FLAG_REDUCE_ONLY, Registers
from tallystick.state.quantities import Lots
from tallystick.state.state import State


def sequence(registers: Registers) -> i64:
    """Return the place of what happens now among all that happens: each record and each message is one further on."""
    return registers.record_count + registers.message_cursor


def is_dead(state: State, slot: i64, order: Order, account: Account) -> bool:
    """Whether a resting order has expired, was cancelled with all others, belongs to a dead man, or has lost its pair.

    Shape: `slot` is the order's cell index, `order` and `account` are word offsets. Opens the cell of its pair, if any.
    """
    expiry = order_expiry_ms(state.orders.words, order)
    if expiry != 0 and expiry <= state.registers.clock_ms:
        return True
    if switch_fired(state, account):
        return True
    if order_sequence(state.orders.words, order) < account_dead_before(state.accounts.words, account):
        return True
    return order_pair_slot(state.orders.words, order) != 0 and _alone(state, slot, order)


def _alone(state: State, slot: i64, order: Order) -> bool:
    """Whether the other order of a pair is gone: removed, or filled by as much as this one had left."""
    words = state.orders.words
    other = state.orders.open(order_pair_slot(words, order))
    there = order_remaining_lots(words, other) != 0 and order_pair_slot(words, other) == slot
    return not there or order_sequence(words, other) != order_pair_sequence(words, order)


def shrink(state: State, slot: i64, order: Order, lots: Lots) -> bool:
    """Take what its pair has filled off a resting order; when nothing is left it is dead, and False is returned.

    A dead one keeps its lots and names itself as its pair, under a sequence that no order has. Shape: as `is_dead`.
    """
    words = state.orders.words
    state.orders.mark(slot)
    left_lots = order_remaining_lots(words, order) - lots
    if left_lots > 0:
        set_order_remaining_lots(words, order, Lots(left_lots))
        return True
    set_order_pair_slot(words, order, slot)
    set_order_pair_sequence(words, order, 0)
    return False


def was_its_pair(state: State, other: Order) -> bool:
    """Whether an order is the one that the fired order in progress was paired with: still there, and nobody's pair."""
    registers = state.registers
    words = state.orders.words
    if order_remaining_lots(words, other) == 0 or order_pair_slot(words, other) != 0:
        return False
    return order_account(words, other) == registers.arg_account and order_sequence(words, other) == registers.arg_pair


def unpair(state: State, order: Order) -> None:
    """Let an order go on without its pair."""
    words = state.orders.words
    set_order_pair_slot(words, order, 0)
    set_order_pair_sequence(words, order, 0)


def let_pair_go(state: State, order: Order) -> None:
    """Let the pair of an order that lives go on alone: the book gives the order up, which its owner has not cancelled.

    `is_dead` has opened it.
    """
    slot = order_pair_slot(state.orders.words, order)
    if slot:
        unpair(state, state.orders.open(slot))
        state.orders.mark(slot)


def switch_fired(state: State, account: Account) -> bool:
    """Whether the account's dead-man switch has fired."""
    time = account_dead_man_ms(state.accounts.words, account)
    return time != 0 and time <= state.registers.clock_ms


def is_fired_stop(registers: Registers) -> bool:
    """Whether the order in progress is a stop that has fired: it names no price and only reduces."""
    stop: i64 = FLAG_MARKET | FLAG_REDUCE_ONLY
    stops = registers.fired_flags & stop == stop and registers.fired_price_ticks == 0
    return registers.fired_trigger_ticks != 0 and stops


def park_again(registers: Registers) -> None:
    """Let what is left of a fired order go back to where it lay, at the end of its page.

    Then this report fires nothing more of that book: what follows would meet the same makers.
    """
    registers.arg_trigger_ticks = registers.fired_trigger_ticks
    registers.arg_price_ticks = registers.fired_price_ticks
    registers.arg_flags = registers.fired_flags
    registers.firing_book += 1
    registers.phase = Phase.REST_ORDER
