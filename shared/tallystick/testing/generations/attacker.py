"""The attacker: asserts, opens roots and moves as it likes, in every block, between all transactions, everywhere at once.

It knows the truth and all that the honest side is about to do. What a contract refuses is passed over.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final, NamedTuple

from tallystick.dispute.trace_tree import Prefix
from tallystick.rollup.views.assertion_view import Status
from tallystick.schema.names import Phase
from tallystick.state.hashing import keccak
from tallystick.testing.generations.counting import State, Tree
from tallystick.testing.generations.honest import Mind, Move
from tallystick.testing.protocol.challenge_rules import Dispute, Edge, EdgeRecord, leaf
from tallystick.testing.protocol.protocol import bottom_up
from tallystick.testing.protocol.protocol_rules import Rule
from tallystick.testing.protocol.rollup_rules import Posted

ATTACKER: Final = "attacker"
STYLES: Final = ("random", "random", "random", "theft", "tail", "overtake", "first", "idle", "late", "rush")
"""How it plays: one seed after the other. Two more are for wallets that are not full: "drain" has the defender spend its
money before a false root runs, "dash" opens that root at once."""
MOST_HOPS: Final = 25
"""Assertions of its own from which on it leaves bonds where they are."""
FIRST: Final = -1
"""When: before the true assertion."""
RIPE: Final = -2
"""When: as soon as some root is ripe."""
EVERY_EDGE, ROOTS_ONLY = 1.0, 2.0

Call = Callable[..., bool]


class Lie(NamedTuple):
    """A false child, `when` blocks after the true one."""

    end: bytes
    when: int


class FalseRoot(NamedTuple):
    """A false trace to a state, opened `when` blocks after there are rivals."""

    tree: Tree
    when: int


@dataclass(slots=True, kw_only=True)
class Plan:
    """What to do below one true parent.

    `mirror`: assert the truth first. `zeal`: how often an edge is moved at, or only roots are. `copy`: the honest moves
    are made first. `mine` are the open edges it can move at, as of the dispute's version `seen`.
    """

    mirror: bool = False
    zeal: float = EVERY_EDGE
    copy: bool = False
    lies: list[Lie] = field(default_factory=list[Lie])
    roots: list[FalseRoot] = field(default_factory=list[FalseRoot])
    known: dict[Edge, Tree] = field(default_factory=dict[Edge, Tree])
    seen: int = -1
    mine: list[tuple[Edge, EdgeRecord, Tree]] = field(default_factory=list[tuple[Edge, EdgeRecord, Tree]])

    def learn(self, tree: Tree) -> None:
        """Remember how to open a tree's edges."""
        for edge in tree.edges:
            self.known.setdefault(edge, tree)

    def look(self, dispute: Dispute, honest: Tree) -> None:
        """Find the open edges it can move at, rivalled or not, and the trees they are of."""
        self.seen = dispute.version
        self.mine = []
        for edge in dispute.open:
            tree = self.known.get(edge)
            if edge in honest.edges:
                tree = honest if self.copy else None
            if tree is not None:
                self.mine.append((edge, dispute.edges[edge], tree))


class Attacker:
    """One mind with any number of hands. `call` makes a call as the attacker and tells whether it was taken."""

    def __init__(self, call: Call, mind: Mind, rng: random.Random, style: str, contested: int) -> None:
        self.call, self.mind, self.chain, self.rng, self.style = call, mind, mind.chain, rng, style
        self.period = self.chain.ground.terms.period
        self.contested = contested
        self.plans: dict[Posted, Plan] = {}
        self.mine: list[Posted] = []
        self.sources: dict[bytes, bytes] = {}
        self.anywhere = self.chain.ground.drops(Rule.BISECT_RIVALLED)
        self.grabbed = -1, -1
        self.censors = rng.choice([0.0, 0.3, 1.0])
        self.censors_from = rng.choice([0, rng.randint(0, 2 * self.period)])
        self.censors_all = rng.random() < 0.5
        self.hops = rng.choice([0.0, 0.0, 0.2])
        self.share = rng.choice([0.3, 0.7, 1.0])

    def wants_censored(self, move: Move) -> bool:
        """Whether it would keep a block from the honest side, were it allowed to."""
        if self.chain.ground.block < self.censors_from:
            return False
        wanted = self.censors_all or move.name in ("open_root", "bisect", "prove", "decide", "resolve")
        return wanted and self.rng.random() < self.censors

    def act(self) -> None:
        """Do everything there is to do now."""
        mind = self.mind
        mind.look()
        line = mind.line[mind.finished :]
        for parent, true in zip_longest(line, line[1:]):
            plan = self.plans.get(parent)
            if plan is None and self.chain.rollup.postable(parent):
                plan = self.plans[parent] = self._plan(parent)
            if plan is not None:
                self._act_below(parent, plan, true)
        if self.style == "rush":
            self._rush()
        if self.mine and self.rng.random() < self.hops:
            self._hop(self.rng.choice(self.mine))
        self.grab()

    def overtake(self, move: Move) -> None:
        """Get in front of a move of the honest side."""
        if self.style != "overtake" and self.rng.random() < 0.9:
            return
        match move.name:
            case "resolve":
                decisions, ones = move.arguments
                if decisions:
                    self.call("decide", *decisions[0])
                elif ones:
                    self.call("confirm", ones[:1])
            case "confirm":
                self.call("confirm", move.arguments[0][:1])
            case "post":
                parent, state, _ = move.arguments
                self._post(parent, state)
            case "take":
                return
            case _:
                self.call(move.name, *move.arguments)

    def grab(self) -> None:
        """Take whatever is ripe for it: decide, confirm, be paid."""
        challenge, rollup, ground = self.chain.challenge, self.chain.rollup, self.chain.ground
        now = ground.block, ground.taken
        if now == self.grabbed:
            return
        self.grabbed = now
        for parent, dispute in list(challenge.disputes.items()):
            if dispute.settled is not None:
                continue
            for root, (one, opener, _) in list(dispute.roots.items()):
                if opener != ATTACKER:
                    continue
                if dispute.decision is None and challenge.is_ripe(dispute, root):
                    self.call("decide", parent, root, bottom_up(challenge, dispute, root))
                if dispute.winner is one and self._pays(dispute, root):
                    edges = bottom_up(challenge, dispute, root)
                    self.call("settle", parent, root, edges, challenge.tree(dispute, root))
        for one in rollup.latest.children:
            if one is not self.mind.true_child(rollup.latest) and rollup.won(one):
                self.call("confirm", (one,))

    def clean_up(self) -> None:
        """Take home what can be had when everything is over."""
        self.grab()
        for one in [*self.mine, *(child for parent in self.mind.line for child in parent.children)]:
            if one.bonded == ATTACKER and self.chain.rollup.movable(one):
                self.call("take", one)
            elif one.status is Status.PENDING:
                self.call("reject", one)

    def _pays(self, dispute: Dispute, root: Edge) -> bool:
        alone = self.chain.ground.drops(Rule.ALONE_EARNS)
        return alone or self.chain.challenge.total(dispute, root) >= self.period

    def _act_below(self, parent: Posted, plan: Plan, true: Posted | None) -> None:
        if plan.mirror and true is None and self._post(parent, self.mind.tree(parent).end):
            true = parent.children[-1]
        if plan.lies:
            self._lie(parent, plan, true)
        dispute = self.chain.challenge.disputes.get(parent)
        if plan.roots and len(parent.children) > 1:
            self._open_roots(parent, plan)
            dispute = self.chain.challenge.disputes.get(parent)
        if plan.zeal and dispute is not None and dispute.open:
            self._moves(dispute, plan)

    def _open_roots(self, parent: Posted, plan: Plan) -> None:
        for root in list(plan.roots):
            one = parent.child(root.tree.end)
            if one is not None and self._is_time(parent, root.when):
                tree = root.tree
                self.call("open_root", one, tree.span, tree.siblings(), tree.states[0])
                plan.roots.remove(root)

    def _lie(self, parent: Posted, plan: Plan, true: Posted | None) -> None:
        block = self.chain.ground.block
        for lie in list(plan.lies):
            due = lie.when == FIRST or (true is not None and block >= true.created + lie.when)
            if due and (parent.child(lie.end) is not None or self._post(parent, lie.end)):
                plan.lies.remove(lie)

    def _is_time(self, parent: Posted, when: int) -> bool:
        challenge, block = self.chain.challenge, self.chain.ground.block
        if when != RIPE:
            return block >= parent.second_child_block + when
        dispute = challenge.disputes.get(parent)
        if dispute is not None and any(challenge.is_ripe(dispute, root) for root in dispute.roots):
            return True
        return block >= parent.second_child_block + 2 * self.period

    def _moves(self, dispute: Dispute, plan: Plan) -> None:
        rng, parent, zeal = self.rng, dispute.parent, plan.zeal
        if plan.seen != dispute.version:
            plan.look(dispute, self.mind.tree(parent))
        if not plan.mine or self.chain.challenge.is_over(dispute):
            return
        for edge, record, tree in plan.mine:
            if record.rivalled is None and not self.anywhere:
                continue
            if (edge.height < tree.height) if zeal == ROOTS_ONLY else rng.random() >= zeal:
                continue
            halves = tree.edges[edge]
            if halves is not None:
                self.call("bisect", parent, edge, *halves)
            elif record.rivalled is not None:
                self._prove(parent, edge, tree)

    def _prove(self, parent: Posted, edge: Edge, tree: Tree) -> None:
        """Prove a step, from the own trace, or from another state that leads there."""
        pre = self.sources.get(edge.span)
        if pre is None or self.rng.random() < 0.5:
            if self.chain.ground.step(tree.states[edge.index], parent.next_limit) == tree.states[edge.index + 1]:
                self.call("prove", parent, edge, tree.prefix(edge.index))
            return
        if self.chain.ground.drops(Rule.AGREED_PRE) or self.rng.random() < 0.1:
            self.call("prove", parent, edge, Prefix(pre=pre, base_prev=bytes(32), siblings=()))

    def _post(self, parent: Posted, state: bytes) -> bool:
        rollup = self.chain.rollup
        if not rollup.postable(parent):
            return False
        own = [one for one in self.mine if one.bonded == ATTACKER and rollup.movable(one, parent)]
        source = self.rng.choice(own) if own and self.rng.random() < 0.8 else None
        if not self.call("post", parent, state, source):
            return False
        self.mine.append(parent.children[-1])
        return True

    def _rush(self) -> None:
        """Assert the truth, as many generations in one block as there are, each from the last one's bond."""
        mind = self.mind
        for _ in range(4):
            tip = mind.line[-1]
            if not self.chain.rollup.postable(tip) or not self._post(tip, mind.tree(tip).end):
                return
            mind.look()

    def _hop(self, one: Posted) -> None:
        """Play with bonds: children of lies, disputes below lies, bonds taken back."""
        rng, false = self.rng, one not in self.mind.line
        if false and len(self.mine) < MOST_HOPS:
            self._post(one, self._made_up(rng.randrange(1 << 20)))
        if false and len(one.children) > 1:
            child = rng.choice(one.children)
            states = [one.state, *(self._made_up(i) for i in range((1 << self.chain.ground.terms.height) - 1))]
            tree = Tree([*states, child.state])
            self.call("open_root", child, tree.span, tree.siblings())
        if one.bonded == ATTACKER and rng.random() < 0.5:
            self.call("take", one)

    # What it makes up

    def _made_up(self, number: int) -> bytes:
        rng = self.rng
        count, cursor = rng.randrange(4), rng.randrange(len(self.mind.machine.work))
        phase = rng.choice([Phase.OPEN_BATCH, Phase.FETCH_RECORD])
        return self.mind.machine.name(State(1000 + number, count, phase, cursor))

    def _trace(self, parent: Posted, end: bytes = b"") -> Tree:
        """Make a false trace, often of valid steps behind its first lie; `end` is its last state if given."""
        rng, machine, limit = self.rng, self.mind.machine, parent.next_limit
        true = self.mind.tree(parent)
        states = list(true.states)
        last = len(states) - 1
        at = rng.randint(1, last - 1 if end else last)
        true_state = machine.states[states[at]]
        lie = machine.name(true_state._replace(salt=1 + rng.randrange(3)))
        if rng.random() < 0.6:
            before = machine.states[states[at - 1]]._replace(salt=1 + rng.randrange(3))
            pre = machine.name(before)
            lie = machine.step(pre, limit)
            self.sources[leaf(lie)] = pre
        states[at] = lie
        for i in range(at + 1, last + 1):
            states[i] = machine.step(states[i - 1], limit) if rng.random() < 0.8 else states[i]
        if end:
            states[-1] = end
        elif states[-1] == true.end or rng.random() < 0.2:
            states[-1] = self._made_up(7)
        if self.chain.ground.drops(Rule.START_FROM_PARENT) and rng.random() < 0.5:
            states[0] = self._made_up(9)
        garbage = keccak(b"garbage %d" % rng.randrange(100)) if rng.random() < 0.1 else b""
        return Tree(states, broken_base=true.broken_base, garbage=garbage)

    def _plan(self, parent: Posted) -> Plan:
        rng, index = self.rng, self.mind.line.index(parent)
        lie = self._trace(parent)
        match self.style:
            case "theft" | "drain" | "dash":
                plan = self._plan_theft(lie, index)
            case "tail":
                plan = Plan(lies=[Lie(lie.end, self.period - 1)])
                plan.roots.append(FalseRoot(self._trace(parent, self.mind.tree(parent).end), rng.choice([0, 0, 1, 2])))
            case "first":
                plan = Plan(lies=[Lie(lie.end, FIRST)], roots=[FalseRoot(lie, 0)], copy=rng.random() < 0.3)
            case "idle":
                when = rng.choice([FIRST, 0, self.period - 1, rng.randint(0, self.period)])
                plan = Plan(zeal=0, lies=[Lie(lie.end, when)])
            case "late" if index > 0:
                plan = Plan(lies=[Lie(lie.end, self.period + rng.randint(0, 2))], roots=[FalseRoot(lie, 0)])
            case "overtake" | "rush" if rng.random() < 0.4:
                plan = Plan(mirror=rng.random() < 0.8, lies=[Lie(lie.end, rng.choice([FIRST, 0, 3]))])
            case _:
                plan = self._plan_anything(parent, lie)
        for root in plan.roots:
            plan.learn(root.tree)
        return plan

    def _plan_theft(self, lie: Tree, index: int) -> Plan:
        """All but the last only delay, or use up the defender's money; the last is to be stolen."""
        last = index == self.contested - 1
        if index >= self.contested:
            return Plan()
        if self.style == "theft":
            return Plan(zeal=ROOTS_ONLY * last, lies=[Lie(lie.end, 0)], roots=[FalseRoot(lie, RIPE if last else 0)])
        lies = [Lie(lie.end, max(0, 4 * self.contested - self.chain.ground.block))]
        when = 1 if self.style == "drain" else 0
        return Plan(zeal=ROOTS_ONLY * last, lies=lies, roots=[FalseRoot(lie, when)] * last)

    def _plan_anything(self, parent: Posted, lie: Tree) -> Plan:
        rng, period = self.rng, self.period
        plan = Plan(mirror=rng.random() < 0.4, copy=rng.random() < 0.3, zeal=rng.choice([0, 0.3, 1, ROOTS_ONLY]))
        if rng.random() >= self.share:
            return plan
        true = self.mind.tree(parent).end
        for tree in [lie] + [self._trace(parent)] * rng.choice([0, 0, 1]):
            when = rng.choice([FIRST, 0, 1, period - 1, period + 2, rng.randint(0, period - 1)])
            plan.lies.append(Lie(tree.end, when))
            plan.roots.append(FalseRoot(tree, rng.choice([0, 0, rng.randint(0, period), RIPE])))
            if rng.random() < 0.3:
                plan.roots.append(FalseRoot(self._trace(parent, tree.end), rng.randint(0, period)))
        for _ in range(rng.choice([0, 0, 1, 2])):
            plan.roots.append(FalseRoot(self._trace(parent, true), rng.choice([0, 0, rng.randint(0, period)])))
        return plan
