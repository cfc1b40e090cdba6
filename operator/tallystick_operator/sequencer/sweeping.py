"""Room for an account's orders: dead ones count until somebody takes them out of the book."""

from __future__ import annotations

from tallystick.machine.liveness import is_dead
from tallystick.records.codec import Record, encode
from tallystick.records.items import pack_slots
from tallystick.records.signing import make
from tallystick.state.cells import account_orders, order_account
from tallystick.state.layout import CLEAN_SLOTS, ITEM_BYTES, MAX_ORDERS
from tallystick.state.ordinals import AccountId
from tallystick.state.state import State
from tallystick_operator.sequencer.executor import Executor


def order_is_dead(state: State, slot: int) -> bool:
    """Whether nobody can fill the order in a slot any more."""
    order = state.orders.known(slot)
    return is_dead(state, slot, order, state.accounts.known(order_account(state.orders.words, order)))


def makes_room(executor: Executor, record: Record) -> list[bytes]:
    """Return the records that take an account's dead orders out of the book, where those of `record` might be too many.

    So nobody is told TOO_MANY_ORDERS who has not that many orders that live.
    """
    state = executor.state
    if record.kind.name not in ("order", "conditional", "bulk"):
        return []
    account = AccountId(record.value("account"))
    wanted = len(record.blobs[0]) // ITEM_BYTES if record.blobs else 1
    known = state.accounts.find(account)
    if known is None or account_orders(state.accounts.words, known) + wanted <= MAX_ORDERS:
        return []
    dead = [slot for slot in executor.read_model.slots_of(account) if order_is_dead(state, slot)]
    parts = [dead[at : at + CLEAN_SLOTS] for at in range(0, len(dead), CLEAN_SLOTS)]
    return [encode(make("clean", pack_slots(*slots))) for slots in parts]
