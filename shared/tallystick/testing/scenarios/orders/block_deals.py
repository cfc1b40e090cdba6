"""Block trades: who may offer and accept them, what they trade, and every way in which they do not."""

from __future__ import annotations

from dataclasses import replace

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    BLOCK_MAKER_REDUCES,
    BLOCK_TAKER_REDUCES,
    BUY,
    KIND_DATED,
    MAX_POSITIONS,
    SCOPE_CANCEL,
    SCOPE_PLACE,
    SELL,
    STALE_MS,
)
from tallystick.testing.scenarios.scene import RICH, Scene
from tallystick.testing.world import address

ACCEPTED = Outcome.ACCEPTED
PRICE = 1000
COLLAR = 12
"""Ticks that a price may be away from it."""
AGENT = 3


def block_trades(scene: Scene) -> None:
    """Opened, added to, turned round, reduced and closed, with a position of each side beside it in the book."""
    scene.trading("alice", "bob", "carol", rebate_ppm=50)
    scene.order(3, 0, SELL, PRICE + 1, 5)
    for maker, taker, side, price, lots in (
        (1, 2, BUY, PRICE, 10),
        (2, 1, SELL, PRICE - 7, 5),
        (1, 2, SELL, PRICE + 9, 25),
        (2, 3, SELL, PRICE, 4),
        (3, 1, SELL, PRICE, 4),
        (1, 2, BUY, PRICE - COLLAR, 3),
    ):
        assert scene.block(maker, taker, side, price, lots) is ACCEPTED
    for price in (PRICE - COLLAR - 1, PRICE + COLLAR + 1):
        assert scene.block(1, 2, BUY, price, 1) is Outcome.UNFILLED
    both = BLOCK_MAKER_REDUCES | BLOCK_TAKER_REDUCES
    assert scene.block(1, 2, BUY, PRICE, 4, reduces=both) is Outcome.NOTHING_TO_REDUCE
    assert scene.block(1, 2, BUY, PRICE, 3, reduces=both) is ACCEPTED
    assert scene.block(3, 1, BUY, PRICE, 1, reduces=BLOCK_TAKER_REDUCES) is Outcome.NOTHING_TO_REDUCE


def block_keys(scene: Scene) -> None:
    """Accepted by whom it is not for, by nobody, by other keys, by agents of every kind, and twice."""
    scene.trading("alice", "bob")
    offer = scene.offer(1, 0, BUY, PRICE, 10, counterparty=2)
    good = scene.accepted(offer, 2)
    assert scene.send(scene.accepted(offer, 1)) is Outcome.SELF_TRADE
    assert scene.send(scene.accepted(offer, 3, by="carol")) is Outcome.NOT_AUTHORISED
    for signature in (b"", bytes(63), bytes(64), bytes([255] * 64)):
        assert scene.send(replace(good, blobs=(signature,))) is Outcome.BAD_SIGNATURE
    assert scene.send(scene.accepted(offer, 2, by="mallory")) is Outcome.NOT_AUTHORISED
    anybodys = scene.offer(1, 0, BUY, PRICE, 10)
    assert scene.send(scene.accepted(anybodys, 9, by="bob")) is Outcome.NO_ACCOUNT
    assert scene.send(scene.accepted(anybodys, 2, taker_nonce=1 << 61)) is Outcome.NONCE_RANGE
    for scope, expiry, expected in (
        (SCOPE_CANCEL, 0, Outcome.AGENT_SCOPE),
        (SCOPE_PLACE, 1, Outcome.AGENT_EXPIRED),
        (SCOPE_PLACE, 0, ACCEPTED),
    ):
        values = {"slot": AGENT, "key": int.from_bytes(address("agent"), "big"), "scope": scope, "expiry_ms": expiry}
        scene.send(scene.signed("approve_agent", "bob", account=2, nonce=scene.next_nonce(2), **values))
        assert scene.send(scene.accepted(anybodys, 2, by="agent", taker_agent=AGENT)) is expected
    assert scene.send(good) is ACCEPTED
    assert scene.send(good) is Outcome.NONCE_USED
    again = scene.accepted(scene.offer(1, 0, BUY, PRICE, 10), 2, taker_nonce=good.value("taker_nonce"))
    assert scene.send(again) is Outcome.NONCE_USED


def block_rejections(scene: Scene) -> None:
    """No market, an expired one, one that is not live, one without a mark; numbers out of range; too late, and prices that have stopped."""
    scene.trading("alice", "bob", max_lots=100, max_open_interest_lots=100)
    now = scene.state.registers.clock_ms
    scene.list_market(1, kind=KIND_DATED, expiry_ms=now + 1)
    scene.list_market(2)
    scene.list_by_record(3)
    scene.clock(ahead_ms=1)
    assert scene.block(1, 2, BUY, PRICE, 1, market=9) is Outcome.NO_MARKET
    assert scene.block(1, 2, BUY, PRICE, 1, market=1) is Outcome.MARKET_EXPIRED
    assert scene.block(1, 2, BUY, PRICE, 1, market=3) is Outcome.NOT_LIVE
    assert scene.block(1, 2, BUY, PRICE, 1, market=2) is Outcome.NO_MARK
    assert scene.block(1, 2, BUY, PRICE, 0) is Outcome.OUT_OF_RANGE
    assert scene.block(1, 2, BUY, 0, 1) is Outcome.OUT_OF_RANGE
    assert scene.block(1, 2, BUY, PRICE, 101) is Outcome.TOO_LARGE
    assert scene.block(1, 2, BUY, PRICE, 1, expiry_ms=now + 1) is Outcome.EXPIRED
    assert scene.block(1, 2, BUY, PRICE, 100, expiry_ms=now + 2) is ACCEPTED
    assert scene.block(1, 2, BUY, PRICE, 1) is Outcome.POSITION_LIMIT
    assert scene.block(2, 1, SELL, PRICE, 1) is Outcome.POSITION_LIMIT
    scene.deposit("carol", 3, RICH)
    assert scene.block(3, 2, SELL, PRICE, 1) is ACCEPTED
    scene.deposit("dave", 4, RICH)
    assert scene.block(4, 3, BUY, PRICE, 1) is Outcome.OPEN_INTEREST
    scene.later(STALE_MS + 1)
    assert scene.block(1, 2, SELL, PRICE, 1) is Outcome.STALE_INDEX


def block_margins(scene: Scene) -> None:
    """Either side short of margin, before and behind a trade that only reduces."""
    scene.trading("alice", "bob")
    for poor, name in ((5, "erin"), (6, "frank")):
        scene.deposit(name, poor, 55_000)
        for rich in (1, 2):
            assert scene.block(rich, poor, BUY, PRICE, 11) is Outcome.MARGIN
            assert scene.block(poor, rich, BUY, PRICE, 11) is Outcome.MARGIN
        assert scene.block(poor, 1, BUY, PRICE, 10) is ACCEPTED
    scene.report(0, PRICE - 8)
    assert scene.block(5, 2, SELL, PRICE - 8, 1) is ACCEPTED
    assert scene.block(2, 6, BUY, PRICE - 8, 1) is ACCEPTED
    # Worth less than a fill at the collar's edge takes off what it keeps for each lot.
    scene.report(0, PRICE - 50)
    assert scene.block(2, 6, BUY, PRICE - 61, 1) is Outcome.MARGIN
    assert scene.block(2, 6, BUY, PRICE - 50, 1) is ACCEPTED


def block_without_a_place(scene: Scene) -> None:
    """Either side holds positions in as many markets as there may be."""
    scene.trading("alice", "bob", "carol")
    for market in range(1, MAX_POSITIONS + 1):
        scene.open_market(market, PRICE)
        assert scene.block(1, 2, BUY, PRICE, 1, market=market) is ACCEPTED
    assert scene.block(3, 1, BUY, PRICE, 1) is Outcome.NO_POSITION_SLOT
    assert scene.block(2, 3, BUY, PRICE, 1) is Outcome.NO_POSITION_SLOT
    assert scene.block(1, 2, SELL, PRICE, 1, market=5) is ACCEPTED
    assert scene.block(1, 2, SELL, PRICE, 1) is ACCEPTED


def leaving(scene: Scene) -> None:
    """Through L1 while prices have stopped: both only reduce, one of them does not, and the sequencer was there first."""
    scene.trading("alice", "bob", "carol")
    assert scene.block(1, 2, BUY, PRICE, 10) is ACCEPTED
    scene.later(STALE_MS + 1)
    for maker, taker, side, price, lots in ((1, 3, SELL, PRICE, 1), (3, 2, SELL, PRICE, 1), (1, 2, SELL, PRICE, 11)):
        record = scene.accepted(scene.offer(maker, 0, side, price, lots), taker)
        assert scene.force(record) is Outcome.STALE_INDEX
    record = scene.accepted(scene.offer(1, 0, SELL, PRICE + 90, 4), 2)
    assert scene.send(record) is Outcome.STALE_INDEX
    assert scene.send(replace(record, blobs=(bytes(64),))) is Outcome.BAD_SIGNATURE
    assert scene.force(record) is ACCEPTED
    assert scene.force(record) is Outcome.NONCE_USED
    rest = scene.accepted(scene.offer(1, 0, SELL, PRICE - 90, 6, reduces=BLOCK_MAKER_REDUCES | BLOCK_TAKER_REDUCES), 2)
    assert scene.force(rest) is ACCEPTED
    scene.report(0, PRICE)
    assert scene.force(scene.accepted(scene.offer(1, 0, BUY, PRICE, 3), 3)) is ACCEPTED


SCENARIOS = (block_trades, block_keys, block_rejections, block_margins, block_without_a_place, leaving)
