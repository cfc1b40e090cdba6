"""Cells are read and written by the names of their fields: offsets are for the state's own code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tallystick.schema.structs import CELLS
from tests.meta.tree import files, shown

PLACES = frozenset(
    f"{cell.name}_{part}".upper()
    for cell in CELLS
    for field in cell.fields
    for part in (field.name, *(f"{field.inner.name}_{one.name}" for one in (field.inner.fields if field.group else ())))
)
OWN = "shared/tallystick/state/"
TESTS = ("tests/", "shared/tallystick/testing/")


def code() -> Iterator[tuple[Path, ast.Module]]:
    for path in files(".py"):
        if not shown(path).startswith(OWN):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def names(node: ast.AST) -> set[str]:
    """Return the names that a piece of code uses, those of a module's attributes among them."""
    plain = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return plain | {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}


def test_no_word_of_a_cell_is_read_or_written_at_an_offset_but_by_the_states_own_code() -> None:
    raw = [
        f"{shown(path)}:{node.lineno}"
        for path, tree in code()
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and names(node.slice) & PLACES
    ]
    assert raw == [], "state/cells.py has a function for it"


def test_nothing_that_ships_knows_where_a_field_lies() -> None:
    """Tests, and what they share, look at cells and tamper with them by place."""
    knowing = [
        f"{shown(path)} imports {alias.name}"
        for path, tree in code()
        if not shown(path).startswith(TESTS)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "tallystick.state.layout"
        for alias in node.names
        if alias.name in PLACES
    ]
    assert knowing == []
