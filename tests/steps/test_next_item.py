"""NEXT_ITEM."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tallystick.errors import BadInput
from tallystick.machine.liveness import sequence
from tallystick.records.items import Item, pack_items, unpack_items
from tallystick.records.signing import make, sign
from tallystick.schema.names import Outcome
from tallystick.state.layout import FLAG_IOC, FLAG_POST_ONLY
from tallystick.state.ordinals import SignedMarket
from tallystick.testing.ledger.look import book, parked, position
from tallystick.testing.scenarios.orders.many_orders import cancel, place, replace
from tallystick.testing.world import World, key

BUY, SELL = 0, 1


def outcomes(world: World, items: list[Item], slots: list[int], account: int = 1) -> list[str]:
    """Send a bulk and return what became of its items, and last of itself."""
    world.events.clear()
    world.bulk(account, items, slots)
    return [Outcome(values[0]).name for name, values in world.events if name == "outcome"]


def raw(world: World, items: bytes, slots: bytes = b"") -> Outcome:
    record = make("bulk", items, slots, account=1, nonce=world.next_nonce(1))
    return world.send(sign(record, world.state.registers.domain, key("alice")))


def slots(world: World, side: int = BUY) -> dict[int, int]:
    return {order.client_id: order.slot for order in book(world.state, 0, side)}


def test_a_bulk_of_nothing_is_accepted(market: World) -> None:
    assert market.bulk(1, [], []) is Outcome.ACCEPTED


def test_orders_of_a_bulk_rest_in_its_order_and_share_its_sequence(market: World) -> None:
    """I7."""
    market.bulk(1, [place(i, BUY, 990, 1 + i) for i in range(3)], [])
    resting = book(market.state, 0, BUY)
    assert [(order.client_id, order.remaining_lots) for order in resting] == [(0, 1), (1, 2), (2, 3)]
    assert {order.sequence for order in resting} == {sequence(market.state.registers)}


def test_an_item_that_is_rejected_does_not_stop_those_behind_it(market: World) -> None:
    items = [place(1, BUY, 0, 1), place(2, BUY, 990, 1, FLAG_IOC), cancel(7), place(3, BUY, 990, 1)]
    expected = ["OUT_OF_RANGE", "UNFILLED", "NO_SUCH_ORDER", "ACCEPTED", "ACCEPTED"]
    assert outcomes(market, items, []) == expected
    assert set(slots(market)) == {3}


def test_a_replace_cancels_and_places_under_the_same_client_id(market: World) -> None:
    market.bulk(1, [place(5, BUY, 990, 4), place(6, BUY, 990, 4)], [])
    assert outcomes(market, [replace(5, BUY, 980, 9)], [slots(market)[5]]) == ["ACCEPTED"] * 3
    assert [(o.client_id, o.price_ticks, o.remaining_lots) for o in book(market.state, 0, BUY)] == [
        (6, 990, 4),
        (5, 980, 9),
    ]


@pytest.mark.parametrize("lots", [1, 3, 4])
def test_a_replace_that_only_makes_an_order_smaller_keeps_its_place_and_sequence(market: World, lots: int) -> None:
    """I7."""
    market.bulk(1, [place(5, BUY, 990, 4), place(6, BUY, 990, 4)], [])
    before = book(market.state, 0, BUY)[0]
    assert outcomes(market, [replace(5, BUY, 990, lots)], [before.slot]) == ["ACCEPTED"] * 2
    after = book(market.state, 0, BUY)
    assert [(o.client_id, o.remaining_lots) for o in after] == [(5, lots), (6, 4)]
    assert (after[0].slot, after[0].sequence) == (before.slot, before.sequence)
    assert ("amended", (1, 5, before.slot, lots)) in market.events
    market.order(2, 0, SELL, 990, lots)
    assert set(slots(market)) == {6}


@pytest.mark.parametrize(
    ("change", "lives_ms", "left"),
    [
        ({"lots": 5}, 0, [6, 5]),
        ({"price_ticks": 989}, 0, [6, 5]),
        ({"side": SELL}, 0, []),
        ({"flags": FLAG_POST_ONLY}, 0, [6, 5]),
        ({}, 10_000, [6, 5]),
    ],
    ids=["larger", "price", "side", "flags", "expiry"],
)
def test_a_replace_that_changes_anything_else_goes_behind_the_others(
    market: World, change: dict[str, Any], lives_ms: int, left: list[int]
) -> None:
    """I7."""
    market.bulk(1, [place(5, BUY, 990, 4), place(6, BUY, 990, 4)], [])
    old = slots(market)[5]
    item = dataclasses.replace(replace(5, BUY, 990, 4), **change)
    market.bulk(1, [item], [old], expiry_ms=lives_ms and market.state.registers.clock_ms + lives_ms)
    assert [o.client_id for o in book(market.state, 0, BUY)] == left


def test_a_smaller_order_for_another_market_is_placed_there(market: World) -> None:
    market.list_market(1)
    market.report(1, 1000)
    market.bulk(1, [place(5, BUY, 990, 4)], [])
    market.bulk(1, [dataclasses.replace(replace(5, BUY, 990, 3), market=SignedMarket(1))], [slots(market)[5]])
    assert [[o.remaining_lots for o in book(market.state, number, BUY)] for number in (0, 1)] == [[], [3]]


def test_a_replace_by_nothing_cancels(market: World) -> None:
    market.bulk(1, [place(5, BUY, 990, 4)], [])
    assert outcomes(market, [replace(5, BUY, 990, 0)], [slots(market)[5]]) == ["ACCEPTED", "OUT_OF_RANGE", "ACCEPTED"]
    assert slots(market) == {}


def test_a_dead_order_is_not_made_smaller_but_placed_anew(market: World) -> None:
    market.bulk(1, [place(5, BUY, 990, 4)], [])
    market.cancel_all(1)
    assert outcomes(market, [replace(5, BUY, 990, 3)], [slots(market)[5]]) == ["ACCEPTED"] * 3
    assert market.clean(slots(market)[5]) is Outcome.NOT_DEAD


def test_an_order_that_is_made_smaller_keeps_its_pair(market: World) -> None:
    assert market.conditional(1, 0, BUY, 990, 4, 0, flags=FLAG_POST_ONLY, client_id=5) is Outcome.ACCEPTED
    quote = slots(market)[5]
    assert market.conditional(1, 0, BUY, 980, 4, 980, client_id=6, pair=5, pair_slot=quote) is Outcome.ACCEPTED
    item = dataclasses.replace(replace(5, BUY, 990, 3), flags=FLAG_POST_ONLY)
    assert outcomes(market, [item], [quote]) == ["ACCEPTED"] * 2
    market.order(2, 0, SELL, 990, 1)
    assert [each.remaining_lots for each in parked(market.state, 0)] == [3]


def test_a_parked_order_is_not_made_smaller(market: World) -> None:
    assert market.conditional(1, 0, BUY, 990, 4, 980, client_id=5) is Outcome.ACCEPTED
    slot = parked(market.state, 0)[0].slot
    assert outcomes(market, [replace(5, BUY, 990, 3)], [slot]) == ["ACCEPTED"] * 3
    assert (parked(market.state, 0), set(slots(market))) == ([], {5})


def test_a_replace_of_what_has_been_filled_places_nothing(market: World) -> None:
    market.bulk(1, [place(5, BUY, 990, 4)], [])
    slot = slots(market)[5]
    market.order(2, 0, SELL, 990, 4)
    assert outcomes(market, [replace(5, BUY, 990, 4), place(6, BUY, 980, 1)], [slot]) == [
        "NO_SUCH_ORDER", "ACCEPTED", "ACCEPTED",
    ]  # fmt: skip
    assert position(market.state, 1, 0) == 4
    assert set(slots(market)) == {6}


def test_nobody_cancels_anothers_order_in_a_bulk(market: World) -> None:
    """I13."""
    market.bulk(1, [place(5, BUY, 990, 4)], [])
    slot = slots(market)[5]
    assert outcomes(market, [cancel(5), replace(5, BUY, 1, 1)], [slot, slot], account=2)[:2] == ["NO_SUCH_ORDER"] * 2
    assert set(slots(market)) == {5}


@pytest.mark.parametrize("given", [b"", bytes(4), bytes([255] * 5), bytes(1000)])
def test_a_slot_left_out_or_wrong_finds_no_order(market: World, given: bytes) -> None:
    market.bulk(1, [place(5, BUY, 990, 4)], [])
    assert raw(market, pack_items([cancel(5)]), given) is Outcome.ACCEPTED
    assert set(slots(market)) == {5}


@pytest.mark.parametrize(
    "what", [b"\x00", b"\x01" + bytes(7), b"\x03" + bytes(18), b"\x05" + bytes(8), b"\x08" + bytes(18)]
)
def test_an_item_that_is_none_ends_the_bulk_and_what_ran_before_it_stands(market: World, what: bytes) -> None:
    """I11."""
    good = pack_items([place(1, BUY, 990, 1)])
    assert raw(market, good + what + good) is Outcome.MALFORMED
    assert len(book(market.state, 0, BUY)) == 1
    assert market.state.registers.resume == 0


@pytest.mark.parametrize(
    "what",
    [b"\x02\x00\x00\xff\xff" + bytes(15), bytes(12) + b"\x40" + bytes(7), b"\x01\x40" + bytes(7)],
    ids=["flags", "client id", "client id of a cancel"],
)
def test_a_number_beyond_an_orders_limits_ends_the_bulk(market: World, what: bytes) -> None:
    assert raw(market, what + pack_items([place(1, BUY, 990, 1)])) is Outcome.OUT_OF_RANGE
    assert book(market.state, 0, BUY) == []


@pytest.mark.parametrize("what", [b"\x00\x00\x40", b"\x02\x00\x40", b"\x00\xff\xff"], ids=["order", "replace", "last"])
def test_an_item_for_another_series_of_its_market_is_passed_over(market: World, what: bytes) -> None:
    """Its two bytes hold a market below 64 whatever they are."""
    assert raw(market, what + bytes(17) + pack_items([place(1, BUY, 990, 1)])) is Outcome.ACCEPTED
    assert [each.client_id for each in book(market.state, 0, BUY)] == [1]
    assert [values[0] for name, values in market.events if name == "outcome"][-3:] == [
        Outcome.NO_MARKET,
        Outcome.ACCEPTED,
        Outcome.ACCEPTED,
    ]


def test_all_orders_of_a_bulk_end_with_it(market: World) -> None:
    ends = market.state.registers.clock_ms + 10
    market.bulk(1, [place(1, BUY, 990, 1), place(2, BUY, 990, 1)], [], expiry_ms=ends)
    assert {order.expiry_ms for order in book(market.state, 0, BUY)} == {ends}


def test_the_items_are_signed_and_the_slots_are_not(market: World) -> None:
    """I13."""
    domain = market.state.registers.domain
    record = sign(make("bulk", pack_items([cancel(5)]), account=1, nonce=9), domain, key("alice"))
    changed = make("bulk", pack_items([cancel(6)]), account=1, nonce=9)
    assert (
        market.send(
            type(record)(kind=record.kind, values=record.values, signature=record.signature, blobs=changed.blobs)
        )
        is Outcome.NOT_AUTHORISED
    )
    filled = (record.blobs[0], bytes(5))
    assert (
        market.send(type(record)(kind=record.kind, values=record.values, signature=record.signature, blobs=filled))
        is Outcome.ACCEPTED
    )


def test_an_order_of_a_bulk_and_a_replace_with_its_slot_take_at_most_25_bytes() -> None:
    assert len(pack_items([place(1, BUY, 990, 1)])) == 20
    assert len(pack_items([replace(1, BUY, 990, 1)])) + 5 == 25


def test_items_survive_the_round_trip() -> None:
    items = [place(2**62 - 1, SELL, 2**24 - 1, 2**32 - 1, 2**16 - 1, 63), cancel(7), replace(8, BUY, 5, 6)]
    assert unpack_items(pack_items(items)) == items
    assert unpack_items(pack_items(items) + b"\x03") == items
    with pytest.raises(BadInput, match="out of its range"):
        pack_items([place(2**62, BUY, 1, 1)])
