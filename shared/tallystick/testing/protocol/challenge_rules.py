"""The disputes as plain Python, for trees of any height. Twin: contracts/src/dispute/Challenge.sol and EdgeTree.sol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NamedTuple

from tallystick.dispute.edge_view import ENOUGH
from tallystick.dispute.trace_tree import Prefix
from tallystick.dispute.trace_tree import leaf as hash_leaf
from tallystick.dispute.trace_tree import node as hash_node
from tallystick.rollup.views.assertion_view import Status
from tallystick.testing.protocol.agreed import fold, is_agreed
from tallystick.testing.protocol.protocol_rules import SINK, Ground, Rule, Till, refuse, require
from tallystick.testing.protocol.rollup_rules import Decision, Posted

REMEMBERED: Final = 1 << 16
"""Hashes kept: random matches make the same ones again and again."""

leaf = lru_cache(REMEMBERED)(hash_leaf)
node = lru_cache(REMEMBERED)(hash_node)

Context = tuple[int, int, bytes]
"""Height, index and base: the place at which edges are rivals."""


class Edge(NamedTuple):
    """What an edge claims, in the dispute of its parent's children."""

    height: int
    index: int  # type: ignore[assignment]  # what the contract calls it; nobody looks an edge up in itself
    base: bytes
    span: bytes


@dataclass(slots=True, kw_only=True, eq=False)
class EdgeRecord:
    """What is known of an edge. `children` are there once it is bisected, `rivalled` is the block of the second span."""

    created: int
    rivalled: int | None = None
    cached: int = 0
    children: tuple[Edge, Edge] | None = None
    proven: bool = False
    mover: str = ""


class Opening(NamedTuple):
    """An edge with the children it had when a call was signed; both empty when it had none."""

    edge: Edge
    left: bytes
    right: bytes


class Root(NamedTuple):
    """What a root commits, who opened it, and in which block."""

    assertion: Posted
    opener: str
    block: int


@dataclass(slots=True, kw_only=True, eq=False)
class Dispute:
    """The edges below one parent. `open` are neither bisected nor proven; `places` has the first edge of each context.

    `settled` is the root that was paid, `due` and `paid` are edges of its tree. `version` counts what was added,
    bisected and proven: totals that grow no more are the same until then, the others until the next block. `asleep` tells
    the version in which a root was not ripe, and the block from which on it may be.
    """

    parent: Posted
    edges: dict[Edge, EdgeRecord] = field(default_factory=dict[Edge, EdgeRecord])
    open: dict[Edge, None] = field(default_factory=dict[Edge, None])
    places: dict[Context, EdgeRecord] = field(default_factory=dict[Context, EdgeRecord])
    roots: dict[Edge, Root] = field(default_factory=dict[Edge, Root])
    decision: Decision | None = None
    settled: Edge | None = None
    settled_block: int = 0
    pot: int = 0
    burnt: int = 0
    due: set[Edge] = field(default_factory=set[Edge])
    paid: set[Edge] = field(default_factory=set[Edge])
    version: int = 0
    lasting: dict[Edge, int] = field(default_factory=dict[Edge, int])
    totals: dict[Edge, int] = field(default_factory=dict[Edge, int])
    totals_block: int = -1
    asleep: dict[Edge, tuple[int, int]] = field(default_factory=dict[Edge, tuple[int, int]])

    @property
    def winner(self) -> Posted | None:
        """The assertion it is decided for."""
        return None if self.decision is None else self.decision.winner

    def changed(self) -> None:
        """Forget what was reckoned."""
        self.version += 1
        self.totals_block = -1
        self.lasting.clear()


class ChallengeRules:
    """All disputes. Every call raises BadInput where the contract would revert.

    `unrivalled` tells an assertion's own blocks without a rival: its roots' head start.
    """

    def __init__(self, ground: Ground, unrivalled: Callable[[Posted], int]) -> None:
        self.ground = ground
        self.unrivalled = unrivalled
        self.till = Till()
        self.disputes: dict[Posted, Dispute] = {}
        self._worse: Callable[[int, int], int] = max if ground.drops(Rule.WORSE_CHILD) else min
        # A rivalled edge has stopped: of the edges on a path only one earns time, unless others are bisected as well.
        self._growth = ground.terms.height + 1 if ground.drops(Rule.BISECT_RIVALLED) else 1

    def decision(self, parent: Posted) -> Decision | None:
        """Return whom the dispute among an assertion's children is decided for."""
        dispute = self.disputes.get(parent)
        return None if dispute is None else dispute.decision

    def open_root(self, who: str, one: Posted, span: bytes, siblings: Sequence[bytes], start: bytes = b"") -> Edge:
        """Commit an assertion to a tree. `start` is believed only where the rule against that is dropped."""
        terms, parent = self.ground.terms, one.parent
        require(parent is not None, "the genesis has no rivals")
        assert parent is not None
        first = start if start and self.ground.drops(Rule.START_FROM_PARENT) else parent.state
        root = Edge(terms.height, 0, leaf(first), span)
        dispute = self.disputes.get(parent)
        if dispute is not None and root in dispute.edges:
            # The same root again: the bond comes back.
            self.till.paid[who] += terms.root_bond
            self.till.credit[who] += terms.root_bond
            return root
        require(len(parent.children) > 1, "no rival assertion")
        require(parent.status is not Status.REJECTED, "the parent is rejected")
        require(dispute is None or dispute.decision is None, "decided")
        require(len(siblings) == terms.height and fold(leaf(one.state), siblings) == span, "the last leaf is another")
        if dispute is None:
            dispute = self.disputes[parent] = Dispute(parent=parent)
            self._tell("DisputeOpened", dispute, limit=parent.next_limit)
        self.till.paid[who] += terms.root_bond
        dispute.roots[root] = Root(one, who, self.ground.block)
        self._tell("RootOpened", dispute, edge=root, assertion=one.id, opener=who)
        self._add(dispute, root)
        return root

    def bisect(self, who: str, parent: Posted, edge: Edge, left: bytes, right: bytes) -> None:
        """Open an edge into its children."""
        dispute, record = self._find(parent, edge)
        if record.children is not None and self._takes_repetition():
            return
        require(edge.height > 0 and node(left, right) == edge.span and not record.proven, "not its children")
        require(self.ground.drops(Rule.BISECT_RIVALLED) or record.rivalled is not None, "no rival")
        require(record.children is None and not self.is_over(dispute), "settled")
        record.children = self.children(edge, left, right)
        record.mover = who
        del dispute.open[edge]
        self._tell("EdgeBisected", dispute, edge=edge, left=left, right=right, mover=who)
        for child in record.children:
            self._add(dispute, child)
        dispute.changed()

    def prove(self, who: str, parent: Posted, edge: Edge, prefix: Prefix) -> None:
        """Run an edge's one step."""
        dispute, record = self._find(parent, edge)
        if record.proven and self._takes_repetition():
            return
        require(edge.height == 0 and record.rivalled is not None, "no rivalled leaf")
        require(not record.proven and not self.is_over(dispute), "settled")
        require(self.ground.drops(Rule.AGREED_PRE) or is_agreed(edge.index, edge.base, prefix), "not the agreed state")
        post = self.ground.step(prefix.pre, parent.next_limit)
        require(leaf(post) == edge.span, "the step leads elsewhere")
        record.proven, record.mover, record.cached = True, who, ENOUGH
        del dispute.open[edge]
        dispute.changed()
        self._tell("EdgeProven", dispute, edge=edge, pre=prefix.pre, mover=who)

    def update(self, parent: Posted, openings: Iterable[Opening]) -> None:
        """Bring totals up to date in the order given."""
        with self.ground.atomic():
            for opening in openings:
                dispute, record = self._find(parent, opening.edge)
                total = self._known_total(dispute, opening, record)
                if total > record.cached:
                    self._cache(dispute, opening.edge, record, total)

    def decide(self, parent: Posted, root: Edge, openings: Iterable[Opening]) -> None:
        """Bring totals up to date, and decide the dispute for a root's assertion."""
        dispute = self.disputes.get(parent)
        opened = None if dispute is None else dispute.roots.get(root)
        if dispute is None or opened is None:
            refuse("no open root")
        if dispute.decision is not None:
            require(dispute.decision.winner is opened.assertion and self._takes_repetition(), "decided")
            return
        with self.ground.atomic():
            self.update(parent, openings)
            total = dispute.edges[root].cached + self.unrivalled(opened.assertion)
            require(total >= self.ground.terms.period, "not long enough")
            needs_parent = self.ground.drops(Rule.ANY_PARENT)
            require(not needs_parent or parent.status is Status.CONFIRMED, "the parent is not confirmed")
            dispute.decision = Decision(winner=opened.assertion, block=self.ground.block)

            def undo() -> None:
                dispute.decision = None

            self.ground.note(undo)
            self._tell("DisputeDecided", dispute, edge=root, assertion=opened.assertion.id)

    def settle(self, parent: Posted, root: Edge, openings: Iterable[Opening], payments: Iterable[Edge]) -> None:
        """Deal with the bonds, once, and repay moves below the paid root, parents first."""
        dispute = self.disputes.get(parent)
        if dispute is None:
            refuse("no dispute")
        with self.ground.atomic():
            if dispute.settled is None:
                self._settle_bonds(dispute, root, openings)
        for edge in payments:
            self._repay_move(dispute, edge)

    def children(self, edge: Edge, left: bytes, right: bytes) -> tuple[Edge, Edge]:
        """Return an edge's children as these rules make them."""
        height, index, base, _ = edge
        right_base = base if self.ground.drops(Rule.RIGHT_BASE) else node(base, left)
        return Edge(height - 1, 2 * index, base, left), Edge(height - 1, 2 * index + 1, right_base, right)

    def is_over(self, dispute: Dispute) -> bool:
        """Whether no move counts any more."""
        return dispute.settled is not None or (self.ground.drops(Rule.PLAY_ON) and dispute.decision is not None)

    def own_time(self, dispute: Dispute, edge: Edge) -> int:
        """Return the blocks an edge was without a rival."""
        record = dispute.edges[edge]
        end = self.ground.block if record.rivalled is None else record.rivalled
        return end - record.created if end > record.created else 0

    def total(self, dispute: Dispute, edge: Edge) -> int:
        """Return an edge's total as it would be with everything below it brought up to date."""
        found = dispute.lasting.get(edge)
        if found is not None:
            return found
        block = self.ground.block
        if dispute.totals_block != block:
            dispute.totals_block = block
            dispute.totals.clear()
        found = dispute.totals.get(edge)
        return self._total(dispute, edge, block) if found is None else found

    def root_total(self, dispute: Dispute, root: Edge) -> int:
        """Return a root's total with its assertion's head start."""
        return self.total(dispute, root) + self.unrivalled(dispute.roots[root].assertion)

    def is_ripe(self, dispute: Dispute, root: Edge) -> bool:
        """Whether a root has the period with its assertion's head start."""
        block = self.ground.block
        version, from_block = dispute.asleep.get(root, (-1, 0))
        if version == dispute.version and block < from_block:
            return False
        left = self.ground.terms.period - self.root_total(dispute, root)
        if left <= 0:
            return True
        dispute.asleep[root] = dispute.version, block - -left // self._growth
        return False

    def tree(self, dispute: Dispute, root: Edge) -> list[Edge]:
        """Return the edges below a root that were bisected or proven, parents first: what settling repays."""
        found: list[Edge] = []
        waiting = [root]
        while waiting:
            edge = waiting.pop()
            record = dispute.edges[edge]
            if record.children is not None:
                waiting += record.children
            if record.children is not None or record.proven:
                found.append(edge)
        return found

    def owed(self) -> int:
        """Return what must lie in the contract: a bond for each root, or what the pot has left."""
        bond = self.ground.terms.root_bond
        disputes = self.disputes.values()
        return sum(each.pot if each.settled is not None else bond * len(each.roots) for each in disputes)

    def _settle_bonds(self, dispute: Dispute, root: Edge, openings: Iterable[Opening]) -> None:
        opened, terms = dispute.roots.get(root), self.ground.terms
        require(dispute.decision is not None, "not decided")
        require(opened is not None and opened.assertion is dispute.winner, "not the winner")
        assert opened is not None
        self.update(dispute.parent, openings)
        alone = self.ground.drops(Rule.ALONE_EARNS) or dispute.edges[root].cached >= terms.period
        require(alone, "not long enough by itself")
        lost = (len(dispute.roots) - 1) * terms.root_bond
        dispute.settled, dispute.settled_block, dispute.pot = root, self.ground.block, lost // 2
        dispute.burnt = lost - dispute.pot
        dispute.due.add(root)
        facts = {"bondWei": terms.root_bond, "forfeitedWei": dispute.burnt, "potWei": dispute.pot}
        self._tell("DisputeSettled", dispute, edge=root, opener=opened.opener, **facts)
        self.till.credit[opened.opener] += terms.root_bond
        self.till.credit[SINK] += dispute.burnt
        self._repay(dispute, root, opened.opener, terms.open_reward)

    def _repay_move(self, dispute: Dispute, edge: Edge) -> None:
        record = dispute.edges.get(edge)
        if record is None or edge not in dispute.due or (record.children is None and not record.proven):
            return
        dispute.due.remove(edge)
        dispute.paid.add(edge)
        for child in record.children or ():
            below = dispute.edges[child]
            if (below.children is not None or below.proven) and child not in dispute.paid:
                dispute.due.add(child)
        reward = self.ground.terms.prove_reward if record.proven else self.ground.terms.bisect_reward
        self._repay(dispute, edge, record.mover, reward)

    def _repay(self, dispute: Dispute, edge: Edge, who: str, reward: int) -> None:
        amount = min(reward, dispute.pot)
        if amount:
            dispute.pot -= amount
            self.till.credit[who] += amount
            self._tell("MoveRepaid", dispute, edge=edge, mover=who, amountWei=amount)

    def _takes_repetition(self) -> bool:
        return not self.ground.drops(Rule.NO_OPS)

    def _total(self, dispute: Dispute, edge: Edge, block: int) -> int:
        record = dispute.edges[edge]
        if record.proven:
            dispute.lasting[edge] = ENOUGH
            return ENOUGH
        grows = record.rivalled is None
        end = block if record.rivalled is None else record.rivalled
        found = end - record.created if end > record.created else 0
        if record.children is not None:
            left, right = record.children
            found += self._worse(self.total(dispute, left), self.total(dispute, right))
            found = min(ENOUGH, found)
            grows = grows or left not in dispute.lasting or right not in dispute.lasting
        (dispute.totals if grows else dispute.lasting)[edge] = found
        return found

    def _known_total(self, dispute: Dispute, opening: Opening, record: EdgeRecord) -> int:
        """Return enough if proven; own time, plus what the worse child is known to have if bisected.

        Without the edge's own children its own time is all that counts: it was bisected after the call was signed.
        """
        if record.proven:
            return ENOUGH
        edge, *halves = opening
        own = self.own_time(dispute, edge)
        if record.children is None:
            return own
        if halves != [child.span for child in record.children]:
            require(not self.ground.drops(Rule.STALE_OPENINGS), "not its children")
            return own
        known = (max(dispute.edges[child].cached, self.own_time(dispute, child)) for child in record.children)
        return min(ENOUGH, own + self._worse(*known))

    def _cache(self, dispute: Dispute, edge: Edge, record: EdgeRecord, total: int) -> None:
        before = record.cached

        def undo() -> None:
            record.cached = before

        self.ground.note(undo)
        record.cached = total
        self._tell("EdgeUpdated", dispute, edge=edge, totalBlocks=total)

    def _find(self, parent: Posted, edge: Edge) -> tuple[Dispute, EdgeRecord]:
        dispute = self.disputes.get(parent)
        record = None if dispute is None else dispute.edges.get(edge)
        if dispute is None or record is None:
            refuse("no such edge")
        return dispute, record

    def _add(self, dispute: Dispute, edge: Edge) -> None:
        if edge in dispute.edges:
            return
        block, context = self.ground.block, edge[:3]
        record = dispute.edges[edge] = EdgeRecord(created=block)
        dispute.open[edge] = None
        dispute.changed()
        self._tell("EdgeAdded", dispute, edge=edge)
        first = dispute.places.setdefault(context, record)
        if first is record:
            return
        if first.rivalled is None:
            first.rivalled = block
            self._tell("ContextRivalled", dispute, edge=edge, rivalledBlock=block)
        record.rivalled = first.rivalled

    def _tell(self, name: str, dispute: Dispute, **args: Any) -> None:
        if self.ground.tell is not None:
            self.ground.say("Challenge", name, {"parent": dispute.parent.id, **args})
