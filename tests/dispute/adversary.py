"""Matches in one dispute between the honest player and an adversary that moves as it likes, under the rules of a `Game`."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tallystick.dispute.edge_view import Edge
from tallystick.dispute.trace_tree import LeafProof, Prefix, Trace
from tallystick.errors import BadInput
from tallystick.party.strategy.player import (
    Bisect,
    Claim,
    Decide,
    Move,
    Opening,
    OpenRoot,
    Player,
    Prove,
    Settle,
    Update,
)
from tallystick.proof.tracer import StepProof
from tallystick.state.hashing import keccak
from tallystick.state.ordinals import BatchNumber, BlockNumber
from tallystick.testing.protocol.protocol_rules import Rule
from tests.dispute.game import Game

START = keccak(b"start")


def step(state: bytes) -> bytes:
    """Run one step of a machine that never halts."""
    return keccak(b"step" + state)


class ProvableTrace(Trace):
    """A trace that can prove each step it made by the machine's rules."""

    def prove(self, index: int) -> LeafProof:
        """Return a leaf's proof; the model needs no witness."""
        prefix = self.prefix(index)
        proof = StepProof(phase=0, pre_hash=prefix.pre, post_hash=step(prefix.pre), outcome=0, accesses=(), witness=b"")
        return LeafProof(pre=prefix.pre, base_prev=prefix.base_prev, siblings=prefix.siblings, step=proof)


def run_from(state: bytes, steps: int) -> list[bytes]:
    """Return a state and its successors."""
    states = [state]
    for _ in range(steps):
        states.append(step(states[-1]))
    return states


def claim(assertion: bytes, head_start: int = 0) -> Claim:
    """Return a claim in a game's one dispute."""
    return Claim(parent=b"", assertion=assertion, limit=BatchNumber(0), head_start=head_start)


@dataclass(slots=True, kw_only=True)
class Terms:
    """What a match is about. `delay` blocks pass before an honest move lands; `censored` more, once, in all."""

    height: int
    delay: int
    censored: int
    dropped: frozenset[Rule] = frozenset()

    @property
    def inclusion(self) -> int:
        """D: what the honest side needs to get from the top to the bottom."""
        return (self.delay + 1) * (self.height + 2)

    @property
    def period(self) -> int:
        """T, as short as it may be."""
        return self.censored + self.inclusion + self.delay + 2


@dataclass(slots=True, kw_only=True)
class Liar:
    """One false assertion with its trace; `posted` is the block it appears in."""

    trace: Trace
    assertion: bytes
    posted: int
    opens: int
    root: Edge | None = None


class Match:
    """One honest player against liars who share one mind, chosen by a seed."""

    def __init__(self, seed: int, terms: Terms) -> None:
        self.terms = terms
        self.rng = random.Random(seed)
        steps = 1 << self.terms.height
        self.honest = ProvableTrace(run_from(START, steps), self.terms.height)
        self.liars = [self._liar(i, steps) for i in range(self.rng.randint(1, 4))]
        self.eager = self.rng.random() < 0.6
        self.first = self.rng.choice(["liar", "honest"])
        begun = min(liar.posted for liar in self.liars)
        mine = self._honest_block(begun)
        rivalled = max(mine, begun)
        heads = {b"honest": max(0, rivalled - mine)} | {
            liar.assertion: max(0, rivalled - liar.posted) if liar.posted == begun else 0 for liar in self.liars
        }
        self.rivalled_block = rivalled
        self.game = Game(
            height=terms.height, start=START, period=terms.period, step=step, head_starts=heads, dropped=terms.dropped
        )
        self.censored = self.terms.censored
        self.refused: list[str] = []
        self.under_way: dict[str, tuple[int, Move]] = {}
        self.player = Player(self.honest, claim(b"honest", heads[b"honest"]), self.terms.period)

    def play(self) -> str:
        """Return "honest", "liar" or "nobody" for who has won when the time is over."""
        end = self.rivalled_block + 2 * self.terms.period + self.terms.inclusion + self.terms.censored + 5
        for block in range(self.rivalled_block, end):
            self.game.block = block
            for act in (self._lie, self._land, self._lie):
                act()
                if self.game.winner:
                    return "honest" if self.game.winner == b"honest" else "liar"
            self._think(block)
        return "nobody"

    # The honest side

    def _honest_block(self, begun: int) -> int:
        """The honest assertion is first, or follows the first lie within the delay."""
        if self.first == "honest":
            return max(0, begun - self.rng.randint(0, self.terms.period - 1))
        return begun + self.rng.randint(0, self.terms.delay + 1)

    def _think(self, block: int) -> None:
        for move in self.player.moves(self.game.view, BlockNumber(block)):
            key = _name(move)
            if key not in self.under_way:
                self.under_way[key] = block + 1 + self.rng.randint(0, self.terms.delay), move

    def _land(self) -> None:
        due = [key for key, (at, _) in self.under_way.items() if at <= self.game.block]
        if due and self.censored > 0 and self.rng.random() < 0.5:
            self.censored -= 1
            return
        for key in due:
            _, move = self.under_way.pop(key)
            try:
                self._make(move)
            except BadInput as error:
                self.refused.append(f"{key}: {error}")

    def _make(self, move: Move) -> None:
        game = self.game
        match move:
            case OpenRoot():
                game.open_root(b"honest", self.honest.last_state, move.span, move.siblings, START)
            case Bisect():
                game.bisect(move.edge, move.left, move.right)
            case Prove():
                game.prove(move.edge, move.proof)
            case Update():
                game.update(move.openings)
            case Decide():
                game.confirm(move.root, move.openings)
            case Settle():
                raise AssertionError("a match ends when it is decided")

    # The other side

    def _liar(self, number: int, steps: int) -> Liar:
        rng = self.rng
        at = rng.choice([1, steps, rng.randint(1, steps)])
        true = run_from(START, steps)
        lie = keccak(b"lie %d" % rng.randint(0, 2))
        # what a machine would do in another state is easier to defend than noise
        wrong = step(lie) if rng.random() < 0.7 else lie
        states = true[:at] + run_from(wrong, steps - at)
        if Rule.START_FROM_PARENT in self.terms.dropped and rng.random() < 0.5:
            states = run_from(lie, steps)
        posted = 0 if number == 0 else rng.randint(0, 2 * self.terms.period)
        opens = posted + (0 if rng.random() < 0.5 else rng.randint(0, self.terms.period))
        trace = ProvableTrace(states, self.terms.height)
        return Liar(trace=trace, assertion=b"liar %d" % number, posted=posted, opens=opens)

    def _lie(self) -> None:
        game = self.game
        for liar in self.liars:
            if liar.root is None and game.block >= max(liar.opens, self.rivalled_block):
                trace = liar.trace
                span, siblings = trace.span(trace.height, 0), trace.last_leaf_siblings()
                _try(game.open_root, liar.assertion, trace.last_state, span, siblings, trace.states[0])
                liar.root = next((e.edge for e in game.view.edges.values() if e.edge.span == span), None)
        traces = [self.honest, *(liar.trace for liar in self.liars)]
        for status in list(game.view.edges.values()):
            if not self.eager and self.rng.random() < 0.7:
                continue
            edge = status.edge
            for trace in traces:
                if trace.span(edge.height, edge.index) != edge.span:
                    continue
                if edge.height > 0:
                    spans = (trace.span(edge.height - 1, 2 * edge.index + i) for i in (0, 1))
                    _try(game.bisect, edge, *spans)
                elif trace is not self.honest:
                    _try(game.prove, edge, self._prefix(trace, edge.index))
        for liar in self.liars:
            if liar.root is not None:
                _try(game.confirm, liar.root, self._openings(liar.root))

    def _prefix(self, trace: Trace, index: int) -> Prefix:
        """Return the prefix of a leaf, or one from a state no rival agrees on."""
        claimed = trace.states[index + 1]
        for lie in range(3):
            state = keccak(b"lie %d" % lie)
            if step(state) == claimed:
                return Prefix(pre=state, base_prev=bytes(32), siblings=())
        return trace.prefix(index)

    def _openings(self, root: Edge) -> tuple[Opening, ...]:
        found: list[Opening] = []
        waiting = [root]
        view = self.game.view
        while waiting:
            edge = waiting.pop()
            opened = view.edges[edge.id].children
            left, right = opened or (bytes(32), bytes(32))
            found.append(Opening(edge=edge, left=left, right=right))
            if opened is not None:
                waiting += view.children(edge, *opened)
        return tuple(reversed(found))


def _name(move: Move) -> str:
    match move:
        case Bisect() | Prove():
            return f"{type(move).__name__} {move.edge.id.hex()}"
        case _:
            return type(move).__name__


def _try(call: Callable[..., object], *arguments: object) -> None:
    """Ask for anything: what the contract would refuse is passed over."""
    with suppress(BadInput):
        call(*arguments)
