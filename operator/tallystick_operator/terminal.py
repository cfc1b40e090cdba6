"""Which of the operator's events people see on its terminal; all of them are in its event file."""

from __future__ import annotations

from typing import Final

TOLD: Final = frozenset(
    (
        "adopted",
        "assertion_wrong",
        "batch_refused",
        "batches_late",
        "bond_lost",
        "claim_answered",
        "claim_unanswered",
        "drained",
        "draining",
        "endpoint",
        "failed",
        "gateway_ended",
        "l1_problem",
        "lied",
        "promises_resumed",
        "promises_stopped",
        "record_lost",
        "reordered",
        "snapshot_failed",
        "snapshot_ignored",
        "stopped",
        "turned",
    )
)
"""The rest comes with every batch."""
