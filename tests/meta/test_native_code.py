"""The machine keeps to what means the same compiled and interpreted."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.meta.tree import ROOT, files

MACHINE = tuple(files(".py", under="shared/tallystick/machine"))


def bound_to_literals(function: ast.AST) -> set[str]:
    """Return the local names that are ever bound to a literal."""
    names: set[str] = set()
    for node in ast.walk(function):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if targets and isinstance(node.value, ast.Constant):  # type: ignore[attr-defined]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize("path", MACHINE, ids=lambda path: path.name)
def test_no_literal_is_shifted_by_a_variable(path: Path) -> None:
    """Compiled, the literal is a C int: `1 << 45` is 8192. `arith.shift_left` takes it as an argument."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        literals = bound_to_literals(function)
        for node in ast.walk(function):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.LShift):
                literal = isinstance(node.left, ast.Constant) or getattr(node.left, "id", "") in literals
                assert not literal or isinstance(node.right, ast.Constant), f"{path.relative_to(ROOT)}:{node.lineno}"
