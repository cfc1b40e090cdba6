"""The blocks of the page on failover, run as written by a shell, with a real server between two operators."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tallystick.shapes.routes import INFO
from tallystick.state.ordinals import MarketId
from tallystick.testing.world import key
from tallystick.trader.client import TraderClient
from tallystick.transport import Transport
from tests.meta.tree import ROOT
from tests.operator.scene import Scene, scene_in
from tests.standby.servers import NatsServer, free_port, nats_server

BLOCK = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
pytestmark = [pytest.mark.campaign, pytest.mark.timeout(600)]
"""Processes that start, as those of the other runbooks."""
BUY = 0


class Machines:
    """A shell in a folder, and the daemons that its blocks have started."""

    def __init__(self, scene: Scene, server: NatsServer) -> None:
        self.scene = scene
        self.url = f"http://127.0.0.1:{free_port()}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "NATS": server.url("exchange"),
            "RPC": scene.stage.server.url,
            "TALLYSTICK_OPERATOR": self.url,
            "TALLYSTICK_OPERATOR_PORT": self.url.rpartition(":")[2],
            "TALLYSTICK_OPERATOR_GATEWAYS": "0",
            "TALLYSTICK_OPERATOR_BATCH_SECONDS": "0.2",
            "TALLYSTICK_OPERATOR_QUIET_SECONDS": "0.2",
            "TALLYSTICK_OPERATOR_CONFIRMATIONS": "0",
        }
        self.daemons: list[subprocess.Popen[bytes]] = []

    def run(self, script: str) -> str:
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=self.scene.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def begin(self, script: str, says: str) -> subprocess.Popen[bytes]:
        """Run a block that goes on, until it says something."""
        path = self.scene.folder / f"said-{len(self.daemons)}"
        with path.open("wb") as out:
            daemon = subprocess.Popen(
                ["bash", "-euc", f"exec {script.strip()}"],
                cwd=self.scene.folder,
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.daemons.append(daemon)
        self.scene.wait(lambda: says in path.read_text() or daemon.poll() is not None, says)
        assert daemon.poll() is None, path.read_text()
        return daemon

    def close(self) -> None:
        for each in self.daemons:
            if each.poll() is None:
                each.kill()
            each.wait()


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    with ExitStack() as stack:
        made = Machines(stack.enter_context(scene_in(tmp_path)), stack.enter_context(nats_server(tmp_path)))
        stack.callback(made.close)
        yield made


def test_two_operators_follow_each_other_by_their_runbook(machines: Machines) -> None:
    text = (ROOT / "docs" / "runbooks" / "failover.md").read_text(encoding="utf-8")
    leads, share, stands_by, look, comes_back, compare, alone = BLOCK.findall(text)
    scene = machines.scene
    scene.stage.deposit("alice")
    first = machines.begin(leads, "Stop with Ctrl-C")
    machines.run(share)
    second = machines.begin(stands_by, "standing by")
    client = TraderClient(machines.url, key("alice"))
    with Transport(machines.url) as http:
        scene.wait(lambda: http.ask(INFO).messages_consumed == 1, "the deposit", mine=1)
    told = [client.order(MarketId(0), BUY, 600_000, 1) for _ in range(5)]
    client.close()

    first.kill()
    first.wait()
    second_said = scene.folder / "said-1"
    scene.wait(lambda: "operator ready" in second_said.read_text(), "the other one to lead")
    client = TraderClient(machines.url, key("alice"))
    assert client.info().records > max(each.record_number for each in told)
    told.append(client.order(MarketId(0), BUY, 600_000, 1))
    assert "more are" in machines.run(look)

    back = machines.begin(comes_back, "standing by")
    assert machines.run(compare).count("a start") == 2
    records = client.info().records
    client.close()
    second.terminate()
    assert second.wait(60) == 0
    back_said = scene.folder / "said-2"
    scene.wait(lambda: "operator ready" in back_said.read_text(), "the first one to lead again")
    client = TraderClient(machines.url, key("alice"))
    assert client.info().records >= records
    told.append(client.order(MarketId(0), BUY, 600_000, 1))
    assert len({each.record_number for each in told}) == len(told)
    client.close()
    back.terminate()
    assert back.wait(60) == 0

    alone_leads = leads.replace("--log $NATS ", "").replace("first", "alone")
    one = machines.begin(alone_leads, "Stop with Ctrl-C")
    machines.begin(alone, "standing by")
    one.kill()
    one.wait()
    last_said = scene.folder / "said-4"
    scene.wait(lambda: "operator ready" in last_said.read_text(), "who stood by on the same files")
