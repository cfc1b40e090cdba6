"""A whole operator with no more ether than one bond, or less: batches, assertions and confirmations never stop for money."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.l1.sending.keys import save_key
from tallystick.shapes.progress import L1Status
from tallystick.shapes.routes import INFO
from tallystick.state.ordinals import MarketId
from tallystick.testing.l1_stage import PERIOD_BLOCKS, account
from tallystick.testing.world import address
from tests.operator.scene import Running, Scene

BUY = 0
ETHER = 10**18
GAS_WEI = ETHER // 2
GENERATIONS = 5


def leave(scene: Scene, wei: int) -> None:
    """Have the operator's key hold no more than this."""
    stage = scene.stage
    left = stage.client.balance_wei(address("operator"))
    stage.queue("operator").send("spend", address("deployer"), b"", value_wei=left - wei, gas=21_000)
    assert stage.client.balance_wei(address("operator")) <= wei


def trade(scene: Scene, running: Running, generations: int) -> None:
    """Have an order in each of so many batches, whatever becomes of assertions."""
    stage = scene.stage
    stage.deposit("alice")
    scene.wait(lambda: running.http.ask(INFO).messages_consumed == 1, "the deposit")
    scene.open_market(running)
    alice = scene.client(running, "alice")
    for number in range(generations):
        before = stage.call("Inbox", "batchCount")
        assert alice.order(MarketId(0), BUY, 600_000 - number, 1, client_id=number + 1).accepted
        scene.wait(lambda before=before: stage.call("Inbox", "batchCount") > before, "its batch", mine=1)  # type: ignore[misc]
    alice.close()


def l1_of(running: Running) -> L1Status:
    return running.http.ask(INFO).l1


def all_asserted(running: Running) -> bool:
    """Whether the newest assertion covers every batch."""
    told = running.named("asserted")
    return bool(told) and max(each["limit"] for each in told) == l1_of(running).batches_posted


@pytest.mark.parametrize("own_key", [False, True])
def test_P04_an_operator_with_one_bond_asserts_and_confirms_generation_after_generation(
    scene: Scene, tmp_path: Path, own_key: bool
) -> None:
    """Nobody lies. The ether is for one bond and the root kept back for a rival, on the key that posts batches or on one for assertions alone."""
    stage = scene.stage
    who, more = "operator", {}
    terms = stage.deployment.config
    wei = terms.assertion_bond_wei + terms.challenge_bond_wei + GAS_WEI
    if own_key:
        who = "erin"
        save_key(account("erin"), tmp_path / "erin.key")
        stage.chain.request("tallystick_fund", "0x" + address("erin").hex(), hex(wei))
        more = {"assert_key_file": str(tmp_path / "erin.key")}
    else:
        leave(scene, wei)
    running = scene.start(**more)
    trade(scene, running, GENERATIONS)
    scene.wait(lambda: all_asserted(running), "the last assertion", mine=1)
    assert len(running.named("asserted")) >= GENERATIONS // 2
    assert stage.client.balance_wei(address(who)) < terms.challenge_bond_wei + GAS_WEI, "the only bond is out"
    stage.mine(PERIOD_BLOCKS)
    newest = running.named("asserted")[-1]["assertion"]
    scene.wait(lambda: l1_of(running).latest_confirmed == newest, "all to be confirmed", mine=2)
    assert not running.named("not_taken") and not running.named("failed")
    assert not [each for each in running.named("l1_problem") if "paid" in each["problem"] or "pay" in each["problem"]]
    running.stop()


def test_P03_an_operator_that_cannot_pay_its_bond_posts_batches_and_asserts_when_it_can(scene: Scene) -> None:
    """The bond is asked for first and waits; the batches behind it do not."""
    stage = scene.stage
    leave(scene, 2 * ETHER)
    running = scene.start()
    trade(scene, running, GENERATIONS)
    assert stage.call("Inbox", "batchCount") >= GENERATIONS
    assert running.http.ask(INFO).promises.open
    assert not running.named("asserted")
    assert any("cannot be paid" in each["problem"] for each in running.named("l1_problem"))
    stage.fund("operator")
    scene.wait(lambda: all_asserted(running), "the assertion", mine=1)
    running.stop()
