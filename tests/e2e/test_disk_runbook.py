"""The blocks of the page on an operator's disk, run as written by a shell, beside an operator that runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.meta.tree import ROOT
from tests.operator.scene import Scene, scene_in

BLOCK = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
pytestmark = pytest.mark.campaign
"""Processes that start, as those of the other runbooks."""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scene_in(tmp_path) as scene:
        yield scene


def run(scene: Scene, url: str, script: str) -> str:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TALLYSTICK_OPERATOR": url,
        "TALLYSTICK_L1_RPC": scene.stage.server.url,
    }
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=scene.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_an_operators_disk_is_looked_after_by_its_runbook(scene: Scene) -> None:
    copy, look, restore, drain = BLOCK.findall((ROOT / "docs" / "runbooks" / "disk.md").read_text(encoding="utf-8"))
    data = str(scene.folder / "operator-data")
    running = scene.start(data_dir=data, snapshot_records=5)
    scene.open_market(running)
    run(scene, running.operator.url, copy)
    said = run(scene, running.operator.url, look)
    assert "a start" in said and "batches agree" in said
    asked = scene.client(running)
    records = asked.info().records
    asked.close()
    running.stop()
    run(scene, running.operator.url, restore)
    again = scene.start(data_dir=data)
    asked = scene.client(again)
    scene.wait(lambda: asked.info().records >= records, "what L1 has", mine=1)
    asked.close()
    ended = threading.Event()

    def mine() -> None:
        while not ended.wait(0.2):
            scene.stage.mine(1)

    miner = threading.Thread(target=mine)
    miner.start()
    try:
        assert "all on L1" in run(scene, again.operator.url, drain)
    finally:
        ended.set()
        miner.join()
    again.stop()
