"""Many orders under one signature: placed, cancelled, replaced, and items that are none."""

from __future__ import annotations

from tallystick.records.items import ITEM_CANCEL, ITEM_PLACE, ITEM_REPLACE, Item, pack_items
from tallystick.records.signing import make, sign
from tallystick.schema.names import Outcome
from tallystick.state.layout import FLAG_IOC, FLAG_REDUCE_ONLY
from tallystick.state.ordinals import SignedMarket
from tallystick.testing.scenarios.refused_records import to_rlp
from tallystick.testing.scenarios.scene import Scene
from tallystick.testing.world import address, key


def place(client_id: int, side: int, price: int, lots: int, flags: int = 0, market: int = 0) -> Item:
    """Return an order of a bulk."""
    return Item(
        what=ITEM_PLACE,
        client_id=client_id,
        market=SignedMarket(market),
        side=side,
        flags=flags,
        price_ticks=price,
        lots=lots,
    )


def replace(client_id: int, side: int, price: int, lots: int, market: int = 0) -> Item:
    """Return an order of a bulk that takes the place of the one with its client id."""
    return Item(
        what=ITEM_REPLACE, client_id=client_id, market=SignedMarket(market), side=side, price_ticks=price, lots=lots
    )


def cancel(client_id: int) -> Item:
    """Return a cancel of a bulk."""
    return Item(what=ITEM_CANCEL, client_id=client_id)


def bulks(scene: Scene) -> None:
    """Ladders that rest, trade, are moved and taken away; items that fail between others that do not."""
    scene.trading("alice", "bob")
    ladder = [place(i, 0, 990 + i, 5) for i in range(6)]
    assert scene.bulk(1, ladder, []) is Outcome.ACCEPTED
    slots = rested(scene)
    assert (
        scene.bulk(2, [place(1, 1, 995, 3), place(2, 1, 990, 9, FLAG_IOC), place(3, 1, 1000, 2)], [])
        is Outcome.ACCEPTED
    )
    moves = [replace(2, 0, 989, 7), cancel(0), replace(9, 0, 989, 7), cancel(1), place(7, 0, 1000, 2), cancel(77)]
    assert scene.bulk(1, moves, [slots[2], slots[0], slots[3], slots[1]]) is Outcome.ACCEPTED
    assert scene.bulk(1, [place(20, 0, 985, 5)], []) is Outcome.ACCEPTED
    for lots, price in ((5, 985), (3, 985), (4, 985), (2, 984), (0, 984)):
        assert scene.bulk(1, [replace(20, 0, price, lots)], [rested(scene)[-1]]) is Outcome.ACCEPTED
    assert scene.bulk(1, [place(8, 0, 0, 5), place(8, 0, 5, 0), place(8, 0, 5, 5, market=9)], []) is Outcome.ACCEPTED
    assert scene.bulk(1, [], []) is Outcome.ACCEPTED
    assert scene.bulk(1, [place(10, 0, 980, 1)], [], expiry_ms=1) is Outcome.ACCEPTED
    assert scene.bulk(1, [place(i, 0, 900, 1) for i in range(190)], []) is Outcome.ACCEPTED


def small_orders(scene: Scene) -> None:
    """Orders worth as much as one has to be and a unit less, new and made smaller in their place; reducing and fired ones."""
    scene.trading("alice", "bob", min_order_units=500_000)
    assert scene.order(1, 0, 0, 990, 4) is Outcome.TOO_SMALL
    assert scene.order(1, 0, 0, 990, 5, flags=FLAG_REDUCE_ONLY) is Outcome.NOTHING_TO_REDUCE
    assert scene.conditional(1, 0, 0, 1010, 4, 990) is Outcome.TOO_SMALL
    assert scene.bulk(1, [place(1, 0, 990, 9), place(2, 0, 990, 9)], []) is Outcome.ACCEPTED
    slots = rested(scene)[-2:]
    for lots in (5, 4):
        assert scene.bulk(1, [replace(1, 0, 990, lots)], [slots[0]]) is Outcome.ACCEPTED
    assert scene.order(2, 0, 1, 990, 6) is Outcome.ACCEPTED
    assert scene.bulk(1, [replace(2, 0, 990, 2)], [slots[1]]) is Outcome.ACCEPTED
    assert scene.order(2, 0, 0, 980, 2, flags=FLAG_REDUCE_ONLY, client_id=7) is Outcome.ACCEPTED
    item = Item(
        what=ITEM_REPLACE, client_id=7, market=SignedMarket(0), side=0, flags=FLAG_REDUCE_ONLY, price_ticks=980, lots=1
    )
    assert scene.bulk(2, [item], [scene.last_slot()]) is Outcome.ACCEPTED
    assert scene.conditional(1, 0, 0, 1010, 5, 950) is Outcome.ACCEPTED
    scene.report(0, 940)


def not_items(scene: Scene) -> None:
    """Items cut off, of unknown kinds and out of range, each behind one that stands."""
    scene.trading("alice", "bob")
    good = pack_items([place(1, 0, 990, 1)])
    head = bytes(5)
    for tail, outcome in (
        (good[:-1], Outcome.MALFORMED),
        (b"\x01" + bytes(7), Outcome.MALFORMED),
        (b"\x03" + bytes(19), Outcome.MALFORMED),
        (b"\x05" + bytes(8), Outcome.MALFORMED),
        (b"\x08" + bytes(19), Outcome.MALFORMED),
        (b"\x00\x00\x40\x01" + bytes(16), Outcome.OUT_OF_RANGE),
        (b"\x02\x00\x00\xff\xff" + bytes(15), Outcome.OUT_OF_RANGE),
        (head + bytes(7) + b"\x40" + bytes(7), Outcome.OUT_OF_RANGE),
        (b"\x01\x40" + bytes(7), Outcome.OUT_OF_RANGE),
    ):
        assert raw_bulk(scene, good + tail) is outcome, tail.hex()
        assert raw_bulk(scene, tail + good) is outcome, tail.hex()
    for slots in (bytes(4), bytes([255] * 5), bytes(1000)):
        assert raw_bulk(scene, pack_items([cancel(1), replace(1, 0, 990, 1)]), slots) is Outcome.ACCEPTED
    assert raw_bulk(scene, bytes(3801)) is Outcome.OUT_OF_RANGE
    assert raw_bulk(scene, b"", bytes(1001)) is Outcome.OUT_OF_RANGE


def bulk_agents(scene: Scene) -> None:
    """An agent needs both scopes for a bulk."""
    scene.trading("alice")
    for slot, scope in ((1, 1), (2, 2), (3, 3)):
        agent = int.from_bytes(address("agent"), "big")
        values = {"nonce": scene.next_nonce(1), "slot": slot, "key": agent, "scope": scope}
        scene.send(scene.signed("approve_agent", "alice", account=1, **values))
        record = make("bulk", pack_items([place(1, 0, 990, 1)]), account=1, agent=slot, nonce=scene.next_nonce(1))
        outcome = scene.send(sign(record, scene.state.registers.domain, key("agent")))
        assert outcome is (Outcome.ACCEPTED if scope == 3 else Outcome.AGENT_SCOPE)


def raw_bulk(scene: Scene, items: bytes, slots: bytes = b"") -> Outcome:
    """Send a bulk of any bytes, signed by alice; the codec of the sender does not look at them."""
    record = make("bulk", items[:3800], slots[:1000], account=1, nonce=scene.next_nonce(1))
    signed = sign(record, scene.state.registers.domain, key("alice"))
    if len(items) <= 3800 and len(slots) <= 1000:
        return scene.send(signed)
    body = [each.to_bytes((each.bit_length() + 7) // 8, "big") for each in signed.values]
    return scene.send(bytes([signed.kind.number]) + to_rlp([*body, items, slots, signed.signature]))


def rested(scene: Scene) -> list[int]:
    """Return where every order that rested so far did."""
    return [values[2] for name, values in scene.events if name == "rested"]


SCENARIOS = (bulks, small_orders, not_items, bulk_agents)
