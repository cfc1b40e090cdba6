"""What no match comes to, played by hand: each script makes calls of which a contract with some line broken takes or refuses
another than the Python rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest

from tallystick.dispute.trace_tree import Prefix
from tallystick.errors import BadInput
from tallystick.l1.abi import contract_abi
from tallystick.schema.names import Phase
from tallystick.testing.generations.attacker import ATTACKER
from tallystick.testing.generations.contracts_twin import Twin
from tallystick.testing.generations.counting import Machine, State, Tree
from tallystick.testing.generations.setup import Terms
from tallystick.testing.protocol.challenge_rules import Edge, Opening, leaf, node
from tallystick.testing.protocol.protocol import opening
from tallystick.testing.protocol.protocol_rules import Ground, refuse
from tallystick.testing.protocol.rollup_rules import Posted

NOTHING: Final = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A protocol in both languages, with nothing on it."""

    twin: Twin
    machine: Machine

    @property
    def ground(self) -> Ground:
        """Block, batches and terms."""
        return self.twin.ground

    @property
    def genesis(self) -> Posted:
        """The first assertion."""
        return self.twin.rollup.genesis

    def make(self, name: str, *arguments: object) -> None:
        """Make a call that both must take."""
        self.twin.make(ATTACKER, name, *arguments)

    def refused(self, name: str, *arguments: object) -> None:
        """Make a call that both must refuse."""
        with pytest.raises(BadInput):
            self.twin.make(ATTACKER, name, *arguments)

    def lie(self, number: int) -> bytes:
        """Return the name of a state that is not true."""
        return self.machine.name(State(number, 4, Phase.OPEN_BATCH, 1))

    def post(self, parent: Posted, state: bytes) -> Posted:
        """Assert a state, and return its assertion."""
        self.make("post", parent, state, None)
        return parent.children[-1]

    def rivals(self, *others: Tree) -> list[Tree]:
        """Assert the truth below the genesis, then the others, and open a root for each but the truth; return all trees."""
        self.ground.block = self.ground.terms.interval
        true = Tree(self.machine.trace(self.genesis.state, 1, 4))
        for tree in (true, *others):
            self.post(self.genesis, tree.end)
        return [true, *others]

    def lying(self, number: int) -> Tree:
        """Return a trace that is false from its first step on."""
        states = [self.machine.name(State(number, step, Phase.FETCH_RECORD, 0)) for step in range(1, 4)]
        return Tree([self.genesis.state, *states, self.lie(number)])

    def open(self, one: Posted, tree: Tree) -> None:
        """Commit an assertion to a trace."""
        self.make("open_root", one, tree.span, tree.siblings())

    def bisect(self, tree: Tree, edge: Edge) -> tuple[Edge, Edge]:
        """Open an edge of a trace below the genesis, and return its halves."""
        row = tree.levels[edge.height - 1]
        halves = row[2 * edge.index], row[2 * edge.index + 1]
        self.make("bisect", self.genesis, edge, *halves)
        return self.twin.challenge.children(edge, *halves)

    def decide(self, tree: Tree) -> None:
        """Decide for a root below the genesis."""
        self.make("decide", self.genesis, tree.root, self.openings(tree))

    def openings(self, tree: Tree) -> list[Opening]:
        """Return what brings the total of a root up to date that was bisected once or not at all."""
        return [opening(self.twin.challenge.disputes[self.genesis], tree.root)]


def staged(code: dict[str, bytes]) -> Stage:
    """Return an empty stage; `code` takes the place of a contract's."""
    machine = Machine([4, 4])
    terms = Terms(height=2, delay=0, censored=0, interval=6).rules()
    ground = Ground(terms=terms, step=machine.step, halted=machine.halted)
    twin = Twin(ground, machine.genesis, machine, code=code)
    ground.block, ground.batch_count = 1, 1
    return Stage(twin=twin, machine=machine)


def to_the_block(stage: Stage) -> None:
    """What waits is refused a block before its time and taken in it; who comes at the period's end comes too late."""
    ground, genesis = stage.ground, stage.genesis
    ground.block = ground.terms.interval - 1
    stage.refused("post", genesis, stage.lie(1), None)
    ground.block += 1
    stage.post(genesis, stage.lie(1))
    ground.block += ground.terms.period - 1
    stage.refused("confirm", genesis.children)
    ground.block += 1
    stage.refused("post", genesis, stage.lie(2), None)
    stage.make("confirm", genesis.children)


def a_node_for_a_step(stage: Stage) -> None:
    """A root whose left half is said to be the leaf of the first step: it proves no half of a trace."""
    first = leaf(stage.machine.trace(stage.genesis.state, 1, 1)[1])
    states = stage.machine.trace(stage.genesis.state, 1, 4)
    trees = stage.rivals(Tree([*states[:-1], stage.lie(1)], garbage=first))
    for one, tree in zip(stage.genesis.children, trees, strict=True):
        stage.open(one, tree)
    for tree in trees:
        stage.bisect(tree, tree.root)
    half = Edge(1, 0, leaf(stage.genesis.state), first)
    stage.refused("prove", stage.genesis, half, Prefix(pre=stage.genesis.state, base_prev=NOTHING, siblings=()))


def overtaken(stage: Stage) -> tuple[Tree, Tree]:
    """Decide for the truth by its head start, and let a lie that nobody answers earn the period behind that."""
    ground = stage.ground
    (true,) = stage.rivals()
    false = stage.lying(1)
    ground.block += ground.terms.period - 1
    stage.post(stage.genesis, false.end)
    stage.open(stage.genesis.children[0], true)
    ground.block += 1
    stage.open(stage.genesis.children[1], false)
    stage.decide(true)
    stage.bisect(false, false.root)
    ground.block += ground.terms.period
    return true, false


def a_second_decision(stage: Stage) -> None:
    """A dispute is decided once, whatever time another root has come to since."""
    _, false = overtaken(stage)
    stage.refused("decide", stage.genesis, false.root, stage.openings(false))


def a_losers_root(stage: Stage) -> None:
    """The bonds go to no root of another assertion than the winner."""
    _, false = overtaken(stage)
    stage.refused("settle", stage.genesis, false.root, stage.openings(false), [])


def an_edge_for_a_root(stage: Stage) -> None:
    """What is no root is no assertion's: while nothing is decided nobody has won either, and nobody is paid."""
    true, false = stage.rivals(stage.lying(1))
    for one, tree in zip(stage.genesis.children, (true, false), strict=True):
        stage.open(one, tree)
    left, _ = stage.bisect(true, true.root)
    stage.ground.block += stage.ground.terms.period
    stage.refused("settle", stage.genesis, left, [Opening(left, NOTHING, NOTHING)], [])


def what_nobody_opened(stage: Stage) -> None:
    """Where two lies contradict each other, nobody bisects or proves what no root leads to, true as it may be."""
    trees = stage.rivals(stage.lying(1), stage.lying(2))
    true, *false = trees
    for one, tree in zip(stage.genesis.children[1:], false, strict=True):
        stage.open(one, tree)
    stage.refused("bisect", stage.genesis, true.root, *true.levels[-2])
    halves = [stage.bisect(tree, tree.root) for tree in false]
    for tree, (left, _) in zip(false, halves, strict=True):
        stage.bisect(tree, left)
    first = Edge(0, 0, leaf(stage.genesis.state), true.levels[0][0])
    stage.refused("prove", stage.genesis, first, true.prefix(0))


def a_root_that_never_moved(stage: Stage) -> None:
    """An opening is repaid, and no move where none was made."""
    true, false = stage.rivals(stage.lying(1))
    stage.open(stage.genesis.children[0], true)
    stage.ground.block += stage.ground.terms.period
    stage.open(stage.genesis.children[1], false)
    stage.decide(true)
    stage.make("settle", stage.genesis, true.root, stage.openings(true), [true.root])


def other_halves(stage: Stage) -> None:
    """A win goes on to the halves of the edge that was won, and to no others."""
    true, false = stage.rivals(stage.lying(1))
    for one, tree in zip(stage.genesis.children, (true, false), strict=True):
        stage.open(one, tree)
    stage.bisect(true, true.root)
    stage.ground.block += stage.ground.terms.period
    stage.decide(true)
    stage.make("settle", stage.genesis, true.root, [], [])
    edge = {"dispute": stage.twin.words.dispute_id(stage.genesis.id), **true.root._asdict()}
    left, right = false.levels[-2]
    payment = {"edge": edge, "left": left, "right": right}
    data = contract_abi("Challenge").encode_call("settle", edge, [], [payment])
    assert node(left, right) != true.span
    with pytest.raises(BadInput, match="not its children"):
        stage.twin.both(ATTACKER, "settle", ("Challenge", data, 0), lambda: refuse("not its children"))


def fallen(stage: Stage) -> Posted:
    """Confirm the truth against a lie with two children, reject the lie, and return it."""
    (true,) = stage.rivals()
    lie = stage.post(stage.genesis, stage.lie(1))
    stage.open(stage.genesis.children[0], true)
    stage.ground.batch_count = 2
    stage.ground.block += stage.ground.terms.interval
    for number in (2, 3):
        stage.post(lie, stage.machine.name(State(number, 8, Phase.OPEN_BATCH, 2)))
    stage.ground.block += stage.ground.terms.period
    stage.decide(true)
    stage.make("confirm", stage.genesis.children[:1])
    stage.make("reject", lie)
    return lie


def below_the_fallen(stage: Stage) -> None:
    """Below what has fallen nobody enters a dispute, or asserts anything."""
    lie = fallen(stage)
    one = lie.children[0]
    tree = Tree(
        [lie.state, *(stage.machine.name(State(9, step, Phase.FETCH_RECORD, 1)) for step in (5, 6, 7)), one.state]
    )
    stage.refused("open_root", one, tree.span, tree.siblings())
    stage.refused("post", lie, stage.machine.name(State(4, 8, Phase.OPEN_BATCH, 2)), None)


def a_fallen_bond(stage: Stage) -> None:
    """The bond of what has fallen is gone, though it has children."""
    stage.refused("take", fallen(stage))


def a_late_third(stage: Stage) -> None:
    """Who comes third has never been alone, however long after the second."""
    stage.rivals(stage.lying(1))
    stage.ground.block += stage.ground.terms.period
    third = stage.post(stage.genesis, stage.lie(2))
    stage.refused("confirm", [third])


SCRIPTS: Final[dict[str, Callable[[Stage], None]]] = {
    "no child waits": to_the_block,
    "the first child is alone a block late": to_the_block,
    "time is over a block late": to_the_block,
    "a step proves a node": a_node_for_a_step,
    "a decision is overruled": a_second_decision,
    "any root is paid": a_losers_root,
    "a dispute is settled undecided": an_edge_for_a_root,
    "what nobody opened is bisected": what_nobody_opened,
    "what nobody opened is proven": what_nobody_opened,
    "an edge without a move is repaid": a_root_that_never_moved,
    "a win goes on to any edges": other_halves,
    "a root enters below a rejected parent": below_the_fallen,
    "a rejected parent has children": below_the_fallen,
    "a fallen bond stays": a_fallen_bond,
    "a third child's time is negative": a_late_third,
}
"""By the broken line that each finds."""
