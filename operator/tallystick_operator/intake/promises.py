"""When nothing is promised: what would be acknowledged now might lose its place."""

from __future__ import annotations

from typing import Final

from tallystick.records.group_receipts import HORIZON_SECONDS
from tallystick_operator.intake.door import Refused

MOST_BEHIND_MS: Final = 150_000
"""Age of the oldest record not yet on L1 at which no more are taken: half of the Inbox's bound on a batch's time, so that
what has been taken still has as long again to get there."""
GIVE_UP_SECONDS: Final = 7 * 24 * 3_600
"""How long after it was acknowledged a record that lost its place is still executed: a week, in which L1 may be shut, or
the operator away. This is the bound that is declared to clients; an order older than that is worse than none."""
PRICES_WAIT_SECONDS: Final = 90.0
"""How long owed records wait for the prices they were given under to be renewed: the stage in which orders may not take,
and half a minute for the reports."""

PROMISED_WITHIN_SECONDS: Final = HORIZON_SECONDS - 600
"""How long after it was given a promise is due: as long as clients take, less what their clocks may be behind. Nothing
more is promised when the oldest record has waited a twentieth of that."""

STARTING: Final = Refused(503, "starting", "no L1 block has been seen yet")
L1_BEHIND: Final = Refused(
    503,
    "l1_behind",
    f"the oldest record not yet on L1 is {MOST_BEHIND_MS // 1000} s old; nothing more is promised until L1 has it",
)
L1_MOVED: Final = Refused(
    503,
    "l1_moved",
    "L1 has other blocks or another batch than this exchange has built on; records are put in order anew in a moment",
)
L1_SHUT: Final = Refused(
    503,
    "l1_shut",
    "L1 has not taken a batch within its time; what was acknowledged comes first, as soon as L1 takes batches again",
)
REORDERING: Final = Refused(
    503,
    "reordering",
    "records that were acknowledged before L1 went another way are being executed again; send yours in a minute",
)
NOT_SEQUENCER: Final = Refused(
    503,
    "not_sequencer",
    "L1 takes batches of its sequencer only, which is not this operator's key; nothing is promised meanwhile",
)
DISK_FULL: Final = Refused(
    503, "disk_full", "the operator's disk is nearly full; nothing more is promised until there is room again"
)
DRAINING: Final = Refused(503, "draining", "this operator is coming to its end; what was acknowledged goes to L1 first")
INBOX_OPEN: Final = Refused(
    503,
    "inbox_open",
    "others may post batches, or could a moment ago; nothing is promised until a batch of this operator is deep enough",
)
PROMISELESS: Final = (L1_BEHIND, INBOX_OPEN)
"""Refusals under which what is not kept goes on."""
