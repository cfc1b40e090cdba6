"""A liar and one honest party on a real L1: every lie ends at one step, which the Referee runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.party.duties import Mode
from tallystick.rollup.views.assertion_view import Status
from tallystick.testing.l1_stage import DEPOSIT_UNITS, Stage, Told, account, trade_a_little
from tallystick.testing.rogues.lies import LIES

STEP_OF_LIE = {
    "steal-withdrawal": "WITHDRAW",
    "worse-fill": "MATCH_MAKER",
    "mint-deposit": "CONSUME_MESSAGE",
    "skip-time-priority": "MATCH_MAKER",
}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


def test_every_lie_of_the_operator_is_listed_here_or_may_strike_anywhere() -> None:
    assert set(LIES) == {*STEP_OF_LIE, "random-root"}


@pytest.mark.parametrize("name", sorted(LIES))
def test_a_lie_loses_its_bond_and_the_truth_is_confirmed(stage: Stage, name: str) -> None:
    """I5, I10 hold after the dispute: what L1 confirmed is what a replay gives, and the Vault holds what it owes."""
    trade_a_little(stage)
    stage.publish()
    lie = LIES[name](bytes.fromhex(account("operator").address[2:]))
    liar = stage.party("operator", Mode.PROPOSE, Told(), lie.step)
    told = Told()
    honest = stage.party("challenger", Mode.RESOLVE, told)

    stage.play([liar, honest], honest)

    proofs = [facts for facts in told.named("moved") if facts["move"] == "prove"]
    assert len(proofs) == 1
    if name in STEP_OF_LIE:
        assert proofs[0]["step"] == STEP_OF_LIE[name]
    assert len([facts for facts in told.named("moved") if facts["move"] == "bisect"]) == 20
    confirmed = honest.rollup.assertions[honest.rollup.latest_confirmed]
    assert confirmed.state_hash == stage.world.state.hash()
    rejected = [each for each in honest.rollup.assertions.values() if each.status is Status.REJECTED]
    assert [each.proposer.hex() for each in rejected] == [account("operator").address[2:].lower()]
    assert stage.call("TestToken", "balanceOf", "0x" + stage.place("Vault").hex()) == 2 * DEPOSIT_UNITS


def test_the_liars_bonds_are_gone_and_the_honest_side_gets_its_own_and_its_gas_back(stage: Stage) -> None:
    trade_a_little(stage)
    stage.publish()
    before = stage.client.balance_wei(bytes.fromhex(account("challenger").address[2:]))
    lie = LIES["worse-fill"](bytes(20))
    liar = stage.party("operator", Mode.PROPOSE, Told(), lie.step)
    honest = stage.party("challenger", Mode.RESOLVE, Told())
    before += 1_000 * 10**18

    stage.play([liar, honest], honest)
    for _ in range(4):
        honest.tick()

    assert stage.client.balance_wei(bytes.fromhex(account("challenger").address[2:])) >= before
    assert stage.call("Rollup", "credit", account("operator").address) == 0
    assert stage.call("Challenge", "credit", account("operator").address) == 0


def test_an_assertion_that_nobody_disputes_is_confirmed_by_time_and_pays_a_withdrawal(stage: Stage) -> None:
    from tallystick.demo.double_check import Auditor
    from tallystick.l1.client.events import EventReader

    trade_a_little(stage)
    stage.publish()
    operator = stage.party("operator", Mode.PROPOSE, Told())
    operator.tick()
    stage.mine(210)
    operator.tick()
    operator.tick()
    events = EventReader(stage.client, stage.deployment).poll().events

    proof = Auditor(stage.deployment.config.root_height).audit(events).withdrawal_proof(0)
    gas = stage.transact("bob", "claim", "Vault", "claim", *proof)

    assert gas < 200_000
    assert stage.call("TestToken", "balanceOf", account("alice").address) == 10**9
    assert stage.call("Vault", "isClaimed", 0)
