"""Orders that wait for a mark, and pairs of which one cancels the other."""

from __future__ import annotations

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    BUY,
    FLAG_FOK,
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_TRIGGER_ABOVE,
    PAGE_SLOTS,
    SELL,
    STALE_MS,
)
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
    assert scene.conditional(3, 0, BUY, 1, 1, 1010, flags=ABOVE | FLAG_FOK) is ACCEPTED
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
        scene.order(3, 0, BUY, mark, 2)
        scene.report(0, mark)
        assert scene.clean(second if mark > 1000 else first) is ACCEPTED
        scene.report(0, 1000)
    assert scene.conditional(2, 0, SELL, 1001, 5, 0, flags=FLAG_IOC, pair=7) is Outcome.BAD_FLAGS
    for taken in (1, 5):
        assert scene.conditional(2, 0, SELL, 1001, 5, 0, flags=FLAG_POST_ONLY, client_id=9) is ACCEPTED
        quote = scene.last_slot()
        stop = {"client_id": 10, "pair": 9, "pair_slot": quote}
        assert scene.conditional(2, 0, SELL, 0, 5, 990, flags=bracket, **stop) is ACCEPTED
        assert scene.order(3, 0, BUY, 1001, taken, flags=FLAG_IOC | (FLAG_FOK if taken == 5 else 0)) is ACCEPTED
        assert scene.clean(scene.last_slot()) is ACCEPTED
        assert scene.clean(quote) is (Outcome.NOT_DEAD if taken == 1 else Outcome.NO_SUCH_ORDER)
        scene.cancel(2, 9, quote)
    assert scene.conditional(2, 0, SELL, 1001, 5, 0, flags=FLAG_POST_ONLY, client_id=11) is ACCEPTED
    quote = scene.last_slot()
    rest = {"client_id": 12, "pair": 11, "pair_slot": quote, "flags": FLAG_POST_ONLY}
    assert scene.conditional(2, 0, SELL, 1002, 5, 0, **rest) is ACCEPTED
    assert scene.cancel(2, 11, quote) is ACCEPTED
    assert scene.order(3, 0, BUY, 1002, 5, flags=FLAG_IOC) is Outcome.UNFILLED


SCENARIOS = (triggers, pairs)
