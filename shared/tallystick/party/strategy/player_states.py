"""The dispute player's states: where an own edge and a dispute can be, what leads on, and what the player does there.

This is the one table of them: the player acts by it, the documentation shows it, and tests hold real disputes against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tallystick.dispute.edge_view import ChallengeView, DisputeStatus, EdgeStatus


class EdgeState(StrEnum):
    """Where an own edge on L1 is."""

    UNRIVALLED = "unrivalled"
    RIVALLED = "rivalled"
    RIVALLED_STEP = "rivalled step"
    BISECTED = "bisected"
    PROVEN = "proven"


class DisputeState(StrEnum):
    """Where a dispute is, from a claim's side."""

    UNOPENED = "unopened"
    CONTESTED = "contested"
    RIPE = "ripe"
    WON = "won"
    EARNED = "earned"
    PAYING = "paying"
    SETTLED = "settled"
    OVER = "over"


class Action(StrEnum):
    """What the player does."""

    OPEN = "open"
    WALK = "go down to its edges"
    DESCEND = "go down to its children"
    BISECT = "bisect"
    PROVE = "prove"
    DECIDE = "update totals, decide, and go down to its edges"
    SETTLE = "update totals, settle, and go down to its edges"
    REPAY = "repay movers"
    WAIT = "wait"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """An arrow: what takes a thing from a state to another."""

    before: EdgeState | DisputeState
    event: str
    after: EdgeState | DisputeState


EDGE_ACTIONS: Final[dict[EdgeState, Action]] = {
    EdgeState.UNRIVALLED: Action.WAIT,
    EdgeState.RIVALLED: Action.BISECT,
    EdgeState.RIVALLED_STEP: Action.PROVE,
    EdgeState.BISECTED: Action.DESCEND,
    EdgeState.PROVEN: Action.NOTHING,
}
DISPUTE_ACTIONS: Final[dict[DisputeState, Action]] = {
    DisputeState.UNOPENED: Action.OPEN,
    DisputeState.CONTESTED: Action.WALK,
    DisputeState.RIPE: Action.DECIDE,
    DisputeState.WON: Action.WALK,
    DisputeState.EARNED: Action.SETTLE,
    DisputeState.PAYING: Action.REPAY,
    DisputeState.SETTLED: Action.NOTHING,
    DisputeState.OVER: Action.NOTHING,
}
_E, _D = EdgeState, DisputeState
EDGE_TRANSITIONS: Final = (
    Transition(before=_E.UNRIVALLED, event="a rival of more than one step", after=_E.RIVALLED),
    Transition(before=_E.UNRIVALLED, event="a rival of one step", after=_E.RIVALLED_STEP),
    Transition(before=_E.RIVALLED, event="anybody bisects it", after=_E.BISECTED),
    Transition(before=_E.RIVALLED_STEP, event="anybody proves it", after=_E.PROVEN),
)
DISPUTE_TRANSITIONS: Final = (
    Transition(before=_D.UNOPENED, event="the claim's root is opened, by anybody", after=_D.CONTESTED),
    Transition(before=_D.UNOPENED, event="the dispute is decided without it", after=_D.OVER),
    Transition(before=_D.CONTESTED, event="every path is long enough, or proven", after=_D.RIPE),
    Transition(before=_D.CONTESTED, event="it is decided for another claim", after=_D.OVER),
    Transition(before=_D.RIPE, event="it is decided for the claim, also by its head start", after=_D.WON),
    Transition(before=_D.RIPE, event="it is decided for another claim", after=_D.OVER),
    Transition(before=_D.WON, event="every path is long enough without the head start", after=_D.EARNED),
    Transition(before=_D.WON, event="a false trace to the claim is paid", after=_D.OVER),
    Transition(before=_D.EARNED, event="anybody settles it for the claim's root", after=_D.PAYING),
    Transition(before=_D.PAYING, event="all movers are repaid, or the pot is empty", after=_D.SETTLED),
)


def edge_state(view: ChallengeView, status: EdgeStatus) -> EdgeState:
    """Return where an edge is. No time is enough: an edge that earns nothing more now may lack it when all is paid."""
    if status.proven:
        return EdgeState.PROVEN
    if status.children is not None:
        return EdgeState.BISECTED
    if not view.is_rivalled(status.edge):
        return EdgeState.UNRIVALLED
    return EdgeState.RIVALLED if status.edge.height > 0 else EdgeState.RIVALLED_STEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a claim's own root has at a block.

    Units: blocks. `earned` counts without the assertion's head start: that decides, but pays nobody.
    """

    root: bytes
    earned: int
    head_start: int

    @property
    def total(self) -> int:
        """What decides."""
        return self.earned + self.head_start


def dispute_state(
    dispute: DisputeStatus | None, assertion: bytes, standing: Standing | None, period: int, *, paid: bool
) -> DisputeState:
    """Return where the dispute of an assertion and its rivals is, for the assertion.

    `standing` is None while the own root is not open; `paid` is whether every mover in the paid root's tree has its due.
    """
    if standing is None:
        return DisputeState.OVER if dispute is not None and dispute.winner else DisputeState.UNOPENED
    if dispute is not None and dispute.settled:
        if dispute.settled_edge != standing.root:
            return DisputeState.OVER
        return DisputeState.SETTLED if paid else DisputeState.PAYING
    if dispute is not None and dispute.winner:
        if dispute.winner != assertion:
            return DisputeState.OVER
        return DisputeState.EARNED if standing.earned >= period else DisputeState.WON
    return DisputeState.RIPE if standing.total >= period else DisputeState.CONTESTED


def table() -> str:
    """Return the states, their actions and transitions as tables of the documentation."""
    lines = ["| an own edge is | the player | until | then it is |", "|---|---|---|---|"]
    lines += _rows(EDGE_ACTIONS, EDGE_TRANSITIONS)
    lines += ["", "| a dispute is | the player | until | then it is |", "|---|---|---|---|"]
    lines += _rows(DISPUTE_ACTIONS, DISPUTE_TRANSITIONS)
    return "\n".join(lines) + "\n"


def _rows(
    actions: dict[EdgeState, Action] | dict[DisputeState, Action], transitions: tuple[Transition, ...]
) -> list[str]:
    rows: list[str] = []
    for state, action in actions.items():
        leaving = [each for each in transitions if each.before == state]
        rows += [f"| {state} | {action} | {each.event} | {each.after} |" for each in leaving]
        if not leaving:
            rows.append(f"| {state} | {action} | | |")
    return rows
