"""Rollup and Challenge together as plain Python, with the calls that anybody may make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tallystick.dispute.trace_tree import Prefix
from tallystick.testing.protocol.challenge_rules import ChallengeRules, Dispute, Edge, Opening
from tallystick.testing.protocol.protocol_rules import Ground
from tallystick.testing.protocol.rollup_rules import Posted, RollupRules

Resolution = tuple[Posted, Edge, Sequence[Opening]]
"""A dispute's parent, the root to decide it for, and what to bring up to date before."""


class ProtocolRules:
    """Every call names who makes it first, and raises BadInput where a contract would revert."""

    def __init__(self, ground: Ground, genesis_state: bytes) -> None:
        self.ground = ground
        self.rollup = RollupRules(ground, genesis_state)
        self.challenge = ChallengeRules(ground, self.rollup.unrivalled)
        self.rollup.decision = self.challenge.decision

    def make(self, who: str, name: str, *arguments: Any) -> object:
        """Make the call of a name."""
        result = getattr(self, name)(who, *arguments)
        self.ground.taken += 1
        return result

    def post(self, who: str, parent: Posted, state: bytes, source: Posted | None) -> Posted:
        """Assert a state; the bond comes from `source`, or is money."""
        return self.rollup.post(who, parent, state, source)

    def take(self, who: str, one: Posted) -> None:
        """Take a bond home."""
        self.rollup.take(who, one)

    def confirm(self, _who: str, ones: Sequence[Posted]) -> None:
        """Confirm assertions, parents first."""
        self.rollup.confirm(ones)

    def reject(self, _who: str, one: Posted) -> None:
        """Take the bond of what has fallen."""
        self.rollup.reject(one)

    def resolve(self, _who: str, decisions: Sequence[Resolution], ones: Sequence[Posted]) -> None:
        """Decide and confirm in one transaction: all of it, or nothing."""
        with self.ground.atomic():
            for parent, root, openings in decisions:
                self.challenge.decide(parent, root, openings)
            self.rollup.confirm(ones)

    def open_root(self, who: str, one: Posted, span: bytes, siblings: Sequence[bytes], start: bytes = b"") -> Edge:
        """Commit an assertion to a tree, with a bond."""
        return self.challenge.open_root(who, one, span, siblings, start)

    def bisect(self, who: str, parent: Posted, edge: Edge, left: bytes, right: bytes) -> None:
        """Open an edge into its children."""
        self.challenge.bisect(who, parent, edge, left, right)

    def prove(self, who: str, parent: Posted, edge: Edge, prefix: Prefix) -> None:
        """Run an edge's one step."""
        self.challenge.prove(who, parent, edge, prefix)

    def update(self, _who: str, parent: Posted, openings: Sequence[Opening]) -> None:
        """Bring totals up to date."""
        self.challenge.update(parent, openings)

    def decide(self, _who: str, parent: Posted, root: Edge, openings: Sequence[Opening]) -> None:
        """Decide a dispute for a root's assertion."""
        self.challenge.decide(parent, root, openings)

    def settle(
        self, _who: str, parent: Posted, root: Edge, openings: Sequence[Opening], payments: Sequence[Edge]
    ) -> None:
        """Deal with a dispute's bonds, and repay moves."""
        self.challenge.settle(parent, root, openings, payments)

    def net(self, who: str) -> int:
        """Return what somebody has gained in all, less what it has paid. Units: wei."""
        return self.rollup.till.net(who) + self.challenge.till.net(who)

    def is_conserved(self) -> bool:
        """Whether both contracts hold what they owe, to the wei."""
        rollup, challenge = self.rollup, self.challenge
        return rollup.till.held() == rollup.owed() and challenge.till.held() == challenge.owed()


def bottom_up(rules: ChallengeRules, dispute: Dispute, root: Edge) -> list[Opening]:
    """Return the bisected edges below a root as openings, children before parents: what brings its total up to date.

    A root that nobody has bisected is brought up to date by itself.
    """
    found = [opening(dispute, edge) for edge in rules.tree(dispute, root) if dispute.edges[edge].children is not None]
    return found[::-1] or [opening(dispute, root)]


def opening(dispute: Dispute, edge: Edge) -> Opening:
    """Return an edge with the children it has."""
    children = dispute.edges[edge].children
    if children is None:
        return Opening(edge, bytes(32), bytes(32))
    return Opening(edge, children[0].span, children[1].span)


def owing(rules: ChallengeRules, dispute: Dispute) -> Iterator[Edge]:
    """Return the moves below the paid root that are still to be repaid, parents first."""
    if dispute.settled is not None and dispute.pot:
        yield from (edge for edge in rules.tree(dispute, dispute.settled) if edge not in dispute.paid)
