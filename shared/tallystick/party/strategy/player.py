"""One dispute of the honest strategy: from the own trace and what L1 shows, the moves to make now.

It acts by the table in `tallystick.party.strategy.player_states`: an own edge and a dispute are each in one state, every arrow is
somebody's move or the passing of time, and the player never undoes or waits for anything else. It moves wherever an own
edge is open and rivalled until the dispute is settled, whatever time the paths have: what counts as enough for one
decision may be short for the payment, or while the decision is kept out of L1. Whatever somebody else has done already
is success. `Update` comes before `Decide` and `Settle` only where one transaction cannot hold all totals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tallystick.dispute.edge_view import ChallengeView, DisputeStatus, Edge
from tallystick.dispute.trace_tree import LeafProof, Trace
from tallystick.party.strategy.player_states import (
    DISPUTE_ACTIONS,
    EDGE_ACTIONS,
    Action,
    DisputeState,
    Standing,
    dispute_state,
    edge_state,
)
from tallystick.state.ordinals import BatchNumber, BlockNumber

MAX_OPENINGS: Final = 150
"""Openings in one transaction: each costs at most 45,000 gas, and EIP-7825 caps a transaction at 2^24."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRoot:
    """Commit the own assertion to the own trace, with a bond."""

    parent: bytes
    assertion: bytes
    limit: BatchNumber
    span: bytes
    siblings: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bisect:
    """Open an edge into its two children."""

    edge: Edge
    left: bytes
    right: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Prove:
    """Have the Referee run one step."""

    edge: Edge
    proof: LeafProof


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """An edge with its children, for bringing totals up to date; both empty when it has none."""

    edge: Edge
    left: bytes
    right: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Bring totals up to date, children before parents, when there are too many for the deciding transaction."""

    openings: tuple[Opening, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide:
    """Bring the totals up to date and decide the dispute for the root, in one transaction."""

    root: Edge
    openings: tuple[Opening, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Bring the totals up to date, take the root's bond back and have the movers below it repaid. `paid` is how many are
    repaid already: it tells one part from the next, for each begins with the root.
    """

    root: Edge
    openings: tuple[Opening, ...]
    payments: tuple[Opening, ...]
    paid: int = 0


Move = OpenRoot | Bisect | Prove | Update | Decide | Settle


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The own assertion in a dispute. Units: `head_start` is its blocks without a rival assertion."""

    parent: bytes
    assertion: bytes
    limit: BatchNumber
    head_start: int


class Player:
    """Plays one claim to its end. `proves` is False for a liar, which has nothing to prove its last edge with."""

    def __init__(self, history: Trace, claim: Claim, period: int, *, proves: bool = True) -> None:
        self.history = history
        self.claim = claim
        self.period = period
        self.proves = proves

    def root(self, view: ChallengeView) -> Edge | None:
        """Return the own root on L1, None while nobody has opened it."""
        span = self.history.span(self.history.height, 0)
        roots = (view.edges[id_].edge for id_ in view.roots.get(self.claim.assertion, []))
        return next((root for root in roots if root.span == span), None)

    def moves(self, view: ChallengeView, block: BlockNumber) -> list[Move]:
        """Return the moves to make at a block, none when there is nothing to do but wait."""
        root, dispute = self.root(view), view.dispute_below(self.claim.parent)
        action = DISPUTE_ACTIONS[self.state(view, root, block)]
        if action is Action.OPEN:
            return [self._open()]
        if root is None:
            return []
        moves: list[Move] = []
        if action is Action.REPAY and dispute is not None:
            return [*repayments(view, dispute)[:1]]
        if action is Action.DECIDE and self.proves:
            moves.append(decide(view, root, self.period - self.claim.head_start, block))
        if action is Action.SETTLE and self.proves:
            moves.append(settle(view, root, self.period, block))
        if action in (Action.WALK, Action.DECIDE, Action.SETTLE):
            self._walk(view, root, moves)
        return moves

    def state(self, view: ChallengeView, root: Edge | None, block: BlockNumber) -> DisputeState:
        """Return where the claim's dispute is at a block; `root` is the own one, None while it is not open."""
        dispute = view.dispute_below(self.claim.parent)
        standing: Standing | None = None
        if root is not None:
            earned = view.total(root.id, block)
            standing = Standing(root=root.id, earned=earned, head_start=self.claim.head_start)
        return dispute_state(dispute, self.claim.assertion, standing, self.period, paid=is_paid(view, dispute))

    def _open(self) -> OpenRoot:
        return OpenRoot(
            parent=self.claim.parent,
            assertion=self.claim.assertion,
            limit=self.claim.limit,
            span=self.history.span(self.history.height, 0),
            siblings=self.history.last_leaf_siblings(),
        )

    def _walk(self, view: ChallengeView, root: Edge, moves: list[Move]) -> None:
        """Follow every own path down to its tail; where the tail is rivalled, move."""
        waiting = [root]
        while waiting:
            edge = waiting.pop()
            status = view.edges[edge.id]
            match EDGE_ACTIONS[edge_state(view, status)]:
                case Action.DESCEND if status.children is not None:
                    waiting += reversed(view.children(edge, *status.children))
                case Action.BISECT:
                    left = self.history.span(edge.height - 1, 2 * edge.index)
                    right = self.history.span(edge.height - 1, 2 * edge.index + 1)
                    moves.append(Bisect(edge=edge, left=left, right=right))
                case Action.PROVE if self.proves:
                    moves.append(Prove(edge=edge, proof=self.history.prove(edge.index)))
                case _:
                    pass


def decide(view: ChallengeView, root: Edge, needed: int, block: BlockNumber) -> Update | Decide:
    """Bring up to date what the root's total lacks of the blocks needed; decide with the last of it."""
    openings = stale(view, root, needed, block)
    if len(openings) > MAX_OPENINGS:
        return Update(openings=openings[:MAX_OPENINGS])
    return Decide(root=root, openings=openings)


def settle(view: ChallengeView, root: Edge, period: int, block: BlockNumber) -> Update | Settle:
    """Bring up to date what the root's own total lacks of the period; settle with the last of it, and repay at once as
    many as one transaction holds.
    """
    openings = stale(view, root, period, block)
    if len(openings) > MAX_OPENINGS:
        return Update(openings=openings[:MAX_OPENINGS])
    payments = _moves_below(view, root)[: MAX_OPENINGS - len(openings)]
    return Settle(root=root, openings=openings, payments=tuple(payments))


def stale(view: ChallengeView, root: Edge, needed: int, block: BlockNumber) -> tuple[Opening, ...]:
    """Return the edges whose cached totals are short of what is needed at a root, children before parents.

    An edge needs what the own times above it leave of that. Those never fall, so an edge that was brought up to date
    once stays so, and each `Update` leaves less to do. A child that is not bisected counts with its own time by itself.
    """
    found: list[Opening] = []
    waiting = [(root, needed)]
    while waiting:
        edge, lacking = waiting.pop()
        status = view.edges[edge.id]
        if status.proven or status.cached >= lacking:
            continue
        found.append(opening(view, edge))
        if status.children is not None:
            rest = lacking - view.unrivalled(status, block)
            below = view.children(edge, *status.children)
            waiting += [(child, rest) for child in below if view.edges[child.id].children is not None]
    return tuple(reversed(found))


def opening(view: ChallengeView, edge: Edge) -> Opening:
    """Return an edge with the children it has on L1."""
    left, right = view.edges[edge.id].children or (bytes(32), bytes(32))
    return Opening(edge=edge, left=left, right=right)


def is_paid(view: ChallengeView, dispute: DisputeStatus | None) -> bool:
    """Whether a dispute is settled and nothing is left to pay out."""
    return dispute is not None and dispute.settled and not repayments(view, dispute)


def repayments(view: ChallengeView, dispute: DisputeStatus) -> list[Settle]:
    """Return the moves that are left to repay everybody who moved below the root that was paid.

    Shape: parents before children, across the moves as within each. Each move's gas can be told only when the ones
    before it are mined, for an edge is due once its parent is repaid. The root comes again with others, and is
    passed over then.
    """
    if not dispute.settled or dispute.pot_wei == 0:
        return []
    root = view.edges[dispute.settled_edge].edge
    moves = _moves_below(view, root)
    found = [each for each in moves if each.edge.id not in view.repaid]
    if found and found[0].edge.id != root.id:
        found.insert(0, moves[0])
    paid = sum(each.edge.id in view.repaid for each in moves)
    parts = range(0, len(found), MAX_OPENINGS)
    return [
        Settle(root=root, openings=(), payments=tuple(found[at : at + MAX_OPENINGS]), paid=paid + at) for at in parts
    ]


def _moves_below(view: ChallengeView, root: Edge) -> list[Opening]:
    """Return the edges of a tree that somebody bisected or proved, parents first."""
    found: list[Opening] = []
    waiting = [root]
    while waiting:
        edge = waiting.pop()
        status = view.edges[edge.id]
        if status.children is not None:
            waiting += view.children(edge, *status.children)
        if status.children is not None or status.proven:
            found.append(opening(view, edge))
    return found
