"""What a challenger sees of its own situation after a look at L1: the numbers that metrics and alerts are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tallystick.party.party import Party
from tallystick.rollup.views.assertion_view import Assertion, Status
from tallystick.state.ordinals import BlockNumber, UnixSeconds

MORE_MOVES: Final = 3
"""Of the honest side in one dispute, beside a bisection a level: its assertion, its root, one proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """The children of one assertion of which at least one is wrong and still pending.

    Units: `adversarial_blocks` is the longest clock of a wrong one, of `period_blocks` it needs; `slack_blocks` is what
    the honest side may still lose, less a block for each move it may have to make: below zero it may be too late.
    """

    parent: bytes
    adversarial_blocks: int
    period_blocks: int
    most_moves: int

    @property
    def share(self) -> float:
        """How much of its period the best wrong one has."""
        return self.adversarial_blocks / self.period_blocks

    @property
    def slack_blocks(self) -> int:
        """Blocks to spare."""
        return self.period_blocks - self.adversarial_blocks - self.most_moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look.

    `wrong` are the refuted assertions L1 has not rejected, `overdue` the true one it could have confirmed. Units:
    `_blocks` of L1, `_time` in seconds since 1970; `lag_batches` are on L1 and not replayed, most of them because no
    assertion reaches them yet.
    """

    head: BlockNumber
    head_time: UnixSeconds
    wrong: tuple[Assertion, ...]
    contests: tuple[Contest, ...]
    overdue: bytes
    overdue_blocks: int
    lag_blocks: int
    lag_batches: int
    under_way: int


def take(party: Party) -> Reading:
    """Return what can be told of a party now, from its views alone: nothing is asked of L1."""
    wrong = tuple(each for each in party.wrong if each.status is not Status.REJECTED)
    overdue, blocks = _overdue(party)
    return Reading(
        head=party.head,
        head_time=party.head_time,
        wrong=wrong,
        contests=tuple(_contests(party, wrong)),
        overdue=overdue,
        overdue_blocks=blocks,
        lag_blocks=max(0, party.reader.goal - party.head),
        lag_batches=_lag_batches(party),
        under_way=party.under_way,
    )


def _contests(party: Party, wrong: tuple[Assertion, ...]) -> list[Contest]:
    period = party.deployment.config.challenge_period_blocks
    clocks: dict[bytes, int] = {}
    for lie in wrong:
        if lie.status is Status.PENDING:
            clocks[lie.parent] = max(clocks.get(lie.parent, 0), min(period, party.time_of(lie)))
    moves = party.deployment.config.root_height + MORE_MOVES
    return [
        Contest(parent=parent, adversarial_blocks=blocks, period_blocks=period, most_moves=moves)
        for parent, blocks in clocks.items()
    ]


def _overdue(party: Party) -> tuple[bytes, int]:
    """Return the true child of the latest confirmed assertion and the blocks since when L1 would confirm it."""
    rollup = party.rollup
    for id_ in rollup.children.get(rollup.latest_confirmed, []):
        mine = rollup.assertions[id_]
        if party.replayer is None or not party.replayer.knows(id_) or mine.status is not Status.PENDING:
            continue
        period = party.deployment.config.challenge_period_blocks
        dispute = party.challenge.dispute_below(mine.parent)
        if dispute is not None and dispute.winner:
            due = dispute.decided_block if dispute.winner == id_ else party.head
        else:
            due = (
                BlockNumber(mine.block + period) if rollup.unrivalled_blocks(mine, party.head) >= period else party.head
            )
        return id_, max(0, party.head - due)
    return b"", 0


def _lag_batches(party: Party) -> int:
    if party.replayer is None:
        return party.inbox.batch_count
    knows = party.replayer.knows
    limits = (each.limit for each in party.rollup.assertions.values() if knows(each.id))
    return max(0, party.inbox.batch_count - max(party.replayer.limit, max(limits, default=0)))
