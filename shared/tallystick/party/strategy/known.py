"""What the honest strategy looks at, and what it gives: knowledge in, calls out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tallystick.dispute.edge_view import ChallengeView
from tallystick.dispute.trace_tree import Trace
from tallystick.l1.deployment import DeployConfig
from tallystick.l1.sending.fees import Window
from tallystick.party.duties import Duties
from tallystick.party.strategy.moves import Call
from tallystick.party.strategy.player import Move
from tallystick.rollup.replay import Expectation
from tallystick.rollup.views.assertion_view import Assertion, RollupView
from tallystick.rollup.views.credit_view import CreditView
from tallystick.state.ordinals import BatchNumber, BlockNumber


class Role(Protocol):
    """What tells one party's strategy from another's."""

    @property
    def duties(self) -> Duties:
        """What it does of what anybody may do."""
        ...

    @property
    def patience_blocks(self) -> int:
        """How long it leaves to others what contradicts nobody."""
        ...


class Known(Protocol):
    """What the strategy looks at: what L1 shows, and what the own replay says of it."""

    @property
    def me(self) -> bytes:
        """The own address; empty when nothing can be sent."""
        ...

    @property
    def identity(self) -> Role:
        """What this party does."""
        ...

    @property
    def terms(self) -> DeployConfig:
        """What the contracts fix."""
        ...

    @property
    def head(self) -> BlockNumber:
        """The block up to which L1 is read."""
        ...

    @property
    def rollup(self) -> RollupView:
        """All assertions, but those that stand on a known lie."""
        ...

    @property
    def challenge(self) -> ChallengeView:
        """All disputes, but those below a known lie."""
        ...

    @property
    def credits(self) -> Mapping[str, CreditView]:
        """What each contract owes."""
        ...

    @property
    def lies(self) -> Iterable[bytes]:
        """The assertions below true ones that the own replay refutes."""
        ...

    def is_true(self, assertion: bytes) -> bool:
        """Whether the own replay bears an assertion out."""
        ...

    def expected(self, parent: Assertion) -> Expectation | None:
        """Return the true child of a true assertion, None while its inputs are not on L1."""
        ...

    def trace(self, mine: Assertion) -> Trace | None:
        """Return the trace of a true assertion, None while it is being made."""
        ...

    def posted_block(self, batch: BatchNumber) -> BlockNumber:
        """Return the block a batch was posted in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A call that is due.

    `name` is what people call it, `event` what the log says once it has landed; `parents` are those whose children it is
    about. Without a window it may take its time.
    """

    name: str
    event: str
    parents: tuple[bytes, ...]
    contract: str
    call: Call
    facts: dict[str, Any]
    window: Window | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """A true assertion and its true child: `expected` is None while its inputs are missing, `mine` while it is."""

    parent: Assertion
    expected: Expectation | None
    mine: Assertion | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """The moves due in the dispute among the children of one assertion.

    Units: `running` is one more than the blocks of the best other root, 0 while there is none; `fastest` are the blocks
    that a rival has without one.
    """

    mine: Assertion
    moves: list[Move]
    running: int
    fastest: int


def true_chain(known: Known) -> Iterator[Generation]:
    """Give every generation from the latest confirmed assertion on, as far as all of it is true."""
    rollup = known.rollup
    parent: Assertion | None = rollup.assertions[rollup.latest_confirmed]
    while parent is not None and known.is_true(parent.id):
        expected = known.expected(parent)
        mine = rollup.assertions.get(expected.id) if expected is not None else None
        yield Generation(parent=parent, expected=expected, mine=mine)
        parent = mine


def time_of(known: Known, assertion: Assertion) -> int:
    """Return the blocks that count for an assertion already."""
    roots = [known.challenge.total(root, known.head) for root in known.challenge.roots.get(assertion.id, [])]
    return known.rollup.unrivalled_blocks(assertion, known.head) + max(roots, default=0)


def window_of(known: Known, fastest: int, moves_left: int) -> Window:
    """Return the time a transaction has when so many more must land before a rival has the whole period."""
    left = max(0, known.terms.challenge_period_blocks - fastest)
    return Window(first_block=known.head, deadline_block=BlockNumber(known.head + max(1, left // moves_left)))


def own_bonds(known: Known) -> list[Assertion]:
    """Return the assertions on which a bond of this party lies, oldest first."""
    return [each for each in known.rollup.assertions.values() if known.me and each.bonded == known.me]
