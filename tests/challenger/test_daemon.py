"""The daemon and its commands, against a real L1 with the real contracts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from tallystick.errors import BadInput, ConfigError, Disputed, StateError
from tallystick.journal import Journal
from tallystick.l1.sending.keys import KeyFile, save_key
from tallystick.party.duties import Mode
from tallystick.ports.system import SystemClock
from tallystick.testing.l1_stage import Stage, Told, account
from tallystick.testing.rogues.lies import LIES
from tallystick_challenger.cli import app
from tallystick_challenger.config import ChallengerConfig
from tallystick_challenger.daemon import run

WAIT_SECONDS = 60


@pytest.fixture
def config(stage: Stage, tmp_path: Path) -> ChallengerConfig:
    key_path = tmp_path / "key"
    save_key(account("challenger"), key_path)
    return ChallengerConfig(
        rpc=(stage.server.url,),
        deployment=tmp_path / "deployment.json",
        data_dir=tmp_path / "data",
        mode=Mode.RESOLVE,
        key=KeyFile(path=key_path),
        poll_seconds=0.05,
        tag="latest",
        patience_blocks=0,
    )


class Running:
    """The daemon in a thread."""

    def __init__(self, config: ChallengerConfig) -> None:
        config.data_dir.mkdir(exist_ok=True)
        self.path = config.data_dir / "events.jsonl"
        self.stop = Event()
        self.journal = Journal(self.path, clock=SystemClock())
        self.thread = Thread(target=run, args=(config, self.journal, self.stop))
        self.thread.start()

    def events(self, name: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.path.read_text().splitlines()]
        return [event for event in found if event["event"] == name]

    def wait_for(self, name: str, meanwhile: Callable[[], object] = lambda: None) -> dict[str, Any]:
        for _ in range(WAIT_SECONDS * 20):
            if found := self.events(name):
                return found[0]
            assert self.thread.is_alive()
            meanwhile()
            self.stop.wait(0.05)
        raise AssertionError(f"no event {name}")

    def end(self) -> None:
        self.stop.set()
        self.thread.join(WAIT_SECONDS)
        self.journal.close()
        assert not self.thread.is_alive()


@pytest.fixture
def start() -> Iterator[Callable[[ChallengerConfig], Running]]:
    running: list[Running] = []

    def start_one(config: ChallengerConfig) -> Running:
        running.append(Running(config))
        return running[-1]

    yield start_one
    for each in running:
        each.end()


Start = Callable[[ChallengerConfig], Running]


def test_an_honest_assertion_is_found_right_and_confirmed_in_time(
    stage: Stage, config: ChallengerConfig, start: Start
) -> None:
    stage.party("operator", Mode.PROPOSE, Told()).tick()
    daemon = start(config)
    ok = daemon.wait_for("assertion_ok")
    assert daemon.wait_for("replayed")["batches"] == 1
    stage.mine(210)
    confirmed = daemon.wait_for("confirmed")
    assert confirmed["assertion"] == ok["assertion"]
    assert confirmed["gas"] > 0 and confirmed["tx"].startswith("0x")
    assert stage.call("Rollup", "isConfirmed", bytes.fromhex(ok["assertion"][2:]))
    assert not daemon.events("assertion_wrong")


def test_a_lie_is_disputed_to_the_end_by_itself(stage: Stage, config: ChallengerConfig, start: Start) -> None:
    liar = stage.party("operator", Mode.PROPOSE, Told(), LIES["worse-fill"](bytes(20)).step)
    liar.tick()
    daemon = start(config)
    assert daemon.wait_for("assertion_wrong")["alarm"]

    def go_on() -> None:
        liar.tick()
        if any(event["move"] == "prove" for event in daemon.events("moved")):
            stage.mine(10)

    daemon.wait_for("settled", go_on)
    daemon.wait_for("credit_withdrawn")
    (proof,) = [event for event in daemon.events("moved") if event["move"] == "prove"]
    assert proof["step"] == "MATCH_MAKER"
    assert daemon.events("asserted")


def test_a_watcher_needs_no_key_raises_the_alarm_and_sends_nothing(
    stage: Stage, config: ChallengerConfig, start: Start
) -> None:
    stage.party("operator", Mode.PROPOSE, Told(), LIES["mint-deposit"](bytes(20)).step).tick()
    head = stage.client.head().number
    daemon = start(replace(config, mode=Mode.WATCH, key=None))
    assert daemon.wait_for("assertion_wrong")["alarm"]
    stage.mine(110)
    daemon.wait_for("lie_half_time")
    stage.mine(100)
    assert daemon.wait_for("lie_over_time")["alarm"]
    assert stage.client.head().number == head + 210, "no block of a transaction"


def test_it_refuses_contracts_it_does_not_know(stage: Stage, config: ChallengerConfig, tmp_path: Path) -> None:
    wrong = replace(stage.deployment, code_hashes={**stage.deployment.code_hashes, "Referee": bytes(32)})
    wrong.save(tmp_path / "deployment.json")
    config.data_dir.mkdir()
    journal = Journal(config.data_dir / "events.jsonl", clock=SystemClock())
    with pytest.raises(StateError, match="code on chain"):
        run(config, journal, Event())
    journal.close()


def test_a_mode_that_pays_wants_a_key(config: ChallengerConfig) -> None:
    with pytest.raises(ConfigError, match="needs a key"):
        replace(config, key=None)


def test_verify_tells_true_from_false_by_its_exit_code(stage: Stage, tmp_path: Path) -> None:
    arguments = ["verify", "--deployment", str(tmp_path / "deployment.json"), "--rpc", stage.server.url, "--json"]
    stage.party("operator", Mode.PROPOSE, Told()).tick()
    good = CliRunner().invoke(app, arguments)
    assert good.exit_code == 0
    assert [each["right"] for each in json.loads(good.stdout)["assertions"]] == [True]
    stage.party("mallory", Mode.DEFEND, Told(), LIES["steal-withdrawal"](bytes(20)).step).tick()
    bad = CliRunner().invoke(app, arguments)
    assert isinstance(bad.exception, Disputed)
    assert [each["right"] for each in json.loads(bad.stdout)["assertions"]] == [True, False]
    later = CliRunner().invoke(app, [*arguments, "--from", "1"])
    assert isinstance(later.exception, BadInput) and "batches 0 to 0" in later.exception.hint


def test_status_shows_what_l1_has(stage: Stage, tmp_path: Path) -> None:
    stage.party("operator", Mode.PROPOSE, Told()).tick()
    shown = CliRunner().invoke(
        app, ["status", "--deployment", str(tmp_path / "deployment.json"), "--rpc", stage.server.url]
    )
    assert shown.exit_code == 0
    assert "1 batches" in shown.stdout
    assert "pending" in shown.stdout
