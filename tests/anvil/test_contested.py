"""Generations contested at once, by three attackers of each, on anvil."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.testing.stage import trade_a_little
from tests.adversaries.siege import withstand
from tests.anvil.conftest import CrowdedStage

pytestmark = pytest.mark.anvil


def test_generations_contested_at_once_by_three_attackers_end_in_time_on_anvil_too(tmp_path: Path) -> None:
    """The party is censored, and lives: what a killed one has left with the node is played on the embedded chain."""
    stage = CrowdedStage(tmp_path, root_height=16)
    try:
        trade_a_little(stage)
        stage.publish()
        withstand(stage, 3, 4, odds=0.0, censored=12, censorship=0.7)
    finally:
        stage.close()
