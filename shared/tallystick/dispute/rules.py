"""The dispute's rules as plain Python, for trees of any height: what the Challenge contract does, to be played with.

The rules DISPUTE marks as load-bearing can be dropped one by one, so that a test can show that each is. Twin:
contracts/src/libraries/EdgeTree.sol.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tallystick.dispute.history import Prefix, leaf, node
from tallystick.dispute.player import Opening
from tallystick.dispute.view import ENOUGH, ChallengeView, Edge, children
from tallystick.errors import BadInput

DISPUTE = b"\0" * 32


class Rule(Enum):
    """A rule that can be dropped. Each comment says what goes wrong without it."""

    START_FROM_PARENT = "the first state is the contract's"
    """Two roots that begin differently are never rivals: the lie runs out its time."""
    RIGHT_BASE = "a right child's prefix takes in its left sibling"
    """Nobody can prove a step in a right half: its agreed prefix is not what lies before it."""
    BISECT_RIVALLED = "only rivalled edges are bisected"
    """An edge and its children earn time at once: a lie's clock runs many times too fast."""
    WORSE_CHILD = "a bisected edge counts its worse child"
    """A lie inherits the time of the half it has in common with the truth."""
    AGREED_PRE = "a step starts from the last agreed state"
    """A lie's first false leaf is proven from another state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GameEvent:
    """An event as the contract would emit it."""

    contract: str
    name: str
    args: dict[str, Any]
    block: int


@dataclass(slots=True, kw_only=True)
class _Edge:
    created: int
    opened: tuple[bytes, bytes] | None = None
    proven: bool = False
    cached: int = 0


@dataclass(slots=True, kw_only=True)
class Game:
    """One dispute. `step` runs one step of the machine; `head_starts` are assertions' own times without a rival.

    Every move raises BadInput where the contract would revert.
    """

    height: int
    start: bytes
    period: int
    step: Callable[[bytes], bytes]
    head_starts: dict[bytes, int]
    dropped: frozenset[Rule] = frozenset()
    block: int = 0
    view: ChallengeView = field(init=False)
    winner: bytes = b""
    _edges: dict[bytes, _Edge] = field(default_factory=dict[bytes, "_Edge"])
    _contexts: dict[bytes, int | None] = field(default_factory=dict[bytes, "int | None"])
    _roots: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])

    def __post_init__(self) -> None:
        self.view = _GameView(self)

    def open_root(self, assertion: bytes, state: bytes, span: bytes, siblings: tuple[bytes, ...], start: bytes) -> Edge:
        """Commit an assertion to a tree. `start` is believed only where the rule against that is dropped."""
        first = start if Rule.START_FROM_PARENT in self.dropped else self.start
        root = Edge(dispute=DISPUTE, height=self.height, index=0, base=leaf(first), span=span)
        _require(len(siblings) == self.height and _fold(leaf(state), siblings) == span, "the last leaf is another")
        _require(not self.winner, "decided")
        if root.id not in self._edges:
            if not self._roots:
                self._emit("DisputeOpened", dispute=DISPUTE, parent=b"", limit=0)
            self._roots[root.id] = assertion
            self._emit("RootOpened", assertion=assertion, edge=root.id)
            self._add(root)
        return root

    def bisect(self, edge: Edge, left: bytes, right: bytes) -> None:
        """Open an edge into its children."""
        state = self._get(edge)
        if state.opened is not None:
            return
        _require(edge.height > 0 and node(left, right) == edge.span, "not its children")
        _require(Rule.BISECT_RIVALLED in self.dropped or self._rivalled(edge), "no rival")
        _require(not self.winner, "decided")
        state.opened = left, right
        self._emit("EdgeBisected", edge=edge.id, left=left, right=right)
        for child in self.children(edge, left, right):
            self._add(child)

    def prove(self, edge: Edge, prefix: Prefix) -> None:
        """Run an edge's one step."""
        state = self._get(edge)
        if state.proven:
            return
        _require(edge.height == 0 and self._rivalled(edge), "no rivalled leaf")
        _require(not self.winner, "decided")
        if Rule.AGREED_PRE not in self.dropped:
            zeros = (edge.index & -edge.index).bit_length() - 1 if edge.index else 0
            _require(len(prefix.siblings) == zeros, "siblings")
            base = leaf(prefix.pre)
            if edge.index:
                base = node(prefix.base_prev, _fold(base, prefix.siblings))
            _require(base == edge.base, "not the agreed state")
        _require(leaf(self.step(prefix.pre)) == edge.span, "the step leads elsewhere")
        state.proven = True
        state.cached = ENOUGH
        self._emit("EdgeProven", edge=edge.id)

    def update(self, openings: tuple[Opening, ...]) -> None:
        """Bring totals up to date in the order given."""
        for opening in openings:
            state = self._get(opening.edge)
            total = self._total(opening.edge, state)
            if total > state.cached:
                state.cached = total
                self._emit("EdgeUpdated", edge=opening.edge.id, totalBlocks=total)

    def confirm(self, root: Edge, openings: tuple[Opening, ...] = ()) -> None:
        """Decide the dispute for a root."""
        self.update(openings)
        _require(root.id in self._roots and not self.winner, "no open root")
        assertion = self._roots[root.id]
        total = self._get(root).cached + self.head_starts.get(assertion, 0)
        _require(total >= self.period, "not long enough")
        self.winner = assertion
        self._emit("DisputeDecided", dispute=DISPUTE, edge=root.id, assertion=assertion)

    def children(self, edge: Edge, left: bytes, right: bytes) -> tuple[Edge, Edge]:
        """Return an edge's children as these rules make them."""
        first, second = children(edge, left, right)
        if Rule.RIGHT_BASE in self.dropped:
            second = Edge(dispute=second.dispute, height=second.height, index=second.index, base=edge.base, span=right)
        return first, second

    def _total(self, edge: Edge, state: _Edge) -> int:
        if state.proven:
            return ENOUGH
        own = self._own_time(edge, state)
        if state.opened is None:
            return own
        known = [self._known_total(child) for child in self.children(edge, *state.opened)]
        below = max(known) if Rule.WORSE_CHILD in self.dropped else min(known)
        return min(ENOUGH, own + below)

    def _own_time(self, edge: Edge, state: _Edge) -> int:
        rivalled = self._contexts[edge.context]
        return max(0, (self.block if rivalled is None else rivalled) - state.created)

    def _known_total(self, edge: Edge) -> int:
        """What a child is worth at least: its cached total, or its own time if that is more."""
        state = self._get(edge)
        return max(state.cached, self._own_time(edge, state))

    def _rivalled(self, edge: Edge) -> bool:
        return self._contexts[edge.context] is not None

    def _get(self, edge: Edge) -> _Edge:
        _require(edge.id in self._edges, "no such edge")
        return self._edges[edge.id]

    def _add(self, edge: Edge) -> None:
        if edge.id in self._edges:
            return
        self._edges[edge.id] = _Edge(created=self.block)
        self._emit(
            "EdgeAdded",
            dispute=edge.dispute,
            edge=edge.id,
            height=edge.height,
            index=edge.index,
            base=edge.base,
            span=edge.span,
        )
        if edge.context not in self._contexts:
            self._contexts[edge.context] = None
        elif self._contexts[edge.context] is None:
            self._contexts[edge.context] = self.block
            self._emit("ContextRivalled", context=edge.context, rivalledBlock=self.block)

    def _emit(self, name: str, **args: Any) -> None:
        self.view.apply(GameEvent(contract="Challenge", name=name, args=args, block=self.block))


class _GameView(ChallengeView):
    """What a player sees of a game, whose rules for children may be broken."""

    def __init__(self, game: Game) -> None:
        super().__init__()
        self._game = game

    def children(self, edge: Edge, left: bytes, right: bytes) -> tuple[Edge, Edge]:
        """Return an edge's two children."""
        return self._game.children(edge, left, right)


def _fold(last: bytes, siblings: tuple[bytes, ...]) -> bytes:
    for sibling in siblings:
        last = node(sibling, last)
    return last


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise BadInput(reason)
