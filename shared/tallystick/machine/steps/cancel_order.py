"""CANCEL_ORDER: take one resting order out of the book, or leave a smaller one in its place."""

from __future__ import annotations

from tallystick.machine.liveness import is_dead
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import open_order_path, open_tail_to_free, remove_order, take_lots
from tallystick.machine.market.stages import is_small
from tallystick.state.cells import (
    Order,
    order_account,
    order_client_id,
    order_expiry_ms,
    order_flags,
    order_market,
    order_price_ticks,
    order_remaining_lots,
    order_side,
    order_trigger_ticks,
    set_order_remaining_lots,
)
from tallystick.state.codes import Outcome
from tallystick.state.layout import FLAG_REDUCE_ONLY, HALF_KEPT
from tallystick.state.quantities import Lots
from tallystick.state.state import State


def step(machine: Machine) -> None:
    """Cancel the account's order with the signed client id at the slot the operator gave.

    What a replace makes smaller, but not too small, and changes in nothing else keeps its place, its pair and its
    sequence. Rejects: NO_SUCH_ORDER. Twin: contracts/src/referee/steps/CancelOrder.sol.
    """
    state = machine.state
    registers = state.registers
    slot = registers.arg_order_slot

    # READ
    order = state.orders.open(slot)
    words = state.orders.words

    # CHECK
    if (
        order_remaining_lots(words, order) == 0
        or order_account(words, order) != registers.arg_account
        or order_client_id(words, order) != registers.arg_client_id
    ):
        machine.finish(Outcome.NO_SUCH_ORDER)
        return
    account = state.accounts.open(registers.arg_account)
    keeps = _only_shrinks(state, order) and not is_dead(state, slot, order, account) and _is_large_enough(state)
    path = open_order_path(state, order)
    page = state.pages.open(slot >> 6)
    tail = open_tail_to_free(state, path, slot >> 6)

    # APPLY and WRITE
    if keeps:
        take_lots(state, path, Lots(order_remaining_lots(words, order) - registers.arg_lots))
        set_order_remaining_lots(words, order, registers.arg_lots)
        state.orders.mark(slot)
        registers.bulk_half = HALF_KEPT
        machine.emit("amended", registers.arg_account, registers.arg_client_id, slot, registers.arg_lots)
        machine.finish(Outcome.ACCEPTED)
        return
    remove_order(state, path, slot, order, account, page, tail)
    if machine.events is not None:
        machine.emit("removed", registers.arg_account, registers.arg_client_id, slot)
    machine.finish(Outcome.ACCEPTED)


def _only_shrinks(state: State, order: Order) -> bool:
    """Whether a replace leaves an order in the book as it is, but for a size that is no larger; a cancel has none."""
    registers = state.registers
    words = state.orders.words
    if registers.arg_lots == 0 or registers.arg_lots > order_remaining_lots(words, order):
        return False
    if order_market(words, order) != registers.arg_market or order_side(words, order) != registers.arg_side:
        return False
    if order_price_ticks(words, order) != registers.arg_price_ticks or order_trigger_ticks(words, order) != 0:
        return False
    return order_flags(words, order) == registers.arg_flags and order_expiry_ms(words, order) == registers.arg_time_ms


def _is_large_enough(state: State) -> bool:
    """Whether what a replace leaves in its place might be placed anew."""
    registers = state.registers
    if registers.arg_flags & FLAG_REDUCE_ONLY:
        return True
    market = state.markets.open(registers.arg_market)
    return not is_small(state, market, state.risk.open(0), registers.arg_market, registers.arg_lots)
