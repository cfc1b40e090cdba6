"""A whole operator with a bond: its traders keep receipts, whoever claims is answered, and it promises nothing unsafe."""

from __future__ import annotations

from pathlib import Path

from tallystick.ports.system import SystemClock
from tallystick.rollup.promised_chain import Standing
from tallystick.shapes.routes import INFO
from tallystick.state.ordinals import MarketId
from tallystick.testing.l1_stage import account
from tallystick.testing.world import key
from tallystick.trader.client import TraderClient
from tallystick.trader.held import kept
from tallystick.trader.slasher import ClaimStatus, Slasher, Witness
from tallystick.transport import OperatorRefused
from tallystick_operator.intake.promises import PROMISED_WITHIN_SECONDS
from tests.operator.scene import Running, Scene

BUY = 0


def bonded(scene: Scene) -> Running:
    """Start an operator with a bond and its key on L1, and a trader whose deposit it has."""
    stage = scene.stage
    stage.deposit("alice")
    running = scene.start()
    signer = running.http.ask(INFO).receipt_signer
    stage.transact("operator", "bond", "Receipts", "deposit", value_wei=10**18)
    stage.transact("operator", "key", "Receipts", "setKey", signer)
    scene.wait(lambda: running.http.ask(INFO).messages_consumed == 1, "the deposit")
    scene.open_market(running)
    return running


def test_a_claim_is_answered_by_the_operator_itself(scene: Scene, tmp_path: Path) -> None:
    stage, path = scene.stage, tmp_path / "receipts.txt"
    running = bonded(scene)
    alice = TraderClient(running.operator.url, key("alice"), receipts=path)
    for lots in range(1, 4):
        assert alice.order(MarketId(0), BUY, 617_000, lots).accepted
    alice.close()
    receipts = kept(path)
    assert len(receipts) == 3
    posted = running.http.ask(INFO).batches_sealed + 1
    scene.wait(lambda: int(stage.call("Inbox", "batchCount")) >= posted, "the batch", mine=1)
    witness = Witness(stage.client, stage.deployment)
    assert {each.standing for each in witness.judge(receipts)} == {Standing.POSTED}
    stage.chain.request("evm_increaseTime", hex(PROMISED_WITHIN_SECONDS + 60))
    stage.mine(1)
    Slasher(witness, account("alice"), SystemClock())._claim(receipts[1])
    scene.wait(lambda: witness.claim_of(receipts[1])["status"] == ClaimStatus.ANSWERED, "the answer", mine=1)
    assert running.named("claim_answered")[0]["record"] == receipts[1].number
    running.stop()


def test_behind_a_long_silence_nothing_is_promised_before_an_own_batch_is_on_l1(scene: Scene) -> None:
    stage = scene.stage
    running = bonded(scene)
    running.stop()
    stage.chain.request("evm_increaseTime", hex(stage.deployment.config.takeover_delay_seconds * 3 // 4))
    stage.mine(1)
    running = scene.start(confirmations="3")
    alice = scene.client(running, "alice")
    refused: list[str] = []

    def taken() -> bool:
        try:
            return alice.order(MarketId(0), BUY, 617_000, 1).record_number > 0
        except OperatorRefused as refusal:
            refused.append(refusal.code)
            return False

    scene.wait(taken, "promises", mine=1)
    assert set(refused) == {"inbox_open"}
    alice.close()
    running.stop()
