"""Who will win, and when, if nobody moves any more: read off the clocks as they stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tallystick.dispute.edge_view import ENOUGH, ChallengeView
from tallystick.l1.deployment import DeployConfig
from tallystick.rollup.views.assertion_view import Assertion, RollupView, Status
from tallystick.state.ordinals import BlockNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One assertion's clock.

    Units: `blocks` count for it already, at most the period; `due_block` is when they reach the period, None when the
    clock stands and only a move can set it going.
    """

    assertion: Assertion
    blocks: int
    due_block: BlockNumber | None
    roots: int
    proven: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What becomes of the children of one assertion.

    `winner` is empty while no clock runs, or two reach the period in the same block. `decided` tells what L1 has
    decided from what is only expected. Units: `final_block` is from when the winner may be confirmed, if its parent is.
    """

    parent: bytes
    dispute: bytes
    sides: tuple[Side, ...]
    winner: bytes
    decided: bool
    final_block: BlockNumber | None


def forecasts(rollup: RollupView, challenge: ChallengeView, terms: DeployConfig, head: BlockNumber) -> list[Forecast]:
    """Return a forecast for every parent with a child that is still pending, oldest first."""
    found: list[Forecast] = []
    for parent, children in rollup.children.items():
        if any(rollup.assertions[child].status is Status.PENDING for child in children):
            found.append(_forecast(rollup, challenge, terms, head, parent))
    return found


def _forecast(
    rollup: RollupView, challenge: ChallengeView, terms: DeployConfig, head: BlockNumber, parent: bytes
) -> Forecast:
    children = [rollup.assertions[child] for child in rollup.children[parent]]
    sides = tuple(_side(rollup, challenge, each, terms.challenge_period_blocks, head) for each in children)
    dispute = challenge.dispute_below(parent)
    if dispute is not None and dispute.winner:
        winner, final = dispute.winner, dispute.decided_block or None
    else:
        winner, final = _first(sides)
    return Forecast(
        parent=parent,
        dispute=dispute.id if dispute is not None else b"",
        sides=sides,
        winner=winner,
        decided=dispute is not None and bool(dispute.winner),
        final_block=final,
    )


def _side(rollup: RollupView, challenge: ChallengeView, assertion: Assertion, period: int, head: BlockNumber) -> Side:
    roots = challenge.roots.get(assertion.id, [])

    def blocks_at(block: BlockNumber) -> int:
        totals = [challenge.total(root, block) for root in roots]
        return rollup.unrivalled_blocks(assertion, block) + max(totals, default=0)

    return Side(
        assertion=assertion,
        blocks=min(period, blocks_at(head)),
        due_block=_first_block(blocks_at, period, head) if assertion.status is not Status.REJECTED else None,
        roots=len(roots),
        proven=any(challenge.total(root, head) >= ENOUGH for root in roots),
    )


def _first_block(blocks_at: Callable[[BlockNumber], int], period: int, head: BlockNumber) -> BlockNumber | None:
    """Return the first block from the head on with a whole period, None when the clock stops short of it.

    A clock that nobody touches never falls, and one that runs needs at most a period more.
    """
    low, high = head, BlockNumber(head + period)
    if blocks_at(high) < period:
        return None
    while low < high:
        middle = BlockNumber((low + high) // 2)
        if blocks_at(middle) >= period:
            high = middle
        else:
            low = BlockNumber(middle + 1)
    return low


def _first(sides: tuple[Side, ...]) -> tuple[bytes, BlockNumber | None]:
    """Return who is due first and when; nobody when nobody is, or two at once."""
    due = sorted((each.due_block, each.assertion.id) for each in sides if each.due_block is not None)
    if not due or (len(due) > 1 and due[0][0] == due[1][0]):
        return b"", None
    return due[0][1], due[0][0]
