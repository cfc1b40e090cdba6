"""Which resting orders are dead: still in the book, but nobody may fill them any more."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.state.layout import (
    ACCOUNT_DEAD_BEFORE,
    ACCOUNT_DEAD_MAN_MS,
    ORDER_EXPIRY_MS,
    ORDER_PAIR_SEQUENCE,
    ORDER_PAIR_SLOT,
    ORDER_REMAINING_LOTS,
    ORDER_SEQUENCE,
    Registers,
)
from tallystick.state.state import State


def sequence(registers: Registers) -> i64:
    """Return the place of what happens now among all that happens: each record and each message is one further on."""
    return registers.record_count + registers.message_cursor


def is_dead(state: State, slot: i64, order: i64, account: i64) -> bool:
    """Whether a resting order has expired, was cancelled with all others, belongs to a dead man, or has lost its pair.

    Shape: `slot` is the order's cell index, `order` and `account` are word offsets. Opens the cell of its pair, if any.
    """
    expiry = state.orders.words[order + ORDER_EXPIRY_MS]
    if expiry != 0 and expiry <= state.registers.clock_ms:
        return True
    if switch_fired(state, account):
        return True
    if state.orders.words[order + ORDER_SEQUENCE] < state.accounts.words[account + ACCOUNT_DEAD_BEFORE]:
        return True
    return state.orders.words[order + ORDER_PAIR_SLOT] != 0 and _alone(state, slot, order)


def _alone(state: State, slot: i64, order: i64) -> bool:
    """Whether the other order of a pair is gone: filled in any part, fired or removed."""
    words = state.orders.words
    other = state.orders.open(words[order + ORDER_PAIR_SLOT])
    there = words[other + ORDER_REMAINING_LOTS] != 0 and words[other + ORDER_PAIR_SLOT] == slot
    return not there or words[other + ORDER_SEQUENCE] != words[order + ORDER_PAIR_SEQUENCE]


def unpair(state: State, order: i64) -> None:
    """Let an order that has begun to fill go on without its pair, which is dead from now on."""
    words = state.orders.words
    words[order + ORDER_PAIR_SLOT] = 0
    words[order + ORDER_PAIR_SEQUENCE] = 0


def switch_fired(state: State, account: i64) -> bool:
    """Whether the account's dead-man switch has fired."""
    time = state.accounts.words[account + ACCOUNT_DEAD_MAN_MS]
    return time != 0 and time <= state.registers.clock_ms
