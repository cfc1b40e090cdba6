"""An id that is listed again: what was signed for the series before, and all that must be gone first."""

from __future__ import annotations

from tallystick.records.codec import Record
from tallystick.records.items import pack_items
from tallystick.records.signing import make, sign
from tallystick.schema.market_rules import RULES
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    BUY,
    FLAG_TRIGGER_ABOVE,
    KIND_DATED,
    LIST_DELAY_MS,
    MESSAGE_FORCE_CLOSE,
    SCOPE_CANCEL,
    SCOPE_PLACE,
    SELL,
    SERIES_SHIFT,
    SETTLE_WAIT_MS,
)
from tallystick.testing.ledger.look import book, named
from tallystick.testing.scenarios.orders import many_orders as bulk
from tallystick.testing.scenarios.scene import Scene
from tallystick.testing.world import address, key, ordinary_rules

MARKET = 5
PRICE = 500
AGENT = 3
ACCEPTED, NO_MARKET = Outcome.ACCEPTED, Outcome.NO_MARKET


def series(scene: Scene) -> None:
    """5.0 settles and is left, 5.1 begins; orders, bulks, block trades and governance's records of 5.0 come too late."""
    scene.trading("alice", "bob")
    _approve(scene)
    parked, resting = _first_series(scene)
    late = _signed_for_later(scene)
    settle = [make("settle_position", account=account, market=MARKET) for account in (1, 2)]
    assert scene.list_by_record(MARKET) is Outcome.MARKET_EXISTS
    scene.clock(ahead_ms=500)
    assert scene.report(MARKET, PRICE + 3) is ACCEPTED
    assert scene.list_by_record(MARKET) is Outcome.MARKET_EXISTS
    scene.later(SETTLE_WAIT_MS)
    assert [scene.send(each) for each in settle] == [ACCEPTED] * 2
    for slot in (resting, parked):
        assert scene.list_by_record(MARKET) is Outcome.MARKET_EXISTS
        assert scene.clean(slot) is ACCEPTED
    for other in (0, 2, 1023):
        assert _list(scene, other) is Outcome.BAD_PARAMETERS
    assert scene.list_by_record(MARKET, band_ppm=0) is Outcome.BAD_PARAMETERS
    assert _list(scene, 1) is ACCEPTED
    assert _list(scene, 1) is Outcome.MARKET_EXISTS
    scene.later(LIST_DELAY_MS)
    assert scene.report(MARKET, 2 * PRICE) is ACCEPTED
    for record in late:
        assert scene.send(record) is NO_MARKET
        again = NO_MARKET if record.kind.name in ("block_trade", "change_market", "delist") else Outcome.NONCE_USED
        assert scene.send(record) is again
    _through_l1(scene)
    _bulk(scene)
    _second_series(scene)


def _list(scene: Scene, number: int) -> Outcome:
    """List the market in a series, which is the next one or not."""
    names = {"market": MARKET | number << SERIES_SHIFT}
    return scene.send(scene.signed("list_market", "governance", **names, **ordinary_rules()))


def _approve(scene: Scene) -> None:
    values = {"slot": AGENT, "key": int.from_bytes(address("agent"), "big"), "scope": SCOPE_PLACE | SCOPE_CANCEL}
    scene.send(scene.signed("approve_agent", "alice", account=1, nonce=scene.next_nonce(1), **values))


def _first_series(scene: Scene) -> tuple[int, int]:
    """Trade in 5.0, and leave an order parked and one in the book; return their slots."""
    scene.open_market(MARKET, PRICE, kind=KIND_DATED, expiry_ms=scene.state.registers.clock_ms + 500)
    for account, side in ((1, BUY), (2, SELL)):
        scene.order(account, MARKET, side, PRICE, 9)
    scene.conditional(2, MARKET, SELL, PRICE, 9, PRICE + 40, flags=FLAG_TRIGGER_ABOVE)
    parked = scene.last_slot()
    scene.order(1, MARKET, BUY, PRICE - 9, 5)
    return parked, scene.last_slot()


def _signed_for_later(scene: Scene) -> list[Record]:
    """Records of 5.0 that nobody has sent yet: by an owner, by an agent, of two, by governance."""
    values = {"account": 1, "market": MARKET, "price_ticks": PRICE, "lots": 1}
    later = {"nonce": scene.next_nonce(1), "trigger_ticks": PRICE - 20}
    offer = scene.offer(1, MARKET, BUY, PRICE, 1)
    rules = {name: value for name, value in ordinary_rules().items() if name in RULES}
    return [
        scene.signed("order", "alice", nonce=scene.next_nonce(1), **values),
        scene.signed("order", "agent", agent=AGENT, nonce=scene.next_nonce(1), **values),
        scene.signed("conditional", "alice", **values, **later),
        scene.accepted(offer, 2),
        scene.signed("change_market", "governance", market=MARKET, change=1, **rules),
        scene.signed("delist", "governance", market=MARKET),
    ]


def _through_l1(scene: Scene) -> None:
    """The same through L1; an order of a series that is yet to come, too."""
    for number in (0, 2, 1023):
        values = {"account": 1, "market": MARKET | number << SERIES_SHIFT, "price_ticks": 2 * PRICE, "lots": 1}
        order = scene.signed("order", "alice", nonce=scene.next_nonce(1), **values)
        assert scene.force(order) is NO_MARKET
        assert scene.force(order) is Outcome.NONCE_USED
    items = pack_items([bulk.place(1, BUY, PRICE, 1, market=MARKET)])
    late = make("bulk", items, b"", account=1, nonce=scene.next_nonce(1))
    assert scene.force(sign(late, scene.state.registers.domain, key("alice"))) is ACCEPTED
    scene.queue(MESSAGE_FORCE_CLOSE, "alice", 1, MARKET << 56)
    assert scene.consume() is Outcome.NO_POSITION
    scene.queue(MESSAGE_FORCE_CLOSE, "alice", 1, (MARKET | 1 << SERIES_SHIFT) << 56)
    assert scene.consume() is NO_MARKET


def _bulk(scene: Scene) -> None:
    """Items of both series among one another; a replace that names the old one leaves what it would have replaced."""
    now = named(scene.state, MARKET)
    scene.bulk(
        1, [bulk.place(1, BUY, 2 * PRICE - 9, 4, market=now), bulk.place(2, BUY, 2 * PRICE - 8, 4, market=now)], []
    )
    slots = bulk.rested(scene)[-2:]
    items = [
        bulk.place(3, BUY, 2 * PRICE, 1, market=MARKET),
        bulk.replace(1, BUY, 2 * PRICE - 9, 3, market=MARKET),
        bulk.replace(2, BUY, 2 * PRICE - 8, 3, market=now),
        bulk.place(4, BUY, 2 * PRICE - 7, 2, market=MARKET | 2 << SERIES_SHIFT),
        bulk.place(5, BUY, 2 * PRICE - 7, 2, market=now),
    ]
    assert scene.bulk(1, items, slots) is ACCEPTED
    left = [(each.client_id, each.remaining_lots) for each in book(scene.state, MARKET, BUY)]
    assert left == [(5, 2), (2, 3), (1, 4)]


def _second_series(scene: Scene) -> None:
    """5.1 trades, is delisted and changed as any market."""
    assert scene.order(2, MARKET, SELL, 2 * PRICE - 9, 9) is ACCEPTED
    assert scene.block(1, 2, SELL, 2 * PRICE, 4, market=MARKET) is ACCEPTED
    assert scene.change_market(MARKET, 1) is ACCEPTED
    assert scene.send(scene.signed("delist", "governance", market=named(scene.state, MARKET))) is ACCEPTED


SCENARIOS = (series,)
