"""The demo as a user runs it: a process, its processes, one JSON object."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tallystick.demo.cli import LIES
from tallystick_operator.lies import LIES as LIES_OF_OPERATORS

SECONDS = 240


def demo(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tallystick", "demo", *arguments]


def children(folder: Path) -> list[str]:
    """Return the command lines of the processes that work in a folder."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def test_the_demo_tells_every_lie_of_an_operator_and_that_of_a_stranger() -> None:
    assert {*LIES} == {*LIES_OF_OPERATORS, "nested"}


@pytest.mark.parametrize("lie", ["worse-fill", "random-root", "nested"])
def test_a_lie_is_caught_and_everybody_has_what_is_theirs(lie: str, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        demo("--lie", lie, "--json"), capture_output=True, text=True, check=False, timeout=SECONDS, env=environment
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["ok"] and told["solvent"]
    assert told["honest"]["orders"] > 0 and told["honest"]["fills"] > 0 and told["honest"]["withdrawn_atoms"] > 0
    dispute = told["dispute"]
    assert dispute["lie"] == lie and dispute["liar_bond_lost"] and dispute["honest_bond_back"]
    if lie == "nested":  # the thief halves her root and waits: nobody gets as far as one step
        assert dispute["bisections"] > 0 and not dispute["step"]
    else:
        assert dispute["bisections"] == 20 and dispute["step"]
    assert not children(tmp_path)


def test_a_flow_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "junk").write_text("junk\n")
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    for name in ("junk", "none"):
        command = demo("--flow", str(tmp_path / name))
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS, env=environment)
        assert done.returncode == 2
        assert "tallystick: " in done.stderr and "Traceback" not in done.stderr
    assert not children(tmp_path)


def test_an_interruption_leaves_nothing_running(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    child = subprocess.Popen(
        demo(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, start_new_session=True
    )
    assert child.stdout is not None
    assert any("trading" in line for line in iter(child.stdout.readline, ""))
    assert children(tmp_path)
    child.send_signal(signal.SIGINT)
    rest, _ = child.communicate(timeout=60)
    assert child.returncode != 0 and "Traceback" not in rest
    end = time.monotonic() + 20
    while children(tmp_path) and time.monotonic() < end:
        time.sleep(0.2)
    assert not children(tmp_path)
