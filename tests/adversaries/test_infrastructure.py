"""L: the L1 itself misbehaves: a payment is taken back. What else it takes back: test_reorganised_*.py."""

from __future__ import annotations

from tallystick.demo.double_check import Auditor
from tallystick.l1.client.events import EventReader
from tallystick.party.duties import Mode
from tallystick.testing.l1_stage import PERIOD_BLOCKS, Stage, Told, account
from tests.adversaries.reorganised import replace_blocks
from tests.adversaries.rules import confirm_by_time, must_hold, refusal


def test_L03_a_payment_that_a_reorganisation_takes_back_is_made_again_and_once(stage: Stage) -> None:
    """L1 takes back a claim and the confirmation before it. Both are gone together: nothing is paid from a state that is
    not confirmed, and what was paid is paid again once.
    """
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
