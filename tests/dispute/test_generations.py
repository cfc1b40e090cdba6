"""Many generations of assertions under the Python rules: nothing that must never happen, unless a rule is dropped."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tallystick.testing.generations.attacker import STYLES
from tallystick.testing.generations.honest import Habit
from tallystick.testing.generations.match import Dropped, Fault, Match
from tallystick.testing.generations.setup import ROOT_WEI, Terms, contested, random_setup
from tallystick.testing.protocol.protocol_rules import Rule

SEEDS = 2_000
PARTS = 2
HOLES = 150
"""Matches within which a dropped rule is found: most of them in the first one."""
FAULTS: dict[Rule | Habit, set[Fault]] = {
    Rule.START_FROM_PARENT: {Fault.SAFETY},
    Rule.RIGHT_BASE: {Fault.STUCK},
    Rule.BISECT_RIVALLED: {Fault.SAFETY},
    Rule.WORSE_CHILD: {Fault.SAFETY},
    Rule.AGREED_PRE: {Fault.SAFETY},
    Rule.NO_GRACE: {Fault.LATE},
    Rule.ANY_PARENT: {Fault.LATE},
    Rule.PLAY_ON: {Fault.STUCK, Fault.LOSS},
    Rule.ALONE_EARNS: {Fault.LOSS},
    Rule.BOND_MOVES: {Fault.CAPITAL},
    Rule.BOND_FROM_ANYWHERE: {Fault.CAPITAL},
    Rule.BOND_HELD: {Fault.CHEAP},
    Rule.CHILD_COUNTED: {Fault.CAPITAL},
    Rule.ALL_FORFEITED: {Fault.CHEAP},
    Rule.LIMIT_KEPT: {Fault.WORK},
    Rule.NO_WAIT: {Fault.WORK},
    Rule.ALONE_FOR_GOOD: {Fault.WOKEN},
    Rule.STALE_OPENINGS: {Fault.REFUSED},
    Rule.NO_OPS: {Fault.REFUSED},
    Habit.NEVER_REST: {Fault.STUCK, Fault.LOSS},
    Habit.PLAY_TO_THE_END: {Fault.STUCK, Fault.LOSS},
    Habit.EVERY_GENERATION: {Fault.SAFETY},
    Habit.ALL_AT_ONCE: {Fault.LATE},
}
"""What happens without a rule. DANGER_FIRST needs a wallet that is not full: it has a test of its own."""


def without(rule: Rule | Habit) -> Dropped:
    if isinstance(rule, Rule):
        return Dropped(rules=frozenset({rule}))
    return Dropped(habits=frozenset({rule}))


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_that_must_never_happen_happens_in_thousands_of_matches(part: int) -> None:
    lies = 0
    for seed in range(part * SEEDS // PARTS, (part + 1) * SEEDS // PARTS):
        result = Match(seed).play()
        assert result.faults == [], f"seed {seed}"
        assert result.figures.bonds <= 1
        lies += result.figures.lies
    assert lies > SEEDS // PARTS


@pytest.mark.parametrize("rule", FAULTS, ids=lambda rule: rule.name.lower())
def test_without_any_one_of_the_rules_and_habits_something_happens(rule: Rule | Habit) -> None:
    found = (set(Match(seed, dropped=without(rule)).play().faults) for seed in range(HOLES))
    assert any(faults & FAULTS[rule] for faults in found)


def test_every_rule_and_habit_is_dropped_in_a_test() -> None:
    assert {*FAULTS, Habit.DANGER_FIRST} == {*Rule, *Habit}


def test_a_period_three_blocks_too_short_is_robbed_and_the_shortest_that_is_safe_is_not() -> None:
    """The liar is first, moves at once, and there is nothing to censor or to wait for."""

    def robbed(seed: int, height: int, spare: int) -> bool:
        terms = Terms(height=height, delay=0, censored=0, spare=spare)
        return Fault.SAFETY in Match(seed, random_setup(random.Random(seed), "first", terms)).play().faults

    for height in (1, 2, 3):
        assert any(robbed(seed, height, -3) for seed in range(10))
        assert not any(robbed(seed, height, 0) for seed in range(40))


def test_without_moves_that_repeat_a_bundle_of_many_generations_is_held_up_beyond_the_bound() -> None:
    """One cheap decision in front of each bundle reverts it."""
    setup = replace(contested("overtake", 16, Terms(height=1, delay=2, censored=0)), bundles=True)
    late = [Fault.LATE in Match(seed, setup, dropped=without(Rule.NO_OPS)).play().faults for seed in range(10)]
    assert any(late)
    assert not any(Match(seed, setup).play().faults for seed in range(10))


@pytest.mark.parametrize("style", STYLES)
def test_with_every_one_of_many_generations_contested_the_bound_is_the_same(style: str) -> None:
    setup = contested(style, 24, Terms(height=2, delay=2, censored=6))
    for seed in range(4):
        assert Match(seed, setup).play().faults == []


@pytest.mark.parametrize("roots", [1, 2, 4])
def test_a_defender_is_safe_against_less_than_a_bond_for_each_of_its_roots_and_one_more(roots: int) -> None:
    """A + r·R stand against A·(r + 1) + R less a little, and no longer against that."""

    def robbed(lies: int) -> int:
        terms = Terms(height=2, delay=0, censored=0, spare=40)
        wallets = ((terms.bonds + roots) * ROOT_WEI, (lies * terms.bonds + 1) * ROOT_WEI)
        setup = contested("drain", lies, terms, wallets)
        return sum(Fault.SAFETY in Match(seed, setup).play().faults for seed in range(10))

    assert robbed(roots) == 0
    assert robbed(roots + 1) > 0


def test_short_of_money_the_dispute_in_which_a_false_root_runs_comes_first() -> None:
    terms = Terms(height=2, delay=0, censored=0, spare=40)
    setup = contested("dash", 3, terms, ((terms.bonds + 1) * ROOT_WEI, (3 * terms.bonds + 1) * ROOT_WEI))

    def robbed(dropped: Dropped | None) -> int:
        return sum(Fault.SAFETY in Match(seed, setup, dropped=dropped).play().faults for seed in range(10))

    assert robbed(None) == 0
    assert robbed(without(Habit.DANGER_FIRST)) > 0


def test_a_seed_gives_the_same_match_again() -> None:
    assert Match(7).play() == Match(7).play()
