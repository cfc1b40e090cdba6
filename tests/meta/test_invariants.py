"""Every invariant is tested where its table says, and every id that is cited is in the table."""

from __future__ import annotations

import re

import pytest

from tests.meta.tree import ROOT, files, shown

PAGE = ROOT / "docs" / "invariants.md"
# Not I64, which is a type.
ID = re.compile(r"\bI(?:[1-9]|[1-4][0-9])\b")
ROW = re.compile(r"^\| (I\d+) \| \w+ \| .+ \| (`.+`) \|$", re.MULTILINE)
TABLE = {row[1]: set(re.findall(r"`([^`]+)`", row[2])) for row in ROW.finditer(PAGE.read_text())}


def cited() -> dict[str, set[str]]:
    """Return the ids that stand in each test file, and in what tests are made of."""
    found: dict[str, set[str]] = {}
    for path in (*files(".py", ".sol", under="tests"), *files(".py", under="shared/tallystick/testing/stateful")):
        ids = set(ID.findall(path.read_text(encoding="utf-8")))
        if ids and path.parent.name != "meta":
            found[shown(path)] = ids
    return found


def test_the_ids_are_numbered_without_gap() -> None:
    assert list(TABLE) == [f"I{number}" for number in range(1, len(TABLE) + 1)]
    assert len(TABLE) > 0


@pytest.mark.parametrize("name", TABLE)
def test_an_invariant_is_tested_where_the_table_says_and_nowhere_else(name: str) -> None:
    assert TABLE[name]
    assert TABLE[name] == {path for path, ids in cited().items() if name in ids}


@pytest.mark.parametrize("name", TABLE)
def test_an_invariant_has_its_formula(name: str) -> None:
    assert f"\n**{name}.** " in PAGE.read_text()


def test_no_test_cites_an_invariant_that_is_not_stated() -> None:
    assert set().union(*cited().values()) <= set(TABLE)


def test_the_code_and_the_documents_cite_only_stated_invariants() -> None:
    sources = [*files(".py", under="shared"), *files(".sol", under="contracts/src"), *files(".md", under="docs")]
    strange = {shown(path): sorted(set(ID.findall(path.read_text(encoding="utf-8"))) - set(TABLE)) for path in sources}
    assert {path: ids for path, ids in strange.items() if ids} == {}
