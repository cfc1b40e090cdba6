"""Calls that make no sense: anything about anything, at any time. What the rules refuse, the contracts must refuse too.

The attacker of a match plays to win, and so makes few calls that are refused. A `Vandal` stands between a match and its
protocol and makes some after every other call.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tallystick.dispute.trace_tree import Prefix
from tallystick.errors import BadInput
from tallystick.rollup.views.assertion_view import Status
from tallystick.state.hashing import keccak
from tallystick.testing.generations.attacker import ATTACKER
from tallystick.testing.generations.chain import Chain
from tallystick.testing.generations.counting import Machine, State, Tree
from tallystick.testing.generations.match import Dropped, Match, Result
from tallystick.testing.protocol.challenge_rules import ChallengeRules, Dispute, Edge, Opening, leaf
from tallystick.testing.protocol.protocol import bottom_up
from tallystick.testing.protocol.protocol_rules import Ground
from tallystick.testing.protocol.rollup_rules import Posted, RollupRules

NOTHING = bytes(32)


class Vandal:
    """A match's protocol. `on_attack` is told of every call of its own that was taken."""

    def __init__(self, chain: Chain, machine: Machine, rng: random.Random, often: float = 0.5) -> None:
        self.chain, self.machine, self.rng, self.often = chain, machine, rng, often
        self.on_attack: Callable[[], None] = lambda: None
        self.calls: list[Callable[[], None]] = [
            self._post,
            self._bond,
            self._confirm,
            self._open,
            self._bisect,
            self._prove,
            self._update,
            self._decide,
            self._settle,
        ]

    @property
    def ground(self) -> Ground:
        """Block, batches and terms."""
        return self.chain.ground

    @property
    def rollup(self) -> RollupRules:
        """The assertions."""
        return self.chain.rollup

    @property
    def challenge(self) -> ChallengeRules:
        """The disputes."""
        return self.chain.challenge

    def net(self, who: str) -> int:
        """Return what somebody has gained in all, less what it has paid."""
        return self.chain.net(who)

    def is_conserved(self) -> bool:
        """Whether both contracts hold what they owe."""
        return self.chain.is_conserved()

    def make(self, who: str, name: str, *arguments: object) -> object:
        """Make a call, and some more."""
        result = self.chain.make(who, name, *arguments)
        while self.rng.random() < self.often:
            self.rng.choice(self.calls)()
        return result

    def _make(self, name: str, *arguments: Any) -> None:
        try:
            self.chain.make(ATTACKER, name, *arguments)
        except BadInput:
            return
        self.on_attack()

    # About assertions

    def _one(self) -> Posted:
        return self.rng.choice(list(self.rollup.posted.values()))

    def _post(self) -> None:
        """Money goes into lies below lies only: a match's figures count those below the truth."""
        parent = self._one()
        source = self.rng.choice([self._one(), None])
        if not self.rollup.postable(parent):
            self._make("post", parent, self._state(), None)
        elif parent.parent is not None and parent is not parent.parent.children[0] and parent.poster == ATTACKER:
            self._below(parent)
        elif parent.children:
            self._make("post", parent, self.rng.choice(parent.children).state, source)
        elif source is not None and source.bonded != ATTACKER:
            self._make("post", parent, self._state(), source)

    def _below(self, parent: Posted) -> None:
        """Post below what is likely to be a lie, so that what falls has children that are rivals."""
        if parent.confirmed_child is None and parent.status is not Status.CONFIRMED and len(parent.children) < 2:
            self._make("post", parent, self._state(), None)

    def _bond(self) -> None:
        one = self._one()
        self._make(self.rng.choice(["take", "reject"]), one)

    def _confirm(self) -> None:
        self._make("confirm", (self._one(),))

    # About disputes

    def _dispute(self) -> Dispute | None:
        disputes = list(self.challenge.disputes.values())
        return self.rng.choice(disputes) if disputes else None

    def _open(self) -> None:
        """A root of anything, which ends in the asserted state or does not."""
        one, rng = self._one(), self.rng
        if one.parent is None:
            return
        states = [one.parent.state, *(self._state() for _ in range(1 << self.ground.terms.height))]
        states[-1] = one.state if rng.random() < 0.7 else states[-1]
        tree = Tree(states)
        siblings = tree.siblings() if rng.random() < 0.8 else tree.siblings()[1:]
        if states[-1] != one.state or len(one.parent.children) < 2 or self._is_over(one.parent):
            self._make("open_root", one, tree.span, siblings)

    def _is_over(self, parent: Posted) -> bool:
        return parent.confirmed_child is not None or self.challenge.decision(parent) is not None

    def _edge(self, dispute: Dispute) -> Edge:
        """Return an edge that is there, or one that nearly is."""
        rng = self.rng
        edge = rng.choice(list(dispute.edges))
        match rng.randrange(8):
            case 0:
                return edge._replace(span=leaf(self._state()))
            case 1:
                return edge._replace(base=leaf(self._state()))
            case 2:
                return edge._replace(index=edge.index ^ 1)
            case 3:
                return edge._replace(height=max(0, edge.height - 1))
            case _:
                return edge

    def _bisect(self) -> None:
        dispute = self._dispute()
        if dispute is None:
            return
        edge, rng = self._edge(dispute), self.rng
        left, right = (leaf(self._state()) for _ in range(2))
        for other in list(dispute.edges.values()):
            if other.children is not None and rng.random() < 0.3:
                left, right = (each.span for each in other.children)
        if edge in dispute.edges or rng.random() < 0.5:
            self._make("bisect", dispute.parent, edge, left, right)

    def _prove(self) -> None:
        """A step from a known state, with or without what shows it to be agreed."""
        dispute = self._dispute()
        if dispute is None:
            return
        rng, limit = self.rng, dispute.parent.next_limit
        edge, pre = self._edge(dispute), rng.choice([self._state(), dispute.parent.state])
        siblings = tuple(leaf(self._state()) for _ in range(rng.randrange(3)))
        base_prev = rng.choice([NOTHING, edge.base])
        if rng.random() < 0.5:
            # A leaf that is what a step leads to, which nobody has opened or which has no rival.
            edge = edge._replace(span=leaf(self.machine.step(pre, limit)), base=leaf(pre), height=rng.choice([0, 1]))
            siblings, edge = (), edge._replace(index=0)
        self._make("prove", dispute.parent, edge, Prefix(pre=pre, base_prev=base_prev, siblings=siblings))

    def _update(self) -> None:
        dispute = self._dispute()
        if dispute is not None:
            self._make("update", dispute.parent, [Opening(self._edge(dispute), NOTHING, NOTHING)])

    def _decide(self) -> None:
        for dispute in list(self.challenge.disputes.values()):
            for root in list(dispute.roots):
                if self.rng.random() < 0.5:
                    self._make("decide", dispute.parent, root, bottom_up(self.challenge, dispute, root))

    def _settle(self) -> None:
        dispute = self._dispute()
        if dispute is None:
            return
        root, openings = self._root(dispute)
        payments = [edge for edge in dispute.edges if self.rng.random() < 0.3]
        self._make("settle", dispute.parent, root, openings, payments)

    def _root(self, dispute: Dispute) -> tuple[Edge, list[Opening]]:
        rng = self.rng
        root = rng.choice([*dispute.roots, self._edge(dispute)])
        known = root in dispute.edges and rng.random() < 0.7
        return root, bottom_up(self.challenge, dispute, root) if known else []

    def _state(self) -> bytes:
        known = list(self.machine.states)
        if self.rng.random() < 0.5:
            return self.rng.choice(known)
        return self.machine.name(State(2000 + self.rng.randrange(1 << 16), 0, 0, 0))


def vandalised(seed: int, *, make: Callable[..., Chain], dropped: Dropped | None = None) -> tuple[Result, Chain]:
    """Play the match of a seed with a vandal in it, on what `make` makes."""
    made: list[Vandal] = []

    def make_chain(ground: Ground, genesis: bytes, machine: Machine) -> Chain:
        made.append(
            Vandal(make(ground, genesis, machine), machine, random.Random(int.from_bytes(keccak(b"%d" % seed))))
        )
        return made[0]

    match = Match(seed, make=make_chain, dropped=dropped)

    def attacked() -> None:
        match.attacks += 1

    made[0].on_attack = attacked
    return match.play(), made[0].chain
