"""The order book's pages, free list and occupancy words, and cancels of every sort."""

from __future__ import annotations

from tallystick.records.items import pack_slots
from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.state.cells import set_account_orders
from tallystick.state.layout import (
    BUY,
    CLEAN_SLOTS,
    FLAG_IOC,
    MAX_ORDERS,
    MAX_PAGES,
    ORDERS_MOST,
    PAGE_SLOTS,
    SELL,
)
from tallystick.state.ordinals import AccountId
from tallystick.testing.scenarios.scene import Scene

ACCEPTED = Outcome.ACCEPTED


def cancels(scene: Scene) -> None:
    """Cancels by the wrong account, of another order, of nothing, twice, and right."""
    scene.trading("alice", "bob")
    scene.order(1, 0, BUY, 990, 5, client_id=7)
    slot = scene.last_slot()
    assert scene.cancel(2, 7, slot) is Outcome.NO_SUCH_ORDER
    assert scene.cancel(1, 8, slot) is Outcome.NO_SUCH_ORDER
    assert scene.cancel(1, 7, slot + 1) is Outcome.NO_SUCH_ORDER
    assert scene.cancel(1, 7, (1 << 36) - 1) is Outcome.NO_SUCH_ORDER
    assert scene.cancel(1, 7, 0) is Outcome.NO_SUCH_ORDER
    assert scene.cancel(1, 7, slot) is ACCEPTED
    assert scene.cancel(1, 7, slot) is Outcome.NO_SUCH_ORDER


def extreme_prices(scene: Scene) -> None:
    """Orders at the ends of the book and beside each occupancy word's edge, filled and cancelled from either end."""
    scene.trading("alice", "bob", price=1 << 23, multiplier=1)
    edges = (1, 255, 256, 257, (1 << 16) - 1, 1 << 16, (1 << 16) + 256, (1 << 24) - 256, (1 << 24) - 1)
    slots: list[int] = []
    for price in edges:
        assert scene.order(1, 0, BUY, price, 1, client_id=price) is ACCEPTED
        slots.append(scene.last_slot())
    for price, slot in zip(edges[::2], slots[::2], strict=True):
        assert scene.cancel(1, price, slot) is ACCEPTED
    for price in edges[-2::-2]:
        scene.land(0, price)
        assert scene.order(2, 0, SELL, price, 1) is ACCEPTED
    assert scene.order(2, 0, SELL, 1, 5) is ACCEPTED
    assert scene.order(2, 0, BUY, 1, 1, flags=FLAG_IOC) is Outcome.UNFILLED
    for price in (255, 256, (1 << 24) - 1):
        scene.order(2, 0, SELL, price, 1, client_id=price)
    assert scene.order(1, 0, BUY, (1 << 24) - 1, 12) is Outcome.UNFILLED
    scene.land(0, (1 << 24) - 1)
    assert scene.order(1, 0, BUY, (1 << 24) - 1, 12) is ACCEPTED


def long_queues(scene: Scene) -> None:
    """More orders at one price than a page or two hold: cancelled in the middle, in whole pages, met by a taker."""
    scene.trading("alice", "bob")
    slots = _queue(scene, 2 * PAGE_SLOTS + 3)
    first, second, third = slots[:PAGE_SLOTS], slots[PAGE_SLOTS : 2 * PAGE_SLOTS], slots[2 * PAGE_SLOTS :]
    for slot in first[3:60:19]:
        assert scene.cancel(1, slot, slot) is ACCEPTED
    assert scene.order(2, 0, BUY, 1000, 4) is ACCEPTED
    for slot in second:
        assert scene.cancel(1, slot, slot) is ACCEPTED
    remaining = [slot for slot in first if _rests(scene, slot)]
    for slot in remaining[1:]:
        assert scene.cancel(1, slot, slot) is ACCEPTED
    scene.seal()
    scene.clock()
    assert scene.order(2, 0, BUY, 1000, 2) is ACCEPTED
    assert scene.cancel(1, third[1], third[1]) is ACCEPTED
    assert scene.order(2, 0, BUY, 1000, 5) is ACCEPTED
    _queue(scene, 2, price=1005)


def freed_chains(scene: Scene) -> None:
    """Prices whose last order rests on an early page while later ones are empty: the whole chain goes back."""
    scene.trading("alice", "bob")
    slots = _queue(scene, 2 * PAGE_SLOTS + 1)
    for slot in slots[1:]:
        assert scene.cancel(1, slot, slot) is ACCEPTED
    assert scene.cancel(1, slots[0], slots[0]) is ACCEPTED
    slots = _queue(scene, PAGE_SLOTS + 1, price=1003)
    for slot in slots[1:]:
        assert scene.cancel(1, slot, slot) is ACCEPTED
    assert scene.order(2, 0, BUY, 1003, 1) is ACCEPTED
    slots = _queue(scene, PAGE_SLOTS + 1, price=1004)
    for slot in slots[:PAGE_SLOTS]:
        assert scene.cancel(1, slot, slot) is ACCEPTED
    assert scene.cancel(1, slots[-1], slots[-1]) is ACCEPTED
    for price in (1001, 1002, 1003):
        _queue(scene, 1, price=price)


def full_book(scene: Scene) -> None:
    """No page left: an order finds no room at a new price, nor behind a full page, but on one that is not full."""
    scene.trading("alice", "bob")
    _queue(scene, PAGE_SLOTS - 1)
    scene.finish()
    scene.state.registers.page_count = MAX_PAGES
    scene.cut()
    scene.clock()
    assert scene.order(1, 0, SELL, 1001, 1) is Outcome.BOOK_FULL
    assert scene.order(1, 0, SELL, 1000, 1) is ACCEPTED
    assert scene.order(1, 0, SELL, 1000, 1) is Outcome.BOOK_FULL


def last_page(scene: Scene) -> None:
    """The last page there may be is handed out, and again when it is free."""
    scene.trading("alice")
    scene.finish()
    scene.state.registers.page_count = MAX_PAGES - 1
    scene.cut()
    scene.clock()
    assert scene.order(1, 0, SELL, 1002, 1, client_id=9) is ACCEPTED
    assert scene.order(1, 0, SELL, 1003, 1) is Outcome.BOOK_FULL
    assert scene.cancel(1, 9, scene.last_slot()) is ACCEPTED
    assert scene.order(1, 0, SELL, 1003, 1) is ACCEPTED


def _queue(scene: Scene, count: int, price: int = 1000) -> list[int]:
    """Rest so many orders of account 1 at a price; return their slots, which are also their client ids."""
    slots: list[int] = []
    for _ in range(count):
        guess = _next_slot(scene, slots)
        assert scene.order(1, 0, SELL, price, 1, client_id=guess) is ACCEPTED
        slots.append(scene.last_slot())
        assert slots[-1] == guess
        if len(slots) % 40 == 0:
            scene.seal()
            scene.clock()
    return slots


def _next_slot(scene: Scene, slots: list[int]) -> int:
    if slots and slots[-1] & 63 != PAGE_SLOTS - 1:
        return slots[-1] + 1
    registers = scene.state.registers
    return (registers.free_page or registers.page_count + 1) << 6


def _rests(scene: Scene, slot: int) -> bool:
    return any(scene.state.orders.pack(slot))


def counted_orders(scene: Scene) -> None:
    """An account, and the exchange, with one place left for an order: it is taken, missing, and free again."""
    scene.trading("alice", "bob")
    scene.order(1, 0, SELL, 1000, 1, client_id=9)
    scene.finish()
    words = scene.state.accounts.words
    set_account_orders(words, scene.state.accounts.open(AccountId(1)), MAX_ORDERS - 1)
    scene.state.accounts.mark(1)
    scene.state.registers.orders_total = ORDERS_MOST - 2
    scene.cut()
    scene.clock()
    assert scene.order(1, 0, SELL, 1000, 1, client_id=9) is ACCEPTED
    assert scene.order(1, 0, SELL, 1001, 1) is Outcome.TOO_MANY_ORDERS
    assert scene.order(1, 0, SELL, 1000, 1) is Outcome.TOO_MANY_ORDERS
    assert scene.conditional(1, 0, SELL, 990, 1, 990) is Outcome.TOO_MANY_ORDERS
    assert scene.order(2, 0, SELL, 1002, 1) is ACCEPTED
    assert scene.order(2, 0, SELL, 1002, 1) is Outcome.BOOK_FULL
    assert scene.order(1, 0, SELL, 1000, 1) is Outcome.BOOK_FULL
    assert scene.order(2, 0, BUY, 1000, 2) is ACCEPTED
    assert scene.order(1, 0, SELL, 1000, 1) is ACCEPTED


def cleaned(scene: Scene) -> None:
    """Records that name many dead orders, living and missing ones, none, a part of one; in a chunk and through L1."""
    scene.trading("alice", "bob")
    expiry = scene.state.registers.clock_ms + 500
    slots: list[int] = []
    for client_id in range(CLEAN_SLOTS + 3):
        scene.order(1, 0, SELL, 1000 + client_id % 2, 1, expiry_ms=expiry if client_id % 8 else 0)
        slots.append(scene.last_slot())
    scene.conditional(1, 0, SELL, 990, 1, 990, expiry_ms=expiry)
    slots.append(scene.last_slot())
    assert scene.clean(*slots[:3]) is Outcome.NOT_DEAD
    scene.clock(ahead_ms=600)
    assert scene.clean(slots[0], slots[1], slots[1], 1 << 35) is Outcome.NO_SUCH_ORDER
    assert scene.clean(*slots[2 : CLEAN_SLOTS - 1], slots[0]) is Outcome.NOT_DEAD
    for wrong in (b"", bytes(4), bytes(6)):
        assert scene.send(make("clean", wrong)) is Outcome.MALFORMED
        assert scene.force(make("clean", wrong)) is Outcome.MALFORMED
    assert scene.force(make("clean", pack_slots(*slots[-5:]))) is ACCEPTED
    assert scene.clean(*[slots[-1]] * CLEAN_SLOTS) is Outcome.NO_SUCH_ORDER
    assert scene.send(make("clean", pack_slots(*slots[:CLEAN_SLOTS]))) is Outcome.NO_SUCH_ORDER


SCENARIOS = (cancels, extreme_prices, long_queues, freed_chains, full_book, last_page, counted_orders, cleaned)
