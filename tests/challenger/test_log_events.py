"""The log: every event is on the page, alarms as such, and a refusal is a line of JSON like any other."""

from __future__ import annotations

import ast
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tallystick.party.duties import Mode
from tallystick.testing.l1_stage import Stage, Told
from tallystick_challenger.telling.teller import ALARMS
from tests.challenger.test_webhook import until

ROOT = Path(__file__).resolve().parents[2]
CODE = [
    *(ROOT / "challenger" / "tallystick_challenger").rglob("*.py"),
    *(ROOT / "shared/tallystick/dispute").rglob("*.py"),
    *(ROOT / "shared/tallystick/party").rglob("*.py"),
    *(ROOT / "shared/tallystick/rollup").rglob("*.py"),
    *(ROOT / "shared/tallystick/telling").rglob("*.py"),
]
TELLS = ("report", "_report", "write")
"""The functions that tell an event, which is their first argument."""
DUES = ("Due", "replace", "_of_one")
"""Those that make a call that is due, which has the event's name."""
CHOSEN = {"lie_half_time", "lie_over_time", "lie_confirmed", "done_by_others", "not_taken", "refused", "failed"}
"""Names that stand in a variable before they are told."""


def told(code: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            named = [each.value for each in node.keywords if name in DUES and each.arg == "event"]
            for value in [*node.args[:1], *named] if name in TELLS else named:
                for part in (value.body, value.orelse) if isinstance(value, ast.IfExp) else ast.walk(value):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.isidentifier():
                        yield part.value


def rows() -> dict[str, bool]:
    """The page's events; whether each is an alarm."""
    section = (ROOT / "docs" / "challenger.md").read_text().split("\n## Logs\n")[1].split("\n## ")[0]
    found: dict[str, bool] = {}
    for line in section.splitlines():
        if line.startswith("| `"):
            cells = line.split("|")
            found |= dict.fromkeys(re.findall(r"`(\w+)`", cells[1]), cells[3].strip() == "yes")
    return found


def test_the_page_lists_every_event_there_is_and_no_other() -> None:
    names = {name for path in CODE for name in told(path.read_text())} | CHOSEN
    assert names == set(rows())


def test_the_page_marks_exactly_the_alarms() -> None:
    assert {name for name, alarm in rows().items() if alarm} == ALARMS | {"thread_failed"}


def command(stage: Stage, folder: Path, *more: str) -> list[str]:
    code = "from tallystick_challenger.cli import main; main()"
    run = ["run", "--deployment", str(folder / "deployment.json"), "--rpc", stage.server.url, "--mode", "watch"]
    return [sys.executable, "-c", code, *run, "--data-dir", str(folder / "data"), "--log-json", *more]


def test_a_process_prints_json_and_nothing_else_and_ends_well_by_a_signal(stage: Stage, tmp_path: Path) -> None:
    stage.party("operator", Mode.PROPOSE, Told()).tick()
    events = tmp_path / "data" / "events.jsonl"
    with subprocess.Popen(
        command(stage, tmp_path, "--poll", "0.1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        until(lambda: events.exists() and "assertion_ok" in events.read_text())
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0 and errors == ""
    lines = [json.loads(line) for line in output.splitlines()]
    events_told = [line["event"] for line in lines]
    assert events_told[0] == "started" and events_told[-1] == "stopped" and "caught_up" in events_told
    assert all({"event", "time", "alarm"} <= line.keys() for line in lines)
    assert output == events.read_text()


def test_a_refusal_is_a_line_of_json_too_and_an_exit_code(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    record = json.loads(path.read_text())
    record["code_hashes"]["Referee"] = "0x" + "00" * 32
    path.write_text(json.dumps(record))
    done = subprocess.run(command(stage, tmp_path), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 5
    (line,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert line["event"] == "refused" and line["alarm"] and line["exit_code"] == 5
    assert "code on chain" in line["reason"]
    assert done.stderr.startswith("tallystick: the code on chain")
