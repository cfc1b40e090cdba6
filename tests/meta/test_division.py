"""What divides says in its name where it rounds, and stands in one module of either language."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

from tests.meta.tree import ROOT

MACHINE: Final = ROOT / "shared" / "tallystick" / "machine"
CONTRACTS: Final = ROOT / "contracts" / "src"
DIVIDING: Final = (ast.FloorDiv, ast.Div, ast.Mod)
DIRECTIONS: Final = ("_up", "_down", "_to_zero", "Up", "Down", "ToZero")


def divides(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, DIVIDING)


def code(path: Path) -> str:
    """Return a contract's source without comments and strings."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r'//[^\n]*|/\*.*?\*/|"[^"\n]*"', "", text, flags=re.DOTALL)


def test_no_step_or_library_of_python_divides_but_the_one_module() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted(MACHINE.rglob("*.py"))
        if path != MACHINE / "arith.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.BinOp | ast.AugAssign) and divides(node)
    ]
    assert not found


def test_no_step_or_library_of_solidity_divides_but_the_one_module() -> None:
    files = [path for folder in ("libraries", "referee") for path in sorted((CONTRACTS / folder).rglob("*.sol"))]
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in files
        if path != CONTRACTS / "libraries" / "Arith.sol"
        for line in code(path).splitlines()
        if re.search(r"[/%]", line)
    ]
    assert not found


def test_every_function_that_divides_names_its_rounding_in_both_languages() -> None:
    tree = ast.parse((MACHINE / "arith.py").read_text(encoding="utf-8"))
    functions = [each for each in tree.body if isinstance(each, ast.FunctionDef)]
    python = {each.name for each in functions if any(divides(node) for node in ast.walk(each))}
    bodies = re.findall(r"function (\w+)\((.*?)\n}", code(CONTRACTS / "libraries" / "Arith.sol"), re.DOTALL)
    solidity = {name for name, body in bodies if re.search(r"/|divDown|divToZero", body)}
    assert len(python) == len(solidity) > 0
    assert all(name.endswith(DIRECTIONS) for name in python | solidity)
