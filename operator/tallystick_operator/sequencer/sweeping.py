"""Room for an account's orders: dead ones count until somebody takes them out of the book."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Final

from tallystick.machine.liveness import is_dead, switch_fired
from tallystick.records.codec import Record, encode
from tallystick.records.items import pack_slots
from tallystick.records.signing import make
from tallystick.state.cells import (
    account_dead_before,
    account_orders,
    order_account,
    order_expiry_ms,
    order_pair_slot,
    order_sequence,
)
from tallystick.state.layout import CLEAN_SLOTS, ITEM_BYTES, MAX_ORDERS
from tallystick.state.ordinals import AccountId
from tallystick.state.state import State

STALE_EXPIRIES: Final = MAX_ORDERS
"""Expiries of orders that are gone that are kept of an account at most, beside as many as it has orders."""


def order_is_dead(state: State, slot: int) -> bool:
    """Whether nobody can fill the order in a slot any more."""
    order = state.orders.known(slot)
    return is_dead(state, slot, order, state.accounts.known(order_account(state.orders.words, order)))


class Deaths:
    """By account, which of its orders may be dead: the next to expire, and those whose pair something has become of.

    So that finding an account's dead orders takes as long as they are many, and not as all of its orders are.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._expiries: dict[AccountId, list[tuple[int, int]]] = {}
        self._pairs: dict[int, int] = {}
        self._suspects: dict[AccountId, dict[int, None]] = {}

    def rested(self, account: AccountId, slot: int, slots: Mapping[int, None]) -> None:
        """Take in an order that went into the book or was parked; `slots` are where the account's orders rest."""
        orders = self._state.orders
        order = orders.find(slot)
        if order is None:
            return
        expiry = order_expiry_ms(orders.words, order)
        if expiry:
            expiries = self._expiries.setdefault(account, [])
            heapq.heappush(expiries, (expiry, slot))
            if len(expiries) > len(slots) + STALE_EXPIRIES:
                self._expiries[account] = sorted({each for each in expiries if each[1] in slots})
        pair = order_pair_slot(orders.words, order)
        if pair:
            self._pairs[slot], self._pairs[pair] = pair, slot
            self.touched(account, slot)

    def touched(self, account: AccountId, slot: int) -> None:
        """Take in that something became of an order: what is paired with it may be dead."""
        other = self._pairs.get(slot)
        if other is not None:
            suspects = self._suspects.setdefault(account, {})
            suspects[slot] = suspects[other] = None

    def removed(self, account: AccountId, slot: int) -> None:
        """Take in that an order is gone."""
        self.touched(account, slot)
        self._pairs.pop(slot, None)

    def dead(self, account: AccountId, slots: Mapping[int, None]) -> list[int]:
        """Return an account's dead orders. Shape: `slots` are where its orders rest, the oldest first."""
        state = self._state
        base = state.accounts.known(account)
        if switch_fired(state, base):
            return list(slots)
        found: dict[int, None] = {}
        before = account_dead_before(state.accounts.words, base)
        for slot in slots:
            if order_sequence(state.orders.words, state.orders.known(slot)) >= before:
                break
            found[slot] = None
        found |= self._expired(account, slots)
        suspects = self._suspects.get(account, {})
        for slot in list(suspects):
            if slot in slots and order_is_dead(state, slot):
                found[slot] = None
            else:
                del suspects[slot]
        return list(found)

    def _expired(self, account: AccountId, slots: Mapping[int, None]) -> dict[int, None]:
        expiries = self._expiries.get(account, [])
        due: list[tuple[int, int]] = []
        while expiries and expiries[0][0] <= self._state.registers.clock_ms:
            each = heapq.heappop(expiries)
            if each[1] in slots and order_is_dead(self._state, each[1]):
                due.append(each)
        for each in due:
            heapq.heappush(expiries, each)
        return dict.fromkeys(slot for _, slot in due)


def makes_room(
    state: State, deaths: Deaths, resting: Mapping[AccountId, Mapping[int, None]], record: Record
) -> list[bytes]:
    """Return the records that take an account's dead orders out of the book, where those of `record` might be too many.

    So nobody is told TOO_MANY_ORDERS who has not that many orders that live. Shape: `resting` says where each account's
    orders rest, the oldest first.
    """
    if record.kind.name not in PLACING:
        return []
    account = AccountId(record.value("account"))
    wanted = len(record.blobs[0]) // ITEM_BYTES if record.blobs else 1
    known = state.accounts.find(account)
    if known is None or account_orders(state.accounts.words, known) + wanted <= MAX_ORDERS:
        return []
    dead = deaths.dead(account, resting.get(account, {}))
    parts = [dead[at : at + CLEAN_SLOTS] for at in range(0, len(dead), CLEAN_SLOTS)]
    return [encode(make("clean", pack_slots(*slots))) for slots in parts]


PLACING: Final = frozenset({"order", "conditional", "bulk"})
"""Kinds of records that place orders."""
