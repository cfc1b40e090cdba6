"""Samples of the book: every kind of order that one meets, on either side."""

from __future__ import annotations

from tallystick.schema.names import Outcome
from tallystick.state.layout import BUY, FLAG_REDUCE_ONLY, PAGE_SLOTS, SAMPLE_WORK, SELL, STALE_MS
from tallystick.testing.scenarios.scene import Scene

ACCEPTED = Outcome.ACCEPTED
WANTED = 33


def _near(side: int, ticks: int) -> int:
    """Return the price that is so many ticks better than the index for who takes it."""
    return 1000 + ticks if side == BUY else 1000 - ticks


def _sample(scene: Scene) -> None:
    scene.later(5_000)
    assert scene.report(0, 1000) is ACCEPTED


def samples(scene: Scene) -> None:
    """Orders that count, small ones, second ones of an account, prices that hold too little; a side that has enough."""
    scene.trading("alice", "bob", "carol", "dave", quote_lots=WANTED)
    for side in (BUY, SELL):
        for account, lots, ticks in ((1, 2, 9), (2, 2, 8), (1, 2, 8), (3, 3, 8), (3, 40, 7), (1, 20, 6), (2, 9, 5)):
            assert scene.order(account, 0, side, _near(side, ticks), lots) is ACCEPTED
        _sample(scene)
        assert scene.order(4, 0, side, _near(side, -5), WANTED) is ACCEPTED
        _sample(scene)
        assert scene.order(4, 0, 1 - side, _near(1 - side, -12), WANTED) is ACCEPTED
        _sample(scene)
        for account in (1, 2, 3, 4):
            scene.cancel_all(account)
        _sample(scene)


def taken_out(scene: Scene) -> None:
    """Orders that nobody can fill: dead, not carried, beyond the collar either way, from before a halt; the last of a chain."""
    scene.trading("alice", "bob", "carol", quote_lots=WANTED)
    scene.deposit("dave", 4, 10**7)
    for side in (BUY, SELL):
        assert scene.order(1, 0, side, _near(side, 14), 3) is ACCEPTED
        for lots in (3, *[1] * PAGE_SLOTS, 3):
            assert scene.order(4, 0, side, _near(side, 9), lots) is ACCEPTED
        assert scene.order(3, 0, side, _near(side, 8), 3) is ACCEPTED
        assert scene.order(2, 0, side, _near(side, 8), 3) is ACCEPTED
        assert scene.order(2, 0, side, _near(side, -13), WANTED) is ACCEPTED
        assert scene.withdraw(4, 10**7) is ACCEPTED
        assert scene.cancel_all(3) is ACCEPTED
        _sample(scene)
        scene.later(STALE_MS + 1)
        assert scene.report(0, 1000) is ACCEPTED
        assert scene.cancel_all(2) is ACCEPTED
        _sample(scene)
        scene.deposit("dave", 4, 10**7)


def only_reducing(scene: Scene) -> None:
    """Orders that only reduce, of accounts that have less, or nothing, to reduce."""
    scene.trading("alice", "bob", "carol", quote_lots=6)
    for side in (BUY, SELL):
        assert scene.order(1, 0, 1 - side, 1000, 5) is ACCEPTED
        assert scene.order(2, 0, side, 1000, 5) is ACCEPTED
        assert scene.order(1, 0, side, _near(side, 5), 9, flags=FLAG_REDUCE_ONLY) is ACCEPTED
        assert scene.order(3, 0, side, _near(side, 3), 1) is ACCEPTED
        _sample(scene)
        assert scene.order(2, 0, 1 - side, _near(side, 5), 5) is ACCEPTED
        _sample(scene)
        for account in (1, 2, 3):
            scene.cancel_all(account)
        _sample(scene)


def work_used_up(scene: Scene) -> None:
    """Small orders in front, over several pages of which one was cancelled empty, until nothing more is looked at."""
    scene.trading("alice", "bob", quote_lots=WANTED)
    slots = []
    for number in range(SAMPLE_WORK + PAGE_SLOTS):
        assert scene.order(1, 0, BUY, 1009, 1, client_id=number) is ACCEPTED
        slots.append(scene.last_slot())
    assert scene.order(2, 0, BUY, 1008, WANTED) is ACCEPTED
    for number in range(PAGE_SLOTS, 2 * PAGE_SLOTS):
        assert scene.cancel(1, number, slots[number]) is ACCEPTED
    _sample(scene)


SCENARIOS = (samples, taken_out, only_reducing, work_used_up)
