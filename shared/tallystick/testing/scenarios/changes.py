"""Rules that change, and positions their owners close through L1."""

from __future__ import annotations

from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    CHANGE_DELAY_MS,
    DEAD_MARKET_MS,
    DEAD_WAIT_MS,
    DELIST_DELAY_MS,
    FLAG_POST_ONLY,
    KIND_DATED,
    MESSAGE_FORCE_CLOSE,
    SETTLE_WAIT_MS,
    SETTLE_WINDOW_MS,
)
from tallystick.state.ordinals import Number
from tallystick.testing.scenarios.scene import Scene

BUY, SELL = 0, 1


def changes(scene: Scene) -> None:
    """Proposals that are refused, replaced, too early and in force."""
    scene.clock()

    def apply() -> Outcome:
        return scene.send(make("apply_change", pending=0))

    assert scene.change_market(0, 1) is Outcome.NO_MARKET
    assert apply() is Outcome.NO_MARKET
    scene.list_by_record(0)
    assert apply() is Outcome.NO_CHANGE
    assert scene.change_market(0, 2) is Outcome.OLD_CHANGE
    assert scene.change_market(0, 1, band_ppm=0) is Outcome.BAD_PARAMETERS
    assert scene.change_market(0, 1, rebate_ppm=3) is Outcome.ACCEPTED
    assert scene.change_market(0, 2, taker_fee_ppm=3) is Outcome.ACCEPTED
    assert apply() is Outcome.TOO_EARLY
    scene.seal()
    scene.time += CHANGE_DELAY_MS // 1000
    scene.clock()
    assert apply() is Outcome.ACCEPTED
    assert apply() is Outcome.NO_CHANGE


def forced_closes(scene: Scene) -> None:
    """Closes by strangers, of nothing, in no market, too late, against a book and against none."""
    scene.trading("alice", "bob", "carol")
    expiry = scene.state.registers.clock_ms + 1000
    scene.open_market(1, 500, kind=KIND_DATED, expiry_ms=expiry)
    for market, price in ((0, 1000), (1, 500)):
        scene.order(1, market, BUY, price, 9)
        scene.order(2, market, SELL, price, 9)
    scene.order(3, 0, BUY, 990, 4)

    def close(by: str, account: int, market: int, price: int, lots: int) -> Outcome:
        scene.queue(MESSAGE_FORCE_CLOSE, by, account, market << 56 | price << 32 | lots)
        return scene.consume()

    assert close("bob", 1, 0, 0, 0) is Outcome.NOT_AUTHORISED
    assert close("alice", 1, 64, 0, 0) is Outcome.NO_MARKET
    assert close("alice", 1, 2, 0, 0) is Outcome.NO_MARKET
    assert close("carol", 3, 0, 0, 0) is Outcome.NO_POSITION
    assert close("alice", 1, 0, 990, 3) is Outcome.ACCEPTED
    assert close("alice", 1, 0, 0, 0) is Outcome.UNFILLED
    scene.clock(ahead_ms=1000)
    assert close("alice", 1, 1, 0, 0) is Outcome.MARKET_EXPIRED
    scene.queue(MESSAGE_FORCE_CLOSE, "bob", 2, (1 << 24) - 1 << 32)
    scene.order(3, 0, SELL, 1001, 20)
    scene.post(bytes(81), messages=len(scene.published.messages))


def expiry(scene: Scene) -> None:
    """Futures that expire, are settled by the first median behind that, and paid out position by position."""
    scene.trading("alice", "bob")
    expires = scene.state.registers.clock_ms + 500
    scene.open_market(1, 500, kind=KIND_DATED, expiry_ms=expires, multiplier=3)
    scene.order(1, 1, BUY, 500, 9)
    scene.order(2, 1, SELL, 500, 9)

    def settle(account: Number, market: int) -> Outcome:
        return scene.send(make("settle_position", account=account, market=market))

    assert settle(1, 1) is Outcome.NOT_SETTLED
    scene.clock(ahead_ms=500)
    assert scene.order(1, 1, BUY, 500, 1) is Outcome.MARKET_EXPIRED
    assert scene.report(1, 431) is Outcome.ACCEPTED
    assert scene.report(1, 999) is Outcome.NO_MARKET
    assert scene.order(1, 1, BUY, 500, 1) is Outcome.NO_MARKET
    assert settle(1, 1) is Outcome.TOO_EARLY
    scene.later(SETTLE_WAIT_MS)
    assert [settle(1, 1), settle(1, 1), settle(2, 1)] == [Outcome.ACCEPTED, Outcome.NO_POSITION, Outcome.ACCEPTED]
    assert settle(1, 0) is Outcome.NOT_SETTLED
    _settles_at_a_mean(scene)


def _settles_at_a_mean(scene: Scene) -> None:
    """Indices before, at and within the settlement window, with a book beside them, and one far behind it."""
    expires = scene.state.registers.clock_ms + 2 * SETTLE_WINDOW_MS
    scene.list_market(2, kind=KIND_DATED, expiry_ms=expires)
    for before_ms, price in ((SETTLE_WINDOW_MS + 1, 1010), (SETTLE_WINDOW_MS, 1000), (900_001, 1200), (7, 1)):
        scene.later(expires - before_ms - scene.state.registers.clock_ms)
        scene.report(2, price)
        scene.order(1, 2, BUY, price + 5, 1, flags=FLAG_POST_ONLY)
        scene.order(2, 2, SELL, price + 9, 1, flags=FLAG_POST_ONLY)
    scene.later(5 * SETTLE_WINDOW_MS)
    assert scene.report(2, 5000) is Outcome.ACCEPTED
    assert scene.report(2, 5000) is Outcome.NO_MARKET


def dead(scene: Scene) -> None:
    """Markets whose signers vanish: found dead, back, dead again, and settled at their last index, one by one."""
    scene.trading("alice", "bob")
    scene.open_market(1, 500, kind=KIND_DATED, expiry_ms=scene.state.registers.clock_ms + 10**9)
    scene.open_market(2, 700)
    for account, side in ((1, BUY), (2, SELL)):
        scene.order(account, 0, side, 1000, 9)
        scene.order(account, 1, side, 500, 9)
    scene.later(60_000)
    scene.report(0, 1000)

    def settle(market: int, account: Number = 1) -> Outcome:
        return scene.send(make("settle_position", account=account, market=market))

    scene.later(DEAD_MARKET_MS + 60_000)
    assert settle(0) is Outcome.NOT_SETTLED
    scene.report(2, 700)
    assert [settle(0, 99), settle(0), settle(1)] == [Outcome.ACCEPTED, Outcome.TOO_EARLY, Outcome.ACCEPTED]
    scene.report(1, 510)
    assert settle(1) is Outcome.NOT_SETTLED
    scene.later(DEAD_WAIT_MS)
    assert [settle(0, 99), settle(0), settle(1)] == [Outcome.ACCEPTED, Outcome.TOO_EARLY, Outcome.NOT_SETTLED]
    scene.later(SETTLE_WAIT_MS)
    assert [settle(0), settle(0, 2), settle(2)] == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.NOT_SETTLED]


def delisting(scene: Scene) -> None:
    """A perpetual that is delisted in the middle of an hour, trades on for a week, and settles with its funding."""
    scene.trading("alice", "bob")

    def delist(market: int) -> Outcome:
        return scene.send(scene.signed("delist", "governance", market=market))

    assert delist(1) is Outcome.NO_MARKET
    for account, side in ((1, BUY), (2, SELL)):
        scene.order(account, 0, side, 1000, 9)
    scene.order(2, 0, SELL, 1020, 9)
    scene.order(1, 0, BUY, 1010, 9)
    for price in (1000, 1000):
        scene.later(60_000)
        scene.report(0, price)
    assert delist(0) is Outcome.ACCEPTED
    assert delist(0) is Outcome.BAD_PARAMETERS
    scene.later(DELIST_DELAY_MS - SETTLE_WINDOW_MS // 2)
    scene.report(0, 900)
    scene.later(SETTLE_WINDOW_MS // 2)
    assert scene.report(0, 1) is Outcome.ACCEPTED
    scene.later(SETTLE_WAIT_MS)
    for account in (1, 2):
        assert scene.send(make("settle_position", account=account, market=0)) is Outcome.ACCEPTED


SCENARIOS = (changes, forced_closes, expiry, dead, delisting)
