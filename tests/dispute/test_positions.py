"""Lies at every awkward place of the trace, on a real L1 with the real contracts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tallystick.dispute.trace_tree import History, Trace
from tallystick.party.duties import Mode
from tallystick.party.party import Party
from tallystick.party.strategy.moves import call_for
from tallystick.party.strategy.player import Claim, Decide, Player, opening
from tallystick.rollup.views.assertion_view import Status, assertion_id
from tallystick.state.hashing import keccak
from tallystick.state.layout import REGISTERS_BYTES
from tallystick.state.state import state_hash
from tallystick.testing.l1_stage import PERIOD_BLOCKS, Stage, Told, finished, trade_a_little
from tallystick.testing.world import address

LAST = 2**20 - 1


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    trade_a_little(made)
    made.publish()
    yield made
    made.close()


class Mallory:
    """Asserts the end of a trace of its own and defends it as far as bare hashes go.

    What it knows of L1 it takes from an honest party's views: it is not its eyes that are tested.
    """

    def __init__(self, stage: Stage, eyes: Party) -> None:
        self.stage = stage
        self.eyes = eyes
        self.player: Player | None = None
        self.sent: set[str] = set()
        self.name = "mallory"
        stage.fund(self.name)

    def claim(self, states: list[bytes], assertion: bytes, head_start: int) -> None:
        """Play a trace for an assertion."""
        parent = self.eyes.rollup.assertions[self.eyes.rollup.genesis_id]
        claim = Claim(parent=parent.id, assertion=assertion, limit=parent.next_limit, head_start=head_start)
        terms = self.stage.deployment.config
        trace = Trace(states, terms.root_height)
        self.player = Player(trace, claim, terms.challenge_period_blocks, proves=False)

    def post(self, root: bytes) -> bytes:
        """Assert a made-up state and return the assertion."""
        view = self.eyes.rollup
        parent = view.assertions[view.genesis_id]
        bond = self.stage.deployment.config.assertion_bond_wei
        arguments = (parent.id, parent.next_limit, root, registers(), bytes(32))
        self.stage.transact(self.name, f"post {root.hex()}", "Rollup", "post", *arguments, value_wei=bond)
        return assertion_id(parent.id, state_hash(root, registers()))

    def tick(self) -> None:
        """Make every move there is to make."""
        assert self.player is not None
        if len(self.eyes.rollup.children.get(self.player.claim.parent, [])) < 2:
            return
        for move in self.player.moves(self.eyes.challenge, self.eyes.head):
            call = call_for(move, self.stage.deployment.config.challenge_bond_wei)
            if call.key not in self.sent:
                self.sent.add(call.key)
                self.stage.transact(
                    self.name, call.key, "Challenge", call.function, *call.arguments, value_wei=call.value_wei
                )


def registers() -> bytes:
    """Registers of no true state."""
    return bytes([1]) * REGISTERS_BYTES


def fight(stage: Stage, mallory: Mallory, honest: Party) -> None:
    for _ in range(200):
        before = stage.client.head().number
        mallory.tick()
        honest.tick()
        if finished(honest):
            return
        if stage.client.head().number == before:
            stage.mine(10)
    raise AssertionError("the dispute did not end")


def true_trace(stage: Stage) -> History:
    machine = stage.world.fresh()
    return History(machine.state, machine.inputs, height=stage.deployment.config.root_height)


def moves(told: Told, name: str) -> list[dict[str, Any]]:
    return [facts for facts in told.named("moved") if facts["move"] == name]


@pytest.mark.parametrize(
    "where",
    [
        "first step",
        pytest.param("middle", marks=pytest.mark.campaign),
        "last step",
        pytest.param("first padding", marks=pytest.mark.campaign),
        pytest.param("deep padding", marks=pytest.mark.campaign),
        "last leaf",
    ],
)
def test_a_lie_at_any_place_ends_at_its_step(stage: Stage, where: str) -> None:
    true = list(true_trace(stage).states)
    steps = len(true) - 1
    index = {
        "first step": 0,
        "middle": steps // 2,
        "last step": steps - 1,
        "first padding": steps,
        "deep padding": 700_001,
        "last leaf": LAST,
    }[where]
    told = Told()
    honest = stage.party("challenger", Mode.RESOLVE, told)
    honest.tick()
    mallory = Mallory(stage, honest)
    root = keccak(where.encode())
    lie = mallory.post(root)
    padded = true + [true[-1]] * (index + 1 - len(true))
    mallory.claim([*padded[: index + 1], state_hash(root, registers())], lie, head_start=0)

    fight(stage, mallory, honest)

    assert [facts["index"] for facts in moves(told, "prove")] == [index]
    assert len(moves(told, "bisect")) == 20
    assert honest.rollup.assertions[lie].status is Status.REJECTED
    confirmed = honest.rollup.assertions[honest.rollup.latest_confirmed]
    assert confirmed.state_hash == true[-1]
    for _ in range(3):
        honest.tick()
    assert honest.queue is not None
    assert all(view.owed.get(honest.queue.address, 0) == 0 for view in honest.credits.values())


def test_a_false_trace_to_the_true_state_does_not_take_the_honest_bond(stage: Stage) -> None:
    true = list(true_trace(stage).states)
    told = Told()
    honest = stage.party("challenger", Mode.RESOLVE, told)
    honest.tick()
    mallory = Mallory(stage, honest)
    mallory.post(keccak(b"any lie, so that there is a dispute"))
    honest.tick()
    honest.tick()
    mine = honest.rollup.assertions[next(facts["assertion"] for facts in told.named("asserted"))]
    detour = [*true[:5], keccak(b"detour"), *true[6:]]
    mallory.claim(detour, mine.id, head_start=0)

    fight(stage, mallory, honest)

    assert [facts["index"] for facts in moves(told, "prove")] == [4]
    dispute = next(iter(honest.challenge.disputes.values()))
    assert honest.challenge.edges[dispute.settled_edge].edge.span == true_trace(stage).span(20, 0)


def test_a_false_trace_to_the_true_state_that_has_the_whole_head_start_earns_no_bond(stage: Stage) -> None:
    """The truth was alone for all but a block of the period. A lie makes it a dispute, and a false trace to the true
    assertion is opened before the honest root: it decides by the head start, for the truth. The bond it does not get.
    """
    true = true_trace(stage).states
    proposer = stage.party("operator", Mode.PROPOSE, Told())
    proposer.tick()
    told = Told()
    honest = stage.party("challenger", Mode.RESOLVE, told)
    honest.tick()
    mallory = Mallory(stage, honest)
    mine = honest.rollup.assertions[honest.rollup.children[honest.rollup.genesis_id][0]]
    stage.mine(mine.block + PERIOD_BLOCKS - 2 - stage.client.head().number)
    honest.read()
    mallory.post(keccak(b"any lie, a block before it is too late"))
    honest.read()
    head_start = honest.rollup.unrivalled_blocks(mine, honest.head)
    assert head_start == PERIOD_BLOCKS - 1
    mallory.claim([*true[:5], keccak(b"detour"), *true[6:]], mine.id, head_start=head_start)
    mallory.tick()
    stage.mine(1)
    honest.read()
    (root,) = honest.challenge.roots[mine.id]
    edge = honest.challenge.edges[root].edge
    decide = call_for(Decide(root=edge, openings=(opening(honest.challenge, edge),)), 0)
    honest.tick()
    stage.transact("mallory", "decide", "Challenge", decide.function, *decide.arguments)

    fight(stage, mallory, honest)

    dispute = next(iter(honest.challenge.disputes.values()))
    assert dispute.winner == mine.id
    assert honest.challenge.edges[dispute.settled_edge].edge.span == true_trace(stage).span(20, 0)
    assert stage.call("Challenge", "credit", "0x" + address("mallory").hex()) == 0


def test_a_party_that_restarts_with_an_empty_disk_in_the_middle_wins_all_the_same(stage: Stage, tmp_path: Path) -> None:
    true = list(true_trace(stage).states)
    honest = stage.party("challenger", Mode.RESOLVE, Told())
    honest.tick()
    mallory = Mallory(stage, honest)
    root = keccak(b"restart")
    lie = mallory.post(root)
    mallory.claim([*true[:9], state_hash(root, registers())], lie, head_start=0)
    for _ in range(16):
        mallory.tick()
        honest.tick()
    assert len([each for each in honest.challenge.edges.values() if each.children]) > 4
    honest.close()
    (tmp_path / "party-challenger.sqlite").unlink()
    told = Told()
    again = stage.party("challenger", Mode.RESOLVE, told)
    again.tick()
    mallory.eyes = again

    fight(stage, mallory, again)

    assert again.rollup.assertions[lie].status is Status.REJECTED
    assert not told.named("not_taken")


def test_a_party_follows_a_reorganisation_and_plays_on(stage: Stage) -> None:
    true = list(true_trace(stage).states)
    told = Told()
    honest = stage.party("challenger", Mode.RESOLVE, told)
    honest.tick()
    mallory = Mallory(stage, honest)
    root = keccak(b"reorganisation")
    lie = mallory.post(root)
    mallory.claim([*true[:9], state_hash(root, registers())], lie, head_start=0)
    for _ in range(12):
        mallory.tick()
        honest.tick()
    stage.chain.request("anvil_rollback", 3)
    stage.mine(1)
    mallory.sent.clear()
    mallory.name = "mallory again"
    stage.fund(mallory.name)
    honest.tick()

    fight(stage, mallory, honest)

    assert told.named("reorganised")
    assert honest.rollup.assertions[lie].status is Status.REJECTED
