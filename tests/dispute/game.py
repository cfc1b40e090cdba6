"""One dispute by itself, under the rules of `ChallengeRules`, with what a player sees of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tallystick.dispute.edge_view import ChallengeView, Edge
from tallystick.dispute.trace_tree import Prefix
from tallystick.party.strategy.player import Opening
from tallystick.state.ordinals import BatchNumber, BlockNumber
from tallystick.testing.protocol import challenge_rules
from tallystick.testing.protocol.challenge_rules import ChallengeRules
from tallystick.testing.protocol.protocol_rules import Ground, Rule, RulesTerms
from tallystick.testing.protocol.rollup_rules import Posted

DISPUTE = b"\0" * 32
WHO = "anybody"
BOND = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class GameEvent:
    """An event as the contract would emit it."""

    contract: str
    name: str
    args: dict[str, Any]
    block: BlockNumber


class Game:
    """The children of one assertion, which are whatever roots are opened for; `head_starts` are their own times."""

    def __init__(
        self,
        *,
        height: int,
        start: bytes,
        period: int,
        step: Callable[[bytes], bytes],
        head_starts: dict[bytes, int],
        dropped: frozenset[Rule] = frozenset(),
    ) -> None:
        terms = RulesTerms(
            height=height,
            period=period,
            interval=1,
            assertion_bond=10 * BOND,
            root_bond=BOND,
            open_reward=1,
            bisect_reward=1,
            prove_reward=1,
        )
        self.ground = Ground(
            terms=terms,
            step=lambda state, _limit: step(state),
            halted=lambda _state, _limit: False,
            dropped=dropped,
            tell=self._tell,
        )
        self.parent = Posted(id=b"", parent=None, state=start, limit=0, next_limit=BatchNumber(1), created=0)
        self.head_starts = head_starts
        self.rules = ChallengeRules(self.ground, lambda one: self.head_starts.get(one.id, 0))
        self.view: ChallengeView = _View(self.rules)
        for name in (*head_starts, b"", b""):
            self._child(name, b"")

    @property
    def block(self) -> int:
        """The block in which moves are made."""
        return self.ground.block

    @block.setter
    def block(self, number: int) -> None:
        self.ground.block = number

    @property
    def winner(self) -> bytes:
        """The assertion the dispute is decided for, empty while it is not."""
        decided = self.rules.decision(self.parent)
        return b"" if decided is None else decided.winner.id

    def open_root(self, assertion: bytes, state: bytes, span: bytes, siblings: tuple[bytes, ...], start: bytes) -> Edge:
        """Commit an assertion to a tree. `start` is believed only where the rule against that is dropped."""
        one = self._child(assertion, state)
        return _seen(self.rules.open_root(WHO, one, span, siblings, start))

    def bisect(self, edge: Edge, left: bytes, right: bytes) -> None:
        """Open an edge into its children."""
        self.rules.bisect(WHO, self.parent, _own(edge), left, right)

    def prove(self, edge: Edge, prefix: Prefix) -> None:
        """Run an edge's one step."""
        self.rules.prove(WHO, self.parent, _own(edge), prefix)

    def update(self, openings: tuple[Opening, ...]) -> None:
        """Bring totals up to date in the order given."""
        self.rules.update(self.parent, map(_given, openings))

    def confirm(self, root: Edge, openings: tuple[Opening, ...] = ()) -> None:
        """Decide the dispute for a root."""
        self.rules.decide(self.parent, _own(root), map(_given, openings))

    def _child(self, name: bytes, state: bytes) -> Posted:
        found = next((each for each in self.parent.children if each.id == name and each.state in (state, b"")), None)
        if found is None:
            found = Posted(id=name, parent=self.parent, state=state, limit=1, next_limit=BatchNumber(2), created=0)
            self.parent.children.append(found)
        if state:
            found.state = state
        return found

    def _tell(self, contract: str, name: str, args: dict[str, Any]) -> None:
        told = {**args, "dispute": DISPUTE}
        edge = args.get("edge")
        if edge is not None:
            seen = _seen(edge)
            told |= {"edge": seen.id, "context": seen.context}
            told |= {key: getattr(seen, key) for key in ("height", "index", "base", "span")}
        self.view.apply(GameEvent(contract=contract, name=name, args=told, block=BlockNumber(self.block)))


class _View(ChallengeView):
    """What a player sees of a game, whose rules for children may be broken."""

    def __init__(self, rules: ChallengeRules) -> None:
        super().__init__()
        self._rules = rules

    def children(self, edge: Edge, left: bytes, right: bytes) -> tuple[Edge, Edge]:
        """Return an edge's two children."""
        first, second = self._rules.children(_own(edge), left, right)
        return _seen(first), _seen(second)


def _seen(edge: challenge_rules.Edge) -> Edge:
    return Edge(dispute=DISPUTE, height=edge.height, index=edge.index, base=edge.base, span=edge.span)


def _own(edge: Edge) -> challenge_rules.Edge:
    return challenge_rules.Edge(edge.height, edge.index, edge.base, edge.span)


def _given(opening: Opening) -> challenge_rules.Opening:
    return challenge_rules.Opening(_own(opening.edge), opening.left, opening.right)
