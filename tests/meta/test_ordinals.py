"""What says which one, or when, has a type of its own wherever it is handed on, so that nothing else is taken for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_type_hints

import pytest
from mypy_extensions import i64

from tallystick.schema.number_types import BY_NAME, ORDINALS
from tallystick.schema.structs import CELLS, REGISTERS
from tallystick.schema.targets.cells_target import places, plural
from tallystick.state import cells, ordinals
from tests.meta.tree import ROOT

TYPED: Final = (
    "shared/tallystick/l1",
    "shared/tallystick/machine",
    "shared/tallystick/price_signer",
    "shared/tallystick/proof",
    "shared/tallystick/records",
    "shared/tallystick/shapes",
    "shared/tallystick/state",
    "shared/tallystick/trader",
    "shared/tallystick/rollup",
    "shared/tallystick/dispute",
    "shared/tallystick/party",
    "operator/tallystick_operator",
    "challenger/tallystick_challenger",
)
"""The packages that hand on ordinals; those who play or measure them count in plain numbers."""
NAMES: Final = {name: ordinal.name for name, ordinal in BY_NAME.items()}
TYPES: Final = {ordinal.name for ordinal in ORDINALS}
ELSEWHERE: Final = {"shared/tallystick/price_signer/telling/signer_alerts.py": ["market", "signer"]}
"""By file, the names there that hold another thing: an alert's limit is called as the alert is."""
BARE: Final = {"int", "float", "i64", "Number"}


def held(tree: ast.AST) -> Iterator[tuple[str, ast.expr, int]]:
    """Yield the parameters, fields and returned values of a module that have a name: it, its annotation and its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            yield node.arg, node.annotation, node.lineno
        elif isinstance(node, ast.AnnAssign):
            yield ast.unparse(node.target).rpartition(".")[2], node.annotation, node.lineno
        elif isinstance(node, ast.FunctionDef) and node.returns is not None:
            yield node.name, node.returns, node.lineno


def is_bare(annotation: ast.expr) -> bool:
    """Whether it is a plain number, or one or nothing: several of them, or by name, are none."""
    if isinstance(annotation, ast.BinOp):
        return is_bare(annotation.left) or is_bare(annotation.right)
    return ast.unparse(annotation) in BARE


def plain(text: str) -> list[tuple[str, int]]:
    return [(name, line) for name, annotation, line in held(ast.parse(text)) if name in NAMES and is_bare(annotation)]


@pytest.mark.parametrize("package", TYPED)
def test_no_plain_number_is_handed_on_where_an_ordinal_is_meant(package: str) -> None:
    found = {
        str(path.relative_to(ROOT)): numbers
        for path in sorted((ROOT / package).rglob("*.py"))
        if (numbers := plain(path.read_text(encoding="utf-8")))
    }
    for path, names in ELSEWHERE.items():
        assert path not in found or sorted({name for name, _ in found.pop(path)}) == names
    assert not found, f"give it its type: {NAMES}"


def test_what_is_called_like_an_ordinal_and_is_none_is_there() -> None:
    for path, names in ELSEWHERE.items():
        assert sorted({name for name, _ in plain((ROOT / path).read_text(encoding="utf-8"))}) == names


def test_each_ordinal_is_used_and_no_name_means_two() -> None:
    names = [name for ordinal in ORDINALS for name in ordinal.called]
    assert len(names) == len(set(names))
    texts = "".join(path.read_text(encoding="utf-8") for each in TYPED for path in (ROOT / each).rglob("*.py"))
    assert [each.name for each in ORDINALS if f"{each.name}(" not in texts] == []


@pytest.mark.parametrize(
    "text",
    [
        "def f(block: int): pass",
        "def f(*, head: int | None = None): pass",
        "class A:\n    deadline_block: float",
        "def next_block() -> int: pass",
        "def f(account: i64): pass",
        "class A:\n    def f(self): self.maker_number: i64 = 0",
        "def f(account: Number): pass",
    ],
)
def test_each_place_of_a_plain_number_is_seen(text: str) -> None:
    assert plain(text)


def test_what_is_typed_or_something_else_is_let_be() -> None:
    assert not plain("def f(block: BlockNumber, head: BlockRef, blocks: int, *, last_block: BlockNumber | None): pass")


def test_the_types_are_what_the_schema_says() -> None:
    text = Path(ROOT / "shared/tallystick/state/ordinals.py").read_text(encoding="utf-8")
    made = [ast.unparse(each) for each in ast.parse(text).body if isinstance(each, ast.Assign)]
    types = [f"{each.name} = NewType('{each.name}', {'i64' if each.is_word else 'int'})" for each in ORDINALS]
    assert made == [*types, "Number = int | Amount | " + " | ".join(each.name for each in ORDINALS if each.is_word)]


def test_a_cell_gives_and_takes_an_ordinal_by_its_type_and_is_found_by_it() -> None:
    for cell in CELLS:
        table = vars(cells)[plural(cell.name)]
        assert {get_type_hints(at)["index"] for at in (table.open, table.known, table.find)} <= (
            {vars(ordinals)[cell.key]} if cell.key else {i64, int}
        )
        for place in places(cell):
            if place.number in TYPES:
                name = f"{cell.name.lower()}_{place.name}"
                expected = vars(ordinals)[place.number]
                assert get_type_hints(vars(cells)[name])["return"] is expected
                assert get_type_hints(vars(cells)[f"set_{name}"])["value"] is expected


def test_one_of_many_in_a_cell_is_found_by_its_type() -> None:
    found = [(cell, place) for cell in CELLS for place in places(cell) if place.stride and place.type.limbs == 1]
    assert {place.key for _, place in found} > {"i64"}
    for cell, place in found:
        key = i64 if place.key == "i64" else vars(ordinals)[place.key]
        assert get_type_hints(vars(cells)[f"{cell.name.lower()}_{place.name}"])["i"] is key


def test_a_register_that_holds_an_ordinal_has_its_type() -> None:
    text = Path(ROOT / "shared/tallystick/state/layout.py").read_text(encoding="utf-8")
    kinds = {name: ast.unparse(kind) for name, kind, _ in held(ast.parse(text))}
    assert {kinds[each.name] for each in REGISTERS.fields if each.name in NAMES} != set()
    assert all(kinds[each.name] == NAMES[each.name] for each in REGISTERS.fields if each.name in NAMES)
