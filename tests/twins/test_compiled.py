"""The compiled machine comes to the state the interpreted one comes to, in every step of every other scenario.

In the campaign, where it is compiled as it is shipped, of every scenario.

Both run from copies of the source, so that neither touches what is compiled here, and one plays while the other compiles. Where there is no C compiler the copy
stays interpreted, which is then what is checked.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(900)
"""Compiling takes a minute, or several where others use the machine."""

ROOT = Path(__file__).resolve().parents[2]
HAS_COMPILER = any(shutil.which(name) for name in (os.environ.get("CC", "cc"), "gcc", "clang"))

PLAY = """
import json, sys
from tallystick.native import how
from tallystick.state.hashing import keccak
from tallystick.testing import scenarios

def fingerprint(name):
    chain = b""
    for proof, _ in scenarios.play(name).steps():
        chain = keccak(chain + proof.post_hash + keccak(proof.witness))
    return chain.hex()

json.dump({"how": how(), "scenarios": {name: fingerprint(name) for name in list(scenarios.NAMED)[::int(sys.argv[1])]}}, sys.stdout)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    build: subprocess.CompletedProcess[str]
    interpreted: dict[str, object]
    compiled: dict[str, object]


def play(copy: Path, step: int) -> dict[str, object]:
    """Play one scenario of so many with the machine of a copy, and return what came of it."""
    paths = os.pathsep.join(str(copy / root) for root in ("shared", "operator", "challenger"))
    run = subprocess.run(
        [sys.executable, "-c", PLAY, str(step)],
        env={**os.environ, "PYTHONPATH": paths},
        cwd=copy,
        check=True,
        capture_output=True,
        text=True,
    )
    result: dict[str, object] = json.loads(run.stdout)
    return result


@pytest.fixture(scope="module", params=["0", pytest.param("3", marks=pytest.mark.campaign)])
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Compiled without optimisation, as that is done in half the time; in the campaign as it is shipped, too."""
    copy = tmp_path_factory.mktemp("native")
    for name in ("shared", "operator"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for name in ("hatch_build.py", "pyproject.toml"):
        shutil.copy(ROOT / name, copy / name)
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(copy, source, dirs_exist_ok=True)
    environment = {**os.environ, "TALLYSTICK_NATIVE_OPT": request.param}
    command = [sys.executable, "hatch_build.py"]
    step = 2 if request.param == "0" else 1
    with ThreadPoolExecutor() as beside:
        interpreted = beside.submit(play, source, step)
        build = subprocess.run(command, cwd=copy, env=environment, check=False, capture_output=True, text=True)
        return Runs(build=build, interpreted=interpreted.result(), compiled=play(copy, step))


def test_the_machine_compiles_where_there_is_a_compiler(runs: Runs) -> None:
    assert (runs.build.returncode == 0) == HAS_COMPILER, runs.build.stdout + runs.build.stderr
    assert runs.interpreted["how"] == "interpreted"
    assert runs.compiled["how"] == ("compiled" if HAS_COMPILER else "interpreted")


def test_compiled_and_interpreted_leave_the_same_witness_and_state_in_every_step(runs: Runs) -> None:
    assert runs.compiled["scenarios"] == runs.interpreted["scenarios"]
    assert len(runs.compiled["scenarios"]) > 20  # type: ignore[arg-type]
