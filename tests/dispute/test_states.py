"""The table of the player's states, held against random disputes and against the documentation."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from tallystick.dispute.edge_view import EdgeStatus
from tallystick.party.duties import Mode
from tallystick.party.party import Party
from tallystick.party.strategy.player import is_paid
from tallystick.party.strategy.player_states import (
    DISPUTE_ACTIONS,
    DISPUTE_TRANSITIONS,
    EDGE_ACTIONS,
    EDGE_TRANSITIONS,
    DisputeState,
    EdgeState,
    Standing,
    Transition,
    dispute_state,
    edge_state,
    table,
)
from tallystick.state.ordinals import BlockNumber
from tallystick.testing.l1_stage import PERIOD_BLOCKS, Stage, Told, trade_a_little
from tallystick.testing.rogues.lies import make_lie
from tests.dispute.adversary import Match, Terms

DOC = Path(__file__).parents[2] / "docs" / "challenger.md"
SEEDS = 300
Arrow = tuple[StrEnum, StrEnum]
D = DisputeState
REACHED_ON_L1: set[Arrow] = {
    (D.UNOPENED, D.CONTESTED),
    (D.UNOPENED, D.OVER),
    (D.CONTESTED, D.RIPE),
    (D.CONTESTED, D.OVER),
    (D.RIPE, D.EARNED),
    (D.RIPE, D.OVER),
    (D.EARNED, D.SETTLED),
}
"""Where nobody has a head start; the others are played in tests/dispute/test_strategy.py."""


class Watched(Match):
    """A match in which every own edge's state, and the dispute's, is looked at in every block."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, Terms(height=4, delay=seed % 3, censored=seed % 5))
        self.edges: dict[bytes, EdgeState] = {}
        self.dispute = DisputeState.UNOPENED
        self.seen: set[Arrow] = set()

    def _think(self, block: int) -> None:
        self._look(block)
        super()._think(block)

    def play(self) -> str:
        """Return who has won, after a last look."""
        won = super().play()
        self._look(self.game.block)
        return won

    def _look(self, block: int) -> None:
        view, player = self.game.view, self.player
        root = player.root(view)
        self._move_to(player.state(view, root, BlockNumber(block)))
        if root is not None:
            self._look_below(view.edges[root.id])

    def _move_to(self, now: DisputeState) -> None:
        if now != self.dispute:
            self.seen.add((self.dispute, now))
        self.dispute = now

    def _look_below(self, status: EdgeStatus) -> None:
        view = self.game.view
        now = edge_state(view, status)
        before = self.edges.setdefault(status.edge.id, now)
        if now != before:
            self.seen.add((before, now))
        self.edges[status.edge.id] = now
        if status.children is None:
            return
        for child in view.children(status.edge, *status.children):
            self._look_below(view.edges[child.id])


def arrows(transitions: Iterable[Transition]) -> set[Arrow]:
    return {(each.before, each.after) for each in transitions}


def closure(known: set[Arrow]) -> set[Arrow]:
    """Return every arrow that some arrows make one after the other: much may happen in one block."""
    found = set(known)
    while more := {(a, d) for a, b in found for c, d in known if b == c} - found:
        found |= more
    return found


def test_what_happens_in_random_disputes_is_in_the_table_and_all_of_the_edges_table_happens() -> None:
    seen: set[Arrow] = set()
    for seed in range(SEEDS):
        match = Watched(seed)
        assert match.play() == "honest"
        seen |= match.seen
    edges, disputes = arrows(EDGE_TRANSITIONS), arrows(DISPUTE_TRANSITIONS)
    assert seen <= closure(edges) | closure(disputes)
    assert edges <= seen


def test_every_arrow_of_a_dispute_happens_on_l1(tmp_path: Path) -> None:
    """One liar is left alone until its root is ripe, one opens a root and does no more, one only asserts. None of them
    decides; the honest party comes late and wins. Somebody opens a false trace to the truth and earns nothing.
    """
    stage = Stage(tmp_path)
    try:
        trade_a_little(stage)
        stage.publish()
        lies = {"operator": "worse-fill", "sybil 1": "mint-deposit", "sybil 2": "random-root"}
        liars = [stage.party(who, Mode.PROPOSE, Told(), make_lie(lie, bytes(20)).step) for who, lie in lies.items()]
        honest = stage.party("challenger", Mode.RESOLVE, Told())
        seen: set[Arrow] = set()
        now: dict[bytes, DisputeState] = {}
        for each in (*liars, honest, liars[0], liars[0], liars[1], liars[1]):
            each.tick()
            look_at_disputes(honest, now, seen)
        stage.mine(PERIOD_BLOCKS)
        for _ in range(200):
            before = stage.client.head().number
            look_at_disputes(honest, now, seen)
            honest.tick()
            if seen >= REACHED_ON_L1:
                break
            if stage.client.head().number == before:
                stage.mine(10)
        assert REACHED_ON_L1 <= seen <= closure(arrows(DISPUTE_TRANSITIONS))
    finally:
        stage.close()


def look_at_disputes(party: Party, now: dict[bytes, DisputeState], seen: set[Arrow]) -> None:
    """Note where each assertion's dispute is, and the arrow by which it came there."""
    party.read()
    view, rollup = party.challenge, party.rollup
    for each in rollup.assertions.values():
        if not each.parent:
            continue
        head_start = rollup.unrivalled_blocks(each, party.head)
        standings = [
            Standing(root=root, earned=view.total(root, party.head), head_start=head_start)
            for root in view.roots.get(each.id, [])
        ]
        best = max(standings, key=lambda standing: standing.total, default=None)
        dispute = view.dispute_below(each.parent)
        state = dispute_state(dispute, each.id, best, PERIOD_BLOCKS, paid=is_paid(view, dispute))
        before = now.get(each.id, DisputeState.UNOPENED)
        if state != before:
            seen.add((before, state))
        now[each.id] = state


def test_every_state_has_one_action_and_is_reached() -> None:
    assert set(EDGE_ACTIONS) == set(EdgeState)
    assert set(DISPUTE_ACTIONS) == set(DisputeState)
    assert {after for _, after in arrows(DISPUTE_TRANSITIONS)} == set(DisputeState) - {DisputeState.UNOPENED}
    assert {after for _, after in arrows(EDGE_TRANSITIONS)} == set(EdgeState) - {EdgeState.UNRIVALLED}


def test_the_documentation_has_the_table_of_the_code() -> None:
    assert table() in DOC.read_text(encoding="utf-8")
