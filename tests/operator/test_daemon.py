"""The whole operator on the embedded L1: deposits in, batches and assertions out, restarts, and lies."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tallystick.l1.keys import save_key
from tallystick.records.signing import make, sign
from tallystick.rollup.duties import Mode
from tallystick.testing.stage import Stage, Told, account
from tallystick.testing.world import address, key
from tallystick.trader.client import TraderClient
from tallystick.trader.l1 import TraderL1, claim_from_l1, claim_from_operator
from tallystick.trader.transport import OperatorUnreachable, Transport
from tallystick_operator.config import Config
from tallystick_operator.daemon import Operator

WAIT_SECONDS = 30.0
BUY, SELL = 0, 1


class Running:
    """An operator in threads of this process."""

    def __init__(self, config: Config) -> None:
        self.operator = Operator(config)
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self.events = Path(config.data_dir) / "events.jsonl"
        self.http = Transport(self.operator.url)

    def stop(self) -> None:
        self.http.close()
        self.operator.stop()
        self._thread.join()
        if self.error is not None:
            raise self.error

    def named(self, name: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.events.read_text().splitlines()]
        return [event for event in found if event["event"] == name]

    def _run(self) -> None:
        try:
            self.operator.run()
        except Exception as error:  # noqa: BLE001  `stop` raises it where a test sees it
            self.error = error


class Scene:
    """A stage with an operator's files, and what one does with it."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.folder = folder
        self.running: list[Running] = []
        stage.deployment.save(folder / "deployment.json")
        save_key(account("operator"), folder / "operator.key")

    def config(self, **more: Any) -> Config:
        values: dict[str, Any] = {
            "rpc": self.stage.server.url,
            "deployment": str(self.folder / "deployment.json"),
            "data_dir": str(self.folder / "data"),
            "key_file": str(self.folder / "operator.key"),
            "port": 0,
            "batch_seconds": 0.2,
            "poll_seconds": 0.05,
        }
        return Config(**values | more)

    def start(self, **more: Any) -> Running:
        running = Running(self.config(**more))
        self.running.append(running)
        return running

    def client(self, running: Running, name: str | None = None) -> TraderClient:
        return TraderClient(running.operator.url, key(name) if name else None)

    def open_market(self, running: Running) -> None:
        client = self.client(running)
        listing = make(
            "list_market",
            market=0,
            multiplier=100,
            initial_ppm=50_000,
            maintenance_ppm=25_000,
            taker_ppm=500,
            maker_ppm=100,
            max_lots=1_000_000,
        )
        now = client.info()["clock_ms"]
        assert client.send(sign(listing, client.domain, key("governance"))).accepted
        for signer in range(3):
            report = make("report_price", market=0, signer=signer, round=1, price_ticks=618_000, time_ms=now)
            assert client.send(sign(report, client.domain, key(f"signer {signer}"))).accepted
        client.close()

    def wait(self, until: Callable[[], Any], what: str, mine: int = 0) -> Any:
        deadline = time.monotonic() + WAIT_SECONDS
        while not (found := until()):
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            if mine:
                self.stage.mine(mine)
            time.sleep(0.05)
        return found


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    stage = Stage(tmp_path)
    scene = Scene(stage, tmp_path)
    yield scene
    for running in scene.running:
        running.operator.stop()
        running._thread.join()
    stage.close()


def test_money_goes_in_is_traded_and_comes_out_again(scene: Scene) -> None:
    stage = scene.stage
    stage.deposit("alice")
    running = scene.start()
    stage.deposit("bob")
    alice, bob = scene.client(running, "alice"), scene.client(running, "bob")
    scene.wait(lambda: running.http.get("/v1/info")["messages_consumed"] == 2, "the deposits")
    scene.open_market(running)
    assert alice.order(0, BUY, 617_990, 50, client_id=7).resting_lots == 50
    assert bob.order(0, SELL, 617_980, 20).fills[0].price_ticks == 617_990
    withdrawn = alice.withdraw(10**9)
    assert withdrawn.withdrawal == 0

    def status() -> Any:
        return alice.withdrawals()[0]

    scene.wait(lambda: status().status == "claimable", "the withdrawal", mine=10)
    from_l1 = claim_from_l1(stage.client, stage.deployment, 0)
    from_operator = claim_from_operator(status())
    assert (from_l1.recipient, from_l1.amount_units) == (from_operator.recipient, from_operator.amount_units)
    receipt = TraderL1(stage.client, stage.deployment, account("bob")).claim(from_operator)
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
    scene.wait(lambda: running.http.get("/v1/info")["messages_consumed"] == 1, "the deposit")
    scene.open_market(running)
    alice = scene.client(running, "alice")
    first = alice.order(0, BUY, 600_000, 5, client_id=1)
    alice.close()
    running.stop()
    posted = stage.call("Inbox", "batchCount")
    assert posted >= 1, "a shutdown seals and posts what was open"
    again = scene.start()
    alice = scene.client(again, "alice")
    assert [order.client_id for order in alice.orders()] == [1]
    second = alice.order(0, BUY, 600_000, 5, client_id=2)
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
    scene.wait(lambda: running.http.get("/v1/info")["messages_consumed"] == 1, "the deposit")
    scene.open_market(running)
    running.stop()
    config = scene.config()
    arguments = ["--rpc", config.rpc, "--deployment", config.deployment, "--data-dir", config.data_dir]
    arguments += ["--key-file", config.key_file, "--port", "0", "--batch-seconds", "0.1", "--json-log"]
    command = [sys.executable, "-m", "tallystick_operator", "run", *arguments]
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


@pytest.mark.parametrize("name", ["steal-withdrawal", "random-root"])
def test_a_rogue_lies_once_and_loses_its_bond(scene: Scene, name: str) -> None:
    stage = scene.stage
    stage.deposit("alice")
    honest = scene.start()
    scene.wait(lambda: honest.http.get("/v1/info")["messages_consumed"] == 1, "the deposit")
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
