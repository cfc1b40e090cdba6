"""Orders with flags, and orders that die: post-only, reduce-only, market, self-trade prevention, dead-man switch."""

from __future__ import annotations

from tallystick.machine.liveness import sequence
from tallystick.records.codec import Record
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    BUY,
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_NONE,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_STP_BOTH,
    FLAG_STP_TAKER,
    KIND_DATED,
    SELL,
    STALE_MS,
)
from tallystick.testing.scenarios.scene import Scene

ACCEPTED = Outcome.ACCEPTED
NOWHERE = (1 << 36) - 1


def flags(scene: Scene) -> None:
    """Post-only, reduce-only and market orders of either side, and flags that contradict each other."""
    scene.trading("alice", "bob", "carol", "dave")
    for side in (BUY, SELL):
        away = -1 if side == BUY else 1
        assert scene.order(1, 0, side, 1000, 5, flags=FLAG_POST_ONLY) is ACCEPTED
        assert scene.order(2, 0, 1 - side, 1000, 5, flags=FLAG_POST_ONLY) is Outcome.WOULD_CROSS
        assert scene.order(2, 0, 1 - side, 1000 - away, 5, flags=FLAG_POST_ONLY) is ACCEPTED
        assert scene.order(4, 0, 1 - side, 1000, 5, flags=FLAG_REDUCE_ONLY) is Outcome.NOTHING_TO_REDUCE
        assert scene.order(2, 0, 1 - side, 1000, 3) is ACCEPTED
        scene.order(2, 0, side, 1000 + 5 * away, 9, flags=FLAG_REDUCE_ONLY)
        scene.order(3, 0, 1 - side, 0, 9, flags=FLAG_MARKET)
        scene.order(3, 0, side, 0, 9, flags=FLAG_MARKET | FLAG_REDUCE_ONLY)
        for account in (1, 2, 3):
            scene.cancel_all(account)
    contradicting = (FLAG_POST_ONLY | FLAG_IOC, FLAG_POST_ONLY | FLAG_MARKET, FLAG_STP_BOTH | FLAG_STP_TAKER)
    for wrong in (*contradicting, FLAG_NONE, FLAG_NONE | FLAG_IOC):
        assert scene.order(1, 0, BUY, 900, 1, flags=wrong) is Outcome.BAD_FLAGS


def self_trade_prevention(scene: Scene) -> None:
    """An own order is met: the maker goes, or the taker, or both; a dead own order is nobody's."""
    scene.trading("alice", "bob")
    for side in (BUY, SELL):
        for flag, kept in ((0, False), (FLAG_STP_TAKER, True), (FLAG_STP_BOTH, False)):
            scene.order(1, 0, side, 1000, 2)
            slot = scene.last_slot()
            expected = Outcome.SELF_TRADE if flag else Outcome.UNFILLED
            assert scene.order(1, 0, 1 - side, 1000, 1, flags=flag | FLAG_IOC) is expected
            assert (scene.cancel(1, 0, slot) is ACCEPTED) is kept


def dead_man(scene: Scene) -> None:
    """Switches armed, moved, fired, set again; orders that die of it and are cleaned away."""
    scene.trading("alice", "bob")
    now = scene.state.registers.clock_ms
    assert scene.dead_man(1, int(now)) is Outcome.EXPIRED
    assert scene.dead_man(1, now + 500) is ACCEPTED
    scene.order(1, 0, SELL, 1000, 2)
    first = scene.last_slot()
    assert scene.clean(first) is Outcome.NOT_DEAD
    assert scene.clean(NOWHERE) is Outcome.NO_SUCH_ORDER
    scene.clock(ahead_ms=600)
    assert scene.order(1, 0, SELL, 1000, 2) is Outcome.DEAD_MAN
    assert scene.order(2, 0, BUY, 1000, 1, flags=FLAG_IOC) is Outcome.UNFILLED
    assert scene.dead_man(1, 0) is ACCEPTED
    scene.order(1, 0, SELL, 1000, 2)
    scene.order(1, 0, BUY, 990, 2)
    assert scene.cancel_all(1) is ACCEPTED
    assert scene.clean(scene.last_slot()) is ACCEPTED
    assert scene.order(2, 0, BUY, 1000, 1, flags=FLAG_IOC) is Outcome.UNFILLED


def cancels_before(scene: Scene) -> None:
    """Cancels before numbers: nothing, between two orders, long past, beyond the present one; in a chunk and through L1."""
    scene.trading("alice", "bob")
    numbers: list[int] = []
    for lots in (1, 2, 4):
        scene.order(1, 0, SELL, 1000, lots)
        numbers.append(sequence(scene.state.registers))

    def before(number: int) -> Record:
        return scene.signed("cancel_before", "alice", account=1, nonce=scene.next_nonce(1), sequence=number)

    for number in (0, numbers[1], numbers[0]):
        assert scene.send(before(number)) is ACCEPTED
    assert scene.order(2, 0, BUY, 1000, 2) is ACCEPTED
    assert scene.force(before(numbers[2])) is ACCEPTED
    assert scene.order(2, 0, BUY, 1000, 1) is ACCEPTED
    assert scene.force(before((1 << 62) - 1)) is ACCEPTED
    scene.order(1, 0, SELL, 1001, 8)
    assert scene.order(2, 0, BUY, 1001, 9, flags=FLAG_IOC) is Outcome.UNFILLED
    assert scene.send(before((1 << 62) - 1)) is ACCEPTED


def uncarried(scene: Scene) -> None:
    """Orders that nothing stands behind any more: met by who only posts, cleaned away, left while prices have stopped."""
    scene.trading("alice", "bob", "carol")
    scene.deposit("dave", 4, 72_400)
    expiry = scene.state.registers.clock_ms + 20_000
    scene.open_market(1, 1000, kind=KIND_DATED, expiry_ms=expiry)
    assert scene.conditional(4, 0, SELL, 0, 10, 990, flags=FLAG_MARKET) is ACCEPTED
    stop = scene.last_slot()
    assert scene.conditional(4, 0, SELL, 0, 11, 990, flags=FLAG_MARKET) is Outcome.MARGIN
    for price, lots in ((1000, 10), (999, 10), (998, 1)):
        assert scene.order(4, 0, BUY, price, lots) is ACCEPTED
    assert scene.order(4, 0, BUY, 1005, 14) is Outcome.MARGIN
    assert scene.order(4, 1, BUY, 990, 1) is ACCEPTED
    other = scene.last_slot()
    assert scene.order(2, 0, SELL, 1000, 10, flags=FLAG_IOC) is ACCEPTED
    assert scene.order(2, 0, SELL, 998, 1, flags=FLAG_POST_ONLY) is Outcome.WOULD_CROSS
    assert scene.clean(stop) is Outcome.NOT_DEAD
    assert scene.order(2, 0, SELL, 998, 1) is ACCEPTED
    for price in (995, 994):
        assert scene.order(4, 0, BUY, price, 3) is ACCEPTED
    rests = scene.last_slot()
    assert scene.order(4, 0, SELL, 1005, 12, flags=FLAG_REDUCE_ONLY) is ACCEPTED
    reduces = scene.last_slot()
    assert scene.order(2, 0, SELL, 995, 3) is ACCEPTED
    scene.later(STALE_MS + 1)
    assert scene.clean(rests, reduces) is Outcome.NOT_DEAD
    for number in (0, 1):
        scene.report(number, 1000)
    assert scene.clean(rests, other, reduces) is Outcome.NOT_DEAD
    assert scene.clean(rests) is Outcome.NO_SUCH_ORDER
    assert scene.clean(stop) is Outcome.NOT_DEAD
    scene.order(3, 0, BUY, 1000, 14)
    assert scene.order(4, 0, SELL, 1000, 14, flags=FLAG_IOC) is ACCEPTED
    assert scene.withdraw(4, 2_000) is ACCEPTED
    assert scene.clean(stop) is ACCEPTED


SCENARIOS = (flags, self_trade_prevention, dead_man, cancels_before, uncarried)
