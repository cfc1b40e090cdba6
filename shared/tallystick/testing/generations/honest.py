"""The honest side: one function from what the chain shows to the calls that are due.

`duties` is the strategy of DISPUTE, "Honest strategy", 1 to 6. Its habits can be dropped as the contracts' rules can.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import Any, Final, NamedTuple

from tallystick.rollup.views.assertion_view import Status
from tallystick.testing.generations.chain import Chain
from tallystick.testing.generations.counting import Machine, Tree
from tallystick.testing.protocol.challenge_rules import Dispute, Edge
from tallystick.testing.protocol.protocol import Resolution, bottom_up, owing
from tallystick.testing.protocol.protocol_rules import Rule
from tallystick.testing.protocol.rollup_rules import Posted

HONEST: Final = "honest"


class Habit(Enum):
    """Something the honest side does that can be dropped. Each comment says what goes wrong without it."""

    NEVER_REST = "it plays on when its root has the period with the head start"
    """Its root never earns the period by itself: the bond stays, or goes to a false trace to the true state."""
    PLAY_TO_THE_END = "it plays on when the dispute is decided"
    """The same, a little later."""
    EVERY_GENERATION = "it plays below parents that are not confirmed"
    """A lie two generations down runs out its time while the first one is disputed."""
    ALL_AT_ONCE = "it decides and confirms all generations together, without waiting to see each"
    """Each generation is confirmed some blocks later than the last: the last one too late."""
    DANGER_FIRST = "short of money, it opens roots first where a false root has run longest"
    """Its money is in disputes that nobody plays, and a lie runs out its time elsewhere."""


class Unposted(NamedTuple):
    """An assertion that is to be there by the time a call lands."""

    id: bytes


class Move(NamedTuple):
    """A call of the protocol. `key` names its effect, so that it is not sent twice at once."""

    key: tuple[object, ...]
    name: str
    arguments: tuple[Any, ...]


@dataclass(slots=True, kw_only=True)
class Mind:
    """What the honest side knows: the chain, and by replaying it what is true.

    Units: `patience` in blocks before it asserts unasked. `proposes` is how many generations it asserts unasked, and
    `bundles` whether it decides and confirms in one transaction; `payments` are the most moves one repays.
    """

    chain: Chain
    machine: Machine
    patience: int = 0
    proposes: int = 1 << 30
    bundles: bool = False
    payments: int = 1 << 30
    dropped: frozenset[Habit] = frozenset()
    line: list[Posted] = field(default_factory=list[Posted])
    trees: dict[Posted, Tree] = field(default_factory=dict[Posted, Tree])
    finished: int = 0
    walks: dict[Posted, tuple[int, list[Move]]] = field(default_factory=dict[Posted, tuple[int, list[Move]]])
    looked: tuple[int, int] = (-1, -1)

    def __post_init__(self) -> None:
        self.line.append(self.chain.rollup.genesis)

    def tree(self, parent: Posted) -> Tree:
        """Return the true trace below a true assertion."""
        found = self.trees.get(parent)
        if found is None:
            steps = 1 << self.chain.ground.terms.height
            states = self.machine.trace(parent.state, parent.next_limit, steps)
            broken = self.chain.ground.drops(Rule.RIGHT_BASE)
            found = self.trees[parent] = Tree(states, broken_base=broken)
        return found

    def drops(self, habit: Habit) -> bool:
        """Whether a habit is dropped here."""
        return bool(self.dropped) and habit in self.dropped

    def look(self) -> None:
        """Take in the true assertions that are there by now."""
        now = self.chain.ground.batch_count, self.chain.ground.taken
        if now == self.looked:
            return
        self.looked = now
        while (child := self.true_child(self.line[-1])) is not None:
            self.line.append(child)
        while self.finished < len(self.line) - 1 and self._is_finished(self.line[self.finished]):
            self.finished += 1

    def true_child(self, parent: Posted) -> Posted | None:
        """Return a true assertion's true child, None while it is missing."""
        if not parent.children or self.chain.ground.batch_count < parent.next_limit:
            return None
        return parent.child(self.tree(parent).end)

    def is_proposing(self) -> bool:
        """Whether it still asserts unasked: it stops for good when the last batch is asserted."""
        left = self.machine.left(self.line[-1].state, len(self.machine.work) - 1)
        return left > 0 and len(self.line) - 1 < self.proposes

    def _is_finished(self, parent: Posted) -> bool:
        dispute = self.chain.challenge.disputes.get(parent)
        return parent.confirmed_child is not None and (
            dispute is None
            or (dispute.settled is not None and next(owing(self.chain.challenge, dispute), None) is None)
        )


def duties(mind: Mind) -> list[Move]:
    """Return the calls that are due now, in the order in which to send them."""
    mind.look()
    plays: list[tuple[Posted, list[Move]]] = []
    decisions: list[Resolution] = []
    won: list[Posted] = []
    in_line = True
    for parent, mine in zip(mind.line[mind.finished :], mind.line[mind.finished + 1 :], strict=False):
        ripe = False
        if len(parent.children) > 1 and _plays_below(mind, parent):
            moves, decision = _dispute(mind, parent, mine)
            ripe = decision is not None
            if moves:
                plays.append((parent, moves))
            decisions += [decision] if decision is not None else []
        if mine.status is Status.PENDING:
            in_line = in_line and (ripe or mind.chain.rollup.won(mine))
            if in_line:
                won.append(mine)
    if len(plays) > 1 and not mind.drops(Habit.DANGER_FIRST):
        plays.sort(key=lambda each: -_danger(mind, each[0]))
    moves = [move for _, each in plays for move in each] + _resolve(mind, decisions, won)
    posts = _assert_below(mind, mind.line[-1])
    return moves + posts + ([] if posts else _take_home(mind))


def _plays_below(mind: Mind, parent: Posted) -> bool:
    return parent.status is Status.CONFIRMED or not mind.drops(Habit.EVERY_GENERATION)


def _danger(mind: Mind, parent: Posted) -> int:
    """Return how long a false root below a parent has run, 0 when there is none."""
    challenge = mind.chain.challenge
    dispute = challenge.disputes.get(parent)
    if dispute is None:
        return 0
    span = mind.tree(parent).span
    return max((1 + challenge.root_total(dispute, root) for root in dispute.roots if root.span != span), default=0)


def _dispute(mind: Mind, parent: Posted, mine: Posted) -> tuple[list[Move], Resolution | None]:
    """Return the moves of one dispute, and its decision when it is ripe."""
    challenge, tree = mind.chain.challenge, mind.tree(parent)
    dispute, root = challenge.disputes.get(parent), tree.root
    if dispute is None or root not in dispute.edges:
        undecided = dispute is None or dispute.decision is None
        opens = Move(("root", parent), "open_root", (mine, tree.span, tree.siblings()))
        return [opens] if undecided and mine.status is Status.PENDING else [], None
    moves: list[Move] = []
    decision = None
    ripe = challenge.is_ripe(dispute, root)
    if dispute.decision is None and ripe:
        decision = parent, root, tuple(bottom_up(challenge, dispute, root))
    if dispute.winner is mine:
        moves += _settle(mind, dispute, root)
    if not (ripe and mind.drops(Habit.NEVER_REST)):
        moves += _walk(mind, dispute, tree)
    return moves, decision


def _walk(mind: Mind, dispute: Dispute, tree: Tree) -> list[Move]:
    """Move wherever an own edge is open and rivalled."""
    challenge, parent = mind.chain.challenge, dispute.parent
    if challenge.is_over(dispute) or (dispute.decision is not None and mind.drops(Habit.PLAY_TO_THE_END)):
        return []
    version, moves = mind.walks.get(parent, (-1, []))
    if version != dispute.version:
        moves = list(_open_moves(dispute, tree))
        mind.walks[parent] = dispute.version, moves
    return moves


def _open_moves(dispute: Dispute, tree: Tree) -> Iterator[Move]:
    parent = dispute.parent
    for edge in dispute.open:
        if edge in tree.edges and dispute.edges[edge].rivalled is not None:
            halves = tree.edges[edge]
            key = ("move", parent, edge)
            if halves is None:
                yield Move(key, "prove", (parent, edge, tree.prefix(edge.index)))
            else:
                yield Move(key, "bisect", (parent, edge, *halves))


def _settle(mind: Mind, dispute: Dispute, root: Edge) -> list[Move]:
    challenge, parent, ground = mind.chain.challenge, dispute.parent, mind.chain.ground
    if dispute.settled is None:
        earned = challenge.total(dispute, root) >= ground.terms.period
        if not earned and not ground.drops(Rule.ALONE_EARNS):
            return []
        edges = tuple(bottom_up(challenge, dispute, root))
        payments = tuple(challenge.tree(dispute, root)[: mind.payments])
        return [Move(("settle", parent), "settle", (parent, root, edges, payments))]
    payments = tuple(islice(owing(challenge, dispute), mind.payments))
    return [Move(("repay", parent), "settle", (parent, root, (), payments))] if payments else []


def _resolve(mind: Mind, decisions: list[Resolution], won: list[Posted]) -> list[Move]:
    """Decide what is ripe and confirm what has won, together."""
    if mind.bundles:
        names = tuple(parent for parent, _, _ in decisions) + tuple(won)
        return [Move(("resolve", *names), "resolve", (tuple(decisions), tuple(won)))] if names else []
    if mind.drops(Habit.ALL_AT_ONCE):
        decisions, won = decisions[:1], [] if decisions else won[:1]
    moves = [Move(("decide", parent), "decide", (parent, root, edges)) for parent, root, edges in decisions]
    return moves + ([Move(("confirm", *won), "confirm", (tuple(won),))] if won else [])


def _assert_below(mind: Mind, parent: Posted) -> list[Move]:
    """Post the missing true child, if it is its turn or a lie is there; with an own bond that may move, else money."""
    chain = mind.chain
    unasked = mind.is_proposing() and chain.ground.block >= parent.created + mind.patience
    if not (parent.children or unasked) or not chain.rollup.postable(parent):
        return []
    source = next((one for one in mind.line if one.bonded == HONEST and chain.rollup.movable(one, parent)), None)
    return [Move(("post", parent), "post", (parent, mind.tree(parent).end, source))]


def _take_home(mind: Mind) -> list[Move]:
    """Take bonds home when it has stopped proposing."""
    rollup = mind.chain.rollup
    return [
        Move(("take", one), "take", (one,))
        for one in mind.line
        if one.bonded == HONEST and not mind.is_proposing() and rollup.movable(one)
    ]
