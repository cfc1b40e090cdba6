"""The operator and the trader's commands as processes of their own: what a trader was told survives a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tallystick.errors import REJECTED
from tallystick.l1.sending.keys import save_key
from tallystick.shapes.routes import INFO
from tallystick.testing.l1_stage import account
from tests.operator.scene import Scene, scene_in


class Processes:
    """An operator's process, and commands that talk to it."""

    def __init__(self, scene: Scene) -> None:
        self.command = scene.command("--gateways", "0", "--quiet-seconds", "0.1")
        self.key_file = str(scene.folder / "alice.key")
        save_key(account("alice"), scene.folder / "alice.key")

    def start(self) -> None:
        self.child = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        assert self.child.stdout is not None
        self.url = json.loads(self.child.stdout.readline())["url"]

    def kill(self) -> None:
        if self.child.returncode is not None:
            return
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        assert self.child.stdout is not None
        self.child.stdout.close()

    def trader(self, *arguments: str) -> tuple[int, Any, str]:
        """Run one command; return its exit code, the JSON it prints, and what it complains of."""
        environment = {**os.environ, "TALLYSTICK_OPERATOR": self.url, "TALLYSTICK_KEY_FILE": self.key_file}
        command = [sys.executable, "-m", "tallystick", "trader", *arguments, "--json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scene_in(tmp_path) as scene:
        yield scene


def test_orders_and_event_numbers_survive_a_kill_of_the_operator(scene: Scene) -> None:
    scene.stage.deposit("alice")
    running = scene.start()
    scene.wait(lambda: running.http.ask(INFO).messages_consumed == 1, "the deposit")
    scene.open_market(running)
    running.stop()
    processes = Processes(scene)
    processes.start()
    try:
        _trade_through_a_kill(processes)
    finally:
        processes.kill()


def _trade_through_a_kill(processes: Processes) -> None:
    code, placed, _ = processes.trader("order", "0", "buy", "3", "617000", "--post-only", "--client-id", "7")
    assert (code, placed["outcome"]) == (0, "ACCEPTED")
    code, refused, _ = processes.trader("order", "0", "buy", "3", "617000", "--reduce-only")
    assert (code, refused["outcome"]) == (REJECTED, "NOTHING_TO_REDUCE")
    code, before, _ = processes.trader("order-status", "7")
    assert (code, before["status"], before["remaining_lots"]) == (0, "open", 3)
    processes.kill()
    code, nothing, complaint = processes.trader("order-status", "7")
    assert (code, nothing) == (3, None)
    assert "is it running there?" in complaint
    processes.start()
    assert processes.trader("order-status", "7") == (0, before, "")
    code, event, _ = processes.trader("follow", "--after", "0", "--account", "1", "--count", "1")
    assert (code, event["event"], event["values"]["account"]) == (0, "deposit", 1)
    code, _, complaint = processes.trader("order", "9", "buy", "1", "--market", "--slippage", "1")
    assert code == 2
    assert "`trader markets` lists them" in complaint
    assert processes.trader("cancel-all")[1]["outcome"] == "ACCEPTED"


def test_a_signer_keeps_a_market_open_until_it_is_interrupted(scene: Scene) -> None:
    running = scene.start()
    client = scene.client(running)
    command = [sys.executable, "-m", "tallystick", "trader", "report-price", "0", "618500", "--every", "100ms"]
    for i in range(3):
        save_key(account(f"signer {i}"), scene.folder / f"{i}.key")
        command += ["--key-file", str(scene.folder / f"{i}.key")]
    command += ["--operator", running.operator.url, "--rpc", scene.stage.server.url]
    child = subprocess.Popen(
        [*command, "--deployment", str(scene.folder / "deployment.json")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        times: set[int] = set()

        def three_reports() -> bool:
            times.add(int(client.markets()[0].index_ms))
            return len(times) > 3

        scene.wait(three_reports, "three reports behind the first", mine=1)
        client.close()
        running.stop()
        assert child.stderr is not None
        while "not reported" not in child.stderr.readline():
            pass
    finally:
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=20)
    assert child.returncode == 0
