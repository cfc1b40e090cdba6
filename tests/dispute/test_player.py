"""The honest strategy, move by move."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.dispute.edge_view import ChallengeView, DisputeStatus
from tallystick.dispute.trace_tree import Trace
from tallystick.errors import BadInput
from tallystick.party.strategy.moves import call_for
from tallystick.party.strategy.player import Bisect, Decide, OpenRoot, Player, Prove, Settle, Update, repayments, settle
from tallystick.party.strategy.player_states import DisputeState
from tallystick.state.hashing import keccak
from tallystick.state.ordinals import BatchNumber, BlockNumber
from tests.dispute.adversary import START, Match, ProvableTrace, Terms, run_from, step
from tests.dispute.adversary import claim as claim_of
from tests.dispute.game import DISPUTE, Game, GameEvent

HEIGHT = 3
PERIOD = 50
TRUE = ProvableTrace(run_from(START, 8), HEIGHT)
FALSE = Trace([*run_from(START, 4), *run_from(keccak(b"a lie"), 3)], HEIGHT)
"""True up to the state after 4 steps: the first false leaf is number 4."""


@pytest.fixture
def game() -> Game:
    return Game(height=HEIGHT, start=START, period=PERIOD, step=step, head_starts={})


@pytest.fixture
def player() -> Player:
    return Player(TRUE, claim_of(b"honest"), PERIOD)


def open_both(game: Game) -> None:
    for name, trace in ((b"liar", FALSE), (b"honest", TRUE)):
        game.open_root(name, trace.last_state, trace.span(HEIGHT, 0), trace.last_leaf_siblings(), START)


def make(game: Game, *moves: object) -> None:
    for move in moves:
        match move:
            case Bisect():
                game.bisect(move.edge, move.left, move.right)
            case Prove():
                game.prove(move.edge, move.proof)
            case Update():
                game.update(move.openings)
            case Decide():
                game.confirm(move.root, move.openings)
            case _:
                raise AssertionError(move)


def down_to_the_step(game: Game, player: Player) -> list[object]:
    """Let both sides bisect a block after the other until the honest one can prove; that move."""
    liar = Player(FALSE, claim_of(b"liar"), PERIOD, proves=False)
    for _ in range(20):
        moves = player.moves(game.view, BlockNumber(game.block))
        if any(isinstance(move, Prove) for move in moves):
            return list(moves)
        game.block += 1
        make(game, *liar.moves(game.view, BlockNumber(game.block)), *moves)
    raise AssertionError("the bisection does not end")


def test_the_root_is_opened_first_and_alone(game: Game, player: Player) -> None:
    moves = player.moves(game.view, BlockNumber(0))
    assert [type(move) for move in moves] == [OpenRoot]
    assert isinstance(moves[0], OpenRoot)
    assert moves[0].span == TRUE.span(HEIGHT, 0)


def test_an_edge_without_a_rival_is_left_alone(game: Game, player: Player) -> None:
    game.open_root(b"honest", TRUE.last_state, TRUE.span(HEIGHT, 0), TRUE.last_leaf_siblings(), START)
    assert player.moves(game.view, BlockNumber(PERIOD - 1)) == []


def test_a_rivalled_edge_is_bisected_into_the_own_children(game: Game, player: Player) -> None:
    open_both(game)
    moves = player.moves(game.view, BlockNumber(1))
    assert [(type(m), m.left, m.right) for m in moves if isinstance(m, Bisect)] == [
        (Bisect, TRUE.span(2, 0), TRUE.span(2, 1))
    ]


def test_a_rivalled_leaf_is_proven_at_the_first_false_step(game: Game, player: Player) -> None:
    open_both(game)
    (prove,) = down_to_the_step(game, player)
    assert isinstance(prove, Prove)
    assert prove.edge.index == 4
    assert step(prove.proof.pre) == TRUE.states[5]


def test_a_liar_never_tries_to_prove(game: Game, player: Player) -> None:
    open_both(game)
    down_to_the_step(game, player)
    liar = Player(FALSE, claim_of(b"liar"), PERIOD, proves=False)
    assert liar.moves(game.view, BlockNumber(game.block)) == []
    assert liar.moves(game.view, BlockNumber(game.block + 10 * PERIOD)) == []


def test_when_every_path_is_long_enough_the_dispute_is_decided_in_one_transaction(game: Game, player: Player) -> None:
    open_both(game)
    make(game, *down_to_the_step(game, player))
    game.block += PERIOD
    moves = player.moves(game.view, BlockNumber(game.block))
    assert [type(move) for move in moves] == [Decide]
    make(game, *moves)
    assert game.winner == b"honest"


def test_moves_go_on_while_a_ripe_dispute_waits_for_its_decision(game: Game, player: Player) -> None:
    """A decision may be kept out of L1 for long: an edge that was enough for it may be rivalled meanwhile."""
    open_both(game)
    game.block += PERIOD
    (bisect,) = player.moves(game.view, BlockNumber(1))
    make(game, bisect)
    game.block += PERIOD
    liar = Player(FALSE, claim_of(b"liar"), PERIOD, proves=False)
    make(game, *liar.moves(game.view, BlockNumber(game.block)))
    kinds = [type(move) for move in player.moves(game.view, BlockNumber(game.block))]
    assert kinds == [Decide, Bisect]


def test_totals_too_many_for_one_transaction_are_updated_bottom_up_first(
    game: Game, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.party.strategy.player.MAX_OPENINGS", 1)
    open_both(game)
    make(game, *down_to_the_step(game, player))
    game.block += PERIOD
    kinds: list[type] = []
    while not game.winner:
        moves = player.moves(game.view, BlockNumber(game.block))
        kinds += [type(move) for move in moves]
        game.block += 1
        make(game, *moves)
    assert game.winner == b"honest"
    assert kinds == [Update, Update, Decide]


@pytest.mark.parametrize("seed", range(40))
def test_deciding_in_parts_wins_as_well_against_anybody(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.party.strategy.player.MAX_OPENINGS", 3)
    match = Match(seed, Terms(height=3, delay=0, censored=0))
    assert match.play() == "honest"
    assert match.refused == []


def decided(game: Game, player: Player) -> None:
    """Play to the decision for the honest side."""
    open_both(game)
    make(game, *down_to_the_step(game, player))
    game.block += PERIOD
    make(game, *[move for move in player.moves(game.view, BlockNumber(game.block)) if isinstance(move, Decide)])


def test_settling_repays_the_movers_of_the_own_tree_parents_first(game: Game, player: Player) -> None:
    decided(game, player)
    root = player.root(game.view)
    assert root is not None
    found = settle(game.view, root, PERIOD, BlockNumber(game.block))
    assert isinstance(found, Settle)
    assert [opening.edge.height for opening in found.payments] == [3, 2, 1, 0]
    assert all(TRUE.span(o.edge.height, o.edge.index) == o.edge.span for o in found.payments)


def test_what_is_repaid_is_not_asked_for_again_and_an_empty_pot_ends_it(game: Game, player: Player) -> None:
    decided(game, player)
    view, root = game.view, player.root(game.view)
    assert root is not None
    found = settle(view, root, PERIOD, BlockNumber(game.block))
    assert isinstance(found, Settle)
    edges = [opening.edge.id for opening in found.payments]

    def tell(name: str, **args: object) -> None:
        view.apply(
            GameEvent(contract="Challenge", name=name, args={"dispute": DISPUTE, **args}, block=BlockNumber(game.block))
        )

    tell("DisputeSettled", edge=root.id, potWei=100)
    for edge in (edges[0], *edges[:2]):
        tell("MoveRepaid", edge=edge, amountWei=10)
    (rest,) = repayments(view, view.disputes[DISPUTE])
    assert [opening.edge.id for opening in rest.payments] == [edges[0], *edges[2:]]
    tell("MoveRepaid", edge=edges[2], amountWei=70)
    assert repayments(view, view.disputes[DISPUTE]) == []


def test_the_winner_settles_once_its_root_has_the_period_without_the_head_start(game: Game) -> None:
    """A head start decides, and earns nothing: until the root has earned the period itself, moves go on."""
    player = Player(TRUE, claim_of(b"honest", PERIOD - 1), PERIOD)
    game.head_starts[b"honest"] = PERIOD - 1
    open_both(game)
    make(game, *player.moves(game.view, BlockNumber(1)))
    game.block += 2
    moves = player.moves(game.view, BlockNumber(game.block))
    assert [type(move) for move in moves] == [Decide]
    make(game, *moves)
    assert game.winner == b"honest"
    assert player.state(game.view, player.root(game.view), BlockNumber(game.block)) is DisputeState.WON
    assert player.moves(game.view, BlockNumber(game.block)) == []
    later = game.block + PERIOD
    assert player.state(game.view, player.root(game.view), BlockNumber(later)) is DisputeState.EARNED
    assert [type(move) for move in player.moves(game.view, BlockNumber(later))] == [Settle]


def test_moves_go_on_after_the_decision_until_the_dispute_is_settled(player: Player) -> None:
    """A false trace to the true assertion could earn the money of a decision that is already made."""
    game = Game(height=HEIGHT, start=START, period=PERIOD, step=step, head_starts={})
    open_both(game)
    view = game.view
    view.disputes[DISPUTE] = replace(view.disputes[DISPUTE], winner=b"honest")
    assert [type(move) for move in player.moves(view, BlockNumber(1))] == [Bisect]
    view.disputes[DISPUTE] = replace(view.disputes[DISPUTE], settled_edge=b"another root")
    assert player.moves(view, BlockNumber(1)) == []


def test_a_decided_dispute_is_not_entered(player: Player) -> None:
    view = ChallengeView()
    view.disputes[DISPUTE] = DisputeStatus(
        id=DISPUTE, parent=player.claim.parent, limit=BatchNumber(0), winner=b"somebody"
    )
    assert player.moves(view, BlockNumber(0)) == []


def test_a_move_has_one_name_whenever_it_is_made(game: Game, player: Player) -> None:
    opened = call_for(player.moves(game.view, BlockNumber(0))[0], 7)
    assert (opened.function, opened.value_wei) == ("openRoot", 7)
    open_both(game)
    first, second = (call_for(player.moves(game.view, BlockNumber(block))[0], 7) for block in (1, 2))
    assert first == second
    assert (first.function, first.value_wei) == ("bisect", 0)


def test_the_rules_refuse_what_the_contract_refuses(game: Game) -> None:
    root = game.open_root(b"honest", TRUE.last_state, TRUE.span(HEIGHT, 0), TRUE.last_leaf_siblings(), START)
    halves = TRUE.span(2, 0), TRUE.span(2, 1)
    with pytest.raises(BadInput, match="no rival"):
        game.bisect(root, *halves)
    with pytest.raises(BadInput, match="last leaf"):
        game.open_root(b"x", START, FALSE.span(HEIGHT, 0), FALSE.last_leaf_siblings(), START)
    with pytest.raises(BadInput, match="not long enough"):
        game.confirm(root)
    open_both(game)
    with pytest.raises(BadInput, match="not its children"):
        game.bisect(root, halves[1], halves[0])
    with pytest.raises(BadInput, match="no rivalled leaf"):
        game.prove(root, TRUE.prefix(0))
