"""Every order in which bonds can move, over all small trees of assertions."""

from __future__ import annotations

import pytest

from tallystick.testing.generations.bonds import BARE_TIP, CHEAP_ATTACK, CHEAP_BRANCH, SECOND_BOND, explore
from tallystick.testing.protocol.protocol_rules import Rule


def test_no_order_of_moves_frees_a_lie_or_asks_for_a_second_honest_bond() -> None:
    explored = explore(4)
    assert explored.positions > 10_000
    assert explored.faults == {}


@pytest.mark.parametrize(
    ("rule", "faults"),
    [
        (Rule.BOND_MOVES, {SECOND_BOND}),
        (Rule.BOND_FROM_ANYWHERE, {SECOND_BOND}),
        (Rule.CHILD_COUNTED, {SECOND_BOND}),
        (Rule.BOND_HELD, {BARE_TIP, CHEAP_BRANCH, CHEAP_ATTACK}),
        (Rule.ALL_FORFEITED, {CHEAP_BRANCH, CHEAP_ATTACK}),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, Rule) else "",
)
def test_without_any_one_of_the_rules_for_bonds_some_order_does(rule: Rule, faults: set[str]) -> None:
    assert set(explore(3, frozenset({rule})).faults) == faults
