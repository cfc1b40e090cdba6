"""How a demo ends: with a state that nobody could have computed refuted, refused, or interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.demo import SECONDS, caught, children, demo


@pytest.mark.campaign
def test_a_random_root_is_caught_and_everybody_has_what_is_theirs(tmp_path: Path) -> None:
    caught("random-root", tmp_path)


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


PARENT = """
import sys, time
from pathlib import Path
from tallystick.demo.processes import start

folder = Path(sys.argv[1])
child = start("l1", ["l1", "dev", "--port", "0", "--json", "--config", str(folder / "l1.toml")], folder / "l1.log")
child.ready_line(60)
print("ready", flush=True)
time.sleep(600)
"""


def test_N07_a_kill_of_the_demo_leaves_nothing_running(tmp_path: Path) -> None:
    """What it starts watches a pipe that only the demo holds."""
    (tmp_path / "l1.toml").write_text("accounts = 1\n")
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    assert [line for line in children(tmp_path) if "demo.child" in line]
    parent.kill()
    parent.communicate()
    end = time.monotonic() + 20
    while children(tmp_path) and time.monotonic() < end:
        time.sleep(0.1)
    assert not children(tmp_path)
