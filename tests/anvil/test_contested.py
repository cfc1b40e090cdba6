"""Generations contested at once, by three attackers of each, on anvil, against a party that keeps dying."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.testing.l1_stage import trade_a_little
from tests.adversaries.siege import most_censored, withstand
from tests.anvil.conftest import CrowdedStage

pytestmark = pytest.mark.anvil

HEIGHT = 16


@pytest.mark.parametrize(
    ("generations", "odds", "censored", "censorship"),
    [
        (4, 0.05, 12, 0.7),
        pytest.param(24, 0.01, most_censored(HEIGHT), 0.8, marks=[pytest.mark.campaign, pytest.mark.timeout(3_600)]),
    ],
)
def test_generations_contested_at_once_by_three_attackers_end_in_time_on_anvil_though_the_party_is_killed(
    tmp_path: Path, generations: int, odds: float, censored: int, censorship: float
) -> None:
    """What a killed party has left in the node's pool takes nonces of the next one, and is no reason to be late."""
    stage = CrowdedStage(tmp_path, root_height=HEIGHT)
    try:
        trade_a_little(stage)
        stage.publish()
        withstand(stage, 3, generations, odds=odds, censored=censored, censorship=censorship)
    finally:
        stage.close()
