"""Which resting orders are dead: still in the book, but nobody may fill them any more."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.state.layout import ACCOUNT_DEAD_BEFORE, ACCOUNT_DEAD_MAN_MS, ORDER_EXPIRY_MS, ORDER_SEQUENCE
from tallystick.state.state import State


def is_dead(state: State, order: i64, account: i64) -> bool:
    """Whether a resting order has expired, was cancelled with all others, or belongs to a dead man.

    Shape: `order` and `account` are word offsets.
    """
    expiry = state.orders.words[order + ORDER_EXPIRY_MS]
    if expiry != 0 and expiry <= state.registers.clock_ms:
        return True
    if switch_fired(state, account):
        return True
    return state.orders.words[order + ORDER_SEQUENCE] < state.accounts.words[account + ACCOUNT_DEAD_BEFORE]


def switch_fired(state: State, account: i64) -> bool:
    """Whether the account's dead-man switch has fired."""
    time = state.accounts.words[account + ACCOUNT_DEAD_MAN_MS]
    return time != 0 and time <= state.registers.clock_ms
