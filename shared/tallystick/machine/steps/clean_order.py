"""CLEAN_ORDER: take a dead order out of the book; anybody may ask for it."""

from __future__ import annotations

from tallystick.machine.liveness import is_dead
from tallystick.machine.machine import Machine
from tallystick.machine.market.book import open_order_path, open_tail_to_free, remove_order
from tallystick.state.cells import order_account, order_client_id, order_remaining_lots
from tallystick.state.codes import Outcome


def step(machine: Machine) -> None:
    """Remove the order in this slot if it is dead.

    Rejects: NO_SUCH_ORDER, NOT_DEAD. Twin: contracts/src/referee/steps/CleanOrder.sol.
    """
    state = machine.state
    slot = state.registers.arg_slot

    # READ
    order = state.orders.open(slot)
    words = state.orders.words
    if order_remaining_lots(words, order) == 0:
        machine.finish(Outcome.NO_SUCH_ORDER)
        return
    number = order_account(words, order)
    account = state.accounts.open(number)

    # CHECK
    if not is_dead(state, slot, order, account):
        machine.finish(Outcome.NOT_DEAD)
        return
    path = open_order_path(state, order)
    page = state.pages.open(slot >> 6)
    tail = open_tail_to_free(state, path, slot >> 6)

    # APPLY and WRITE
    client_id = order_client_id(words, order)
    remove_order(state, path, slot, order, page, tail)
    machine.emit("removed", number, client_id, slot)
    machine.finish(Outcome.ACCEPTED)
