"""Each step is two files of one name, with the same paragraphs and the same outcome codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tallystick.schema.names import Phase

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "shared" / "tallystick" / "machine" / "steps"
SOLIDITY = ROOT / "contracts" / "src" / "referee" / "steps"
PARAGRAPHS = ["READ", "CHECK", "APPLY", "WRITE"]


def names(phase: Phase) -> tuple[str, str]:
    return f"{phase.name.lower()}.py", f"{phase.name.title().replace('_', '')}.sol"


def outcomes(text: str) -> set[str]:
    return set(re.findall(r"Outcome\.([A-Z_]+)", text))


def paragraphs(text: str) -> list[str]:
    comments = re.findall(r"^\s*(?:#|//) ((?:READ|CHECK|APPLY|WRITE)\b.*)", text, re.MULTILINE)
    return [word for comment in comments for word in PARAGRAPHS if re.search(rf"\b{word}\b", comment)]


def test_every_phase_has_a_step_in_both_languages_and_there_are_no_others() -> None:
    assert {path.name for path in PYTHON.glob("*.py")} - {"__init__.py"} == {names(phase)[0] for phase in Phase}
    assert {path.name for path in SOLIDITY.iterdir()} == {names(phase)[1] for phase in Phase}


@pytest.mark.parametrize("phase", Phase)
def test_both_twins_have_the_four_paragraphs_in_order_and_name_each_other(phase: Phase) -> None:
    python, solidity = ((PYTHON, SOLIDITY)[i].joinpath(names(phase)[i]).read_text(encoding="utf-8") for i in (0, 1))
    assert paragraphs(python) == paragraphs(solidity)
    assert paragraphs(python)[:4] == PARAGRAPHS
    assert f"contracts/src/referee/steps/{names(phase)[1]}" in python
    assert f"shared/tallystick/machine/steps/{names(phase)[0]}" in solidity


@pytest.mark.parametrize("phase", Phase)
def test_both_twins_end_with_the_same_outcomes(phase: Phase) -> None:
    python, solidity = ((PYTHON, SOLIDITY)[i].joinpath(names(phase)[i]).read_text(encoding="utf-8") for i in (0, 1))
    assert outcomes(python) == outcomes(solidity)
