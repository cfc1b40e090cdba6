"""What a user installs: one wheel with everything in it, and the compiled machine where it was asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.meta.test_declared import PROJECT
from tests.meta.tree import ROOT

pytestmark = pytest.mark.timeout(900)
"""Compiling takes a minute, or several where others use the machine."""

NEEDED = (
    "tallystick/artifacts/Referee.json",
    "tallystick/artifacts/probe.jsonl",
    "tallystick/machine/steps/match_maker.py",
    "tallystick/testing/stateful/play.py",
    "tallystick_operator/daemon.py",
    "tallystick_challenger/daemon.py",
)


def built(folder: Path, native: str) -> Path:
    """Build a wheel from a copy of what is committed or changed, and return it."""
    copy = folder / "source"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        source = ROOT / name
        if source.is_file() and not name.startswith(("tests/", "docs/")):
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    environment = {**os.environ, "TALLYSTICK_NATIVE": native, "TALLYSTICK_NATIVE_OPT": "0"}
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "-q", "-w", str(folder)]
    subprocess.run(command, cwd=copy, env=environment, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_a_wheel_without_a_compiler_is_pure_and_whole(tmp_path: Path) -> None:
    wheel = built(tmp_path, "0")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert set(NEEDED) <= names
    assert not [name for name in names if name.endswith((".so", ".pyd"))]
    assert wheel.name.endswith("-py3-none-any.whl")
    says_what_it_is(wheel)


def says_what_it_is(wheel: Path) -> None:
    """Compare a wheel's metadata with what the project declares: licence, classifiers, needs, commands, types."""
    project = PROJECT["project"]
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (info,) = {name.partition("/")[0] for name in names if ".dist-info/" in name}
        told = message_from_bytes(archive.read(f"{info}/METADATA"))
        commands = archive.read(f"{info}/entry_points.txt").decode()
    assert (told["License-Expression"], told["License-File"]) == ("MIT", "LICENSE")
    assert f"{info}/licenses/LICENSE" in names
    assert told.get_all("Classifier") == project["classifiers"] and told["Summary"] == project["description"]
    assert told["Requires-Python"] == project["requires-python"]
    plain = [each for each in told.get_all("Requires-Dist", []) if "extra ==" not in each]
    assert {each.replace(" ", "") for each in plain} == {each.replace(" ", "") for each in project["dependencies"]}
    assert not told.get_all("Project-URL") and "Home-page" not in told
    assert all(f"{name} = {target}" in commands for name, target in project["scripts"].items())
    tops = {name.partition("/")[0] for name in names} - {info}
    assert tops == {"tallystick", "tallystick_operator", "tallystick_challenger"}
    assert {f"{top}/py.typed" for top in tops} <= set(names)


def test_a_wheel_carries_the_compiled_machine(tmp_path: Path) -> None:
    """Where there is no C compiler, asking for it is an error and no pure wheel in its place."""
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        with pytest.raises(subprocess.CalledProcessError):
            built(tmp_path, "1")
        return
    wheel = built(tmp_path, "1")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert set(NEEDED) <= names
    compiled = [name for name in names if name.endswith(".so")]
    assert any("tallystick/machine/steps/match_maker" in name for name in compiled)
    assert "none-any" not in wheel.name
