"""Rules that change, and positions their owners close through L1."""

from __future__ import annotations

from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.state.layout import CHANGE_DELAY_MS, KIND_DATED, MESSAGE_FORCE_CLOSE
from tallystick.testing.scenarios.scene import Scene

BUY, SELL = 0, 1


def changes(scene: Scene) -> None:
    """Proposals that are refused, replaced, too early and in force."""
    scene.clock()

    def apply() -> Outcome:
        return scene.send(make("apply_change", market=0))

    assert scene.change_market(0, 1) is Outcome.NO_MARKET
    assert apply() is Outcome.NO_MARKET
    scene.list_market(0)
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
    """A future that expires, is settled by the first median behind that, and paid out position by position."""
    scene.trading("alice", "bob")
    expires = scene.state.registers.clock_ms + 500
    scene.open_market(1, 500, kind=KIND_DATED, expiry_ms=expires, multiplier=3)
    scene.order(1, 1, BUY, 500, 9)
    scene.order(2, 1, SELL, 500, 9)

    def settle(account: int, market: int) -> Outcome:
        return scene.send(make("settle_position", account=account, market=market))

    assert settle(1, 1) is Outcome.NOT_SETTLED
    scene.clock(ahead_ms=500)
    assert scene.order(1, 1, BUY, 500, 1) is Outcome.MARKET_EXPIRED
    assert scene.report(1, 431) is Outcome.ACCEPTED
    assert scene.report(1, 999) is Outcome.NO_MARKET
    assert scene.order(1, 1, BUY, 500, 1) is Outcome.NO_MARKET
    assert [settle(1, 1), settle(1, 1), settle(2, 1)] == [Outcome.ACCEPTED, Outcome.NO_POSITION, Outcome.ACCEPTED]
    assert settle(1, 0) is Outcome.NOT_SETTLED


SCENARIOS = (changes, forced_closes, expiry)
