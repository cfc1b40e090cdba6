"""Every adversary of the threat model's table has its tests, and every scenario has its row."""

from __future__ import annotations

import re

import pytest

from tests.meta.tree import ROOT, files

PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| ([ODCTLPFXR]\d\d) \| (.+) \|$", re.MULTILINE)
TABLE = {row[1]: row[2] for row in ROW.finditer(PAGE)}
DEFINED = re.compile(r"^\s*(?:def|function) (test\w+)", re.MULTILINE)


def named(row: str) -> set[tuple[str, str]]:
    """Return the tests a row names, each as its file and its name."""
    return set(re.findall(r"`([^`:]+)::(\w+)`", row))


def scenarios() -> dict[str, set[tuple[str, str]]]:
    """Return the scenarios by the ids in their names."""
    found: dict[str, set[tuple[str, str]]] = {}
    for path in files(".py", under="tests/adversaries"):
        for name in DEFINED.findall(path.read_text(encoding="utf-8")):
            ids = re.match(r"test_((?:[A-Z]\d\d_)+)", name)
            assert ids or not name.startswith("test"), f"{name} has no id"
            for id_ in ids[1].strip("_").split("_") if ids else []:
                found.setdefault(id_, set()).add((path.relative_to(ROOT).as_posix(), name))
    return found


def test_no_adversary_is_left_out() -> None:
    rows = [id_ for id_, _ in ROW.findall(PAGE)]
    assert len(rows) == len(set(rows))
    for kind, count in (("O", 37), ("D", 22), ("C", 28), ("L", 9)):
        assert {f"{kind}{number:02}" for number in range(1, count + 1)} <= set(TABLE)


@pytest.mark.parametrize("id_", TABLE)
def test_an_adversarys_tests_exist_or_its_row_says_why_not(id_: str) -> None:
    for path, name in named(TABLE[id_]):
        assert name in DEFINED.findall((ROOT / path).read_text(encoding="utf-8")), f"{path}::{name}"
    assert named(TABLE[id_]) or TABLE[id_].startswith(("Not in this version: ", "Accepted: "))


def test_every_scenario_has_its_row() -> None:
    for id_, tests in scenarios().items():
        assert tests <= named(TABLE[id_]), id_
