"""L01: L1 takes blocks back at every phase of a dispute.

Every phase and every depth is played; all pairs of them are the campaign's.
"""

from __future__ import annotations

import pytest

from tallystick.testing.l1_stage import Stage
from tests.adversaries.reorganised import DEPTHS, play_through_reorganisation, some_pairs

PHASES = ["assertion", "opening", "bisection", "proof", "decision", "payout"]


@pytest.mark.parametrize(("phase", "depth"), some_pairs(PHASES))
def test_L01_blocks_taken_back_at_any_phase_change_no_end(stage: Stage, phase: str, depth: int) -> None:
    """L1 replaces its newest blocks by empty ones. Names follow from content, the party reads again from the fork and
    sends what is missing; the end is the same, and no move is paid twice.
    """
    play_through_reorganisation(stage, phase, depth)


@pytest.mark.campaign
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("depth", DEPTHS)
def test_L01_blocks_of_any_number_taken_back_at_any_phase_change_no_end(stage: Stage, phase: str, depth: int) -> None:
    """The same for every pair."""
    play_through_reorganisation(stage, phase, depth)
