"""The honest strategy: from the own trace and what L1 shows, the moves to make now.

An own edge goes through these states; each arrow is somebody's move or the passing of time, and the player never
undoes or waits for anything else:

    absent ──open / parent bisected──▶ unrivalled ──rival appears──▶ rivalled ─┬─height > 0: bisect──▶ bisected
                                          │                                    └─height 0: prove────▶ proven
                                          └──time──▶ counts by itself

A path whose unrivalled times already sum to the challenge period is left alone. Whatever somebody else has done
already is success.
"""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.dispute.history import History, LeafProof
from tallystick.dispute.view import ChallengeView, Edge, EdgeStatus, children


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
class Decide:
    """Bring the totals up to date and decide the dispute for the root, in one transaction."""

    root: Edge
    openings: tuple[Opening, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Take the winner's bond back and have the movers repaid."""

    dispute: bytes
    openings: tuple[Opening, ...]


Move = OpenRoot | Bisect | Prove | Decide | Settle


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The own assertion in a dispute. Units: `head_start` is its blocks without a rival assertion."""

    parent: bytes
    assertion: bytes
    limit: int
    head_start: int


class Player:
    """Plays one claim to its end. `proves` is False for a liar, which has nothing to prove its last edge with."""

    def __init__(self, history: History, claim: Claim, period: int, *, proves: bool = True) -> None:
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
        root = self.root(view)
        if root is None:
            decided = any(d.winner for d in view.disputes.values() if d.parent == self.claim.parent)
            return [] if decided else [self._open()]
        dispute = view.disputes[root.dispute]
        if dispute.winner:
            mine = dispute.winner == self.claim.assertion and not dispute.settled
            return [Settle(dispute=root.dispute, openings=self.openings(view, root))] if mine and self.proves else []
        if self.claim.head_start + view.total(root.id, block) >= self.period:
            openings = tuple(reversed(self.openings(view, root)))
            return [Decide(root=root, openings=openings)] if self.proves else []
        moves: list[Move] = []
        self._walk(view, view.edges[root.id], self.claim.head_start, block, moves)
        return moves

    def openings(self, view: ChallengeView, root: Edge) -> tuple[Opening, ...]:
        """Return every own edge, parents before children."""
        found: list[Opening] = []
        waiting = [root]
        while waiting:
            edge = waiting.pop()
            opened = view.edges[edge.id].children
            if opened is None:
                found.append(Opening(edge=edge, left=bytes(32), right=bytes(32)))
            else:
                found.append(Opening(edge=edge, left=opened[0], right=opened[1]))
                waiting += children(edge, *opened)
        return tuple(found)

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
        if status.proven or time >= self.period:
            return
        if status.children is not None:
            for child in children(edge, *status.children):
                self._walk(view, view.edges[child.id], time, block, moves)
        elif view.is_rivalled(edge):
            if edge.height > 0:
                left = self.history.span(edge.height - 1, 2 * edge.index)
                right = self.history.span(edge.height - 1, 2 * edge.index + 1)
                moves.append(Bisect(edge=edge, left=left, right=right))
            elif self.proves:
                moves.append(Prove(edge=edge, proof=self.history.prove(edge.index)))
