"""The exchange has stopped for good: claims are counted, then paid, whole or in part."""

from __future__ import annotations

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    BUY,
    CLAIM_MS,
    MESSAGE_DEPOSIT,
    MESSAGE_FORCE_CLOSE,
    MESSAGE_FORCE_WITHDRAW,
    SELL,
    WIND_DOWN_MS,
)
from tallystick.testing.scenarios.scene import Scene

ACCEPTED = Outcome.ACCEPTED


CASH = 10_000_000
"""Units: below what 900 lots lose when the price rises by a fifth."""


def _stopped(scene: Scene, *prices: int) -> None:
    """Three accounts trade, the price moves, and no other follows for seven days."""
    scene.trading("alice", "bob", "carol", cash=CASH)
    scene.order(1, 0, SELL, 1000, 900)
    assert scene.order(2, 0, BUY, 1000, 900) is ACCEPTED
    for price in prices:
        scene.report(0, price)
    assert scene.settle_account(1) is Outcome.TOO_EARLY
    scene.later(WIND_DOWN_MS - 1)
    assert scene.settle_account(1) is Outcome.TOO_EARLY
    scene.later(1)


def wound_down(scene: Scene) -> None:
    """Everybody is worth something: all is paid, also to who comes late; deposits go back, nothing else is taken."""
    _stopped(scene, 1050)
    assert scene.settle_account(9) is Outcome.NO_ACCOUNT
    assert scene.settle_account(1) is ACCEPTED
    assert scene.settle_account(1) is Outcome.TOO_EARLY
    assert scene.order(1, 0, SELL, 1000, 1) is Outcome.WINDING_DOWN
    assert scene.withdraw(1, 1) is Outcome.WINDING_DOWN
    assert scene.prices({0: 1000, 1: 1}, 0) is Outcome.WINDING_DOWN
    assert scene.force(scene.reported({0: 1000}, 0, scene.time * 1000)) is Outcome.WINDING_DOWN
    assert scene.cancel(1, 7, 64) is Outcome.NO_SUCH_ORDER
    scene.queue(MESSAGE_DEPOSIT, "dave", 4, 77)
    assert scene.consume() is Outcome.WINDING_DOWN
    scene.queue(MESSAGE_FORCE_CLOSE, "alice", 1, 0)
    assert scene.consume() is Outcome.WINDING_DOWN
    scene.queue(MESSAGE_FORCE_WITHDRAW, "bob", 2, 1)
    assert scene.consume() is ACCEPTED
    scene.queue(MESSAGE_FORCE_WITHDRAW, "bob", 2, 1)
    assert scene.consume() is Outcome.TOO_EARLY
    scene.later(CLAIM_MS)
    scene.queue(MESSAGE_FORCE_WITHDRAW, "bob", 2, 1)
    assert scene.consume() is ACCEPTED
    for account in (1, 3):
        assert scene.settle_account(account) is ACCEPTED
        assert scene.settle_account(account) is Outcome.NO_CLAIM
    scene.queue(MESSAGE_FORCE_WITHDRAW, "bob", 2, 1)
    assert scene.consume() is Outcome.NO_CLAIM


def shared_out(scene: Scene) -> None:
    """One account owes more than it has: the others share what is held, the last of them comes too late."""
    _stopped(scene, 1100, 1200)
    for account in (1, 2):
        assert scene.settle_account(account) is ACCEPTED
    scene.later(CLAIM_MS)
    for account in (1, 2, 3):
        assert scene.settle_account(account) is ACCEPTED


def nobody_came(scene: Scene) -> None:
    """Only an account that is worth nothing is counted in time; the others share what is left, first come first served."""
    _stopped(scene, 1100, 1200)
    assert scene.settle_account(1) is ACCEPTED
    scene.later(CLAIM_MS)
    for account in (1, 3, 2):
        assert scene.settle_account(account) is ACCEPTED


SCENARIOS = (wound_down, shared_out, nobody_came)
