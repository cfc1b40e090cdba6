"""The dispute that is measured is a whole one, and what is measured apart is what it costs in the game."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from tallystick.bench.cli import app
from tallystick.bench.dispute_tables import dispute_page, sybils_page
from tallystick.bench.disputes.battle import small_battle
from tallystick.bench.disputes.dispute_costs import measure
from tallystick.bench.disputes.sybils import Fork, lie_at
from tallystick.bench.speed.operators import beside_operator
from tallystick.dispute.trace_tree import Trace, node
from tallystick.drawing import plain
from tallystick.state.hashing import keccak
from tallystick.testing.l1_stage import PERIOD_BLOCKS

GAS = {"open", "bisect_first", "bisect_median", "prove_median", "prove_worst", "update", "confirm", "settle"}


@pytest.fixture(scope="module")
def small() -> dict[str, object]:
    return beside_operator(measure(steps=300, bulks=1, worst=False), source=None, seed=7, single=100)


def test_a_measured_dispute_has_every_figure_and_the_truth_has_won(small: dict[str, object]) -> None:
    assert small["ok"]
    assert isinstance(small["trace_steps"], int) and small["trace_steps"] >= 300
    gas, seconds = small["gas"], small["move_seconds"]
    assert isinstance(gas, dict) and set(gas) == GAS
    assert min(gas.values()) > 21_000
    assert gas["prove_median"] <= gas["prove_worst"]
    assert isinstance(seconds, dict) and set(seconds) == {"openroot", "bisect", "prove", "decide", "settle"}


def test_a_replay_is_measured_beside_the_operators_whole_path(small: dict[str, object]) -> None:
    flows = small["operator"]
    assert isinstance(flows, dict)
    for name, key in (("bulks", "replay_over_operator"), ("single", "replay_over_operator_single")):
        flow = flows[name]
        assert flow["ok"] and flow["batches"] >= 1
        ratio = flow["operator_seconds"] / flow["replay_seconds"]
        assert small[key] == flow["replay_over_operator"] == pytest.approx(ratio, rel=0.1)
    assert flows["bulks"]["orders"] == small["orders"] and flows["single"]["orders_a_record"] == 1


def test_a_proof_put_into_the_challenges_storage_costs_what_it_costs_in_the_game(small: dict[str, object]) -> None:
    game = small["gas_in_the_game"]
    assert isinstance(game, dict)
    assert abs(game["prove_apart"] - game["prove"]) <= 100


def test_the_figures_are_shown_beside_those_of_others(small: dict[str, object]) -> None:
    text = plain(*dispute_page(small))
    assert "Cartesi PRT" in text
    assert "prove_worst" in text
    assert "operator, bulks" in text and "operator, single" in text


def test_a_battle_is_shown_and_ends_with_one_object() -> None:
    done = CliRunner().invoke(app, ["sybils", "2", "--json"])
    assert done.exit_code == 0
    (battle,) = json.loads(done.stdout.splitlines()[-1])["battles"]
    assert battle["won"] and battle["attackers"] == 2
    assert battle["liars_time"] < PERIOD_BLOCKS
    text = plain(*sybils_page([battle]))
    assert "honest gas" in text and "generations" in text


def test_a_battle_in_which_the_honest_side_is_overtaken_is_won_too() -> None:
    battle = small_battle(3, fronted=True)
    assert battle["won"] and battle["profit_wei"] == battle["repaid_wei"] - battle["fees_wei"] > 0
    assert battle["gas"] <= battle["most_gas"]


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
