"""C: somebody plays the dispute itself against its rules, as challenger, defender or bystander."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tallystick import artifacts
from tallystick.dispute.edge_view import Edge
from tallystick.dispute.trace_tree import History, Trace
from tallystick.l1.client.events import EventReader
from tallystick.machine import engine
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.party import Identity, Party
from tallystick.party.strategy.moves import call_for
from tallystick.party.strategy.player import Bisect, Claim, Player, Prove
from tallystick.rollup.views.assertion_view import Status
from tallystick.schema.names import Phase
from tallystick.state.hashing import keccak
from tallystick.state.layout import ACCOUNT_CASH_UNITS, MARKET_TAKER_FEE_PPM
from tallystick.testing.l1_stage import FUND_WEI, PERIOD_BLOCKS, Stage, Told, account, trade_a_little
from tallystick.testing.rogues.lies import make_lie
from tallystick.testing.world import address
from tests.adversaries.operator_state import LieAt, Tamper, add, afterwards, pretending
from tests.adversaries.rules import must_hold, refusal

MOVES = 22
"""An opening, 20 bisections and a proof: the honest side's moves against one lie."""


def steal(account: int) -> Tamper:
    """Return a lie that gives an account money out of nothing."""
    return afterwards(lambda machine: add(machine.state.accounts, account, ACCOUNT_CASH_UNITS, 10**9))


def lies() -> dict[str, Any]:
    """Return four liars' steps, each wrong at another place."""
    free_of_fees = pretending(lambda m: m.state.markets, 0, MARKET_TAKER_FEE_PPM, 0)
    return {
        "operator": LieAt(phase=Phase.WITHDRAW, tamper=steal(1)).step,
        "sybil 1": LieAt(phase=Phase.COMMIT_MEDIAN, tamper=steal(2)).step,
        "sybil 2": LieAt(phase=Phase.MATCH_MAKER, record=7, tamper=free_of_fees).step,
        "sybil 3": make_lie("random-root", bytes(20)).step,
    }


def test_C01_a_bogus_challenge_of_a_true_root_loses_both_its_bonds(stage: Stage) -> None:
    """Somebody asserts a lie beside the operator's true root to delay it. The operator's step proves it; the
    challenger loses an assertion bond and a challenge bond, and the delay is a fraction of the period.
    """
    honest = stage.party("operator", Mode.PROPOSE, Told())
    honest.tick()
    liar = stage.party("mallory", Mode.PROPOSE, Told(), make_lie("worse-fill", bytes(20)).step)
    start = stage.client.head().number
    stage.play([honest, liar], honest)
    assert stage.client.head().number - start < 2 * PERIOD_BLOCKS
    must_hold(stage, honest, liars=("mallory",), before_wei=FUND_WEI)


def test_C02_C03_four_liars_with_four_histories_lose_at_once_to_one_honest_party(stage: Stage) -> None:
    """Sybils assert four different lies and play each to the end. All are played in one tree, so the delay is that of
    one; each costs its two bonds, of which half pays the honest side's moves and gas.
    """
    liars = [stage.party(name, Mode.PROPOSE, Told(), step) for name, step in lies().items()]
    told = Told()
    honest = stage.party("challenger", Mode.RESOLVE, told)
    start = stage.client.head().number
    stage.play([*liars, honest], honest)
    blocks = stage.client.head().number - start
    proofs = {facts["index"] for facts in told.named("moved") if facts["move"] == "prove"}
    fallen = [each for each in honest.rollup.assertions.values() if each.status is Status.REJECTED]
    assert len(fallen) == len(liars)
    assert 1 < len(proofs) <= len(liars)
    # here every transaction has a block of its own: 4 liars' moves and the honest ones, then time
    assert blocks < PERIOD_BLOCKS + len(liars) * 2 * MOVES + 100, blocks
    must_hold(stage, honest, liars=tuple(lies()), before_wei=FUND_WEI)


def test_C04_a_liar_that_moves_only_when_nobody_else_has_anything_to_do_gains_nothing(stage: Stage) -> None:
    """The liar waits before each move until the others wait too. A context's timer stops at its rival and is never
    given back; the whole stays below twice the period. All orders of moves: tests/dispute/test_rules.py.
    """
    liar = stage.party("operator", Mode.PROPOSE, Told(), make_lie("worse-fill", bytes(20)).step)
    honest = stage.party("challenger", Mode.RESOLVE, Told())
    liar.tick()
    start = stage.client.head().number
    for _ in range(200):
        before = stage.client.head().number
        honest.tick()
        if honest.challenge.disputes and all(d.winner for d in honest.challenge.disputes.values()):
            break
        if stage.client.head().number == before:
            stage.mine(8)
            liar.tick()
    stage.play([honest], honest)
    assert stage.client.head().number - start < 2 * PERIOD_BLOCKS
    must_hold(stage, honest, liars=("operator",), before_wei=FUND_WEI)


def test_C06_C07_C14_a_copier_neither_takes_a_move_twice_nor_an_honest_bond(stage: Stage) -> None:
    """Somebody makes every honest move first, or again. The first mover of a move is repaid and nobody else; a repeated
    move is a no-op. Moves are not hidden: who is overtaken pays for a no-op at
    most, and the move is made.
    """
    liar = stage.party("operator", Mode.PROPOSE, Told(), make_lie("mint-deposit", bytes(20)).step)
    honest = stage.party("challenger", Mode.RESOLVE, Told())
    copier = stage.party("copier", Mode.RESOLVE, Told())
    for _ in range(3):
        liar.tick()
    stage.play([liar, copier, honest], honest)
    for _ in range(4):
        copier.tick()
        honest.tick()
    repaid = [e.args["edge"] for e in EventReader(stage.client, stage.deployment).poll() if e.name == "MoveRepaid"]
    # the root's edge is in it twice: for its opening and for its bisection
    assert len(repaid) == MOVES
    assert len(set(repaid)) == MOVES - 1
    for name in ("challenger", "copier"):
        balance = stage.client.balance_wei(address(name))
        assert balance >= FUND_WEI - stage.deployment.config.challenge_bond_wei // 50, name
    must_hold(stage, honest, liars=("operator",))


def test_C09_a_true_root_conceded_by_its_proposer_is_defended_by_a_stranger(stage: Stage) -> None:
    """A pair plays false: one asserts the truth and lets go, the other contests it. Anybody may defend; the watcher
    opens the true root with its own bond and wins with it.
    """
    giver = stage.party("operator", Mode.PROPOSE, Told())
    giver.tick()
    honest = stage.party("challenger", Mode.RESOLVE, Told())
    liar = stage.party("mallory", Mode.PROPOSE, Told(), make_lie("steal-withdrawal", bytes(20)).step)
    stage.play([liar, honest], honest)
    won = honest.rollup.assertions[honest.rollup.latest_confirmed]
    assert won.proposer == address("operator")
    must_hold(stage, honest, liars=("mallory",), before_wei=FUND_WEI)


def test_C28_a_second_watcher_takes_over_when_the_first_runs_dry(stage: Stage) -> None:
    """The honest challenger's key is drained in mid-dispute. Moves belong to nobody: another watcher, which starts with
    an empty disk, goes on from L1 and wins with the first one's root.
    """
    liar = stage.party("operator", Mode.PROPOSE, Told(), make_lie("worse-fill", bytes(20)).step)
    first = stage.party("challenger", Mode.RESOLVE, Told())
    for _ in range(10):
        liar.tick()
        first.tick()
    second = stage.party("second", Mode.RESOLVE, Told())
    stage.play([liar, second], second)
    assert stage.call("Challenge", "credit", account("challenger").address) > 0
    first.tick()
    must_hold(stage, second, liars=("operator",))


def test_C25_nothing_can_be_paused_or_changed_in_mid_game() -> None:
    """An owner changes the rules of a running dispute. There is none: the contracts have these functions that write,
    and everything else is fixed by the constructor and hashed into each dispute's name.
    """
    writing = {
        name: {
            entry["name"]
            for entry in artifacts.load(name).abi
            if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
        }
        for name in ("Inbox", "Vault", "Rollup", "Challenge", "Referee")
    }
    assert writing == {
        "Inbox": {"enqueueDeposit", "enqueueRecord", "postBatch", "postBlobs"}
        | {"forceCancelAll", "forceClose", "forceWithdraw"},
        "Vault": {"deposit", "depositFor", "claim"},
        "Rollup": {"post", "confirm", "reject", "resolve", "takeBond", "withdrawCredit"},
        "Challenge": {"openRoot", "bisect", "prove", "update", "decide", "settle", "withdrawCredit"},
        "Referee": set(),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """A dispute in which only the proof of one step is left to do."""

    stage: Stage
    honest: Party
    liar: Party
    truth: History
    lie: Trace
    proof: Prove
    root: Edge

    def prove(self, **changed: Any) -> str:
        """Return what the Challenge says to the proof with something changed."""
        call = call_for(self.proof, 0)
        names = ("edge", "pre", "basePrev", "siblings", "witness")
        arguments = dict(zip(names, call.arguments, strict=True)) | changed
        return refusal(self.stage, "mallory", "Challenge", "prove", *arguments.values())

    def edge(self, **changed: Any) -> dict[str, Any]:
        """Return the leaf's edge with something changed."""
        call = call_for(self.proof, 0)
        return dict(call.arguments[0]) | changed


@pytest.fixture(scope="module")
def duel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Duel]:
    """One duel for all tests that only ask the contracts and send nothing."""
    stage = Stage(tmp_path_factory.mktemp("duel"))
    trade_a_little(stage)
    stage.publish()
    stage.fund("mallory")
    liar = stage.party("operator", Mode.PROPOSE, Told(), make_lie("worse-fill", bytes(20)).step)
    honest = stage.party("challenger", Mode.DEFEND, Told())
    fresh, height = stage.world.fresh(), stage.deployment.config.root_height
    truth = History(fresh.state, fresh.inputs, height=height)
    step = make_lie("worse-fill", bytes(20)).step
    lie = Trace(History(fresh.state, fresh.inputs, height=height, step=step).states, height)
    player: Player | None = None
    proof: Prove | None = None
    while proof is None:
        liar.tick()
        honest.read()
        mine = [a for a in honest.rollup.assertions.values() if a.proposer == address("challenger")]
        if mine:
            parent = honest.rollup.assertions[mine[0].parent]
            claim = Claim(parent=parent.id, assertion=mine[0].id, limit=parent.next_limit, head_start=0)
            player = Player(truth, claim, PERIOD_BLOCKS)
            proof = next((m for m in player.moves(honest.challenge, honest.head) if isinstance(m, Prove)), None)
        if proof is None:
            honest.tick()
    root = player.root(honest.challenge) if player else None
    assert root is not None
    yield Duel(stage=stage, honest=honest, liar=liar, truth=truth, lie=lie, proof=proof, root=root)
    stage.close()


def test_C10_no_witness_but_the_true_one_proves_the_step(duel: Duel) -> None:
    """The liar sends a witness cut short, too long, with a flipped bit or of another step. The move reverts and
    changes nothing; every bit of every witness: tests/twins/test_witnesses.py.
    """
    witness = duel.proof.proof.step.witness
    assert duel.prove() == ""
    for other in (b"", witness[:-1], witness + b"\0", witness[:200] + b"\x01" + witness[201:]):
        assert duel.prove(witness=other) != ""
    assert duel.prove(witness=duel.truth.prove(0).step.witness) == "WrongState"


def test_C10_the_liars_own_leaf_cannot_be_proven(duel: Duel) -> None:
    """The liar proves its own leaf with the true witness. The step's result is not what its leaf says."""
    wrong = duel.edge(span=duel.lie.span(0, duel.proof.edge.index))
    assert duel.prove(edge=wrong) == "WrongNode"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"height": 1}, "UnknownEdge"),
        ({"height": 20, "index": 0}, "UnknownEdge"),
        ({"index": 2**20}, "UnknownEdge"),
        ({"index": 2**64 - 1}, "UnknownEdge"),
        ({"span": bytes(32)}, "UnknownEdge"),
        ({"base": bytes(32)}, "UnknownEdge"),
        ({"dispute": bytes(32)}, "UnknownEdge"),
    ],
)
def test_C11_C12_C20_a_move_at_another_height_position_or_game_is_refused(
    duel: Duel, changed: dict[str, Any], error: str
) -> None:
    """The liar moves where there is nothing: other heights, positions beyond the tree, other games, extreme numbers. An
    edge is the hash of all of these, so it does not exist.
    """
    assert duel.prove(edge=duel.edge(**changed)) == error
    edge = duel.edge(**changed)
    assert refusal(duel.stage, "mallory", "Challenge", "bisect", edge, bytes(32), bytes(32)) == error


def test_C11_a_root_of_another_height_cannot_be_opened_nor_a_leaf_bisected(duel: Duel) -> None:
    """The liar opens a tree that is not 20 levels high, or goes on below a leaf. The number of siblings is exact."""
    stage = duel.stage
    mine = duel.honest.rollup.assertions[duel.honest.rollup.children[duel.honest.rollup.genesis_id][0]]
    bond = stage.deployment.config.challenge_bond_wei
    for siblings in ([], [bytes(32)] * 19, [bytes(32)] * 21):
        call = (mine.parent, mine.id, mine.limit, keccak(b"span"), siblings)
        assert refusal(stage, "mallory", "Challenge", "openRoot", *call, value_wei=bond) == "SiblingCount"
    leaf = duel.edge()
    assert refusal(stage, "mallory", "Challenge", "bisect", leaf, bytes(32), bytes(32)) == "WrongHeight"


def test_C13_zero_hashes_and_equal_halves_are_nothing_special(duel: Duel) -> None:
    """The liar bisects into zeros or equal halves. Only the opening of the node is taken, whatever its halves are;
    traces that end in padding have equal halves and play like any other (tests/dispute/test_positions.py).
    """
    root = duel.edge(height=20, index=0, base=duel.root.base, span=duel.root.span)
    for halves in ((bytes(32), bytes(32)), (duel.root.span, duel.root.span)):
        wrong = dict(root) | {"span": keccak(halves[0] + halves[1])}
        assert refusal(duel.stage, "mallory", "Challenge", "bisect", wrong, *halves) == "UnknownEdge"


def test_C14_C15_a_move_made_before_or_by_anybody_is_a_no_op(duel: Duel) -> None:
    """Somebody repeats a move, or makes one for the other side. There are no turns: it changes nothing."""
    root = duel.edge(height=20, index=0, base=duel.root.base, span=duel.root.span)
    children = (duel.truth.span(19, 0), duel.truth.span(19, 1))
    assert refusal(duel.stage, "mallory", "Challenge", "bisect", root, *children) == ""
    before = duel.stage.call("Challenge", "edgeState", duel.root.id)
    call = call_for(Bisect(edge=duel.root, left=children[0], right=children[1]), 0)
    duel.stage.transact("mallory", "again", "Challenge", call.function, *call.arguments)
    assert duel.stage.call("Challenge", "edgeState", duel.root.id) == before


def test_C17_nothing_is_decided_settled_or_confirmed_before_its_time(duel: Duel) -> None:
    """The liar decides with children it has not earned, settles an open dispute, confirms or rejects on L1."""
    stage, honest = duel.stage, duel.honest
    openings: list[dict[str, Any]] = [{"edge": duel.edge(height=20, index=0, base=duel.root.base, span=duel.root.span)}]
    openings[0] |= {"left": duel.truth.span(19, 0), "right": duel.truth.span(19, 1)}
    root = openings[0]["edge"]
    assert refusal(stage, "mallory", "Challenge", "decide", root, openings) == "PeriodNotOver"
    assert refusal(stage, "mallory", "Challenge", "decide", duel.edge(), []) == "NotRoot"
    assert refusal(stage, "mallory", "Challenge", "settle", root, [], []) == "NotDecided"
    for child in honest.rollup.children[honest.rollup.genesis_id]:
        assert refusal(stage, "mallory", "Rollup", "confirm", [child]) == "PeriodNotOver"
        assert refusal(stage, "mallory", "Rollup", "reject", child) == "NotRejectable"


def test_C19_C20_names_cannot_be_squatted_nor_numbers_be_absurd(duel: Duel) -> None:
    """Somebody opens roots for assertions that are not there, or with other inputs, to take the names. A name is the
    hash of what it stands for; the same one again helps the honest side.
    """
    stage = duel.stage
    bond = stage.deployment.config.challenge_bond_wei
    mine = duel.honest.rollup.assertions[duel.honest.rollup.children[duel.honest.rollup.genesis_id][0]]
    good = [mine.parent, mine.id, mine.limit, keccak(b"span"), [bytes(32)] * 20]

    def opened(at: int, value: Any) -> str:
        call = [*good[:at], value, *good[at + 1 :]]
        return refusal(stage, "mallory", "Challenge", "openRoot", *call, value_wei=bond)

    assert opened(0, mine.id) == "WrongParent"
    assert opened(1, keccak(b"nobody")) == "UnknownAssertion"
    assert opened(2, 2**64 - 1) == "WrongLimit"
    assert opened(3, keccak(b"other span")) == "WrongNode"
    post = (mine.parent, 2**64 - 1, bytes(32), mine.registers, bytes(32))
    assert refusal(stage, "mallory", "Rollup", "post", *post, value_wei=bond) == "WrongLimit"


def test_C27_a_result_of_another_deployment_has_no_place_here(duel: Duel) -> None:
    """Somebody brings a proof from a fork or another deployment. The dispute's name holds chain, contracts and numbers;
    the state holds the domain.
    """
    config = duel.stage.call("Challenge", "configHash")
    name = duel.stage.call("Challenge", "disputeId", duel.honest.rollup.genesis_id, 1)
    genesis, limit = duel.honest.rollup.genesis_id, (1).to_bytes(32, "big")
    assert name == duel.root.dispute == keccak(config + genesis + limit)
    assert duel.prove(edge=duel.edge(dispute=keccak(keccak(b"other chain") + genesis + limit))) == "UnknownEdge"


def test_L02_two_moves_in_either_order_lead_to_the_same_game(stage: Stage) -> None:
    """A reorganisation swaps two moves. Edges are named by content and a bisection names all it relies on, so both
    orders have the same edges, and the same are rivals.
    """
    liar = stage.party("operator", Mode.PROPOSE, Told(), make_lie("worse-fill", bytes(20)).step)
    honest = stage.party("challenger", Mode.RESOLVE, Told())
    for _ in range(4):
        liar.tick()
        honest.tick()
    honest.read()
    moves = [m for m in pending(stage, honest) if isinstance(m, Bisect)]
    assert len(moves) == 2
    for who in ("first", "second"):
        stage.fund(who)
    snapshot = stage.chain.request("evm_snapshot")
    games = []
    for who, order in (("first", moves), ("second", moves[::-1])):
        for move in order:
            call = call_for(move, 0)
            stage.transact(who, call.key, "Challenge", call.function, *call.arguments)
        view = Party(stage.client, stage.deployment, Identity(duties=DUTIES[Mode.WATCH]), Told())
        view.read()
        edges = {id_: replace(each, created=0) for id_, each in view.challenge.edges.items()}
        games.append((edges, view.challenge.rivalled.keys()))
        if len(games) == 1:
            stage.chain.request("evm_revert", snapshot)
    assert games[0] == games[1]


def pending(stage: Stage, honest: Party) -> list[Any]:
    """Return the next moves of both sides of a dispute, whoever makes them."""
    view = honest.rollup
    fresh, height = stage.world.fresh(), stage.deployment.config.root_height
    found: list[Any] = []
    for child in view.children[view.genesis_id]:
        assertion = view.assertions[child]
        step = engine.step if assertion.proposer == address("challenger") else make_lie("worse-fill", bytes(20)).step
        trace = History(fresh.state, fresh.inputs, height=height, step=step)
        claim = Claim(parent=assertion.parent, assertion=child, limit=assertion.limit, head_start=0)
        found += Player(trace, claim, PERIOD_BLOCKS).moves(honest.challenge, honest.head)
    return found
