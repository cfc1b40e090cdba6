"""What follows from prices: marks after the book, funding by the hour, halts."""

from __future__ import annotations

from tallystick.schema.names import Outcome
from tallystick.state.layout import FLAG_IOC, FLAG_POST_ONLY, LONG_SILENCE_MS, STALE_MS
from tallystick.testing.scenarios.scene import Scene

BUY, SELL = 0, 1
ACCEPTED = Outcome.ACCEPTED


def marks(scene: Scene) -> None:
    """Books above, below and around the index, one-sided ones, jumps beyond what one update may move."""
    scene.trading("alice", "bob", band_ppm=2_000)
    scene.order(1, 0, SELL, 1040, 5)
    for price in (1000, 1300, 700, 1000, 1):
        scene.later(20_000)
        scene.report(0, price)
    scene.order(2, 0, BUY, 1030, 5)
    for price in (1000, 1035, 1000, (1 << 24) - 1):
        scene.later(50_000)
        scene.report(0, price, (0, 1, 2, 3, 4))
    scene.report(0, 1)


def funding(scene: Scene) -> None:
    """Hours of premiums of either sign, paid by those who trade; an hour nobody sampled."""
    scene.trading("alice", "bob", "carol", band_ppm=12_500)
    scene.order(1, 0, BUY, 1000, 10)
    scene.order(2, 0, SELL, 1000, 10)
    for bid, ask in ((1010, 1020), (980, 990), (980, 1020)):
        scene.later(50_000)
        scene.report(0, 1000)
        low, high = scene.state.registers.record_count, scene.state.registers.record_count + 1
        scene.order(3, 0, BUY, bid, 3, client_id=low)
        bids = scene.last_slot()
        scene.order(3, 0, SELL, ask, 3, client_id=high)
        asks = scene.last_slot()
        for _ in range(3):
            scene.later(1_800_000)
            scene.report(0, 1000)
        scene.cancel(3, low, bids)
        scene.cancel(3, high, asks)
        scene.later(60_000)
        scene.report(0, 1000)
        assert scene.order(1, 0, SELL, 1000, 1) is ACCEPTED
        assert scene.order(2, 0, BUY, 1000, 1) is ACCEPTED
    scene.later(3 * 3_600_000)
    scene.report(0, 1000)


def dated(scene: Scene) -> None:
    """A future that expires has a mark, and no funding."""
    scene.clock()
    scene.open_market(0, 1000, kind=1, expiry_ms=scene.time * 1000 + 10**9)
    scene.later(3_600_000)
    assert scene.report(0, 1000) is ACCEPTED


def halts(scene: Scene) -> None:
    """Prices stop and come back: only cancels, then all; behind a long silence nobody is liquidated for a minute."""
    scene.trading("alice", "bob")
    scene.order(1, 0, BUY, 1000, 10)
    scene.order(2, 0, SELL, 1000, 4)
    scene.later(STALE_MS + 1)
    assert scene.order(2, 0, SELL, 1000, 1) is Outcome.STALE_INDEX
    scene.report(0, 1000)
    assert scene.order(2, 0, SELL, 1000, 1) is ACCEPTED
    assert scene.liquidate(1, 0) is Outcome.HEALTHY
    scene.later(LONG_SILENCE_MS + 1)
    for back in (False, True):
        if back:
            scene.report(0, 1000)
        assert scene.order(2, 0, SELL, 1000, 2) is (ACCEPTED if back else Outcome.STALE_INDEX)
        waits = Outcome.LIQUIDATIONS_WAIT if back else Outcome.STALE_INDEX
        assert scene.liquidate(1, 0) is scene.take_over(1, 0, 1) is scene.nominate(1, 0, 2) is waits
    assert scene.order(2, 0, SELL, 1010, 4, flags=FLAG_POST_ONLY) is ACCEPTED
    scene.reopen(0, 1000)
    assert scene.order(2, 0, SELL, 1000, 4) is ACCEPTED
    assert scene.liquidate(1, 0) is Outcome.HEALTHY


def outlived(scene: Scene) -> None:
    """Quotes from before a halt at, inside and outside what index and mark say behind it, met from either side."""
    scene.trading("alice", "bob", "carol")
    for away in (1, 4, 7):
        scene.order(1, 0, SELL, 1000 + away, 3)
        scene.order(2, 0, BUY, 1000 - away, 3)
    scene.later(STALE_MS + 1)
    scene.report(0, 1005)
    scene.order(1, 0, SELL, 1003, 1)
    assert scene.order(3, 0, BUY, 1009, 3, flags=FLAG_IOC) is ACCEPTED
    scene.later(STALE_MS + 1)
    scene.report(0, 995)
    assert scene.order(3, 0, SELL, 990, 3, flags=FLAG_IOC) is ACCEPTED


SCENARIOS = (marks, funding, dated, halts, outlived)
