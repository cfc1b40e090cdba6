"""Rollup and Challenge with one line each broken: the model's matches tell every one of them from what is deployed, or a
script played by hand does.

`node tests/dispute/mutants.js` compiles them; Killers.json names the match in which each was found, and whether a vandal
plays along in it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tallystick.errors import BadInput, DataMismatch
from tallystick.testing.generations.contracts_twin import Twin
from tallystick.testing.generations.match import Match, python_rules
from tallystick.testing.generations.vandal import vandalised
from tests.dispute.broken_lines import KILLERS, MUTANTS, TABLE, code_of, table
from tests.dispute.byhand import SCRIPTS, staged


def played(seed: int, make: Callable[..., Twin]) -> None:
    Match(seed, make=make).play()


@pytest.mark.parametrize("mutant", KILLERS)
def test_a_broken_line_is_found_in_a_match(mutant: str) -> None:
    seed, with_vandal = KILLERS[mutant]
    make = partial(Twin, code=code_of(mutant))
    play: Callable[[], object] = partial(vandalised, seed, make=make)
    if not with_vandal:
        play = partial(played, seed, make)
    with pytest.raises((DataMismatch, BadInput)):
        play()


@pytest.mark.parametrize("mutant", SCRIPTS)
def test_a_broken_line_that_no_match_comes_to_is_found_by_hand(mutant: str) -> None:
    SCRIPTS[mutant](staged({}))
    with pytest.raises(DataMismatch):
        SCRIPTS[mutant](staged(code_of(mutant)))


def test_every_broken_line_is_found_and_the_table_says_by_what() -> None:
    assert MUTANTS.keys() == KILLERS.keys() | SCRIPTS.keys()
    assert TABLE.read_text(encoding="utf-8") == table()


def test_vandals_do_not_harm_anybody() -> None:
    for seed in range(60):
        assert vandalised(seed, make=python_rules)[0].faults == [], f"seed {seed}"


def test_the_contracts_refuse_what_the_rules_refuse_to_vandals() -> None:
    for seed in range(6):
        assert vandalised(seed, make=Twin)[0].faults == [], f"seed {seed}"
