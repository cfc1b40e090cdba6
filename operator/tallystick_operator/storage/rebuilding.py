"""A branch from the log: from the newest snapshot that is of use, or from the genesis."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.errors import DataMissing, StateError
from tallystick_operator.sequencer.branch import Branch
from tallystick_operator.sequencer.record_log import Entry, EntryKind, RecordLog
from tallystick_operator.sequencer.rewind import surviving, unpack_rewind
from tallystick_operator.storage.operator_snapshots import SnapshotHead, Snapshots


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """How a branch was rebuilt: the snapshot it began with, entries applied behind that, and those that were not."""

    snapshot: SnapshotHead | None
    applied: int
    gone: list[Entry]


def rebuild(branch: Branch, log: RecordLog, snapshots: Snapshots | None, kept: int | None = None) -> Rebuilt:
    """Apply the log to a branch that is at its genesis, or of it only so many batches.

    Raises: DataMissing when that takes files of the log that are not here; DataMismatch when it is damaged; StateError.
    """
    snapshot = _put_back(branch, log, snapshots, kept)
    since = snapshot.place if snapshot else None
    if snapshot is None and log.files.first.at:
        raise DataMissing(
            "the log begins later than any snapshot that can be used",
            hint="bring back the files of the log that were taken away",
            begins_at=log.files.first.at,
        )
    applied, gone = 0, list[Entry]()
    for entry in surviving(log, since, snapshot.batches if snapshot else 0):
        if kept is None or branch.executor.batch_count < kept:
            branch.apply(entry)
            applied += 1
        else:
            gone.append(entry)
    return Rebuilt(snapshot=snapshot, applied=applied, gone=gone)


def usable(log: RecordLog, snapshots: Snapshots, kept: int | None = None) -> list[SnapshotHead]:
    """Return the snapshots of the history that counts, or of its first batches, the newest first."""
    found: list[SnapshotHead] = []
    lowest: int | None = None
    end = log.end.at
    for head in snapshots.fitting(log):
        # what is behind the newest one is read whole, for each older one only what lies between
        for payload_entries, place in log.groups(head.place):
            if place.at > end:
                break
            for entry in payload_entries:
                if entry.kind is EntryKind.REWIND:
                    batches, _ = unpack_rewind(entry.body)
                    lowest = batches if lowest is None else min(lowest, batches)
        end = head.at
        if lowest is not None and lowest < head.batches:
            snapshots.ignore(head.name, "its history counts no more")
        elif kept is None or head.batches <= kept:
            found.append(head)
    return found


def _put_back(branch: Branch, log: RecordLog, snapshots: Snapshots | None, kept: int | None) -> SnapshotHead | None:
    """Make a branch what the newest snapshot says that can be read; return that, None when there is none."""
    if snapshots is None:
        return None
    for head in usable(log, snapshots, kept):
        try:
            state, held = snapshots.load(head)
        except StateError as error:
            snapshots.ignore(head.name, str(error))
            continue
        branch.put_back(state, held)
        return head
    return None
