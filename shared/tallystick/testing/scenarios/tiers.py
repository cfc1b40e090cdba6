"""Margin over tiers, its surcharge, rebates, and open interest that is full."""

from __future__ import annotations

from tallystick.schema.names import Outcome
from tallystick.state.layout import BUY, FLAG_IOC, SELL
from tallystick.testing.scenarios.scene import Scene

ACCEPTED = Outcome.ACCEPTED
TIERS = {
    "tier2_from_millions": 10,
    "tier3_from_millions": 25,
    "initial2_ppm": 100_000,
    "maintenance2_ppm": 50_000,
    "initial3_ppm": 400_000,
    "maintenance3_ppm": 200_000,
}
"""At 1000 ticks and 100 units a tick: the second tier begins at 100 lots, the third at 250."""


def tiers(scene: Scene) -> None:
    """Positions that grow through the tiers, and orders beyond them."""
    scene.trading("alice", cash=10**10)
    scene.deposit("bob", 2, 4_100_000)
    scene.rule(0, **TIERS)
    scene.order(1, 0, SELL, 1000, 5000)
    assert scene.order(2, 0, BUY, 1000, 100) is ACCEPTED
    assert scene.order(2, 0, BUY, 1000, 150) is ACCEPTED
    assert scene.order(2, 0, BUY, 1000, 60) is Outcome.MARGIN
    assert scene.order(2, 0, BUY, 1000, 45) is ACCEPTED
    assert scene.order(2, 0, BUY, 999, 260) is Outcome.MARGIN
    assert scene.order(1, 0, SELL, 1001, 900_000) is Outcome.MARGIN


def surcharge(scene: Scene) -> None:
    """Open interest so high that all of the notional must stand behind a position."""
    scene.trading("alice", cash=10**10)
    scene.deposit("bob", 2, 4_100_000)
    scene.rule(0, **TIERS, surcharge_from_units=1, surcharge_to_units=2)
    scene.order(1, 0, SELL, 1000, 50)
    assert scene.order(2, 0, BUY, 999, 42) is Outcome.MARGIN
    assert scene.order(2, 0, BUY, 1000, 41) is Outcome.MARGIN
    assert scene.order(2, 0, BUY, 1000, 40) is ACCEPTED
    assert scene.withdraw(2, 100_000) is Outcome.NOT_WITHDRAWABLE


def surcharges(scene: Scene) -> None:
    """Open interest below, between and beyond the bounds of the surcharge; positions handed on, reduced and turned."""
    scene.trading("alice", "bob", "carol", cash=10**7, surcharge_from_units=1_000_000, surcharge_to_units=3_000_000)
    for _ in range(4):
        scene.order(1, 0, BUY, 1000, 9)
        assert scene.order(2, 0, SELL, 1000, 9) is ACCEPTED
    assert scene.order(1, 0, BUY, 1000, 100) is Outcome.MARGIN
    scene.order(3, 0, BUY, 1010, 7)
    assert scene.order(1, 0, SELL, 1010, 7) is ACCEPTED
    assert scene.block(1, 2, SELL, 990, 5) is ACCEPTED
    assert scene.block(1, 2, SELL, 1000, 40) is ACCEPTED
    scene.order(3, 0, SELL, 1001, 8)
    assert scene.order(1, 0, BUY, 1001, 3) is ACCEPTED
    scene.deposit("dave", 4, 500_000)
    assert scene.order(4, 0, SELL, 1000, 2) is ACCEPTED
    scene.order(2, 0, BUY, 1000, 20, flags=FLAG_IOC)


def rebates(scene: Scene) -> None:
    """Makers who pay a fee and are paid more than that out of the taker's."""
    scene.trading("alice", "bob")
    scene.rule(0, taker_fee_ppm=37, maker_fee_ppm=11, rebate_ppm=37)
    scene.order(1, 0, SELL, 1003, 7)
    assert scene.order(2, 0, BUY, 1003, 3) is ACCEPTED
    assert scene.order(2, 0, BUY, 1003, 4) is ACCEPTED


def open_interest(scene: Scene) -> None:
    """Fills up to the cap, one beyond it, and what may still be traded when it is full."""
    scene.trading("alice", "bob", "carol")
    scene.rule(0, max_open_interest_lots=10)
    scene.order(1, 0, SELL, 1000, 10)
    assert scene.order(2, 0, BUY, 1000, 10) is ACCEPTED
    scene.order(1, 0, SELL, 1000, 10)
    assert scene.order(3, 0, BUY, 1000, 1) is Outcome.OPEN_INTEREST
    assert scene.order(2, 0, SELL, 1001, 5) is ACCEPTED
    assert scene.order(3, 0, BUY, 1001, 20, flags=FLAG_IOC) is Outcome.OPEN_INTEREST
    assert scene.order(1, 0, BUY, 1000, 3) is ACCEPTED


SCENARIOS = (tiers, surcharge, surcharges, rebates, open_interest)
