"""Where in a data directory everything is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tallystick.journal import Journal
from tallystick.ports import Clock
from tallystick.ports.system import SystemDisk
from tallystick_operator.config import Config
from tallystick_operator.storage.forked import forked
from tallystick_operator.storage.operator_snapshots import Snapshots
from tallystick_operator.storage.snapshot_making import SnapshotMaker

LOG: Final = "records.log"
RECEIPT_KEY: Final = "receipt.key"
SNAPSHOTS: Final = "snapshots"
INBOX_EVENTS: Final = "l1-inbox.sqlite"
RECEIPT_EVENTS: Final = "l1-receipts.sqlite"
EVENT_STORES: Final = {INBOX_EVENTS: ("Inbox", "Vault"), RECEIPT_EVENTS: ("Receipts",)}
"""Where L1's events are kept that a start must have read, and whose they are."""


def snapshot_maker(data_dir: Path, genesis: bytes, config: Config, clock: Clock, journal: Journal) -> SnapshotMaker:
    """Return what makes an operator's snapshots, and reads them."""

    def report(event: str, facts: dict[str, object]) -> None:
        journal.write(event, **facts)

    snapshots = Snapshots(SystemDisk(data_dir / SNAPSHOTS), genesis, report)
    records, seconds = config.snapshot_records, config.snapshot_seconds
    return SnapshotMaker(snapshots, clock, report, forked, every_records=records, every_seconds=seconds)
