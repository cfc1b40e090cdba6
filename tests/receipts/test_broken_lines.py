"""Receipts with one line each broken: a play or a script tells every one of them from what is deployed.

`node tests/receipts/broken_lines.js` compiles them; `python -m tests.receipts.broken_lines` looks for what finds each, and
writes that into Killers.json and the table.
"""

from __future__ import annotations

import hashlib

import pytest

from tallystick import artifacts
from tests.failing import fails
from tests.receipts.broken_lines import BROKEN, COMPILED, KILLERS, TABLE, deployed, plays, scripts, table

SCRIPTS = scripts()
PLAYS = plays()
SAMPLE = 10


def test_what_is_broken_is_what_is_shipped() -> None:
    assert hashlib.sha256(artifacts.load("Receipts").bytecode).hexdigest() == COMPILED, (
        "node tests/receipts/broken_lines.js, and python -m tests.receipts.broken_lines"
    )


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_line_is_found(line: str) -> None:
    play, script = KILLERS[line]
    with deployed(line):
        assert fails(SCRIPTS[script] if script else PLAYS[play])


@pytest.mark.parametrize("line", [line for line, (play, _) in KILLERS.items() if play][::SAMPLE])
def test_a_broken_line_is_found_by_chance(line: str) -> None:
    with deployed(line):
        assert fails(PLAYS[KILLERS[line][0]])


@pytest.mark.campaign
@pytest.mark.parametrize("line", BROKEN)
def test_every_finder_finds_its_line_and_no_line_but_that(line: str) -> None:
    finders = [finder for finder in (*KILLERS[line],) if finder]
    assert finders
    for finder in finders:
        run = SCRIPTS.get(finder) or PLAYS[finder]
        assert not fails(run), "with all lines as they are nothing fails"
        with deployed(line):
            assert fails(run)


def test_every_broken_line_is_found_and_the_table_says_by_what() -> None:
    assert BROKEN.keys() == KILLERS.keys()
    assert all(any(each) for each in KILLERS.values())
    assert TABLE.read_text(encoding="utf-8") == table(KILLERS)
