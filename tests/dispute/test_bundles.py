"""Calls of both sides in any order in one transaction, about the very block in which nested disputes are decided."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tallystick.errors import BadInput
from tallystick.rollup.views.assertion_view import Status
from tallystick.schema.names import Phase
from tallystick.testing.generations.counting import Machine, State, Tree
from tallystick.testing.generations.honest import HONEST, Mind, duties
from tallystick.testing.protocol.protocol import ProtocolRules, bottom_up, opening
from tallystick.testing.protocol.protocol_rules import Ground, Rule, RulesTerms
from tallystick.testing.protocol.rollup_rules import Posted

TERMS = RulesTerms(
    height=1,
    period=20,
    interval=3,
    assertion_bond=100,
    root_bond=10,
    open_reward=1,
    bisect_reward=1,
    prove_reward=2,
)
STEPS = 1 << TERMS.height
GENERATIONS = 4
"""All of them of one batch: every parent but the last one had not halted, and waits for nothing."""
CONTESTED = 3
POSTED = 10
RIPE = POSTED + 1 + TERMS.period
"""The block in which the honest roots, opened a block after the lies, have the period with their head start of one."""
EVE = "eve"
BUNDLES = 5
Call = tuple[str, str, tuple[Any, ...]]


class Nested:
    """A chain of true assertions, the first ones with a lie beside each, and the honest roots open.

    `names` of edges are those of trees that exist whether or not their roots are open: a bundle may try anything.
    """

    def __init__(self, dropped: frozenset[Rule] = frozenset()) -> None:
        self.machine = Machine([GENERATIONS * STEPS])
        ground = Ground(terms=TERMS, step=self.machine.step, halted=self.machine.halted, dropped=dropped)
        ground.batch_count, ground.block = 1, POSTED - TERMS.interval
        self.chain = ProtocolRules(ground, self.machine.genesis)
        ground.block = POSTED
        self.mind = Mind(chain=self.chain, machine=self.machine)
        self.act()
        self.truths = self.mind.line[1:]
        ground.block += 1
        self.trees = [self._false_tree(number) for number in range(CONTESTED)]
        self.lies: list[Posted] = []
        for truth, tree in zip(self.truths, self.trees, strict=False):
            assert truth.parent is not None
            lie = self.chain.make(EVE, "post", truth.parent, tree.end, None)
            assert isinstance(lie, Posted)
            self.lies.append(lie)
        ground.block += 1
        self.act()

    def _false_tree(self, number: int) -> Tree:
        first = self.machine.trace(self.machine.genesis, 1, number * STEPS)[-1]
        said = [State(1, number * STEPS + step, Phase.FETCH_RECORD, 0) for step in range(1, STEPS + 1)]
        return Tree([first, *map(self.machine.name, said)])

    def wrong_way(self, truth: Posted) -> Tree:
        """Return a false trace to a true state."""
        assert truth.parent is not None
        return Tree([truth.parent.state, self.lies[0].state, truth.state])

    def make(self, call: Call) -> bool:
        """Make a call, or have it refused."""
        who, name, arguments = call
        try:
            self.chain.make(who, name, *arguments)
        except BadInput:
            return False
        return True

    def act(self) -> None:
        """Let the honest side do all that is due in this block."""
        for _ in range(8 * GENERATIONS):
            taken = [self.make((HONEST, each.name, each.arguments)) for each in duties(self.mind)]
            self.mind.look()
            if not any(taken):
                return

    def grabs(self) -> list[Call]:
        """Return all that the liar may try at any time."""
        calls: list[Call] = [(EVE, "confirm", (self.lies,)), (EVE, "confirm", (self.truths,))]
        for truth, lie, tree in zip(self.truths, self.lies, self.trees, strict=False):
            parent, wrong = truth.parent, self.wrong_way(truth)
            calls += [(EVE, "confirm", ([each],)) for each in (lie, truth)]
            calls += [(EVE, "reject", (each,)) for each in (lie, truth)]
            calls += [(EVE, "take", (each,)) for each in (lie, truth)]
            for one, own in ((lie, tree), (truth, wrong)):
                calls += [
                    (EVE, "open_root", (one, own.span, own.siblings())),
                    (EVE, "bisect", (parent, own.root, *own.levels[0])),
                    *((EVE, "prove", (parent, edge, own.prefix(edge.index))) for edge in own.edges if not edge.height),
                ]
                dispute = self.chain.challenge.disputes.get(parent) if parent is not None else None
                known = dispute is not None and own.root in dispute.edges
                openings = bottom_up(self.chain.challenge, dispute, own.root) if dispute is not None and known else []
                calls += [
                    (EVE, "decide", (parent, own.root, openings)),
                    (EVE, "resolve", ([(parent, own.root, openings)], [one])),
                    (EVE, "settle", (parent, own.root, openings, ())),
                ]
        return calls

    def rightful(self) -> list[Call]:
        """Return what the honest side has signed, to be ordered by whoever makes the block."""
        calls: list[Call] = [(HONEST, each.name, each.arguments) for each in duties(self.mind)]
        for truth in self.truths[:CONTESTED]:
            parent = truth.parent
            assert parent is not None
            root, dispute = self.mind.tree(parent).root, self.chain.challenge.disputes[parent]
            calls.append((HONEST, "decide", (parent, root, [opening(dispute, root)])))
        return [*calls, (HONEST, "confirm", (self.truths,))]

    def play_on(self, rng: random.Random) -> None:
        """Play to the end; the liar goes first in each block for a while."""
        for block in range(4 * TERMS.period):
            self.chain.ground.block += 1
            if block < TERMS.period:
                calls = self.grabs()
                for each in rng.sample(calls, len(calls)):
                    self.make(each)
            self.act()


def played(seed: int, early: int, dropped: frozenset[Rule] = frozenset()) -> Nested:
    """Return a match in which a block's bundle holds all that either side may try, some of it twice."""
    rng = random.Random(seed)
    nested = Nested(dropped)
    nested.chain.ground.block = RIPE - early
    bundle = [*nested.grabs(), *nested.rightful()]
    for each in [*rng.sample(bundle, len(bundle)), *rng.sample(bundle, len(bundle) // 2)]:
        nested.make(each)
        assert nested.chain.is_conserved(), seed
    nested.play_on(rng)
    return nested


@pytest.mark.parametrize("early", [-1, 0, 1, TERMS.period // 2])
def test_P01_no_order_of_calls_in_one_transaction_confirms_a_lie_or_takes_an_honest_bond(early: int) -> None:
    for seed in range(BUNDLES):
        nested = played(seed, early)
        assert [each.status for each in nested.truths] == [Status.CONFIRMED] * GENERATIONS, seed
        assert Status.CONFIRMED not in {each.status for each in nested.lies}, seed
        assert nested.chain.net(HONEST) >= 0, seed
        assert nested.chain.net(EVE) <= -CONTESTED * TERMS.assertion_bond, seed


@pytest.mark.parametrize("rule", [Rule.ALONE_EARNS, Rule.PLAY_ON, Rule.BOND_HELD])
def test_without_a_rule_about_bonds_some_order_takes_one(rule: Rule) -> None:
    ends = [played(seed, 0, frozenset({rule})).chain for seed in range(2)]
    assert any(each.net(HONEST) < 0 or each.net(EVE) > -CONTESTED * TERMS.assertion_bond for each in ends)
