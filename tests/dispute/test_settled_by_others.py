"""Whoever settles may leave payments out: what is left stays to be claimed, down to a root's only bisection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.party.duties import Mode
from tallystick.party.strategy.moves import call_for
from tallystick.party.strategy.player import Settle, opening
from tallystick.testing.l1_stage import Stage, Told, trade_a_little
from tallystick.testing.rogues.lies import make_lie
from tallystick.testing.rogues.nest import Nest
from tallystick.testing.world import address

PERIOD = 80


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, challenge_period_blocks=PERIOD)
    trade_a_little(made)
    made.publish()
    yield made
    made.close()


@pytest.mark.parametrize("halved", [False, True])
def test_who_settles_without_payments_keeps_nobody_from_its_reward(stage: Stage, halved: bool) -> None:
    """The liar opens a root and leaves it, or halves it as well; it settles in front of the honest party, and pays nobody."""
    told = Told()
    honest = stage.party("challenger", Mode.PROPOSE, told)
    honest.tick()
    honest.tick()
    stage.fund("eve")
    nest = Nest(watch=stage.party("watch", Mode.WATCH, Told()), queue=stage.queue("eve"))
    lie = nest.lie_below(honest.rollup.genesis_id, make_lie("random-root", bytes(20), 0).step)
    root = nest.open_root(lie)
    for _ in range(4):
        honest.tick()
    if halved:
        nest.halve(lie, root)
        for _ in range(4):
            honest.tick()
    while not (won := [each for each in honest.challenge.disputes.values() if each.winner]):
        stage.mine(PERIOD // 3)
        honest.tick()
        honest.read()
    stage.mine(PERIOD)
    honest.read()
    assert not won[0].settled
    view = honest.challenge
    mine = view.edges[view.roots[won[0].winner][0]].edge
    moves = [
        each for each in view.edges.values() if each.children and honest.challenge.total(each.edge.id, honest.head)
    ]
    openings = tuple(opening(view, each.edge) for each in reversed(moves))
    nest.send("Challenge", call_for(Settle(root=mine, openings=openings, payments=()), 0))
    before = stage.call("Challenge", "credit", "0x" + address("challenger").hex())
    terms = stage.deployment.config
    assert before == terms.challenge_bond_wei + terms.open_reward_wei, "so much the settlement itself pays"
    for _ in range(8):
        honest.tick()
        stage.mine(1)
    bisected = len([each for each in told.named("moved") if each["move"] == "bisect"])
    assert bisected == (2 if halved else 1)
    pot = stage.call("Challenge", "disputeState", won[0].id)["potWei"]
    assert pot == terms.challenge_bond_wei // 2 - terms.open_reward_wei - bisected * terms.bisect_reward_wei
    assert len(told.named("settled")) == 1
    stage.mine(10)
    for _ in range(4):
        honest.tick()
    assert len(told.named("settled")) == 1, "and it is not asked for again"
