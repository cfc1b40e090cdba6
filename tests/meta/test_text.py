"""What may not stand in any file of the repository."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.meta.tree import files, shown

# A class of one character keeps each pattern from finding itself here.
MACHINES = re.compile(
    r"[p]ypi\.org|[p]ythonhosted|[n]pmjs\.(org|com)|https?://[^ ]*reg[i]stry"
    r"|file:/[/]|(?<![\w.~-])/(root|home|work|Users)[/]\w"
)
UNFINISHED = re.compile(r"\b([T]ODO|[F]IXME|[X]XX)\b|[N]otImplementedError")
EVADED = re.compile(
    r"[m]ark\.(skip|skipif|xfail)|[p]ytest\.(skip|xfail|importorskip)|[v]m\.skip"
    r"|[u]nittest\.(skip|expectedFailure|mock)"
)
CODE = (".py", ".sol", ".toml", ".sh", "Makefile", "run", "solc")
FUNCTION_LINES = 70
FILE_LINES = 400

# Longer on purpose, each with its reason.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


def found(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{shown(path)}:{number}: {line.strip()[:120]}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def text_files() -> list[Path]:
    return [path for path in files() if b"\0" not in path.read_bytes()]


def test_no_file_names_a_package_registry_or_a_path_of_one_machine() -> None:
    assert found(MACHINES, text_files()) == []


def test_no_code_is_left_for_later() -> None:
    assert found(UNFINISHED, list(files(*CODE))) == []


def test_no_test_is_skipped_expected_to_fail_or_mocked() -> None:
    assert found(EVADED, list(files(".py", ".sol", under="tests"))) == []


def test_no_file_is_over_a_megabyte() -> None:
    assert [shown(path) for path in files() if path.stat().st_size > 2**20] == []


def code_files() -> list[Path]:
    return [path for path in files(".py", ".sol") if "@generated" not in path.read_text()[:400]]


@pytest.mark.parametrize("path", code_files(), ids=shown)
def test_a_file_fits_in_a_head(path: Path) -> None:
    if shown(path) not in LONG_FILES:
        assert len(path.read_text().splitlines()) <= FILE_LINES


@pytest.mark.parametrize("path", [p for p in code_files() if p.suffix == ".py"], ids=shown)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    long = [
        f"{node.name}: {(node.end_lineno or 0) - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, functions)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES
        and f"{shown(path)}:{node.name}" not in LONG_FUNCTIONS
    ]
    assert long == []


def test_every_exception_to_these_limits_is_still_needed() -> None:
    names = {shown(path) for path in code_files()}
    assert set(LONG_FILES) <= names
    assert {key.rpartition(":")[0] for key in LONG_FUNCTIONS} <= names
