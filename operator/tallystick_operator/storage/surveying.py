"""What is in a data directory, read while an operator may be writing it: nothing is changed."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tallystick.errors import BadInput, StateError
from tallystick.ports import Disk
from tallystick.ports.system import SystemDisk
from tallystick_operator.sequencer.record_log import EntryKind, RecordLog
from tallystick_operator.sequencer.rewind import surviving
from tallystick_operator.storage.logfiles import HEADER_BYTES, genesis_of
from tallystick_operator.storage.on_disk import LOG, SNAPSHOTS
from tallystick_operator.storage.operator_snapshots import Snapshots
from tallystick_operator.storage.rebuilding import usable


class FileSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the log. `behind_snapshots`: a start needs it no more, so it may be archived. Units: bytes."""

    name: str
    bytes: int
    behind_snapshots: bool


class SnapshotSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot. `problem` says why a start passes it over, "" when it does not."""

    name: str
    bytes: int
    records: int = 0
    batches: int = 0
    problem: str = ""


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a data directory. `replays` are the entries, and the records among them, that a start would apply.

    Units: bytes; `genesis` is the state hash of the deployment it belongs to.
    """

    genesis: str
    log_bytes: int
    records: int
    batches: int
    replays_entries: int
    replays_records: int
    free_bytes: int
    files: list[FileSeen]
    snapshots: list[SnapshotSeen]


def opened(data_dir: Path) -> RecordLog:
    """Return a data directory's log, to be read: a tail that is being written is left alone.

    Raises: BadInput when there is none; DataMismatch when it is damaged; StateError.
    """
    if not (data_dir / LOG).exists() and not list(data_dir.glob(f"{LOG}.*")):
        raise BadInput(
            "there is no operator's log in this directory", hint="name it with --data-dir", path=str(data_dir)
        )
    disk = SystemDisk(data_dir, to_read=True)
    return RecordLog(data_dir / LOG, genesis_of(disk, LOG), disk=disk, to_read=True)


def check_genesis(log: RecordLog, genesis: bytes) -> None:
    """Raises: StateError when a log is of another deployment than the one that is named."""
    if log.genesis != genesis:
        raise StateError("the record log belongs to another deployment", genesis=log.genesis, expected=genesis)


def snapshots_of(data_dir: Path, log: RecordLog, problems: dict[str, str]) -> Snapshots | None:
    """Return the snapshots beside a log; why some are of no use comes into `problems`."""

    def note(_: str, facts: dict[str, object]) -> None:
        problems[str(facts["snapshot"])] = str(facts["reason"])

    folder = data_dir / SNAPSHOTS
    return Snapshots(SystemDisk(folder, to_read=True), log.genesis, note) if folder.is_dir() else None


def survey(data_dir: Path) -> Survey:
    """Look through a data directory; of the log only what a start would read.

    Raises: as `opened`.
    """
    problems: dict[str, str] = {}
    with opened(data_dir) as log:
        snapshots = snapshots_of(data_dir, log, problems)
        heads = usable(log, snapshots) if snapshots else []
        newest = heads[0] if heads else None
        oldest = heads[-1].at if heads else 0
        entries, records = 0, newest.records if newest else 0
        batches, before = newest.batches if newest else 0, records
        for entry in surviving(log, newest.place if newest else None, batches):
            entries += 1
            records += bool(entry.record)
            batches += entry.kind in (EntryKind.SEAL, EntryKind.ADOPT)
        begins = [*(each.begin.at for each in log.files.files), log.end.at]
        files = [
            FileSeen(name=each.name, bytes=HEADER_BYTES + end - each.begin.at, behind_snapshots=end <= oldest)
            for each, end in zip(log.files.files, begins[1:], strict=True)
        ]
        return Survey(
            genesis="0x" + log.genesis.hex(),
            log_bytes=log.size,
            records=records,
            batches=batches,
            replays_entries=entries,
            replays_records=records - before,
            free_bytes=log.disk.free_bytes(),
            files=files,
            snapshots=_seen(snapshots, SystemDisk(data_dir / SNAPSHOTS, to_read=True), problems),
        )


def _seen(snapshots: Snapshots | None, disk: Disk, problems: dict[str, str]) -> list[SnapshotSeen]:
    if snapshots is None:
        return []
    known = {each.name: each for each in snapshots.heads()}
    found: list[SnapshotSeen] = []
    for name in sorted({*known, *problems}, reverse=True):
        file = disk.open(name)
        size = file.size()
        file.close()
        head = known.get(name)
        found.append(
            SnapshotSeen(
                name=name,
                bytes=size,
                records=head.records if head else 0,
                batches=head.batches if head else 0,
                problem=problems.get(name, ""),
            )
        )
    return found
