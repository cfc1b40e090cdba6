"""Plays a dispute whose honest party is killed (SIGKILL) at every broadcast, before it and after it, by turns.

Run as a process of its own, because it forks: `python -m tests.challenger.killed URL FOLDER KEEP`, where KEEP is
"disk" or "nothing". FOLDER holds the deployment record. Prints how often it killed.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tallystick.l1.client.http_client import L1Client
from tallystick.l1.deployment import Deployment, load_deployment
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.party import Identity, Party
from tallystick.ports.system import SystemClock
from tallystick.testing.l1_stage import Told, account, finished
from tallystick.testing.rogues.liars import lie_on
from tallystick.testing.rogues.lies import make_lie

TICKS = 3
"""Of a life in which nothing is broadcast."""
MOST_LIVES = 400
IDLE_BLOCKS = 10


class MortalClient(L1Client):
    """A client whose process does not survive a broadcast."""

    before = False

    def send_raw(self, raw: bytes) -> bytes:
        if not self.before:
            super().send_raw(raw)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def live(url: str, deployment: Deployment, path: Path, before: bool) -> None:
    """One life of the honest party: from what is on disk and on L1 to its next broadcast, if there is one."""
    client = MortalClient(url, clock=SystemClock())
    client.before = before
    identity = Identity(duties=DUTIES[Mode.RESOLVE])
    party = Party(
        client, deployment, identity, Told(), account=account("challenger"), queue_path=path, clock=SystemClock()
    )
    for _ in range(TICKS):
        party.tick()


def in_child(url: str, deployment: Deployment, path: Path, before: bool) -> bool:
    """Whether a life ended by being killed."""
    child = os.fork()
    if not child:
        try:
            live(url, deployment, path, before)
        except BaseException as error:  # noqa: BLE001 -- the parent tells
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status) == signal.SIGKILL
    if os.WEXITSTATUS(status):
        raise SystemExit(os.WEXITSTATUS(status))
    return False


def main(url: str, folder: Path, keep: str) -> None:
    deployment = load_deployment(folder / "deployment.json")
    client = L1Client(url, clock=SystemClock())
    eyes = Party(client, deployment, Identity(duties=DUTIES[Mode.WATCH]), Told())
    lie = Identity(duties=DUTIES[Mode.PROPOSE], step=make_lie("worse-fill", bytes(20)).step, strategy=lie_on)
    path = folder / "liar.sqlite"
    liar = Party(client, deployment, lie, Told(), account=account("operator"), queue_path=path, clock=SystemClock())
    mine, kills = folder / "mortal.sqlite", 0
    for life in range(MOST_LIVES):
        head = client.head().number
        liar.tick()
        killed = in_child(url, deployment, mine, before=life % 2 == 0)
        kills += killed
        if keep != "disk":
            for file in folder.glob("mortal.sqlite*"):
                file.unlink()
        eyes.read()
        own = bytes.fromhex(account("challenger").address[2:])
        owed = any(view.owed.get(own) for view in eyes.credits.values())
        bonded = any(each.bonded == own for each in eyes.rollup.assertions.values())
        if finished(eyes) and not killed and not owed and not bonded:
            sys.stdout.write(f"{kills}\n")
            return
        if not killed and client.head().number == head:
            client.request("anvil_mine", hex(IDLE_BLOCKS), hex(1))
    raise SystemExit("the dispute did not end")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
