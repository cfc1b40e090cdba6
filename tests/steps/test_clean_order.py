"""CLEAN_ORDER."""

from __future__ import annotations

import pytest

from tallystick.records.items import pack_slots
from tallystick.records.signing import make
from tallystick.schema.names import Outcome, Phase
from tallystick.state.layout import CLEAN_SLOTS, STALE_MS
from tallystick.testing.ledger.look import book, parked
from tallystick.testing.world import START, World

BUY, SELL = 0, 1
FIRST = 1 << 6


def ends(world: World) -> list[Outcome]:
    """Return what every record and every item ended with."""
    return [Outcome(values[0]) for name, values in world.events if name == "outcome"]


def test_a_living_order_stays(market: World) -> None:
    market.order(1, 0, SELL, 1000, 5, expiry_ms=START * 1000 + 2)
    assert market.clean(FIRST) is Outcome.NOT_DEAD
    assert len(book(market.state, 0, SELL)) == 1


def test_a_dead_order_goes_whoever_asks(market: World) -> None:
    market.order(1, 0, SELL, 1000, 5, expiry_ms=START * 1000 + 2)
    market.clock(ahead_ms=2)
    assert market.clean(FIRST) is Outcome.ACCEPTED
    assert book(market.state, 0, SELL) == []
    assert market.clean(FIRST) is Outcome.NO_SUCH_ORDER


def test_an_empty_slot_holds_nothing_to_clean(market: World) -> None:
    for slot in (0, FIRST, 2**36 - 1, 2**40 - 1):
        assert market.clean(slot) is Outcome.NO_SUCH_ORDER


def test_a_record_cleans_as_many_orders_as_it_names_one_a_step_and_each_ends_for_itself(market: World) -> None:
    market.order(2, 0, BUY, 990, 1)
    for _ in range(CLEAN_SLOTS - 2):
        market.order(1, 0, SELL, 1000, 1)
    market.conditional(1, 0, SELL, 990, 1, 990)
    market.cancel_all(1)
    dead = [order.slot for order in (*book(market.state, 0, SELL), *parked(market.state, 0))]
    (living,) = book(market.state, 0, BUY)
    assert market.clean(living.slot, *dead) is Outcome.ACCEPTED
    assert ends(market)[-CLEAN_SLOTS:] == [Outcome.NOT_DEAD] + [Outcome.ACCEPTED] * (CLEAN_SLOTS - 1)
    assert (book(market.state, 0, SELL), parked(market.state, 0)) == ([], [])
    assert book(market.state, 0, BUY) == [living]


def test_a_record_names_no_more_orders_than_there_is_room_for(market: World) -> None:
    assert market.clean(*[0] * CLEAN_SLOTS) is Outcome.NO_SUCH_ORDER
    encoded = b"\x10\xf9\x01\x48\xb9\x01\x45" + bytes(5 * CLEAN_SLOTS + 5)
    assert market.send(encoded) is Outcome.OUT_OF_RANGE


@pytest.mark.parametrize("slots", [b"", bytes(4), bytes(6), bytes(319)], ids=len)
@pytest.mark.parametrize("forced", [False, True])
def test_no_slots_or_a_part_of_one_is_malformed_and_leaves_nothing_behind(
    market: World, slots: bytes, forced: bool
) -> None:
    record = make("clean", slots)
    assert (market.force(record) if forced else market.send(record)) is Outcome.MALFORMED
    registers = market.state.registers
    assert (registers.resume, registers.bulk_at, registers.bulk_end, registers.bulk_item) == (0, 0, 0, 0)
    assert registers.phase == Phase.FETCH_RECORD


def test_whom_the_operator_serves_badly_frees_the_own_places_through_l1(market: World) -> None:
    for price in (1000, 1001, 1002):
        market.order(1, 0, SELL, price, 1)
    market.cancel_all(1)
    slots = [order.slot for order in book(market.state, 0, SELL)]
    assert market.force(make("clean", pack_slots(*slots))) is Outcome.ACCEPTED
    assert book(market.state, 0, SELL) == []


def test_an_order_that_only_the_stale_margin_does_not_carry_stays(market: World) -> None:
    """Else a silence of half a minute would empty a book."""
    market.deposit("dave", 4, 61_000)
    market.order(3, 0, SELL, 1000, 10)
    market.order(4, 0, BUY, 1000, 10)
    assert market.order(4, 0, BUY, 1000, 1) is Outcome.ACCEPTED
    slot = book(market.state, 0, BUY)[0].slot
    market.later(STALE_MS + 1)
    assert market.clean(slot) is Outcome.NOT_DEAD
    market.report(0, 1000)
    assert market.clean(slot) is Outcome.NOT_DEAD
