"""C: many attackers at once, with different histories, against one honest party and the real contracts.

`make sybils` does the same with 64 and prints what it costs.
"""

from __future__ import annotations

import pytest

from tallystick.bench.disputes.battle import INCLUSION_BLOCKS, MOST_CENSORED, Battle, Result
from tallystick.bench.disputes.defence_gas import DECLARED_PRICE_WEI
from tallystick.bench.disputes.sybils import Timing, attacks
from tallystick.dispute.trace_tree import History
from tallystick.rollup.views.assertion_view import Status
from tallystick.testing.l1_stage import FUND_WEI, PERIOD_BLOCKS, Stage
from tests.adversaries.rules import must_hold

AFTERWARDS = 20
"""Blocks for the confirmation, the rejections, the settlement and the payments."""
LOST_PERCENT = 75
"""Of the liars' bonds at the least: half of a challenge bond pays for moves of the winning tree, to whoever made them, and
that may be one of the liars who made them before the honest side."""


def play(stage: Stage, count: int, censored: int = 0, *timings: Timing) -> tuple[Battle, Result]:
    """Let so many attackers lose, and check what has to hold whatever they do."""
    fresh = stage.world.fresh()
    true = History(fresh.state, fresh.inputs, height=stage.deployment.config.root_height)
    chosen = attacks(true, count, timings=timings or tuple(Timing))
    battle = Battle(stage=stage, true=true, attacks=chosen, censored=censored)
    result = battle.play()
    assert result.won
    assert result.censored == censored
    assert result.liars_time < PERIOD_BLOCKS
    assert result.blocks <= 2 * PERIOD_BLOCKS
    assert result.profit_wei == result.repaid_wei - result.fees_wei > 0
    assert result.gas <= result.most_gas
    if {attack.timing for attack in chosen} <= {Timing.AT_ONCE, Timing.LATE}:
        assert result.repaid_wei >= result.gas * DECLARED_PRICE_WEI
    assert result.lost_wei * 100 >= result.bonds_wei * LOST_PERCENT
    must_hold(stage, battle.honest, before_wei=FUND_WEI)
    fallen = [each for each in battle.honest.rollup.assertions.values() if each.status is Status.REJECTED]
    assert len(fallen) == sum(attack.own for attack in battle.attacks)
    return battle, result


@pytest.mark.parametrize("count", [1, 8])
def test_C02_attackers_with_different_histories_lose_and_the_delay_does_not_grow(stage: Stage, count: int) -> None:
    """Sybils lie at the first step, the last, in the padding, at the last leaf, with a common prefix, with garbage; some
    at the last block, some before the honest side in its own moves. Without censorship the end comes within the period
    and D, however many they are; the honest side has its bonds and its gas, the liars have lost theirs.
    """
    _, result = play(stage, count)
    assert result.decided <= PERIOD_BLOCKS + INCLUSION_BLOCKS
    assert result.blocks <= PERIOD_BLOCKS + INCLUSION_BLOCKS + AFTERWARDS


def test_C05_attackers_who_censor_as_long_as_they_may_lose_all_the_same(stage: Stage) -> None:
    """Twelve sybils of all kinds, and blocks without the honest side's transactions, to the whole of the budget. No lie
    ever comes near the period, and the end comes within two.
    """
    battle, result = play(stage, 12, MOST_CENSORED, Timing.AT_ONCE, Timing.LATE)
    assert result.decided <= 2 * PERIOD_BLOCKS
    assert {attack.place for attack in battle.attacks} > {"garbage leaf", "false trace to the truth", "deep padding"}


def test_C03_every_move_is_repaid_though_settling_takes_many_transactions(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With many liars the winning tree is too large for one transaction. The parts are sent one after the other, for
    what one costs depends on the one before; none is forgotten, and none waits until the one before is final.
    """
    monkeypatch.setattr("tallystick.party.strategy.player.MAX_OPENINGS", 8)
    battle, result = play(stage, 1)
    assert result.blocks <= PERIOD_BLOCKS + INCLUSION_BLOCKS + AFTERWARDS
    told, view = battle.told, battle.honest.challenge
    assert len(told.named("settled")) == 3
    assert not told.named("not_taken")
    moved = {id_ for id_, each in view.edges.items() if each.children or each.proven}
    mine = {
        id_
        for id_ in moved
        if battle.true.span(view.edges[id_].edge.height, view.edges[id_].edge.index) == view.edges[id_].edge.span
    }
    assert view.repaid == mine
