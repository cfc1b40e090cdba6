"""The three source roots stay three, and hide nothing of the standard library."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest

import tallystick
from tests.meta.tree import ROOT, SOURCE_ROOTS

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("root", SOURCE_ROOTS)
def test_a_source_root_holds_one_package_and_nothing_else(root: str) -> None:
    entries = {entry.name for entry in (ROOT / root).iterdir() if entry.suffix not in (".so", ".pyd")} - {"__pycache__"}
    assert entries == {SOURCE_ROOTS[root]}
    assert (ROOT / root / SOURCE_ROOTS[root] / "__init__.py").is_file()


def test_the_standard_library_operator_wins_at_the_root() -> None:
    script = "import operator, collections; print(operator.itemgetter.__module__)"
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
    assert result.stdout.strip() == "operator"


def entry_points() -> list[str]:
    groups = [PROJECT["scripts"], *PROJECT["entry-points"].values()]
    return sorted({target for group in groups for target in group.values()})


@pytest.mark.parametrize("target", entry_points())
def test_an_entry_point_imports(target: str) -> None:
    module, _, attribute = target.partition(":")
    assert callable(getattr(importlib.import_module(module), attribute))


def test_the_installed_entry_points_are_those_of_the_sources() -> None:
    installed = metadata.distribution("tallystick").entry_points
    expected = {("console_scripts", name, to) for name, to in PROJECT["scripts"].items()}
    for group, targets in PROJECT["entry-points"].items():
        expected |= {(group, name, to) for name, to in targets.items()}
    assert {(point.group, point.name, point.value) for point in installed} == expected


def test_the_version_is_written_once() -> None:
    assert metadata.version("tallystick") == tallystick.__version__
