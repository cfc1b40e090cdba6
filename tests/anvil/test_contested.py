"""Generations contested at once, by three attackers of each, on anvil, against a party that keeps dying."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.testing.stage import trade_a_little
from tests.adversaries.siege import withstand
from tests.anvil.conftest import CrowdedStage

pytestmark = pytest.mark.anvil


def test_generations_contested_at_once_by_three_attackers_end_in_time_on_anvil_though_the_party_is_killed(
    tmp_path: Path,
) -> None:
    """What a killed party has left in the node's pool takes nonces of the next one, and is no reason to be late."""
    stage = CrowdedStage(tmp_path, root_height=16)
    try:
        trade_a_little(stage)
        stage.publish()
        withstand(stage, 3, 4, odds=0.05, censored=12, censorship=0.7)
    finally:
        stage.close()
