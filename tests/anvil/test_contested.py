"""Generations contested at once, and a party that is killed in the middle of it, on anvil."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.testing.stage import trade_a_little
from tests.adversaries.siege import most_censored, withstand
from tests.anvil.conftest import CrowdedStage

pytestmark = pytest.mark.anvil

HEIGHT = 16


@pytest.mark.parametrize(
    ("generations", "odds", "censored"),
    [
        (4, 0.05, 12),
        pytest.param(24, 0.01, most_censored(HEIGHT), marks=[pytest.mark.campaign, pytest.mark.timeout(3_600)]),
    ],
)
def test_generations_contested_at_once_by_three_attackers_end_in_time_on_anvil_too(
    tmp_path: Path, generations: int, odds: float, censored: int
) -> None:
    """The party is censored, and killed at random broadcasts and started again without its disk."""
    stage = CrowdedStage(tmp_path, root_height=HEIGHT)
    try:
        trade_a_little(stage)
        stage.publish()
        withstand(stage, 3, generations, odds=odds, censored=censored, censorship=0.7)
    finally:
        stage.close()
