"""The runbooks' blocks, run as written and in order by a shell, against chain, operator and challenger of their own.

Ports come from the environment, as the page on commands says; what takes days passes on the development chain. What a
block cannot know, its page introduces as a variable.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.forks import forks
from tests.meta.tree import ROOT

BOOKS = ROOT / "docs" / "runbooks"
BLOCK = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
pytestmark = [pytest.mark.campaign, pytest.mark.timeout(900)]
"""A minute, most of it processes that start: a file of `make test` has no more than that on a slow machine. Days and a hundred blocks pass at once; what is left is mostly waiting where others use the machine."""

DAEMONS = {
    "l1 dev": "Stop with Ctrl-C",
    "operator run": "Stop with Ctrl-C",
    "challenger run": "caught up",
    "trader report-price": "reported at",
}
"""A block with one of these goes on until somebody ends it; and what it says when it has begun."""
WAIT_SECONDS = 180.0
SEAL_SECONDS = 1
"""After which a batch is sealed, whatever is in it."""
DAY = 24 * 3600
HOLD = """
tallystick trader order 0 buy 21 617990 --key-file alice.key
tallystick trader order 0 sell 21 617990 --key-file bob.key
"""
"""Makes alice long, and bob short, by the 20 lots that the second runbook closes."""


class Desk:
    """A folder with a shell, in which blocks of a runbook are run."""

    def __init__(self, folder: Path, path: str) -> None:
        self.folder = folder
        l1, operator = free_port(), free_port()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")},
            "PATH": path,
            "TALLYSTICK_L1_PORT": str(l1),
            "TALLYSTICK_L1_RPC": f"http://127.0.0.1:{l1}",
            "TALLYSTICK_OPERATOR_PORT": str(operator),
            "TALLYSTICK_OPERATOR": f"http://127.0.0.1:{operator}",
            "TALLYSTICK_OPERATOR_BATCH_SECONDS": str(SEAL_SECONDS),
            "TALLYSTICK_OPERATOR_QUIET_SECONDS": str(SEAL_SECONDS),
            "TALLYSTICK_OPERATOR_CONFIRMATIONS": "0",
            "TALLYSTICK_OPERATOR_POLL_SECONDS": "0.2",
        }
        self.daemons: list[subprocess.Popen[bytes]] = []

    def try_to(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euc", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT_SECONDS,
        )

    def run(self, script: str) -> str:
        done = self.try_to(script)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def json(self, command: str) -> Any:
        return json.loads(self.run(f"{command} --json"))

    def block(self, script: str) -> None:
        """Run a block; one that does not end by itself is begun, and waited for until it does its work."""
        words = [words for name, words in DAEMONS.items() if f"tallystick {name}" in script]
        if not words:
            self.run(script)
            return
        said = self.folder / f"daemon-{len(self.daemons)}.txt"
        with said.open("wb") as out:
            command = ["bash", "-euc", f"exec 2>&1; {script}"]
            daemon = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=out
            )
        self.daemons.append(daemon)
        deadline = time.monotonic() + WAIT_SECONDS
        while words[0] not in (text := said.read_text(encoding="utf-8")):
            assert daemon.poll() is None and time.monotonic() < deadline, f"{script}\n{text}"
            time.sleep(0.2)

    def until(self, script: str, wanted: str) -> None:
        """Repeat a command until it says what is wanted."""
        deadline = time.monotonic() + WAIT_SECONDS
        while wanted not in (done := self.try_to(script)).stdout:
            assert time.monotonic() < deadline, f"{script}: no {wanted!r} in\n{done.stdout}{done.stderr}"
            time.sleep(0.5)

    def rpc(self, method: str, *params: object) -> Any:
        """Ask the development chain for something that no command asks."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return httpx.post(self.environment["TALLYSTICK_L1_RPC"], json=body).json().get("result")

    def let_pass(self, seconds: int) -> None:
        """Let so much time pass, once all that was taken is on L1, until the operator knows: if there is one."""
        if self.daemons[1:]:
            time.sleep(SEAL_SECONDS + 1)
        self.when(lambda info: info["batches_sealed"] == info["l1"]["batches_posted"])
        self.rpc("evm_increaseTime", hex(seconds))
        self.rpc("evm_mine")
        head = int(self.rpc("eth_blockNumber"), 16)
        self.when(lambda info: info["l1"]["block"] >= head)

    def when(self, is_so: Callable[[Any], bool]) -> None:
        """Wait until something is so, by what the operator says of itself."""
        deadline = time.monotonic() + WAIT_SECONDS
        while self.daemons[1:] and not is_so(info := self.json("tallystick operator status")):
            assert time.monotonic() < deadline, info
            time.sleep(0.5)

    def end(self, first: int = 0) -> None:
        """End what goes on, the newest first, as Ctrl-C does; each ends well."""
        ending, self.daemons = self.daemons[first:], self.daemons[:first]
        for daemon in ending[::-1]:
            daemon.terminate()
        assert [daemon.wait(WAIT_SECONDS) for daemon in ending] == [0] * len(ending)


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def blocks(name: str) -> list[str]:
    return BLOCK.findall((BOOKS / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("runbooks")
    with forks(folder) as bin_folder:
        work = folder / "work"
        work.mkdir()
        desk = Desk(work, f"{bin_folder}:{os.environ['PATH']}")
        try:
            yield desk
        finally:
            desk.end()


@pytest.fixture(scope="module")
def exchange(desk: Desk) -> Desk:
    """Run the first runbook to its end."""
    for block in blocks("local.md"):
        if "claim 0 --from-l1" in block:
            assert "AlreadyClaimed" in desk.try_to(block).stderr
            continue
        desk.block(block)
        if "l1 dev" in block:
            desk.rpc("evm_setAutomine", True)  # beside a block each second: nobody here has to be waited for
        if "trader deposit" in block:
            desk.until("tallystick trader account --key-file bob.key && echo there", "there")
        if "block accept" in block:
            desk.run(HOLD)
        if "trader withdrawals" in block:
            desk.until("tallystick trader withdrawals 1", "asserted")
            desk.run("tallystick l1 mine 101")
            desk.until("tallystick trader withdrawals 1", "claimable")
    return desk


def test_N01_an_exchange_runs_and_pays_by_the_runbook_of_a_local_one(exchange: Desk) -> None:
    assert exchange.json("tallystick trader withdrawals 1")[0]["status"] == "claimed"


def test_N01_everybody_is_paid_by_the_runbook_of_an_operator_that_is_gone(exchange: Desk) -> None:
    """It goes on where the last one ended: its operator ends, its chain stays."""
    desk = exchange
    desk.end(first=1)
    desk.run("tallystick l1 new-key mine.key; tallystick l1 fund $(tallystick l1 address mine.key) 1000")
    desk.environment["RPC"] = desk.environment["TALLYSTICK_L1_RPC"]
    rescue, force, count, pay, claim = blocks("gone.md")
    desk.let_pass(DAY)
    desk.block(rescue)
    (held,) = desk.json("tallystick trader account 1")["positions"]
    assert held["size_lots"] == 20
    desk.block(force)
    desk.until("tallystick trader fills 1 --limit 1", "617985")
    assert not desk.json("tallystick trader account 1")["positions"]
    desk.let_pass(7 * DAY)
    desk.until("tallystick trader markets", "halted")
    desk.block(count)
    desk.let_pass(7 * DAY)
    desk.block(pay)
    withdrawn = desk.json("tallystick trader withdrawals 1")
    assert withdrawn[-1]["amount_units"] > 0 and withdrawn[-1]["status"] != "claimed"
    desk.until("tallystick trader withdrawals 1", "asserted")
    desk.run("tallystick l1 mine 101")
    desk.until("tallystick trader withdrawals 1", "claimable")
    desk.environment["NUMBER"] = str(withdrawn[-1]["index"])
    desk.block(claim)
