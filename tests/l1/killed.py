"""Runs a queue again and again, each time killed (SIGKILL) one boundary later, then once more to its end.

A boundary is a point before a statement that writes the store, or on either side of a broadcast. Run as a process of
its own, because it forks: `python -m tests.l1.killed URL DIRECTORY PROBE`. Prints how many boundaries there were.
"""

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tallystick.l1.abi import ContractAbi
from tallystick.l1.client.access import Contract
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.dev.dev_server import dev_accounts
from tallystick.l1.sending.queuestore import QueueStore
from tallystick.l1.sending.sender import TxQueue
from tallystick.ports.system import SystemClock
from tallystick.state.ordinals import BlockNumber

NOTES = (10, 11, 12)
PROBE = json.loads(Path(__file__).with_name("Probe.json").read_text())["Probe"]


class Killer:
    """Ends this process at the given boundary, as a power cut would."""

    def __init__(self, at: int) -> None:
        self.left = at

    def boundary(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def statement(self, text: str) -> None:
        if not text.startswith(("SELECT", "PRAGMA")):
            self.boundary()


class WatchedClient(L1Client):
    """A client whose broadcasts have a boundary on either side."""

    killer: Killer

    def send_raw(self, raw: bytes) -> bytes:
        self.killer.boundary()
        sent = super().send_raw(raw)
        self.killer.boundary()
        return sent


def work(url: str, path: Path, probe: bytes, at: int) -> None:
    """Sends three notes through a queue; dies at a boundary, if there are so many."""
    killer = Killer(at)
    connect = sqlite3.connect

    def watched(*args: object, **options: object) -> sqlite3.Connection:
        database = connect(*args, **options)  # type: ignore[call-overload]
        database.set_trace_callback(killer.statement)
        return database  # type: ignore[no-any-return]

    sqlite3.connect = watched  # type: ignore[assignment]
    client = WatchedClient(url, clock=SystemClock())
    client.killer = killer
    queue = TxQueue(client=client, account=dev_accounts(1)[0], store=QueueStore(path), clock=SystemClock())
    abi = ContractAbi("Probe", PROBE["abi"])
    for number in NOTES:
        queue.enqueue(f"note {number}", probe, abi.encode_call("note", number, b""))
    for number in NOTES:
        queue.wait(f"note {number}")


def in_child(run: Callable[[], None]) -> int:
    """How a child ended: 0, or the signal that killed it."""
    child = os.fork()
    if child == 0:
        try:
            run()
        except BaseException:  # noqa: BLE001 -- the parent tells
            os._exit(99)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def main(url: str, directory: Path, probe: bytes) -> None:
    client = L1Client(url, clock=SystemClock())
    contract = Contract(client=client, abi=ContractAbi("Probe", PROBE["abi"]), address=probe)
    at = 0
    ended = signal.SIGKILL.value
    while ended:
        at += 1
        path = directory / f"queue-{at}.sqlite"
        snapshot = client.request("evm_snapshot")
        ended = in_child(partial(work, url, path, probe, at))
        if ended not in (0, signal.SIGKILL):
            raise SystemExit(f"boundary {at}: the first run ended with {ended}")
        if again := in_child(partial(work, url, path, probe, 0)):
            raise SystemExit(f"boundary {at}: the run after it ended with {again}")
        noted = [event.args["number"] for event in contract.events(BlockNumber(0), client.head().number, "Noted")]
        if noted != list(NOTES):
            raise SystemExit(f"boundary {at}: the chain has {noted}")
        client.request("evm_revert", snapshot)
    sys.stdout.write(f"{at - 1}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), bytes.fromhex(sys.argv[3]))
