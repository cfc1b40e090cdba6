"""An operator's pages on its start, its keys, a stuck L1 and a lost machine: their blocks, run as written and in order."""

from __future__ import annotations

import os
import shutil
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.forks import forks
from tests.e2e.test_runbooks import DAY, Desk, blocks

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(900)]
"""Processes that start, as those of the other runbooks."""


class Endpoint:
    """A way to L1 that can be cut."""

    def __init__(self, port: int) -> None:
        ends = self._ends = list[socket.socket]()

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection(("127.0.0.1", port)) as there:
                    ends.append(there)
                    back = threading.Thread(target=pour, args=(there, self.request), daemon=True)
                    back.start()
                    pour(self.request, there)

        self.open = True
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def cut(self) -> None:
        if self.open:
            self.open = False
            self._server.shutdown()
            self._server.server_close()
            for each in self._ends:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)


def pour(source: socket.socket, sink: socket.socket) -> None:
    """Hand on what comes, one way, until either side ends."""
    with suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def ways(tmp_path: Path) -> Iterator[tuple[Desk, Endpoint]]:
    """An L1 with the contracts, a shell, and the endpoint that the shell knows."""
    with forks(tmp_path) as bin_folder:
        work = tmp_path / "work"
        work.mkdir()
        desk = Desk(work, f"{bin_folder}:{os.environ['PATH']}")
        desk.environment["TALLYSTICK_OPERATOR_GATEWAYS"] = "1"
        endpoint = Endpoint(int(desk.environment["TALLYSTICK_L1_PORT"]))
        try:
            for block in blocks("local.md"):
                desk.block(block)
                if "l1 dev" in block:
                    desk.rpc("evm_setAutomine", True)
                if "l1 deploy" in block:
                    break
            desk.environment["SECOND"] = desk.environment["TALLYSTICK_L1_RPC"]
            desk.environment["RPC"] = desk.environment["TALLYSTICK_L1_RPC"] = endpoint.url
            yield desk, endpoint
        finally:
            desk.end()
            endpoint.cut()


def is_ready(desk: Desk) -> None:
    desk.until("tallystick operator status", "yes")


def half_a_day(desk: Desk) -> None:
    """Let it pass, and the operator tell L1 so: strangers might post behind a silence of a whole one."""
    before = desk.json("tallystick operator status")["l1"]["batches_posted"]
    desk.rpc("evm_increaseTime", hex(DAY // 2 + 1))
    desk.rpc("evm_mine")
    desk.when(lambda info: info["l1"]["batches_posted"] > before)


def test_an_operator_is_started_gets_other_keys_outlives_a_stuck_l1_and_a_lost_machine(
    ways: tuple[Desk, Endpoint],
) -> None:
    desk, endpoint = ways
    check, keys, ether, bond, start, ready = blocks("start.md")
    for block in (check, keys, ether, bond, start):
        desk.block(block)
    is_ready(desk)
    desk.block(ready)
    assert "which counts" in desk.run("tallystick operator bond status")
    first = desk.json("tallystick operator status")["receipt_signer"]

    announce, again, look, retire, drain = blocks("key-rotation.md")
    desk.block(announce)
    half_a_day(desk)
    half_a_day(desk)
    desk.end(first=1)
    desk.block(again)
    desk.until(look, "which counts")
    assert desk.json("tallystick operator status")["receipt_signer"] != first
    desk.block(retire)

    status, second, balance, fund, afterwards = blocks("stuck-l1.md")
    endpoint.cut()
    desk.until(status, "trouble")
    desk.environment["TALLYSTICK_L1_RPC"] = desk.environment["SECOND"]
    desk.end(first=1)
    desk.block(second.replace("receipts.key", "receipts-2.key"))
    for block in (balance, fund):
        desk.block(block)
    is_ready(desk)
    desk.block(afterwards)

    backup, restore, run, lost = blocks("restore.md")
    desk.block(backup)
    before = desk.json("tallystick operator status")["batches_sealed"]
    desk.end(first=1)
    shutil.rmtree(Path(desk.folder) / "operator-data")
    desk.block(restore)
    desk.block(run.replace("receipts.key", "receipts-2.key"))
    is_ready(desk)
    assert desk.json("tallystick operator status")["batches_sealed"] >= before
    desk.block(lost)
    desk.block(drain)
    assert desk.daemons.pop().wait(120) == 0
