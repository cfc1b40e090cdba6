"""An L1 with the contracts, money in the Vault, and a market on which something happened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tallystick.testing.l1_stage import Stage, trade_a_little
from tests.adversaries.bending import Begin, open_market
from tests.operator.lives import Lives
from tests.operator.scene import Scene, scene_in


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage whose first batch, with two traders and a withdrawal, is on L1."""
    made = Stage(tmp_path)
    trade_a_little(made)
    made.publish()
    yield made
    made.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A whole operator and its surroundings."""
    with scene_in(tmp_path) as scene:
        yield scene


@pytest.fixture
def begin(scene: Scene) -> Iterator[Begin]:
    """What begins lives of an operator that has traders and a market."""
    begun: list[Lives] = []

    def make(seed: int, **options: Any) -> Lives:
        begun.append(Lives(scene, seed, **options))
        open_market(scene, begun[-1])
        return begun[-1]

    yield make
    for lives in begun:
        lives.close()
