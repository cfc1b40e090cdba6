"""CLEAN_ORDER: take a dead order out of the book; anybody may ask for it."""

from __future__ import annotations

from tallystick.machine.liveness import is_dead
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import open_order_path, open_tail_to_free, remove_order
from tallystick.state.codes import Outcome
from tallystick.state.layout import ORDER_ACCOUNT, ORDER_CLIENT_ID, ORDER_REMAINING_LOTS


def step(machine: Machine) -> None:
    """Remove the order in this slot if it is dead.

    Rejects: NO_SUCH_ORDER, NOT_DEAD. Twin: contracts/src/referee/steps/CleanOrder.sol.
    """
    state = machine.state
    slot = state.registers.arg_slot

    # READ
    order = state.orders.open(slot)
    words = state.orders.words
    if words[order + ORDER_REMAINING_LOTS] == 0:
        machine.finish(Outcome.NO_SUCH_ORDER)
        return
    number = words[order + ORDER_ACCOUNT]
    account = state.accounts.open(number)

    # CHECK
    if not is_dead(state, slot, order, account):
        machine.finish(Outcome.NOT_DEAD)
        return
    path = open_order_path(state, order)
    page = state.pages.open(slot >> 6)
    tail = open_tail_to_free(state, path, slot >> 6)

    # APPLY and WRITE
    client_id = words[order + ORDER_CLIENT_ID]
    remove_order(state, path, slot, order, page, tail)
    machine.emit("removed", number, client_id, slot)
    machine.finish(Outcome.ACCEPTED)
