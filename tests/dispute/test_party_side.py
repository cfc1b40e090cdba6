"""The party's own strategy on the honest side of the random matches: what it makes of the events alone."""

from __future__ import annotations

import pytest

from tallystick.testing.generations.attacker import STYLES
from tallystick.testing.generations.contracts_twin import Twin
from tallystick.testing.generations.match import Fault, Match
from tallystick.testing.generations.party_side import PartySide
from tallystick.testing.generations.setup import ROOT_WEI, Terms, contested

SEEDS = 50
"""For each of four parts."""


@pytest.mark.parametrize("part", range(4))
def test_nothing_that_must_never_happen_happens_to_the_party(part: int) -> None:
    for seed in range(part * SEEDS, (part + 1) * SEEDS):
        assert Match(seed, strategy=PartySide).play().faults == [], f"seed {seed}"


@pytest.mark.parametrize("style", STYLES)
def test_the_party_bears_many_generations_that_are_all_contested(style: str) -> None:
    setup = contested(style, 12, Terms(height=2, delay=1, censored=6))
    assert Match(1, setup, strategy=PartySide).play().faults == []


def test_the_party_plays_against_the_contracts_as_it_does_against_the_rules() -> None:
    for seed in range(12):
        assert Match(seed, make=Twin, strategy=PartySide).play().faults == []


def test_short_of_money_the_party_goes_first_where_a_false_root_runs() -> None:
    """It comes late everywhere else: one root's bond after the other."""
    terms = Terms(height=2, delay=0, censored=0, spare=40)
    setup = contested("dash", 3, terms, ((terms.bonds + 1) * ROOT_WEI, (3 * terms.bonds + 1) * ROOT_WEI))
    for seed in range(10):
        assert Fault.SAFETY not in Match(seed, setup, strategy=PartySide).play().faults
