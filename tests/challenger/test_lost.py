"""L1 has confirmed a lie, and more upon it: the challenger says so and goes on watching, also when it starts anew."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from threading import Event, Thread
from typing import Any

from typer.testing import CliRunner

from tallystick.errors import Disputed
from tallystick.journal import Journal
from tallystick.party.duties import Mode
from tallystick.ports.system import SystemClock
from tallystick.rollup.views.assertion_view import Status
from tallystick.testing.l1_stage import PERIOD_BLOCKS, Stage, Told
from tallystick.testing.rogues.lies import LIES
from tallystick_challenger.cli import app
from tallystick_challenger.config import ChallengerConfig
from tallystick_challenger.daemon import run
from tallystick_challenger.telling.teller import Telling

WAIT_SECONDS = 60


class Watching:
    """A challenger in a thread that only watches, with metrics."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.path = folder / "events.jsonl"
        self.path.unlink(missing_ok=True)
        self.stop = Event()
        self.journal = Journal(self.path, clock=SystemClock())
        config = ChallengerConfig(
            rpc=(stage.server.url,),
            deployment=stage.folder / "deployment.json",
            data_dir=folder,
            mode=Mode.WATCH,
            key=None,
            poll_seconds=0.05,
            tag="latest",
            telling=Telling(metrics=0),
        )
        self.thread = Thread(target=run, args=(config, self.journal, self.stop))
        self.thread.start()

    def wait_for(self, name: str) -> dict[str, Any]:
        for _ in range(WAIT_SECONDS * 20):
            found = [each for each in map(json.loads, self.path.read_text().splitlines()) if each["event"] == name]
            if found:
                event: dict[str, Any] = found[-1]
                return event
            assert self.thread.is_alive(), self.path.read_text()
            self.stop.wait(0.05)
        raise AssertionError(f"no event {name}")

    def metric(self, name: str) -> float:
        port = self.wait_for("metrics_served")["port"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return next(float(each.split()[1]) for each in lines if each.startswith(f"tallystick_challenger_{name} "))

    def end(self) -> None:
        self.stop.set()
        self.thread.join(WAIT_SECONDS)
        self.journal.close()


def confirm_two(stage: Stage) -> list[bytes]:
    """Have L1 confirm a lie and its child, and return both."""
    liar = stage.party("operator", Mode.PROPOSE, Told(), LIES["mint-deposit"](bytes(20)).step)
    liar.tick()
    stage.begin()
    stage.publish()
    for _ in range(6):
        liar.tick()
        stage.mine(PERIOD_BLOCKS // 2)
    liar.tick()
    found = [each for each in liar.rollup.assertions.values() if each.parent]
    assert [each.status for each in found] == [Status.CONFIRMED] * 2
    return [each.id for each in found]


def test_a_lie_and_its_child_that_l1_confirms_are_told_and_watching_goes_on(stage: Stage, tmp_path: Path) -> None:
    awake = Watching(stage, tmp_path / "awake")
    awake.wait_for("caught_up")
    lie, child = confirm_two(stage)
    watchers = [awake, Watching(stage, tmp_path / "late")]
    try:
        for each in watchers:
            assert each.wait_for("lie_confirmed")["assertion"] == "0x" + lie.hex()
            told = each.wait_for("confirmed_on_lie")
            assert (told["assertion"], told["lie"]) == ("0x" + child.hex(), "0x" + lie.hex())
            assert told["alarm"] and each.wait_for("caught_up")
        awake.end()
        watchers[0] = Watching(stage, tmp_path / "awake")
        watchers[0].wait_for("confirmed_on_lie")
        watchers[0].wait_for("caught_up")
        before = stage.client.head().number
        stage.mine(30)
        for each in watchers:
            while each.metric("head_block") <= before:
                assert each.thread.is_alive()
                each.stop.wait(0.05)
            assert each.metric("wrong_roots_confirmed") == 1
            assert each.thread.is_alive()
    finally:
        for each in watchers:
            each.end()
    command = ["verify", "--deployment", str(tmp_path / "deployment.json"), "--rpc", stage.server.url]
    assert isinstance(CliRunner().invoke(app, command).exception, Disputed)
