"""The list of what is due, as a function of what is known: no L1, no machine, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tallystick.dispute.edge_view import ChallengeView, Edge, children
from tallystick.dispute.trace_tree import Trace
from tallystick.l1.deployment import DeployConfig
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.strategy.strategy import POSTS_AT_ONCE, Due, Identity, duties, taken_home
from tallystick.rollup.replay import Expectation
from tallystick.rollup.views.assertion_view import Assertion, RollupView, assertion_id
from tallystick.rollup.views.credit_view import CreditView
from tallystick.schema.names import Phase
from tallystick.state.hashing import keccak
from tallystick.state.layout import Registers
from tallystick.state.ordinals import BatchNumber, BlockNumber
from tallystick.state.state import state_hash

HEIGHT, PERIOD = 3, 100
GENESIS = BlockNumber(0)
ME, OTHER, EVE = b"m" * 20, b"o" * 20, b"e" * 20
TERMS = DeployConfig(sequencer=bytes(20), root_height=HEIGHT, challenge_period_blocks=PERIOD, min_interval_blocks=5)


@dataclass(frozen=True)
class Happened:
    contract: str
    name: str
    args: dict[str, Any]
    block: BlockNumber


def registers(limit: int, *, halted: bool = True) -> bytes:
    made = Registers()
    made.phase, made.batch_cursor = Phase.OPEN_BATCH, BatchNumber(limit if halted else limit - 1)
    return made.pack()


@dataclass(slots=True)
class Chain:
    """A chain of generations as a party sees it; `batches` are on L1, and each true assertion reads one
    more, but from the limit `backlog_from` on: those never come to an end.
    """

    identity: Identity = field(default_factory=lambda: Identity(duties=DUTIES[Mode.PROPOSE]))
    me: bytes = ME
    terms: DeployConfig = TERMS
    head: BlockNumber = GENESIS
    batches: int = 0
    backlog_from: int = 100
    tracing: set[bytes] = field(default_factory=set[bytes])
    rollup: RollupView = field(default_factory=RollupView)
    challenge: ChallengeView = field(default_factory=ChallengeView)
    credits: Mapping[str, CreditView] = field(default_factory=dict[str, CreditView])
    false: list[bytes] = field(default_factory=list[bytes])
    _true: set[bytes] = field(default_factory=set[bytes])

    def __post_init__(self) -> None:
        genesis = keccak(b"genesis")
        self.tell("Rollup", "Genesis", id=genesis, stateHash=keccak(b"first"), nextLimit=1, data=b"")
        self._true.add(genesis)

    def tell(self, contract: str, name: str, **args: Any) -> None:
        for view in (self.rollup, self.challenge):
            view.apply(Happened(contract, name, args, self.head))

    # What the strategy asks

    @property
    def lies(self) -> Iterable[bytes]:
        return self.false

    def is_true(self, assertion: bytes) -> bool:
        return assertion in self._true

    def expected(self, parent: Assertion) -> Expectation | None:
        if self.batches < parent.next_limit:
            return None
        root = keccak(parent.id)
        limit = parent.next_limit
        packed = registers(limit, halted=limit < self.backlog_from)
        hashed = state_hash(root, packed)
        id_ = assertion_id(parent.id, hashed)
        self._true.add(id_)
        return Expectation(
            id=id_, parent=parent.id, limit=limit, state_root=root, registers=packed, state_hash=hashed, steps=1
        )

    def trace(self, mine: Assertion) -> Trace | None:
        return None if mine.id in self.tracing else trace_of(mine)

    def posted_block(self, batch: int) -> BlockNumber:
        return BlockNumber(0)

    # What happens

    def post(self, who: str, *, by: bytes = ME, source: bytes = b"", parent: bytes = b"") -> bytes:
        """Have somebody post the true child of the tip ("truth") or something else there; the tip moves with the truth."""
        origin = self.rollup.assertions[parent or self.tip]
        expected = self.expected(origin)
        assert expected is not None
        id_ = expected.id if who == "truth" else keccak(who.encode() + origin.id)
        self.tell(
            "Rollup",
            "AssertionPosted",
            id=id_,
            parent=origin.id,
            stateHash=expected.state_hash,
            stateRoot=expected.state_root,
            limit=expected.limit,
            nextLimit=expected.limit + (expected.limit < self.backlog_from),
            proposer=by,
            registers=expected.registers,
        )
        self.tell("Rollup", "BondMoved", **{"from": source or bytes(32), "to": id_, "holder": by})
        if who != "truth":
            self.false.append(id_)
        return id_

    @property
    def tip(self) -> bytes:
        return [each for each in self.rollup.assertions if self.is_true(each)][-1]

    def open(self, assertion: bytes, span: bytes) -> Edge:
        """Have a root opened."""
        one = self.rollup.assertions[assertion]
        dispute = keccak(one.parent)
        if dispute not in self.challenge.disputes:
            self.tell("Challenge", "DisputeOpened", dispute=dispute, parent=one.parent, limit=one.limit)
        edge = Edge(dispute=dispute, height=HEIGHT, index=0, base=keccak(one.parent + b"base"), span=span)
        self.tell("Challenge", "RootOpened", assertion=assertion, edge=edge.id)
        self.add(edge)
        return edge

    def add(self, edge: Edge) -> None:
        known = [each.edge for each in self.challenge.edges.values()]
        self.tell(
            "Challenge",
            "EdgeAdded",
            dispute=edge.dispute,
            edge=edge.id,
            height=edge.height,
            index=edge.index,
            base=edge.base,
            span=edge.span,
        )
        if any(each.context == edge.context for each in known) and edge.context not in self.challenge.rivalled:
            self.tell("Challenge", "ContextRivalled", context=edge.context, rivalledBlock=self.head)

    def open_own(self, mine: bytes) -> Edge:
        return self.open(mine, trace_of(self.rollup.assertions[mine]).span(HEIGHT, 0))

    def due(self, name: str = "") -> list[Due]:
        return [each for each in duties(self) if name in ("", each.name)]


def trace_of(mine: Assertion) -> Trace:
    return Trace([keccak(b"%d" % n + mine.id) for n in range(9)], HEIGHT)


@pytest.fixture
def chain() -> Chain:
    """Three true assertions, one a batch, the own bond on the last."""
    made = Chain(batches=3)
    previous = b""
    for number in range(3):
        made.head = BlockNumber(10 * (number + 1))
        previous = made.post("truth", source=previous)
    made.head = BlockNumber(40)
    return made


def true(chain: Chain) -> list[bytes]:
    return [each.id for each in chain.rollup.assertions.values() if each.parent and chain.is_true(each.id)]


def test_nothing_is_due_while_nobody_contradicts_and_all_is_asserted(chain: Chain) -> None:
    assert chain.due() == []


def test_p04_the_next_assertion_takes_the_own_bond_along_and_pays_nothing(chain: Chain) -> None:
    chain.batches = 4
    (post,) = chain.due()
    assert post.name == "assert" and post.call.value_wei == 0
    assert post.call.arguments[-1] == true(chain)[-1]


def test_without_a_bond_that_may_move_a_new_one_is_paid(chain: Chain) -> None:
    chain.batches = 4
    chain.me = OTHER
    (post,) = chain.due()
    assert post.call.value_wei == TERMS.assertion_bond_wei and post.call.arguments[-1] == bytes(32)


def test_a_bond_on_another_assertion_moves_once_that_has_a_child(chain: Chain) -> None:
    """Somebody else posted the newest truth: the own bond lies below it and moves all the same."""
    chain.batches = 4
    chain.head = BlockNumber(50)
    chain.post("truth", by=OTHER)
    chain.batches = 5
    chain.head = BlockNumber(60)
    (post,) = chain.due("assert")
    assert post.call.arguments[-1] == true(chain)[2] and post.call.value_wei == 0


def test_a_halted_parent_is_left_its_interval_and_a_backlog_waits_for_nothing(chain: Chain) -> None:
    """What a parent left over is asserted in the very block, as many generations as a block takes, with one bond."""
    chain.batches = 4
    chain.head = BlockNumber(33)
    assert chain.due("assert") == []
    chain.head = BlockNumber(34)
    assert len(chain.due("assert")) == 1
    chain.backlog_from = 4
    posts = chain.due("assert")
    assert len(posts) == POSTS_AT_ONCE
    assert [each.call.arguments[1] for each in posts] == [4] * len(posts)
    assert [each.call.arguments[0] for each in posts[1:]] == [each.call.arguments[-1] for each in posts[1:]]
    assert all(each.call.value_wei == 0 and each.call.gas for each in posts[1:])


def test_the_truth_is_posted_beside_a_lie_by_whoever_disputes_unless_the_lie_was_alone_for_the_period() -> None:
    chain = Chain(identity=Identity(duties=DUTIES[Mode.DEFEND]), batches=1, head=BlockNumber(10))
    assert chain.due() == []
    chain.head = BlockNumber(20)
    chain.post("lie", by=EVE)
    (post,) = chain.due()
    assert post.name == "assert" and post.window is not None
    chain.head = BlockNumber(20 + PERIOD - 2)
    assert len(chain.due()) == 1
    chain.head = BlockNumber(chain.head + 1)
    assert chain.due() == []


def test_the_truth_is_not_posted_any_more_where_two_lies_have_fought_it_out() -> None:
    """L1 would take a third child and its bond, but no root of it: nothing could be won."""
    chain = Chain(identity=Identity(duties=DUTIES[Mode.DEFEND]), batches=1, head=BlockNumber(10))
    lie = chain.post("lie", by=EVE)
    chain.post("another lie", by=EVE)
    root = chain.open(lie, keccak(b"false"))
    chain.head = BlockNumber(chain.head + PERIOD - 1)
    assert [each.name for each in chain.due()] == ["assert"]
    chain.tell("Challenge", "DisputeDecided", dispute=root.dispute, edge=root.id, assertion=lie)
    assert chain.due() == []


def test_p02_every_contested_generation_is_opened_whatever_its_parents_status(chain: Chain) -> None:
    for number, mine in enumerate(true(chain)):
        chain.post(f"lie {number}", by=EVE, parent=chain.rollup.assertions[mine].parent)
    opened = [each.facts["assertion"] for each in chain.due("open")]
    assert sorted(opened) == sorted(true(chain))
    assert all(each.window is not None for each in chain.due("open"))


def test_p03_roots_go_first_where_a_false_root_runs_the_one_with_the_most_time_before_all(chain: Chain) -> None:
    lies = [
        chain.post(f"lie {number}", by=EVE, parent=chain.rollup.assertions[mine].parent)
        for number, mine in enumerate(true(chain))
    ]
    chain.open(lies[1], keccak(b"one"))
    chain.head = BlockNumber(chain.head + 5)
    chain.open(lies[2], keccak(b"two"))
    chain.head = BlockNumber(chain.head + 5)
    first, second, third = true(chain)
    assert [each.facts["assertion"] for each in chain.due("open")] == [second, third, first]
    assert [each.parents[0] for each in chain.due()][:2] == [
        chain.rollup.assertions[second].parent,
        chain.rollup.assertions[third].parent,
    ]


def test_a_trace_that_is_being_made_holds_up_no_other_dispute(chain: Chain) -> None:
    for number, mine in enumerate(true(chain)):
        chain.post(f"lie {number}", by=EVE, parent=chain.rollup.assertions[mine].parent)
    chain.tracing = {true(chain)[0]}
    assert {each.facts["assertion"] for each in chain.due("open")} == set(true(chain)[1:])


def test_p01_a_ripe_dispute_is_decided_below_a_pending_parent_and_its_edges_are_moved_all_the_same(
    chain: Chain,
) -> None:
    first, second, _ = true(chain)
    lies = [chain.post("lie", by=EVE, parent=chain.rollup.assertions[mine].parent) for mine in (first, second)]
    for mine in (first, second):
        chain.open_own(mine)
    chain.head = BlockNumber(chain.head + PERIOD - 5)
    chain.open(lies[1], keccak(b"late"))
    chain.head = BlockNumber(chain.head + 1)
    assert chain.rollup.latest_confirmed == chain.rollup.genesis_id
    below_pending = [each.name for each in chain.due() if each.parents == (first,)]
    assert below_pending == ["decide", "bisect"]


def test_confirmations_stand_behind_their_decisions_in_the_same_list_and_take_all_that_follow(chain: Chain) -> None:
    first, second, third = true(chain)
    chain.post("lie", by=EVE, parent=chain.rollup.assertions[first].parent)
    chain.open_own(first)
    chain.head = BlockNumber(chain.head + PERIOD)
    due = chain.due()
    names = [each.name for each in due]
    assert names.index("decide") < names.index("confirm")
    (confirm,) = chain.due("confirm")
    assert confirm.call.arguments == ([first, second, third],)
    assert confirm.call.gas is not None


def test_p12_patience_waits_for_the_proposer_to_confirm_unless_somebody_contradicts(chain: Chain) -> None:
    chain.identity = replace(chain.identity, patience_blocks=50)
    chain.head = BlockNumber(10 + PERIOD + 49)
    assert chain.due("confirm") == []
    chain.head = BlockNumber(chain.head + 1)
    (confirm,) = chain.due("confirm")
    assert confirm.call.arguments == (true(chain),) and confirm.call.gas is None


def test_a_proposers_bond_stays_and_anybody_elses_comes_home(chain: Chain) -> None:
    for id_ in true(chain):
        chain.tell("Rollup", "AssertionConfirmed", id=id_)
    assert taken_home(chain, []) == []
    chain.identity = Identity(duties=DUTIES[Mode.RESOLVE])
    (take,) = chain.due("take")
    assert take.call.function == "takeBond" and take.call.arguments == (true(chain)[-1],)


def test_a_bond_that_may_not_move_is_left_where_it_is(chain: Chain) -> None:
    chain.identity = Identity(duties=DUTIES[Mode.RESOLVE])
    assert chain.due("take") == []


def test_a_lie_is_rejected_once_its_rival_is_confirmed(chain: Chain) -> None:
    first = true(chain)[0]
    lie = chain.post("lie", by=EVE, parent=chain.rollup.assertions[first].parent)
    assert chain.due("reject") == []
    chain.tell("Rollup", "AssertionConfirmed", id=first)
    (reject,) = chain.due("reject")
    assert reject.call.arguments == (lie,)


def test_nothing_is_done_on_a_confirmed_lie() -> None:
    chain = Chain(batches=2, head=BlockNumber(10))
    lie = chain.post("lie", by=EVE)
    chain.tell("Rollup", "AssertionConfirmed", id=lie)
    assert chain.due() == []


def test_the_same_knowledge_gives_the_same_list(chain: Chain) -> None:
    for number, mine in enumerate(true(chain)):
        chain.post(f"lie {number}", by=EVE, parent=chain.rollup.assertions[mine].parent)
    assert chain.due() == chain.due()


def test_halves_are_those_of_the_own_trace(chain: Chain) -> None:
    mine = chain.rollup.assertions[true(chain)[0]]
    lie = chain.post("lie", by=EVE, parent=mine.parent)
    root = chain.open_own(mine.id)
    chain.open(lie, keccak(b"false"))
    (bisect,) = chain.due("bisect")
    trace = trace_of(mine)
    halves = children(root, trace.span(2, 0), trace.span(2, 1))
    assert bisect.call.arguments[1:] == tuple(each.span for each in halves)
