"""The bond's commands, against the contract on a development chain: each once, and what each refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tallystick.errors import BadInput, DataMismatch, L1Reverted, StateError, TallystickError
from tallystick.l1.sending.keys import save_key
from tallystick.shapes.routes import INFO
from tallystick.testing.l1_stage import Stage, account
from tallystick_operator.cli import app
from tests.operator.scene import Scene, scene_in

DAY = 86_400


class Desk:
    """A folder with a deployment and keys, in which the commands are given."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self._folder = folder
        stage.deployment.save(folder / "deployment.json")
        for name in ("operator", "stranger", "receipts", "second"):
            save_key(account(name), folder / f"{name}.key")
        stage.fund("stranger")

    def file(self, name: str) -> str:
        return str(self._folder / f"{name}.key")

    def bond(self, command: str, *words: str, by: str = "operator") -> Any:
        given = ["--deployment", str(self._folder / "deployment.json"), "--rpc", self.stage.server.url, "--json"]
        given += ["--operator", "http://127.0.0.1:1"] if command == "status" else ["--key-file", self.file(by)]
        result = CliRunner().invoke(app, ["bond", command, *words, *given])
        if isinstance(result.exception, TallystickError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return json.loads(result.output)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    stage = Stage(tmp_path)
    yield Desk(stage, tmp_path)
    stage.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scene_in(tmp_path) as scene:
        yield scene


def let_pass(stage: Stage, seconds: int) -> None:
    stage.chain.request("evm_increaseTime", hex(seconds))
    stage.mine(1)


def test_a_bond_is_paid_in_by_anybody_and_only_to_be_had_back_by_the_operator_when_it_is_free(desk: Desk) -> None:
    assert desk.bond("status")["bond_wei"] == "0"
    desk.bond("deposit", "1.5")
    desk.bond("deposit", "0.5", by="stranger")
    assert desk.bond("status")["bond_wei"] == str(2 * 10**18)
    with pytest.raises(L1Reverted, match="NotOperator"):
        desk.bond("leave", by="stranger")
    with pytest.raises(StateError) as early:
        desk.bond("collect")
    assert early.value.hint == "`operator bond leave` comes first"
    left = desk.bond("leave")
    status = desk.bond("status")
    assert status["leaving_at"] and left["free_at"] == status["free_at"]
    assert status["free_at"] - status["leaving_at"] == 31 * 3600 + desk.stage.deployment.config.takeover_delay_seconds
    with pytest.raises(StateError) as waits:
        desk.bond("collect")
    assert "free from" in waits.value.hint
    with pytest.raises(L1Reverted, match="Closed"):
        desk.bond("deposit", "1")
    let_pass(desk.stage, status["free_at"] - status["now"] + 1)
    before = desk.stage.client.balance_wei(bytes.fromhex(status["operator"][2:]))
    assert desk.bond("collect")["collected_wei"] == str(2 * 10**18)
    after = desk.bond("status")
    assert after["bond_wei"] == after["credit_wei"] == "0" and int(after["ether_wei"]) > before + 19 * 10**17
    with pytest.raises(StateError) as again:
        desk.bond("collect")
    assert again.value.hint == "it was fetched already"


def test_the_first_key_counts_at_once_and_the_next_a_day_later(desk: Desk) -> None:
    assert desk.bond("status")["receipt_key"] == ""
    first = desk.bond("set-key", desk.file("receipts"))
    assert desk.bond("status")["receipt_key"] == first["key"] == account("receipts").address.lower()
    second = desk.bond("set-key", account("second").address)
    now = desk.bond("status")
    assert now["receipt_key"] == first["key"] and second["counts_from"] - first["counts_from"] >= DAY
    with pytest.raises(L1Reverted, match="KeyChanging"):
        desk.bond("set-key", account("stranger").address)
    let_pass(desk.stage, DAY + 1)
    assert desk.bond("status")["receipt_key"] == second["key"]
    with pytest.raises(L1Reverted, match="BadKey"):
        desk.bond("set-key", desk.file("receipts"))
    with pytest.raises(BadInput):
        desk.bond("set-key", "nobody")


def test_an_epoch_is_raised_by_the_operator_alone(desk: Desk) -> None:
    assert [desk.bond("raise-epoch")["epoch"] for _ in range(2)] == [1, 2]
    assert desk.bond("status")["epoch"] == 2
    with pytest.raises(L1Reverted, match="NotOperator"):
        desk.bond("raise-epoch", by="stranger")


def test_calls_beside_a_running_operator_of_the_same_key_disturb_neither(scene: Scene) -> None:
    scene.stage.deposit("alice")
    running = scene.start()
    scene.open_market(running)
    signs = running.http.ask(INFO).receipt_signer
    given = ["--deployment", str(scene.folder / "deployment.json"), "--rpc", scene.stage.server.url]
    sends = [*given, "--key-file", str(scene.folder / "operator.key")]
    looks = ["bond", "status", *given, "--operator", running.operator.url]
    runner = CliRunner()
    assert isinstance(runner.invoke(app, looks).exception, DataMismatch), "it signs with a key that L1 does not know"
    for words in (["deposit", "1"], ["set-key", signs], ["raise-epoch"]):
        result = runner.invoke(app, ["bond", *words, *sends])
        assert result.exit_code == 0, result.output
    said = runner.invoke(app, looks)
    assert said.exit_code == 0 and "which counts" in said.output and "epoch 1" in said.output, said.output
    alice = scene.client(running, "alice")
    scene.wait(lambda: alice.info().messages_consumed, "the deposit", mine=1)
    answer = alice.send(alice.signed("order", market=0, price_ticks=600_000, lots=1, client_id=1))
    assert answer.accepted
    count = alice.info().batches_sealed
    scene.wait(lambda: alice.info().l1.batches_posted > count, "a batch behind the calls", mine=1)
    alice.close()
    running.stop()
