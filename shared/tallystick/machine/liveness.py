"""Which resting orders are dead: still in the book, but nobody may fill them any more."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.state.cells import (
    Account,
    Order,
    account_dead_before,
    account_dead_man_ms,
    order_expiry_ms,
    order_pair_sequence,
    order_pair_slot,
    order_remaining_lots,
    order_sequence,
    set_order_pair_sequence,
    set_order_pair_slot,
)
from tallystick.state.layout import Registers
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
    """Whether the other order of a pair is gone: filled in any part, fired or removed."""
    words = state.orders.words
    other = state.orders.open(order_pair_slot(words, order))
    there = order_remaining_lots(words, other) != 0 and order_pair_slot(words, other) == slot
    return not there or order_sequence(words, other) != order_pair_sequence(words, order)


def unpair(state: State, order: Order) -> None:
    """Let an order that has begun to fill go on without its pair, which is dead from now on."""
    words = state.orders.words
    set_order_pair_slot(words, order, 0)
    set_order_pair_sequence(words, order, 0)


def switch_fired(state: State, account: Account) -> bool:
    """Whether the account's dead-man switch has fired."""
    time = account_dead_man_ms(state.accounts.words, account)
    return time != 0 and time <= state.registers.clock_ms
