"""C: many attackers at once, with different histories, against one honest party and the real contracts.

`make sybils` does the same with 64 and prints what it costs.
"""

from __future__ import annotations

import pytest

from tallystick.bench.battle import INCLUSION_BLOCKS, MOST_CENSORED, Battle, Result
from tallystick.bench.sybils import Fork, Timing, attacks, lie_at
from tallystick.dispute.history import History, Trace, node
from tallystick.rollup.assertion_view import Status
from tallystick.state.hashing import keccak
from tallystick.testing.stage import FUND_WEI, GRACE_BLOCKS, PERIOD_BLOCKS, Stage
from tests.adversaries.rules import must_hold

AFTERWARDS = 20
"""Blocks for the confirmation, the rejections, the settlement and the payments."""
TAKEN_WEI = 10**18 // 2
"""More than what attackers who make the honest side's moves first are repaid for them."""


def play(stage: Stage, count: int, censored: int = 0, *timings: Timing) -> tuple[Battle, Result]:
    """Let so many attackers lose, and check what has to hold whatever they do."""
    fresh = stage.world.fresh()
    true = History(fresh.state, fresh.inputs)
    chosen = attacks(true, count, timings=timings or tuple(Timing))
    battle = Battle(stage=stage, true=true, attacks=chosen, censored=censored)
    result = battle.play()
    assert result.won
    assert result.censored == censored
    assert result.liars_time < PERIOD_BLOCKS
    assert result.blocks <= 2 * PERIOD_BLOCKS
    assert result.profit_wei > 0
    assert result.bonds_wei - result.lost_wei < TAKEN_WEI
    must_hold(stage, battle.honest, before_wei=FUND_WEI)
    fallen = [each for each in battle.honest.rollup.assertions.values() if each.status is Status.REJECTED]
    assert len(fallen) == sum(attack.own for attack in battle.attacks)
    return battle, result


@pytest.mark.parametrize("count", [1, 8])
def test_C02_attackers_with_different_histories_lose_and_the_delay_does_not_grow(stage: Stage, count: int) -> None:
    """Sybils lie at the first step, the last, in the padding, at the last leaf, with a common prefix, with garbage; some
    at the last block, some before the honest side in its own moves. Without censorship the end comes within the period
    and D, however many they are; the honest side has its bonds and its gas, the liars have lost theirs."""
    _, result = play(stage, count)
    assert result.decided <= PERIOD_BLOCKS + INCLUSION_BLOCKS
    assert result.blocks <= PERIOD_BLOCKS + INCLUSION_BLOCKS + GRACE_BLOCKS + AFTERWARDS


def test_C05_attackers_who_censor_as_long_as_they_may_lose_all_the_same(stage: Stage) -> None:
    """Twelve sybils of all kinds, and blocks without the honest side's transactions, to the whole of the budget. No lie
    ever comes near the period, and the end comes within two."""
    battle, result = play(stage, 12, MOST_CENSORED, Timing.AT_ONCE, Timing.LATE)
    assert result.decided <= 2 * PERIOD_BLOCKS
    assert {attack.place for attack in battle.attacks} > {"garbage leaf", "false trace to the truth", "deep padding"}


def test_a_forked_trace_is_the_tree_over_its_states() -> None:
    """What attackers play is what they say: checked against the plain tree, leaf by leaf."""
    height, count = 4, 11
    states = [keccak(b"%d" % i) for i in range(count)]
    true = Trace(states, height)
    x, y = keccak(b"x"), keccak(b"y")
    for first, second in ((0, 1), (0, 15), (3, 7), (9, 10), (12, 15)):
        fork = Fork(true, ((first, x), (second, y)))
        leaves = [*states[1:], *[states[-1]] * 16][:16]
        plain = Trace([states[0], *leaves[:first], *[x] * (second - first), *[y] * (16 - second)], height)
        for level in range(height + 1):
            for index in range(1 << (height - level)):
                assert fork.span(level, index) == plain.span(level, index)
                assert fork.base(level, index) == plain.base(level, index)
    hole = Fork(true, ((15, x),), {(1, 3): y})
    assert hole.span(1, 3) == y
    assert hole.span(2, 1) == node(true.span(1, 2), y)
    assert hole.span(2, 0) == true.span(2, 0)
    assert lie_at(true, 5, "here").trace.span(0, 4) == true.span(0, 4)
