"""L: the honest party is killed at every move of a dispute, and started again with or without its disk."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tallystick.party.duties import DUTIES, Mode
from tallystick.party.party import Identity, Party
from tallystick.testing.l1_stage import FUND_WEI, Stage, Told, account
from tests.adversaries.rules import must_hold

MOVES = 23
"""An opening, 20 bisections, a proof and the decision."""


@pytest.mark.parametrize("keep", ["disk", "nothing"])
def test_L16_killed_at_every_broadcast_the_challenger_wins_and_pays_no_bond_twice(stage: Stage, keep: str) -> None:
    """Kill -9 right before a transaction leaves, and right after it, by turns: what was signed is on disk, and without
    a disk everything is on L1. No bond is paid twice and nothing is lost.
    """
    for name in ("operator", "challenger"):
        stage.fund(name)
    before_wei = stage.client.balance_wei(bytes.fromhex(account("challenger").address[2:]))
    stage.deployment.save(stage.folder / "deployment.json")
    command = [sys.executable, "-m", "tests.challenger.killed", stage.server.url, str(stage.folder), keep]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > MOVES
    watcher = Party(stage.client, stage.deployment, Identity(duties=DUTIES[Mode.WATCH]), Told())
    watcher.read()
    assert stage.client.balance_wei(bytes.fromhex(account("challenger").address[2:])) > before_wei
    (dispute,) = watcher.challenge.disputes.values()
    assert dispute.settled and len(watcher.challenge.roots) == 2
    assert all(len(roots) == 1 for roots in watcher.challenge.roots.values())
    must_hold(stage, stage.party("challenger", Mode.RESOLVE, Told()), liars=("operator",), before_wei=FUND_WEI)
