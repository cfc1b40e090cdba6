"""L01: L1 takes back what comes before a dispute: deposits, batches, roots, confirmations."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.testing.l1_stage import Stage
from tests.adversaries.reorganised import DEPTHS, publish_through_reorganisation, some_pairs

PHASES = ["deposit", "batch", "root", "confirmation"]


@pytest.mark.parametrize(("phase", "depth"), some_pairs(PHASES))
def test_L01_what_comes_before_a_dispute_is_taken_back_and_comes_again(tmp_path: Path, phase: str, depth: int) -> None:
    publish(tmp_path, phase, depth)


@pytest.mark.campaign
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("depth", DEPTHS)
def test_L01_whatever_comes_before_a_dispute_is_taken_back_at_any_depth(tmp_path: Path, phase: str, depth: int) -> None:
    """The same for every pair."""
    publish(tmp_path, phase, depth)


def publish(folder: Path, phase: str, depth: int) -> None:
    stage = Stage(folder)
    try:
        publish_through_reorganisation(stage, phase, depth)
    finally:
        stage.close()
