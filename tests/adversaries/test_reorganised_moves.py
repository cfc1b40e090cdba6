"""L01: L1 takes single moves of a dispute back, or the honest ones alone."""

from __future__ import annotations

import pytest

from tallystick.testing.l1_stage import Stage
from tests.adversaries.reorganised import DEPTHS, play_through_reorganisation

PHASES = ["assertion", "opening", "bisection", "proof", "decision", "payout"]


LONG = pytest.mark.campaign
"""What the campaign plays beside the rest."""


@pytest.mark.parametrize(
    "phase", [each if each in ("opening", "decision") else pytest.param(each, marks=LONG) for each in PHASES]
)
def test_L01_blocks_that_come_back_without_the_honest_moves_change_no_end(stage: Stage, phase: str) -> None:
    """The new blocks hold all the transactions but the honest party's, and earlier than before."""
    play_through_reorganisation(stage, phase, DEPTHS[-2], without="challenger")


@pytest.mark.parametrize("move", [pytest.param(1, marks=LONG), 4, pytest.param(9, marks=LONG), 16])
def test_L01_blocks_taken_back_after_any_move_change_no_end(stage: Stage, move: int) -> None:
    """The same after a certain number of moves of the game, as many blocks as a chain ever takes back."""
    play_through_reorganisation(stage, move, DEPTHS[-1])
