"""The honest strategy in one dispute, against thousands of adversaries, and against rules with a hole.

Many generations, with bonds and money: test_generations.py.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tallystick.testing.protocol.protocol_rules import Rule
from tests.dispute.adversary import Match, Terms

SEEDS = 300
HOLES = 400
ONE_DISPUTE = [
    Rule.START_FROM_PARENT,
    Rule.RIGHT_BASE,
    Rule.BISECT_RIVALLED,
    Rule.WORSE_CHILD,
    Rule.AGREED_PRE,
]
"""The rules that one dispute alone can show to be needed."""


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize("height", [1, 2, 3, 4])
def test_one_honest_player_wins_in_time_whatever_the_others_do(height: int, delay: int) -> None:
    """Within twice the period, with a delay and a censorship that leave the period as short as it may be."""
    results: Counter[str] = Counter()
    for seed in range(SEEDS // height):
        match = Match(seed, Terms(height=height, delay=delay, censored=seed % 3))
        results[match.play()] += 1
        assert match.refused == [], "the honest side makes no move that L1 refuses"
    assert set(results) == {"honest"}


@pytest.mark.parametrize("rule", ONE_DISPUTE, ids=lambda rule: rule.name.lower())
def test_without_any_one_of_the_rules_somebody_honest_loses(rule: Rule) -> None:
    terms = Terms(height=3, delay=1, censored=0, dropped=frozenset({rule}))
    assert any(Match(seed, terms).play() != "honest" for seed in range(HOLES))
