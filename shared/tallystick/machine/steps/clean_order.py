"""CLEAN_ORDER: take orders that nobody can fill out of the book, one a step; anybody may ask for it."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.liveness import is_dead, let_pair_go
from tallystick.machine.machine import Machine, are_whole, begin_items, end_items
from tallystick.machine.market.book import open_order_path, open_tail_to_free, remove_order
from tallystick.machine.market.stages import index_stopped
from tallystick.machine.orders.carried import in_book, is_carried
from tallystick.records.codec import Record, decode
from tallystick.records.parsing import unpadded
from tallystick.state.cells import (
    Account,
    Market,
    Order,
    Risk,
    market_status,
    order_account,
    order_client_id,
    order_market,
    order_remaining_lots,
)
from tallystick.state.codes import Outcome, Phase
from tallystick.state.layout import ITEM_SLOT_BYTES, MARKET_LIVE, MAX_SLOT
from tallystick.state.state import State


def step(machine: Machine) -> None:
    """Remove the order in the record's next slot if it is dead, if its market is not live, or if its account does not carry it.

    The last not while the index is stale: the stale margin would empty a book.

    Rejects: MALFORMED (no slots, or a part of one), NO_SUCH_ORDER, NOT_DEAD. Twin:
    contracts/src/referee/steps/CleanOrder.sol.
    """
    state = machine.state
    registers = state.registers

    # READ
    begin_items(registers, Phase.CLEAN_ORDER)
    record = decode(unpadded(machine.record_in_progress()))
    # FETCH_RECORD has found it sound.
    assert isinstance(record, Record)
    slots = record.blobs[0]
    if not are_whole(len(slots), ITEM_SLOT_BYTES):
        end_items(registers)
        machine.finish(Outcome.MALFORMED)
        return
    slot = _next_slot(machine, slots)
    order = state.orders.open(slot)
    words = state.orders.words
    if order_remaining_lots(words, order) == 0:
        machine.finish(Outcome.NO_SUCH_ORDER)
        return
    number = order_account(words, order)
    account = state.accounts.open(number)

    # CHECK
    if not _leaves(state, slot, order, account):
        machine.finish(Outcome.NOT_DEAD)
        return
    path = open_order_path(state, order)
    page = state.pages.open(slot >> 6)
    tail = open_tail_to_free(state, path, slot >> 6)

    # APPLY and WRITE
    client_id = order_client_id(words, order)
    remove_order(state, path, slot, order, account, page, tail)
    machine.emit("removed", number, client_id, slot)
    machine.finish(Outcome.ACCEPTED)


def _next_slot(machine: Machine, slots: bytes) -> i64:
    """Return the slot whose turn it is; with the last one the record has no more."""
    registers = machine.state.registers
    end: i64 = registers.bulk_item + ITEM_SLOT_BYTES
    slot: i64 = int.from_bytes(slots[end - ITEM_SLOT_BYTES : end], "big") & MAX_SLOT
    registers.bulk_item = end
    if end == len(slots):
        end_items(registers)
    return slot


def _leaves(state: State, slot: i64, order: Order, account: Account) -> bool:
    """Whether an order leaves the book; the pair of one that lives goes on alone."""
    market = state.markets.open(order_market(state.orders.words, order))
    risk = state.risk.open(0)
    if is_dead(state, slot, order, account):
        return True
    if _may_stay(state, market, risk, order, account):
        return False
    let_pair_go(state, order)
    return True


def _may_stay(state: State, market: Market, risk: Risk, order: Order, account: Account) -> bool:
    """Whether the market of an order lives, and its account carries it, or it is no time to ask."""
    words = state.orders.words
    if market_status(state.markets.words, market) != MARKET_LIVE:
        return False
    if index_stopped(state, risk, order_market(words, order)):
        return True
    return is_carried(state, account, risk, market, in_book(words, order))
