"""L: the L1 itself misbehaves: blocks are taken back at every phase of a dispute and of a payment."""

from __future__ import annotations

import pytest

from tallystick.demo.audit import Auditor
from tallystick.dispute.party import Party
from tallystick.l1.events import EventReader
from tallystick.rollup.duties import Mode
from tallystick.testing.stage import FUND_WEI, PERIOD_BLOCKS, Stage, Told, account, finished
from tallystick_operator.lies import make_lie
from tests.adversaries.rules import confirm_by_time, must_hold, refusal

NOT_TOO_DEEP = 10
"""Blocks: a party watches each transaction until it has twelve confirmations."""


def phase_of(honest: Party) -> str:
    """Return how far the honest party's dispute is."""
    disputes = list(honest.challenge.disputes.values())
    if any(dispute.settled for dispute in disputes):
        return "payout"
    if any(dispute.winner for dispute in disputes):
        return "decision"
    if any(status.proven for status in honest.challenge.edges.values()):
        return "proof"
    if any(status.children for status in honest.challenge.edges.values()):
        return "bisection"
    return "opening" if disputes else "assertion"


PHASES = ["opening", "bisection", "proof", "decision", "payout"]


@pytest.mark.parametrize(("phase", "depth"), [*((phase, NOT_TOO_DEEP) for phase in PHASES), ("proof", 1)])
def test_L01_blocks_taken_back_at_any_phase_change_no_end(stage: Stage, phase: str, depth: int) -> None:
    """L1 replaces its newest blocks by empty ones. Names follow from content, the party reads again from the fork and
    sends what is missing; the end is the same, and no move is paid twice.

    Deposits and batches: tests/operator/test_daemon.py and tests/l1/test_queue.py.
    """
    stage.mine(NOT_TOO_DEEP)
    liar = stage.party("operator", Mode.PROPOSE, Told(), make_lie("worse-fill", bytes(20)).step)
    told = Told()
    honest = stage.party("challenger", Mode.RESOLVE, told)
    done = False
    for _ in range(400):
        before = stage.client.head().number
        liar.tick()
        honest.tick()
        if not done and phase_of(honest) == phase:
            done = True
            stage.client.request("anvil_reorg", hex(depth))
            continue
        if done and finished(honest):
            break
        if stage.client.head().number == before:
            stage.mine(10)
    assert done and finished(honest)
    assert told.named("reorganised") or depth == 1
    for _ in range(12):
        honest.tick()
        stage.mine(1)
    must_hold(stage, honest, liars=("operator",), before_wei=FUND_WEI)


def test_L03_a_payment_that_a_reorganisation_takes_back_is_made_again_and_once(stage: Stage) -> None:
    """L1 takes back a claim and the confirmation before it. Both are gone together: nothing is paid from a state that is
    not confirmed, and what was paid is paid again once."""
    honest = stage.party("challenger", Mode.PROPOSE, Told())
    honest.tick()
    stage.mine(PERIOD_BLOCKS + 1)
    for _ in range(3):
        honest.tick()
    proof = Auditor().audit(EventReader(stage.client, stage.deployment).poll().events).withdrawal_proof(0)
    stage.transact("bob", "claim", "Vault", "claim", *proof)
    alice = account("alice").address
    assert stage.call("TestToken", "balanceOf", alice) == 10**9
    stage.client.request("anvil_reorg", hex(6))
    assert stage.call("TestToken", "balanceOf", alice) == 0
    assert refusal(stage, "alice", "Vault", "claim", *proof) == "NotConfirmed"
    stage.mine(12)
    confirm_by_time(stage, honest)
    stage.transact("alice", "claim again", "Vault", "claim", *proof)
    assert refusal(stage, "bob", "Vault", "claim", *proof) == "AlreadyClaimed"
    assert stage.call("TestToken", "balanceOf", alice) == 10**9
    must_hold(stage, honest)
