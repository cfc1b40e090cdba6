"""The protocol's rules as plain Python: which of them can be dropped, what a deployment fixes, and what all share.

`rollup_rules` are the assertions and their bonds, `challenge_rules` the disputes; `protocol` puts them together, to be
played with. Every rule that DISPUTE marks as load-bearing can be dropped, so that a test can show that it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, NoReturn

from tallystick.errors import BadInput

SINK: Final = "sink"
"""Who owns what is forfeited."""
GRACE_BLOCKS: Final = 6
"""The grace there is where the rule against one is dropped."""


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
    NO_GRACE = "a decision takes effect at once"
    """The graces of all generations add up: the last one is confirmed too late."""
    ANY_PARENT = "a decision does not ask whether the parent is confirmed"
    """Generations are decided one after the other, each later than the last."""
    PLAY_ON = "moves count until the dispute is settled"
    """The decision comes by the head start; the root never earns its period by itself, and its bond stays for ever."""
    ALONE_EARNS = "the head start decides, but earns no money"
    """A false trace to the true state takes the honest root's bond."""
    BOND_MOVES = "a bond may leave what has a child"
    """A proposer needs a bond for every pending generation."""
    BOND_FROM_ANYWHERE = "a bond moves from any own assertion, not from the parent alone"
    """Whoever is overtaken by another's true assertion has to pay a second bond."""
    BOND_HELD = "a bond stays on what has no child"
    """A lie costs nothing: its bond goes on to the next one."""
    CHILD_COUNTED = "the child is counted before the bond is released"
    """The tip's own bond cannot carry its first child: a proposer needs two."""
    ALL_FORFEITED = "a fallen bond goes to the sink, all of it"
    """Whoever posts the truth first, and lies then, lies at half the price."""
    LIMIT_KEPT = "work left over needs no new batch"
    """Work is left lying until somebody posts a batch, and a backlog never ends."""
    NO_WAIT = "a child of an assertion that had not halted waits for nothing"
    """A backlog is asserted at one generation an interval."""
    ALONE_FOR_GOOD = "what was alone for the period gets no rival"
    """Defenders must stay awake, with money, for what time alone has decided."""
    STALE_OPENINGS = "an edge given without its own children counts with its own time"
    """Whoever bisects an edge behind its signature undoes a transaction that decides or settles."""
    NO_OPS = "what is done already never reverts"
    """One cheap move in front of it undoes a transaction that decides and confirms many generations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesTerms:
    """What a deployment fixes. Units: `period` (T) and `interval` in blocks, all money in wei.

    `height` (K) is that of the trees; `interval` is what the child of a halted assertion waits.
    """

    height: int
    period: int
    interval: int
    assertion_bond: int
    root_bond: int
    open_reward: int
    bisect_reward: int
    prove_reward: int


Listener = Callable[[str, str, dict[str, Any]], None]
"""Hears of every event: the contract, the event's name and its arguments."""


@dataclass(slots=True, kw_only=True)
class Ground:
    """What both contracts stand on: L1's block, the Inbox, the machine, and the rules that are dropped.

    `step` runs one step from a state hash below a limit; `halted` says whether a state has nothing left to read below
    it. `tell` hears the events as the contracts emit them; None for speed. `taken` counts the calls that were not refused.
    """

    terms: RulesTerms
    step: Callable[[bytes, int], bytes]
    halted: Callable[[bytes, int], bool]
    dropped: frozenset[Rule] = frozenset()
    tell: Listener | None = None
    block: int = 0
    batch_count: int = 0
    taken: int = 0
    undo: list[Callable[[], object]] | None = None
    _untold: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list[tuple[str, str, dict[str, Any]]])

    def drops(self, rule: Rule) -> bool:
        """Whether a rule is dropped here."""
        return bool(self.dropped) and rule in self.dropped

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Take back everything noted in `undo`, and tell nobody, when a transaction of several parts is refused."""
        if self.undo is not None:
            yield
            return
        self.undo = []
        try:
            yield
        except BadInput:
            for step in reversed(self.undo):
                step()
            self._untold.clear()
            raise
        finally:
            self.undo = None
            untold, self._untold = self._untold, []
            for event in untold:
                self.say(*event)

    def note(self, undo: Callable[[], object]) -> None:
        """Remember how to take back what is being done."""
        if self.undo is not None:
            self.undo.append(undo)

    def say(self, contract: str, name: str, args: dict[str, Any]) -> None:
        """Tell of an event, once what it belongs to is sure to stand."""
        if self.undo is not None:
            self._untold.append((contract, name, args))
        elif self.tell is not None:
            self.tell(contract, name, args)


@dataclass(slots=True, kw_only=True)
class Till:
    """A contract's money: what each has paid in, and what each is owed. Units: wei."""

    paid: Counter[str] = field(default_factory=Counter[str])
    credit: Counter[str] = field(default_factory=Counter[str])

    def held(self) -> int:
        """Return what lies in the contract and belongs to nobody yet."""
        return self.paid.total() - self.credit.total()

    def net(self, who: str) -> int:
        """Return what somebody has gained, less what it has paid."""
        return self.credit[who] - self.paid[who]


def require(condition: bool, reason: str) -> None:
    """Raises: BadInput where the contract reverts."""
    if not condition:
        refuse(reason)


def refuse(reason: str) -> NoReturn:
    """Raises: BadInput, always."""
    raise BadInput(reason)
