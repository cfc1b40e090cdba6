"""The dispute player's states: where an own edge and a dispute can be, what leads on, and what the player does there.

This is the one table of them: the player acts by it, the documentation shows it, and tests hold real disputes against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tallystick.dispute.view import ChallengeView, DisputeStatus, EdgeStatus


class EdgeState(StrEnum):
    """Where an own edge on L1 is."""

    UNRIVALLED = "unrivalled"
    RIVALLED = "rivalled"
    RIVALLED_STEP = "rivalled step"
    BISECTED = "bisected"
    PROVEN = "proven"
    ENOUGH = "enough"


class DisputeState(StrEnum):
    """Where a dispute is, from a claim's side."""

    UNOPENED = "unopened"
    CONTESTED = "contested"
    RIPE = "ripe"
    WON = "won"
    SETTLED = "settled"
    OVER = "over"


class Action(StrEnum):
    """What the player does."""

    OPEN = "open"
    WALK = "go down to its edges"
    DESCEND = "go down to its children"
    BISECT = "bisect"
    PROVE = "prove"
    DECIDE = "update totals, then decide"
    SETTLE = "settle"
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
    EdgeState.ENOUGH: Action.NOTHING,
}
DISPUTE_ACTIONS: Final[dict[DisputeState, Action]] = {
    DisputeState.UNOPENED: Action.OPEN,
    DisputeState.CONTESTED: Action.WALK,
    DisputeState.RIPE: Action.DECIDE,
    DisputeState.WON: Action.SETTLE,
    DisputeState.SETTLED: Action.NOTHING,
    DisputeState.OVER: Action.NOTHING,
}
_E, _D = EdgeState, DisputeState
EDGE_TRANSITIONS: Final = (
    Transition(before=_E.UNRIVALLED, event="a rival of more than one step", after=_E.RIVALLED),
    Transition(before=_E.UNRIVALLED, event="a rival of one step", after=_E.RIVALLED_STEP),
    Transition(before=_E.UNRIVALLED, event="the path's times reach the period", after=_E.ENOUGH),
    Transition(before=_E.RIVALLED, event="anybody bisects it", after=_E.BISECTED),
    Transition(before=_E.RIVALLED_STEP, event="anybody proves it", after=_E.PROVEN),
    Transition(before=_E.ENOUGH, event="anybody proves it all the same", after=_E.PROVEN),
)
DISPUTE_TRANSITIONS: Final = (
    Transition(before=_D.UNOPENED, event="the claim's root is opened, by anybody", after=_D.CONTESTED),
    Transition(before=_D.UNOPENED, event="the dispute is decided without it", after=_D.OVER),
    Transition(before=_D.CONTESTED, event="every path is long enough, or proven", after=_D.RIPE),
    Transition(before=_D.CONTESTED, event="it is decided for another claim", after=_D.OVER),
    Transition(before=_D.RIPE, event="it is decided for the claim", after=_D.WON),
    Transition(before=_D.RIPE, event="it is decided for another claim", after=_D.OVER),
    Transition(before=_D.WON, event="the bond is back, all movers repaid", after=_D.SETTLED),
)


def edge_state(view: ChallengeView, status: EdgeStatus, path_time: int, period: int) -> EdgeState:
    """Return where an edge is. Units: `path_time` in blocks, its own and those of the edges above it."""
    if status.proven:
        return EdgeState.PROVEN
    if path_time >= period:
        return EdgeState.ENOUGH
    if status.children is not None:
        return EdgeState.BISECTED
    if not view.is_rivalled(status.edge):
        return EdgeState.UNRIVALLED
    return EdgeState.RIVALLED if status.edge.height > 0 else EdgeState.RIVALLED_STEP


def dispute_state(
    dispute: DisputeStatus | None, assertion: bytes, total: int | None, period: int, *, paid: bool
) -> DisputeState:
    """Return where the dispute of an assertion and its rivals is, for the assertion.

    Units: `total` in blocks, the own root's and the assertion's head start; None while the own root is not open. `paid`
    is whether the winner has its bond and every mover in its tree its due.
    """
    if dispute is not None and dispute.winner:
        if dispute.winner != assertion:
            return DisputeState.OVER
        return DisputeState.SETTLED if paid else DisputeState.WON
    if total is None:
        return DisputeState.UNOPENED
    return DisputeState.RIPE if total >= period else DisputeState.CONTESTED


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
