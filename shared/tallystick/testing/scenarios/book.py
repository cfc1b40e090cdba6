"""The order book's pages, free list and occupancy words, and cancels of every sort."""

from __future__ import annotations

from tallystick.schema.names import Outcome
from tallystick.state.layout import BUY, FLAG_IOC, MAX_PAGES, PAGE_SLOTS, SELL
from tallystick.testing.scenarios.stage import Stage

ACCEPTED = Outcome.ACCEPTED


def cancels(stage: Stage) -> None:
    """Cancels by the wrong account, of another order, of nothing, twice, and right."""
    stage.trading("alice", "bob")
    stage.order(1, 0, BUY, 990, 5, client_id=7)
    slot = stage.last_slot()
    assert stage.cancel(2, 7, slot) is Outcome.NO_SUCH_ORDER
    assert stage.cancel(1, 8, slot) is Outcome.NO_SUCH_ORDER
    assert stage.cancel(1, 7, slot + 1) is Outcome.NO_SUCH_ORDER
    assert stage.cancel(1, 7, (1 << 36) - 1) is Outcome.NO_SUCH_ORDER
    assert stage.cancel(1, 7, 0) is Outcome.NO_SUCH_ORDER
    assert stage.cancel(1, 7, slot) is ACCEPTED
    assert stage.cancel(1, 7, slot) is Outcome.NO_SUCH_ORDER


def extreme_prices(stage: Stage) -> None:
    """Orders at the ends of the book and beside each occupancy word's edge, filled and cancelled from either end."""
    stage.trading("alice", "bob", price=1 << 23, multiplier=1)
    edges = (1, 255, 256, 257, (1 << 16) - 1, 1 << 16, (1 << 16) + 256, (1 << 24) - 256, (1 << 24) - 1)
    slots: list[int] = []
    for price in edges:
        assert stage.order(1, 0, BUY, price, 1, client_id=price) is ACCEPTED
        slots.append(stage.last_slot())
    for price, slot in zip(edges[::2], slots[::2], strict=True):
        assert stage.cancel(1, price, slot) is ACCEPTED
    assert stage.order(2, 0, SELL, 1, 9) is ACCEPTED
    assert stage.order(2, 0, BUY, 1, 1, flags=FLAG_IOC) is Outcome.UNFILLED
    for price in (255, 256, (1 << 24) - 1):
        stage.order(2, 0, SELL, price, 1, client_id=price)
    assert stage.order(1, 0, BUY, (1 << 24) - 1, 12) is ACCEPTED


def long_queues(stage: Stage) -> None:
    """More orders at one price than a page or two hold: cancelled in the middle, in whole pages, met by a taker."""
    stage.trading("alice", "bob")
    slots = _queue(stage, 2 * PAGE_SLOTS + 3)
    first, second, third = slots[:PAGE_SLOTS], slots[PAGE_SLOTS : 2 * PAGE_SLOTS], slots[2 * PAGE_SLOTS :]
    for slot in first[3:60:19]:
        assert stage.cancel(1, slot, slot) is ACCEPTED
    assert stage.order(2, 0, BUY, 1000, 4) is ACCEPTED
    for slot in second:
        assert stage.cancel(1, slot, slot) is ACCEPTED
    remaining = [slot for slot in first if _rests(stage, slot)]
    for slot in remaining[1:]:
        assert stage.cancel(1, slot, slot) is ACCEPTED
    stage.seal()
    stage.clock()
    assert stage.order(2, 0, BUY, 1000, 2) is ACCEPTED
    assert stage.cancel(1, third[1], third[1]) is ACCEPTED
    assert stage.order(2, 0, BUY, 1000, 5) is ACCEPTED
    _queue(stage, 2, price=1005)


def freed_chains(stage: Stage) -> None:
    """Prices whose last order rests on an early page while later ones are empty: the whole chain goes back."""
    stage.trading("alice", "bob")
    slots = _queue(stage, 2 * PAGE_SLOTS + 1)
    for slot in slots[1:]:
        assert stage.cancel(1, slot, slot) is ACCEPTED
    assert stage.cancel(1, slots[0], slots[0]) is ACCEPTED
    slots = _queue(stage, PAGE_SLOTS + 1, price=1003)
    for slot in slots[1:]:
        assert stage.cancel(1, slot, slot) is ACCEPTED
    assert stage.order(2, 0, BUY, 1003, 1) is ACCEPTED
    slots = _queue(stage, PAGE_SLOTS + 1, price=1004)
    for slot in slots[:PAGE_SLOTS]:
        assert stage.cancel(1, slot, slot) is ACCEPTED
    assert stage.cancel(1, slots[-1], slots[-1]) is ACCEPTED
    for price in (1001, 1002, 1003):
        _queue(stage, 1, price=price)


def full_book(stage: Stage) -> None:
    """No page left: an order finds no room at a new price, nor behind a full page, but on one that is not full."""
    stage.trading("alice", "bob")
    _queue(stage, PAGE_SLOTS - 1)
    stage.finish()
    stage.state.registers.page_count = MAX_PAGES
    stage.cut()
    stage.clock()
    assert stage.order(1, 0, SELL, 1001, 1) is Outcome.BOOK_FULL
    assert stage.order(1, 0, SELL, 1000, 1) is ACCEPTED
    assert stage.order(1, 0, SELL, 1000, 1) is Outcome.BOOK_FULL


def last_page(stage: Stage) -> None:
    """The last page there may be is handed out, and again when it is free."""
    stage.trading("alice")
    stage.finish()
    stage.state.registers.page_count = MAX_PAGES - 1
    stage.cut()
    stage.clock()
    assert stage.order(1, 0, SELL, 1002, 1, client_id=9) is ACCEPTED
    assert stage.order(1, 0, SELL, 1003, 1) is Outcome.BOOK_FULL
    assert stage.cancel(1, 9, stage.last_slot()) is ACCEPTED
    assert stage.order(1, 0, SELL, 1003, 1) is ACCEPTED


def _queue(stage: Stage, count: int, price: int = 1000) -> list[int]:
    """Rest so many orders of account 1 at a price; return their slots, which are also their client ids."""
    slots: list[int] = []
    for _ in range(count):
        guess = _next_slot(stage, slots)
        assert stage.order(1, 0, SELL, price, 1, client_id=guess) is ACCEPTED
        slots.append(stage.last_slot())
        assert slots[-1] == guess
        if len(slots) % 40 == 0:
            stage.seal()
            stage.clock()
    return slots


def _next_slot(stage: Stage, slots: list[int]) -> int:
    if slots and slots[-1] & 63 != PAGE_SLOTS - 1:
        return slots[-1] + 1
    registers = stage.state.registers
    return (registers.free_page or registers.page_count + 1) << 6


def _rests(stage: Stage, slot: int) -> bool:
    return any(stage.state.orders.pack(slot))


SCENARIOS = (cancels, extreme_prices, long_queues, freed_chains, full_book, last_page)
