"""The honest strategy: from the own trace and what L1 shows, the moves to make now.

It acts by the table in `tallystick.dispute.states`: an own edge and a dispute are each in one state, every arrow is
somebody's move or the passing of time, and the player never undoes or waits for anything else. A path whose unrivalled
times already sum to the challenge period is left alone. Whatever somebody else has done already is success. `Update`
comes before `Decide` only where one transaction cannot hold all totals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tallystick.dispute.history import LeafProof, Trace
from tallystick.dispute.states import DISPUTE_ACTIONS, EDGE_ACTIONS, Action, DisputeState, dispute_state, edge_state
from tallystick.dispute.view import ChallengeView, DisputeStatus, Edge, EdgeStatus

MAX_OPENINGS: Final = 150
"""Openings in one transaction: each costs at most 45,000 gas, and EIP-7825 caps a transaction at 2^24."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRoot:
    """Commit the own assertion to the own trace, with a bond."""

    parent: bytes
    assertion: bytes
    limit: int
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
    """Bring the totals up to date, take the root's bond back, and have the movers below it repaid."""

    root: Edge
    openings: tuple[Opening, ...]
    payments: tuple[Opening, ...]


Move = OpenRoot | Bisect | Prove | Update | Decide | Settle


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The own assertion in a dispute.

    Units: `head_start` is its blocks without a rival assertion.
    """

    parent: bytes
    assertion: bytes
    limit: int
    head_start: int


class Player:
    """Plays one claim to its end. `proves` is False for a liar, which has nothing to prove its last edge with."""

    def __init__(self, history: Trace, claim: Claim, period: int, *, proves: bool = True) -> None:
        self.history = history
        self.claim = claim
        self.period = period
        self.proves = proves

    def root(self, view: ChallengeView) -> Edge | None:
        """Return the own root edge, or None while it is not open."""
        span = self.history.span(self.history.height, 0)
        for id_ in view.roots.get(self.claim.assertion, []):
            if view.edges[id_].edge.span == span:
                return view.edges[id_].edge
        return None

    def moves(self, view: ChallengeView, block: int) -> list[Move]:
        """Return the moves to make at a block, none when there is nothing to do but wait."""
        root, dispute = self.root(view), view.dispute_below(self.claim.parent)
        match DISPUTE_ACTIONS[self.state(view, root, block)]:
            case Action.OPEN:
                return [self._open()]
            case Action.SETTLE if self.proves and dispute is not None:
                return [*settlement(view, dispute, block, self.period)[:1]]
            case Action.DECIDE if self.proves and root is not None:
                return [self._decide(view, root, block)]
            case Action.WALK if root is not None:
                moves: list[Move] = []
                self._walk(view, view.edges[root.id], self.claim.head_start, block, moves)
                return moves
            case _:
                return []

    def state(self, view: ChallengeView, root: Edge | None, block: int) -> DisputeState:
        """Return where the claim's dispute is at a block; `root` is the own one, None while it is not open."""
        total = None if root is None else self.claim.head_start + view.total(root.id, block)
        dispute = view.dispute_below(self.claim.parent)
        paid = is_paid(view, dispute, block, self.period)
        return dispute_state(dispute, self.claim.assertion, total, self.period, paid=paid)

    def _open(self) -> OpenRoot:
        return OpenRoot(
            parent=self.claim.parent,
            assertion=self.claim.assertion,
            limit=self.claim.limit,
            span=self.history.span(self.history.height, 0),
            siblings=self.history.last_leaf_siblings(),
        )

    def _walk(self, view: ChallengeView, status: EdgeStatus, time: int, block: int, moves: list[Move]) -> None:
        """Follow every own path down to its tail; where the tail is rivalled and time is short, move."""
        edge = status.edge
        time += view.unrivalled(status, block)
        match EDGE_ACTIONS[edge_state(view, status, time, self.period)]:
            case Action.DESCEND if status.children is not None:
                for child in view.children(edge, *status.children):
                    self._walk(view, view.edges[child.id], time, block, moves)
            case Action.BISECT:
                left = self.history.span(edge.height - 1, 2 * edge.index)
                right = self.history.span(edge.height - 1, 2 * edge.index + 1)
                moves.append(Bisect(edge=edge, left=left, right=right))
            case Action.PROVE if self.proves:
                moves.append(Prove(edge=edge, proof=self.history.prove(edge.index)))
            case _:
                return

    def _decide(self, view: ChallengeView, root: Edge, block: int) -> Update | Decide:
        """Bring up to date what the root's total lacks; decide with the last of it."""
        openings = stale(view, root, self.period - self.claim.head_start, block)
        if len(openings) > MAX_OPENINGS:
            return Update(openings=openings[:MAX_OPENINGS])
        return Decide(root=root, openings=openings)


def stale(view: ChallengeView, root: Edge, needed: int, block: int) -> tuple[Opening, ...]:
    """Return the openings that bring a root's cached total up to what is needed, children before parents.

    An edge needs what the own times above it leave. Those never fall, so an edge that was brought up to date once stays
    so. A child that is not bisected counts with its own time by itself.
    """
    found: list[Opening] = []
    waiting = [(root, needed)]
    while waiting:
        edge, needed = waiting.pop()
        status = view.edges[edge.id]
        if status.proven or status.cached >= needed:
            continue
        found.append(opening(view, edge))
        if status.children is not None:
            rest = needed - view.unrivalled(status, block)
            below = view.children(edge, *status.children)
            waiting += [(child, rest) for child in below if view.edges[child.id].children is not None]
    return tuple(reversed(found))


def opening(view: ChallengeView, edge: Edge) -> Opening:
    """Return an edge with the children it has on L1."""
    left, right = view.edges[edge.id].children or (bytes(32), bytes(32))
    return Opening(edge=edge, left=left, right=right)


def is_paid(view: ChallengeView, dispute: DisputeStatus | None, block: int, period: int) -> bool:
    """Whether a dispute is settled and nothing is left to pay out."""
    return dispute is not None and dispute.settled and not settlement(view, dispute, block, period)


def settlement(view: ChallengeView, dispute: DisputeStatus, block: int, period: int) -> list[Settle]:
    """Return the moves that are left to pay a root's bond back and repay everybody who moved in its tree.

    Shape: parents before children, across the moves as within each; edges without a move are left out. Each move's gas
    can be told only when the ones before it are mined, for an edge is due once its parent is repaid.
    """
    if dispute.settled and dispute.pot_wei == 0:
        return []
    root = view.edges[dispute.settled_edge].edge if dispute.settled else view.payable_root(dispute, block, period)
    if root is None:
        return []
    openings = () if dispute.settled else stale(view, root, period, block)
    found: list[Opening] = []
    waiting = [root]
    while waiting:
        edge = waiting.pop()
        status = view.edges[edge.id]
        if status.children is not None:
            waiting += view.children(edge, *status.children)
        if (status.children is not None or status.proven) and not (dispute.settled and edge.id in view.repaid):
            found.append(opening(view, edge))
    parts = range(0, max(len(found), 0 if dispute.settled else 1), MAX_OPENINGS)
    return [
        Settle(root=root, openings=() if at else openings, payments=tuple(found[at : at + MAX_OPENINGS]))
        for at in parts
    ]
