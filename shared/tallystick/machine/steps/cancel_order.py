"""CANCEL_ORDER: take one resting order out of the book."""

from __future__ import annotations

from tallystick.machine.machine import Machine
from tallystick.machine.market.book import open_order_path, open_tail_to_free, remove_order
from tallystick.state.cells import order_account, order_client_id, order_remaining_lots
from tallystick.state.codes import Outcome


def step(machine: Machine) -> None:
    """Cancel the account's order with the signed client id at the slot the operator gave.

    Rejects: NO_SUCH_ORDER. Twin: contracts/src/referee/steps/CancelOrder.sol.
    """
    state = machine.state
    registers = state.registers
    slot = registers.arg_slot

    # READ
    order = state.orders.open(slot)
    words = state.orders.words

    # CHECK
    if (
        order_remaining_lots(words, order) == 0
        or order_account(words, order) != registers.arg_account
        or order_client_id(words, order) != registers.arg_id
    ):
        machine.finish(Outcome.NO_SUCH_ORDER)
        return
    path = open_order_path(state, order)
    page = state.pages.open(slot >> 6)
    tail = open_tail_to_free(state, path, slot >> 6)

    # APPLY and WRITE
    remove_order(state, path, slot, order, page, tail)
    if machine.events is not None:
        machine.emit("removed", registers.arg_account, registers.arg_id, slot)
    machine.finish(Outcome.ACCEPTED)
