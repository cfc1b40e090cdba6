"""Orders that wait for a mark, and pairs of which one cancels the other."""

from __future__ import annotations

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    BUY,
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_TRIGGER_ABOVE,
    PAGE_SLOTS,
    SELL,
    STALE_MS,
)
from tallystick.testing.scenarios.orders.many_orders import place
from tallystick.testing.scenarios.scene import Scene

ACCEPTED = Outcome.ACCEPTED
ABOVE = FLAG_TRIGGER_ABOVE


def triggers(scene: Scene) -> None:
    """Stops and take-profits of either direction: parked, cancelled, dead, fired one after the other, and refused."""
    scene.trading("alice", "bob", "carol")
    assert scene.conditional(1, 0, BUY, 1000, 1, 1000, flags=ABOVE) is Outcome.ALREADY_DUE
    assert scene.conditional(1, 0, SELL, 1000, 1, 1000) is Outcome.ALREADY_DUE
    assert scene.conditional(1, 0, BUY, 1000, 1, 0, flags=ABOVE) is Outcome.BAD_FLAGS
    for _ in range(PAGE_SLOTS + 2):
        assert scene.conditional(1, 0, BUY, 1020, 1, 1005, flags=ABOVE) is ACCEPTED
        assert scene.conditional(2, 0, SELL, 980, 1, 995) is ACCEPTED
    for trigger, flags in ((1010, ABOVE), (1300, ABOVE), (990, 0), (600, 0)):
        assert scene.conditional(3, 0, SELL, 0, 2, trigger, flags=flags | FLAG_MARKET, client_id=trigger) is ACCEPTED
    assert scene.cancel(3, 600, scene.last_slot()) is ACCEPTED
    assert scene.conditional(3, 0, BUY, 1, 1, 1010, flags=ABOVE | FLAG_IOC) is ACCEPTED
    assert scene.conditional(3, 0, BUY, 1000, 1, 985, flags=FLAG_POST_ONLY) is ACCEPTED
    expiry = scene.state.registers.clock_ms + 1
    assert scene.conditional(3, 0, BUY, 1000, 1, 985, expiry_ms=expiry) is ACCEPTED
    scene.clock(ahead_ms=600)
    for price in (1006, 1011, 991, 980):
        assert scene.report(0, price) is ACCEPTED
    scene.later(STALE_MS + 1)
    assert scene.conditional(2, 0, SELL, 980, 1, 970) is Outcome.STALE_INDEX
    scene.report(0, 980)
    assert scene.conditional(2, 0, SELL, 960, 1, 970) is ACCEPTED
    scene.report(0, 965)
    scene.reopen(0, 965)
    assert scene.report(0, 965) is ACCEPTED


def pairs(scene: Scene) -> None:
    """One cancels the other: a bracket, a quote with a stop, partners that are none, and dead ones of every kind."""
    scene.trading("alice", "bob", "carol")
    scene.order(1, 0, SELL, 1000, 9)
    assert scene.order(2, 0, BUY, 1000, 9) is ACCEPTED
    bracket = FLAG_MARKET | FLAG_REDUCE_ONLY
    for mark in (1020, 980):
        assert scene.conditional(2, 0, SELL, 0, 2, 1015, flags=bracket | ABOVE, client_id=7) is ACCEPTED
        first = scene.last_slot()
        for wrong in ({"pair": 8, "pair_slot": first}, {"pair": 7, "pair_slot": first + 1}, {"pair": 7}):
            assert scene.conditional(2, 0, SELL, 0, 2, 985, flags=bracket, **wrong) is Outcome.NO_SUCH_ORDER
        assert scene.conditional(1, 0, SELL, 0, 2, 985, pair=7, pair_slot=first, flags=64) is Outcome.NO_SUCH_ORDER
        assert scene.conditional(2, 0, SELL, 0, 2, 985, flags=bracket, client_id=8, pair=7, pair_slot=first) is ACCEPTED
        second = scene.last_slot()
        assert scene.conditional(2, 0, SELL, 1, 2, 985, pair=7, pair_slot=first) is Outcome.NO_SUCH_ORDER
        assert scene.clean(second) is Outcome.NOT_DEAD
        scene.order(3, 0, BUY, mark, 1 if mark > 1000 else 2)
        scene.report(0, mark)
        assert scene.clean(second if mark > 1000 else first) is (Outcome.NOT_DEAD if mark > 1000 else ACCEPTED)
        scene.cancel(2, 8, second)
        scene.land(0, 1000)
    assert scene.conditional(2, 0, SELL, 1001, 5, 0, flags=FLAG_IOC, pair=7) is Outcome.BAD_FLAGS
    for taken in (1, 3, 5):
        assert scene.conditional(2, 0, SELL, 1001, 5, 0, flags=FLAG_POST_ONLY, client_id=9) is ACCEPTED
        quote = scene.last_slot()
        stop = {"client_id": 10, "pair": 9, "pair_slot": quote}
        assert scene.conditional(2, 0, SELL, 0, 3, 990, flags=bracket, **stop) is ACCEPTED
        assert scene.order(3, 0, BUY, 1001, taken, flags=FLAG_IOC) is ACCEPTED
        assert scene.clean(scene.last_slot()) is (Outcome.NOT_DEAD if taken == 1 else ACCEPTED)
        assert scene.clean(quote) is (Outcome.NO_SUCH_ORDER if taken == 5 else Outcome.NOT_DEAD)
        scene.cancel(2, 9, quote)
    assert scene.conditional(2, 0, SELL, 1001, 5, 0, flags=FLAG_POST_ONLY, client_id=11) is ACCEPTED
    quote = scene.last_slot()
    rest = {"client_id": 12, "pair": 11, "pair_slot": quote, "flags": FLAG_POST_ONLY}
    assert scene.conditional(2, 0, SELL, 1002, 5, 0, **rest) is ACCEPTED
    assert scene.order(3, 0, BUY, 1001, 2, flags=FLAG_IOC) is ACCEPTED
    assert scene.cancel(2, 11, quote) is ACCEPTED
    assert scene.order(3, 0, BUY, 1002, 5, flags=FLAG_IOC) is Outcome.UNFILLED


def _wall(scene: Scene) -> None:
    """Put more dead orders into the book than an order has work for, and begin behind them."""
    for account, orders in ((1, 512), (4, 512), (5, 3)):
        for first in range(0, orders, 128):
            scene.bulk(account, [place(each, SELL, 1000, 1) for each in range(first, min(first + 128, orders))], [])
        assert scene.cancel_all(account) is ACCEPTED
    scene.finish()
    scene.cut()
    scene.clock()


def wall(scene: Scene) -> None:
    """An order meets more dead ones than it has work for; the next one takes out the rest."""
    scene.trading("alice", "bob", "carol", "dave", "erin")
    _wall(scene)
    assert scene.order(2, 0, BUY, 1001, 1) is Outcome.WORK_LIMIT
    assert scene.order(2, 0, BUY, 1001, 1) is ACCEPTED


def wall_before_a_stop(scene: Scene) -> None:
    """So does a stop, which is parked again and fires once more."""
    scene.trading("alice", "bob", "carol", "dave", "erin")
    flags = FLAG_MARKET | ABOVE
    assert scene.conditional(2, 0, BUY, 0, 1, 1001, flags=flags, client_id=1) is ACCEPTED
    _wall(scene)
    assert scene.report(0, 1001) is ACCEPTED
    assert scene.order(3, 0, SELL, 1001, 1) is ACCEPTED
    assert scene.order(2, 0, BUY, 1001, 1) is ACCEPTED
    assert scene.report(0, 1001) is ACCEPTED


def pairs_that_fire(scene: Scene) -> None:
    """What fires and rests finds its pair again, or nobody: one that has died by it, or that it has met itself."""
    scene.trading("alice", "bob", "carol")
    for bid, lots in ((0, 5), (2, 5), (2, 2)):
        assert scene.conditional(2, 0, SELL, 1020, lots, 1015, flags=ABOVE, client_id=7) is ACCEPTED
        profit = scene.last_slot()
        pair = {"client_id": 8, "pair": 7, "pair_slot": profit}
        assert scene.conditional(2, 0, SELL, 988, 5, 990, **pair) is ACCEPTED
        if bid:
            scene.order(3, 0, BUY, 988, bid)
        scene.report(0, 990)
        stop = scene.last_slot()
        assert scene.clean(stop) is Outcome.NOT_DEAD
        assert scene.clean(profit) is (ACCEPTED if lots == bid else Outcome.NOT_DEAD)
        assert scene.order(3, 0, BUY, 988, 1, flags=FLAG_IOC) is ACCEPTED
        scene.cancel(2, 7, profit)
        assert scene.clean(stop) is (Outcome.NOT_DEAD if lots == bid else ACCEPTED)
        scene.cancel(2, 8, stop)
        scene.report(0, 1000)
    assert scene.conditional(2, 0, BUY, 995, 5, 0, flags=FLAG_POST_ONLY, client_id=9) is ACCEPTED
    pair = {"client_id": 10, "pair": 9, "pair_slot": scene.last_slot()}
    assert scene.conditional(2, 0, SELL, 988, 5, 990, **pair) is ACCEPTED
    scene.report(0, 990)
    assert scene.clean(scene.last_slot()) is Outcome.NOT_DEAD


def behind_the_collar(scene: Scene) -> None:
    """Takers that end at the collar's edge, makers that are taken out there, and a stop that waits for the index."""
    scene.trading("alice", "bob", "carol", "dave")
    scene.order(1, 0, BUY, 985, 2)
    scene.order(1, 0, BUY, 1013, 2)
    assert scene.order(2, 0, SELL, 985, 1, flags=FLAG_POST_ONLY) is Outcome.WOULD_CROSS
    assert scene.order(2, 0, SELL, 985, 1) is Outcome.UNFILLED
    scene.order(1, 0, SELL, 1000, 3)
    assert scene.order(2, 0, BUY, 1000, 3) is ACCEPTED
    flags = FLAG_MARKET | FLAG_REDUCE_ONLY
    for client_id, lots in ((1, 2), (2, 1)):
        assert scene.conditional(2, 0, SELL, 0, lots, 999, flags=flags, client_id=client_id) is ACCEPTED
    assert scene.conditional(3, 0, SELL, 980, 1, 999) is ACCEPTED
    assert scene.conditional(4, 0, SELL, 0, 1, 998, flags=FLAG_MARKET) is ACCEPTED
    scene.cancel_all(1)
    scene.order(1, 0, BUY, 980, 5)
    for price in (999, 998, 990):
        scene.report(0, price, (0, 1))


SCENARIOS = (triggers, pairs, wall, wall_before_a_stop, pairs_that_fire, behind_the_collar)
