"""The whole operator on the embedded L1: deposits in, batches and assertions out, restarts, and lies."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import threading
from typing import Any

from tallystick.party.duties import Mode
from tallystick.ports.system import SystemClock
from tallystick.rollup.claims import claim_from_l1
from tallystick.shapes.routes import INFO
from tallystick.state.ordinals import MarketId
from tallystick.testing.l1_stage import Told, account
from tallystick.testing.world import address, key
from tallystick.trader.client import TraderClient
from tallystick.trader.onchain import TraderL1, claim_from_operator
from tallystick.transport import OperatorUnreachable
from tests.operator.scene import Scene

BUY, SELL = 0, 1


def test_money_goes_in_is_traded_and_comes_out_again(scene: Scene) -> None:
    stage = scene.stage
    stage.deposit("alice")
    running = scene.start()
    stage.deposit("bob")
    alice, bob = scene.client(running, "alice"), scene.client(running, "bob")
    scene.wait(lambda: running.http.ask(INFO).messages_consumed == 2, "the deposits")
    scene.open_market(running)
    assert alice.order(MarketId(0), BUY, 617_990, 50, client_id=7).resting_lots == 50
    assert bob.order(MarketId(0), SELL, 617_980, 20).fills[0].price_ticks == 617_990
    withdrawn = alice.withdraw(10**9)
    assert withdrawn.withdrawal == 0

    def status() -> Any:
        return alice.withdrawals()[0]

    scene.wait(lambda: status().status == "claimable", "the withdrawal", mine=10)
    from_l1 = claim_from_l1(stage.client, stage.deployment, 0)
    from_operator = claim_from_operator(status())
    assert (from_l1.recipient, from_l1.amount_units) == (from_operator.recipient, from_operator.amount_units)
    receipt = TraderL1(stage.client, stage.deployment, account("bob"), SystemClock()).claim(from_operator)
    assert receipt.gas_used < 300_000
    assert stage.call("TestToken", "balanceOf", account("alice").address) == 10**9
    scene.wait(lambda: status().status == "claimed", "the Vault's event")
    assert {"batch_sealed", "batch_posted", "asserted", "confirmed"} <= {
        json.loads(line)["event"] for line in running.events.read_text().splitlines()
    }
    for client in (alice, bob):
        client.close()
    running.stop()


def test_a_restart_goes_on_where_the_log_ends(scene: Scene) -> None:
    stage = scene.stage
    stage.deposit("alice")
    running = scene.start()
    scene.wait(lambda: running.http.ask(INFO).messages_consumed == 1, "the deposit")
    scene.open_market(running)
    alice = scene.client(running, "alice")
    first = alice.order(MarketId(0), BUY, 600_000, 5, client_id=1)
    alice.close()
    running.stop()
    posted = stage.call("Inbox", "batchCount")
    assert posted >= 1, "a shutdown seals and posts what was open"
    again = scene.start()
    alice = scene.client(again, "alice")
    assert [order.client_id for order in alice.orders()] == [1]
    second = alice.order(MarketId(0), BUY, 600_000, 5, client_id=2)
    assert second.record_number > first.record_number
    scene.wait(lambda: stage.call("Inbox", "batchCount") > posted, "the next batch")
    alice.close()
    again.stop()
    told = Told()
    judge = stage.party("challenger", Mode.WATCH, told)
    while not judge.tick():
        pass
    assert not told.named("assertion_wrong")


def test_killed_at_any_moment_it_keeps_every_acknowledged_order(scene: Scene) -> None:
    stage = scene.stage
    stage.deposit("alice")
    running = scene.start()
    scene.wait(lambda: running.http.ask(INFO).messages_consumed == 1, "the deposit")
    scene.open_market(running)
    running.stop()
    command = scene.command("--gateways", "0")
    acknowledged: dict[int, int] = {}
    unanswered = None
    for life in range(3):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        ready = json.loads(child.stdout.readline())
        client = TraderClient(ready["url"], key("alice"))
        if unanswered is not None:
            answer = client.send(unanswered)
            acknowledged[unanswered.value("client_id")] = answer.record_number
        client.next_nonce = client.account().next_nonce
        assert client.domain
        assert client.receipt_signer
        killer = threading.Timer(0.25 + 0.2 * life, child.send_signal, (signal.SIGKILL,))
        killer.start()
        for i in range(10_000):
            unanswered = client.signed("order", market=0, price_ticks=600_000, lots=1, client_id=life * 10_000 + i)
            try:
                acknowledged[life * 10_000 + i] = client.send(unanswered).record_number
            except OperatorUnreachable:
                break
        child.wait()
        child.stdout.close()
        killer.join()
        client.close()
    last = scene.start()
    alice = scene.client(last, "alice")
    assert unanswered is not None
    acknowledged[unanswered.value("client_id")] = alice.send(unanswered).record_number
    resting = {order.client_id: order.record_number for order in alice.orders()}
    assert resting == acknowledged
    assert len(set(acknowledged.values())) == len(acknowledged) > 10
    alice.close()
    last.stop()


def test_a_rogue_lies_once_and_loses_its_bond(scene: Scene) -> None:
    stage, name = scene.stage, "steal-withdrawal"
    stage.deposit("alice")
    honest = scene.start()
    scene.wait(lambda: honest.http.ask(INFO).messages_consumed == 1, "the deposit")
    alice = scene.client(honest, "alice")
    alice.withdraw(5)
    scene.wait(lambda: honest.named("asserted"), "an honest assertion", mine=1)
    alice.close()
    honest.stop()
    rogue = scene.start(lie=name)
    alice = scene.client(rogue, "alice")
    alice.withdraw(7)
    scene.wait(lambda: rogue.named("lied"), "the lie", mine=1)
    assert rogue.named("lied")[0]["name"] == name
    alice.withdraw(9)
    told = Told()
    challenger = stage.party("challenger", Mode.RESOLVE, told)

    def settled() -> bool:
        challenger.tick()
        return any(dispute.settled for dispute in challenger.challenge.disputes.values())

    scene.wait(settled, "the end of the dispute", mine=4)
    proofs = [facts for facts in told.named("moved") if facts["move"] == "prove"]
    assert len(proofs) == 1
    assert [facts["proposer"] for facts in told.named("assertion_wrong")] == [address("operator")]
    assert len(rogue.named("lied")) == 1
    alice.close()
    rogue.stop()


def test_an_operator_that_lost_its_disk_goes_on_from_l1(scene: Scene) -> None:
    stage = scene.stage
    stage.deposit("alice")
    running = scene.start()
    scene.wait(lambda: running.http.ask(INFO).messages_consumed == 1, "the deposit")
    scene.open_market(running)
    alice = scene.client(running, "alice")
    alice.order(MarketId(0), BUY, 600_000, 5, client_id=1)
    alice.withdraw(5)
    before = alice.account()
    alice.close()
    running.stop()
    shutil.rmtree(scene.folder / "data")
    again = scene.start()
    assert again.named("adopted")
    alice = scene.client(again, "alice")
    assert alice.account() == before
    assert alice.withdrawals()[0].amount_units == 5
    assert alice.cancel(1).accepted
    count = stage.call("Inbox", "batchCount")
    scene.wait(lambda: stage.call("Inbox", "batchCount") > count, "the next batch")
    alice.close()
    again.stop()
    third = scene.start()
    alice = scene.client(third, "alice")
    assert not alice.orders()
    alice.close()
    third.stop()


def test_a_batch_that_somebody_else_posts_is_built_upon(scene: Scene) -> None:
    """P10: it ended the operator once. What was acknowledged in the open batch comes behind it."""
    stage = scene.stage
    stage.deposit("alice")
    running = scene.start()
    scene.wait(lambda: stage.call("Inbox", "batchCount") == 1, "the first batch")
    alice = scene.client(running, "alice")
    index, limit = 1, 1
    time = max(stage.client.head().timestamp, stage.call("Inbox", "batchUntil"))
    stage.transact("operator", "foreign", "Inbox", "postBatch", index, time, time, limit, [b"x" * 100])
    scene.wait(lambda: running.http.ask(INFO).batches_sealed >= 2, "the operator to see it")
    alice.withdraw(5)
    scene.wait(lambda: stage.call("Inbox", "batchCount") == 3, "its own batch behind it")
    assert alice.withdrawals()[0].amount_units == 5
    alice.close()
    running.stop()


def test_a_posted_batch_that_a_reorganisation_takes_back_is_posted_again(scene: Scene) -> None:
    stage = scene.stage
    stage.deposit("alice")
    running = scene.start()
    scene.wait(lambda: stage.call("Inbox", "batchCount") == 1, "the first batch")
    before = stage.chain.request("evm_snapshot")
    alice = scene.client(running, "alice")
    alice.withdraw(5)
    scene.wait(lambda: running.http.ask(INFO).l1.batches_posted == 2, "the second batch")
    depth = 62  # with the batch and the assertions, 64 or so
    stage.mine(depth)
    stage.chain.request("evm_revert", before)
    stage.mine(3)
    scene.wait(lambda: stage.call("Inbox", "batchCount") == 2, "the second batch, again")
    scene.wait(lambda: running.http.ask(INFO).l1.batches_posted == 2, "the operator to see it")
    alice.close()
    running.stop()


def test_an_l1_that_does_not_answer_is_waited_for(scene: Scene) -> None:
    stage = scene.stage
    stage.deposit("alice")
    running = scene.start()
    scene.wait(lambda: running.http.ask(INFO).messages_consumed == 1, "the deposit")
    alice = scene.client(running, "alice")
    stage.server.close()
    assert alice.withdraw(5).accepted, "trading goes on without L1"
    scene.wait(lambda: running.http.ask(INFO).l1.problem, "the trouble to show")
    alice.close()
    running.stop()
