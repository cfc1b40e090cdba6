"""L: the L1 itself misbehaves: blocks are taken back at every phase of a dispute and of a payment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.demo.audit import Auditor
from tallystick.l1.events import DEEPEST_REORGANISATION_BLOCKS, EventReader
from tallystick.rollup.duties import Mode
from tallystick.testing.stage import PERIOD_BLOCKS, Stage, Told, account
from tests.adversaries.reorganised import play_through_reorganisation, publish_through_reorganisation, replace_blocks
from tests.adversaries.rules import confirm_by_time, must_hold, refusal

PHASES = ["assertion", "opening", "bisection", "proof", "decision", "payout"]
DEPTHS = [1, 2, 7, 33, DEEPEST_REORGANISATION_BLOCKS]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("depth", DEPTHS)
def test_L01_blocks_taken_back_at_any_phase_change_no_end(stage: Stage, phase: str, depth: int) -> None:
    """L1 replaces its newest blocks by empty ones. Names follow from content, the party reads again from the fork and
    sends what is missing; the end is the same, and no move is paid twice."""
    play_through_reorganisation(stage, phase, depth)


@pytest.mark.parametrize("phase", PHASES)
def test_L01_blocks_that_come_back_without_the_honest_moves_change_no_end(stage: Stage, phase: str) -> None:
    """The new blocks hold all the transactions but the honest party's, and earlier than before."""
    play_through_reorganisation(stage, phase, DEPTHS[-2], without="challenger")


@pytest.mark.parametrize("move", [1, 4, 9, 16])
def test_L01_blocks_taken_back_after_any_move_change_no_end(stage: Stage, move: int) -> None:
    """The same after a certain number of moves of the game, as many blocks as a chain ever takes back."""
    play_through_reorganisation(stage, move, DEEPEST_REORGANISATION_BLOCKS)


@pytest.mark.parametrize("phase", ["deposit", "batch", "root", "confirmation"])
@pytest.mark.parametrize("depth", DEPTHS)
def test_L01_what_comes_before_a_dispute_is_taken_back_and_comes_again(tmp_path: Path, phase: str, depth: int) -> None:
    stage = Stage(tmp_path)
    try:
        publish_through_reorganisation(stage, phase, depth)
    finally:
        stage.close()


def test_L03_a_payment_that_a_reorganisation_takes_back_is_made_again_and_once(stage: Stage) -> None:
    """L1 takes back a claim and the confirmation before it. Both are gone together: nothing is paid from a state that is
    not confirmed, and what was paid is paid again once."""
    honest = stage.party("challenger", Mode.PROPOSE, Told())
    honest.tick()
    stage.mine(PERIOD_BLOCKS + 1)
    for _ in range(3):
        honest.tick()
    proof = (
        Auditor(stage.deployment.config.root_height)
        .audit(EventReader(stage.client, stage.deployment).poll().events)
        .withdrawal_proof(0)
    )
    stage.transact("bob", "claim", "Vault", "claim", *proof)
    alice = account("alice").address
    assert stage.call("TestToken", "balanceOf", alice) == 10**9
    replace_blocks(stage, 6)
    assert stage.call("TestToken", "balanceOf", alice) == 0
    assert refusal(stage, "alice", "Vault", "claim", *proof) == "NotConfirmed"
    stage.mine(12)
    confirm_by_time(stage, honest)
    stage.transact("alice", "claim again", "Vault", "claim", *proof)
    assert refusal(stage, "bob", "Vault", "claim", *proof) == "AlreadyClaimed"
    assert stage.call("TestToken", "balanceOf", alice) == 10**9
    must_hold(stage, honest)
