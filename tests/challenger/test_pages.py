"""Status and forecast, read from a real L1 with the real contracts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from tallystick.party.duties import Mode
from tallystick.testing.l1_stage import Stage, Told
from tallystick.testing.rogues.lies import LIES
from tallystick_challenger.cli import app
from tallystick_challenger.watching.defence import GAS_WEI


def shown(stage: Stage, folder: Path, command: str, *more: str) -> str:
    result = CliRunner().invoke(
        app, [command, "--deployment", str(folder / "deployment.json"), "--rpc", stage.server.url, *more]
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def facts(stage: Stage, folder: Path, command: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shown(stage, folder, command, "--json"))
    return found


def test_an_assertion_without_a_rival_is_forecast_to_the_block(stage: Stage, tmp_path: Path) -> None:
    operator = stage.party("operator", Mode.RESOLVE, Told())
    stage.party("proposer", Mode.PROPOSE, Told()).tick()
    (one,) = facts(stage, tmp_path, "forecast")["forecasts"]
    (side,) = one["sides"]
    assert one["winner"] == side["assertion"] and not one["decided"] and one["dispute"] is None
    assert one["final_block"] == side["due_block"]
    stage.mine(one["final_block"] - stage.client.head().number - 1)
    assert facts(stage, tmp_path, "forecast")["forecasts"][0]["final_block"] == one["final_block"]
    stage.mine(1)
    operator.tick()
    stage.mine(1)
    found = facts(stage, tmp_path, "status")
    assert found["latest_confirmed"] == side["assertion"]
    page = shown(stage, tmp_path, "status")
    assert "none is open" in page and f"{side['assertion'][2:14]}  " in page
    assert "nothing is waiting" in shown(stage, tmp_path, "forecast")


def test_p03_the_forecast_says_what_ether_and_blocks_so_many_rivals_take(stage: Stage, tmp_path: Path) -> None:
    found = json.loads(shown(stage, tmp_path, "forecast", "--rivals", "31", "--json"))["defence"]
    terms = stage.deployment.config
    assert (terms.assertion_bond_wei, terms.challenge_bond_wei) == (32 * 10**18, 10**18)
    gas = 31 * GAS_WEI
    assert int(found["defence_wei"]) == 63 * 10**18 + gas
    assert int(found["safe_below_wei"]) == (32 * 32 + 1) * 10**18
    assert found["trace_blocks"] == terms.trace_blocks(31) and found["in_time"]
    page = shown(stage, tmp_path, "forecast")
    assert "24 contested generations take 58.4 ether" in page and "WARNING" not in page
    assert "WARNING: the challenge period would have to be" in shown(stage, tmp_path, "forecast", "--rivals", "100")


def test_a_dispute_is_shown_and_its_winner_is_who_has_the_running_clock(stage: Stage, tmp_path: Path) -> None:
    stage.party("operator", Mode.PROPOSE, Told(), LIES["worse-fill"](bytes(20)).step).tick()
    honest = stage.party("challenger", Mode.DEFEND, Told())
    for _ in range(6):
        honest.tick()
        stage.mine(1)
    status = facts(stage, tmp_path, "status")
    (dispute,) = status["disputes"]
    assert dispute["winner"] is None and dispute["edges"] >= 1
    (one,) = facts(stage, tmp_path, "forecast")["forecasts"]
    lie, truth = one["sides"]
    assert one["dispute"] == dispute["dispute"]
    assert one["winner"] == truth["assertion"]
    assert truth["due_block"] is not None and lie["due_block"] is None
    assert "wins unless somebody moves" in shown(stage, tmp_path, "forecast")
    page = shown(stage, tmp_path, "status")
    assert "1 not settled" in page and "levels down" in page and "wins unless somebody moves" in page


def test_a_status_that_is_watched_follows_l1_and_says_when_it_cannot(stage: Stage, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tallystick", "challenger", "status", "--watch", "0.2", "--rpc", stage.server.url]
    command += ["--deployment", str(tmp_path / "deployment.json")]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        said = iter(child.stdout.readline, "")
        assert any(f"block {stage.client.head().number}," in line for line in said)
        stage.mine(3)
        assert any(f"block {stage.client.head().number}," in line for line in said)
        stage.server.close()
        assert any("L1 was not read" in line for line in said)
        assert child.poll() is None
    finally:
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=20)
    assert child.returncode == 0
