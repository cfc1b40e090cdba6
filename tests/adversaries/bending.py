"""Operators that live and die on a stage, and what all that happens to them has in common."""

from __future__ import annotations

from typing import Any, Protocol

import pytest

from tests.operator.lives import Lives, nothing_lost_or_doubled
from tests.operator.scene import Scene

BUY, SELL = 0, 1
LONG = pytest.mark.campaign
"""What the campaign plays beside the rest."""


class Begin(Protocol):
    """Begins a life."""

    def __call__(self, seed: int, **options: Any) -> Lives: ...


def open_market(scene: Scene, lives: Lives) -> None:
    """Give an operator two traders who have money, a market and its first order."""
    for name in ("alice", "bob"):
        scene.stage.deposit(name)
    for _ in range(40):
        if lives.info().messages_consumed == 2:
            break
        lives.block(1)
    lives.report()
    for _ in range(4):
        lives.block(20)
        lives.report()
    assert lives.order(1, "alice", BUY, 617_000, 5)


def trade(lives: Lives, count: int = 4) -> None:
    """Have the traders place orders that meet."""
    for at in range(count):
        lives.order(1 + at % 2, ("alice", "bob")[at % 2], at % 2, 617_000 + lives.chance.randrange(50), 3)


def told_and_kept(lives: Lives) -> None:
    """Check that L1 has what was acknowledged, once, and that the operator said what it did."""
    nothing_lost_or_doubled(lives.scene.stage, lives.acknowledged)
    assert not lives.events("failed")
    assert not lives.events("record_lost")
