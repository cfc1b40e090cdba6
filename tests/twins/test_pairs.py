"""What both languages have is two files of one name, function beside function, paragraph beside paragraph.

The exceptions are what one language alone has, each with its reason. Whoever reads one twin has read the other.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from tallystick.schema.names import Outcome, Phase

ROOT: Final = Path(__file__).resolve().parents[2]
MACHINE: Final = ROOT / "shared" / "tallystick" / "machine"
RECORDS: Final = ROOT / "shared" / "tallystick" / "records"
CONTRACTS: Final = ROOT / "contracts" / "src"
STEPS: Final = {phase.name.lower() for phase in Phase}

HOSTS: Final = {
    "by_record": "runs records before their batch exists",
    "drive": "runs many orders in one call",
    "foresight": "asks what would become of a record",
    "scouting": "looks for what somebody should ask for",
    "rooms": "looks for whom prices have made due",
    "opposing": "looks for who could be deleveraged for somebody",
    "engine": "the table from phase to step; the Referee's is its list of step contracts",
}
"""Python files beside the pairs: they run the machine and are no part of it."""

PROOFS: Final = {
    "BlobChunk": "proves a blob's elements; Python's come from the blob itself",
    "CellProof": "the plain version of the witness's hashing",
    "EdgeTree": "the dispute's edges",
    "Packed": "fields of packed bytes; Python's cells are words",
    "State": "opens a cell of the witness; Python's tables are in tallystick.state",
    "TraceTree": "the dispute's trace",
    "Witness": "reads and settles the witness",
}
"""Solidity files beside the pairs: they take in the witness, or belong to the dispute."""

FILES: Final = {path.stem: path for path in MACHINE.rglob("*.py") if path.stem != "__init__"}
INNER: Final = (MACHINE / "market", MACHINE / "orders")
"""Folders of the machine that the contracts have by the same names."""
LIBRARIES: Final = set(FILES) - STEPS - set(HOSTS)
CODING: Final = {"codec": RECORDS / "parsing.py", "signing": RECORDS / "signing.py"}
"""Pairs whose Python file also does what no contract does: reads the items of bulks apart, signs."""

PAIRS: Final = sorted(LIBRARIES | STEPS)

ALONE: Final = {
    ("admission.py", "asks"): "looked up by the kind; the contract works it out each time",
    ("bits.py", "shift_left"): "compiled, a literal that is shifted is a C int",
    ("bits.py", "top_bit"): "a library's logarithm there",
    ("machine.py", "batch"): "what L1 holds comes by the witness there",
    ("machine.py", "chunk"): "what L1 holds comes by the witness there",
    ("machine.py", "blobs_of"): "what L1 holds comes by the witness there",
    ("machine.py", "message"): "what L1 holds comes by the witness there",
    ("machine.py", "emit"): "events are for people who watch a host",
    ("rules.py", "rules_in_force"): "hosts show them",
    ("CommitMedian.sol", "cut"): "shortens a list in memory; Python's grow",
    ("Codec.sol", "number"): "int.from_bytes there",
}
"""(file, function without its underscore) of one language alone, and why."""
TELLS: Final = "tell_"
"""Python functions of this name tell a host's events; contracts have none of them."""

PARAGRAPHS: Final = ["READ", "CHECK", "APPLY", "WRITE"]


def python_of(name: str) -> Path:
    return CODING.get(name) or FILES[name]


def solidity_of(name: str) -> Path:
    """Return the contract of a name; a library stands in the folder that the Python module stands in."""
    folder = "referee/steps" if name in STEPS else "libraries"
    inner = python_of(name).parent.name if python_of(name).parent in INNER else ""
    return CONTRACTS / folder / inner / f"{name.title().replace('_', '')}.sol"


def texts(name: str) -> tuple[str, str]:
    return python_of(name).read_text(encoding="utf-8"), solidity_of(name).read_text(encoding="utf-8")


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def python_functions(text: str) -> list[str]:
    """Return the functions and methods in order, without constructors."""
    nodes = [
        each for node in ast.parse(text).body for each in (node.body if isinstance(node, ast.ClassDef) else [node])
    ]
    functions = [each for each in nodes if isinstance(each, ast.FunctionDef) and not _is_signature(each)]
    return [each.name for each in functions if not each.name.startswith("__")]


def _is_signature(function: ast.FunctionDef) -> bool:
    """Whether it only says what the function behind it takes and gives, too."""
    return [ast.unparse(each) for each in function.decorator_list] == ["overload"]


def solidity_functions(text: str) -> list[str]:
    return [snake(name) for name in re.findall(r"^ *function (\w+)", text, re.MULTILINE)]


def shared(path: Path, functions: list[str]) -> list[str]:
    """Return what is not of this language alone, without underscores in front."""
    names = [name.lstrip("_") for name in functions]
    return [name for name in names if (path.name, name) not in ALONE and not name.startswith(TELLS)]


def rejections(text: str) -> list[str]:
    """Return the outcomes but ACCEPTED in the order in which the code names them."""
    return [name for name in re.findall(r"\bOutcome\.([A-Z_]+)", text) if name != Outcome.ACCEPTED.name]


def declared(text: str) -> list[str]:
    """Return the outcomes that the step's comment says it rejects with, in its order."""
    prose = re.sub(r"\n\s*(?:///)?", " ", text).partition("Rejects: ")[2].partition("Twin: ")[0]
    return [word for word in re.findall(r"\b[A-Z_]{4,}\b", prose) if word in Outcome.__members__]


def paragraphs(text: str) -> list[str]:
    return re.findall(r"^ *(?:#|//) ((?:READ|CHECK|APPLY|WRITE)\b.*)", text, re.MULTILINE)


def test_every_library_and_every_step_has_a_twin_and_there_are_no_others() -> None:
    libraries = CONTRACTS / "libraries"
    solidity = {
        path.stem for folder in (libraries, *(libraries / each.name for each in INNER)) for path in folder.glob("*.sol")
    }
    assert {solidity_of(name).stem for name in LIBRARIES | set(CODING)} == solidity - set(PROOFS)
    assert {path.stem for path in (MACHINE / "steps").glob("*.py")} - {"__init__"} == STEPS
    assert {path.name for path in (CONTRACTS / "referee" / "steps").iterdir()} == {solidity_of(x).name for x in STEPS}


@pytest.mark.parametrize("name", PAIRS)
def test_both_twins_have_the_same_functions_in_the_same_order(name: str) -> None:
    python, solidity = texts(name)
    paths = python_of(name), solidity_of(name)
    assert shared(paths[0], python_functions(python)) == shared(paths[1], solidity_functions(solidity))


@pytest.mark.parametrize("name", CODING)
def test_what_a_contract_decodes_python_decodes_in_the_same_order(name: str) -> None:
    python, solidity = texts(name)
    functions = [
        each for each in solidity_functions(solidity) if (solidity_of(name).name, each.lstrip("_")) not in ALONE
    ]
    assert [each for each in python_functions(python) if each in functions] == functions
    assert rejections(python) == rejections(solidity)


@pytest.mark.parametrize("name", PAIRS)
def test_both_twins_reject_with_the_same_outcomes_in_the_same_order(name: str) -> None:
    python, solidity = map(rejections, texts(name))
    assert python == solidity


@pytest.mark.parametrize("name", PAIRS)
def test_both_twins_have_the_same_paragraphs_word_by_word(name: str) -> None:
    python, solidity = map(paragraphs, texts(name))
    assert python == solidity


@pytest.mark.parametrize("name", sorted(STEPS))
def test_a_step_has_the_four_paragraphs_in_order_and_names_its_twin_and_its_rejections(name: str) -> None:
    python, solidity = texts(name)
    words = [word for each in paragraphs(python) for word in PARAGRAPHS if re.search(rf"\b{word}\b", each)]
    assert words[:4] == PARAGRAPHS
    assert declared(python) == declared(solidity)
    assert solidity_of(name).relative_to(ROOT).as_posix() in python
    assert python_of(name).relative_to(ROOT).as_posix() in solidity


def test_every_exception_is_still_needed() -> None:
    for (file, function), reason in ALONE.items():
        name = next(each for each in (*PAIRS, *CODING) if file in (python_of(each).name, solidity_of(each).name))
        python, solidity = texts(name)
        here, there = (
            {each.lstrip("_") for each in found} for found in (python_functions(python), solidity_functions(solidity))
        )
        assert (function in here) != (function in there), f"{file}: {function} ({reason})"
