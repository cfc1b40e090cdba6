"""A copy of a data directory that is consistent though an operator goes on, and back.

The log is copied up to a frame that was whole, and every frame checked on the way; snapshots never change; databases are
copied by SQLite. The list of what was copied, each with its digest, is written last: without it there is no backup.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from tallystick.errors import BadInput, DataMismatch, DataMissing
from tallystick.ports.system import SystemDisk
from tallystick.rollup.snapshots.diskfile import write_whole
from tallystick_operator.sequencer.record_log import RecordLog
from tallystick_operator.storage.logfiles import HEADER_BYTES
from tallystick_operator.storage.on_disk import LOG, RECEIPT_KEY, SNAPSHOTS
from tallystick_operator.storage.operator_snapshots import ENDING
from tallystick_operator.storage.surveying import opened

LIST: Final = "backup.json"
COPIED: Final = (RECEIPT_KEY, "events.jsonl")
DATABASES: Final = "*.sqlite"
PIECE: Final = 1 << 20

Progress = Callable[[int, int], None]
"""Is told how many bytes are done, of how many."""


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a backup. Units: bytes."""

    name: str
    bytes: int
    digest: str


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds: the log up to a place, and everything beside it. Units: bytes."""

    genesis: str
    log_bytes: int
    files: list[Copied]


def back_up(data_dir: Path, into: Path, progress: Progress) -> Backup:
    """Copy a data directory into a new one, whether an operator writes to it or not.

    Raises: BadInput when there is something already, or no log; DataMismatch when the log is damaged; OSError.
    """
    _check_empty(into, "a backup")
    with opened(data_dir) as log:
        _check_frames(log)
        (into / SNAPSHOTS).mkdir(parents=True, mode=0o700)
        names: list[str] = []
        for path in sorted(data_dir.glob(DATABASES)):
            _copy_database(path, into / path.name)
            names.append(path.name)
        names += [_copy(data_dir, into, name) for name in COPIED if (data_dir / name).exists()]
        done = 0
        begins = [*(each.begin.at for each in log.files.files), log.size]
        for each, behind in zip(log.files.files, begins[1:], strict=True):
            size = HEADER_BYTES + behind - each.begin.at
            _copy_part(data_dir / each.name, into / each.name, size)
            names.append(each.name)
            done += size
            progress(done, log.size)
        names += _copy_snapshots(data_dir, into, log.end.at)
        genesis, end = log.genesis, log.end
    with RecordLog(into / LOG, genesis) as copy:  # checks it, and marks how far it goes
        if copy.end != end:
            raise DataMismatch("the copy of the log is not what was copied", copied=copy.size, expected=end.at)
    made = Backup(genesis="0x" + genesis.hex(), log_bytes=end.at, files=[_listed(into, name) for name in names])
    write_whole(into / LIST, msgspec.json.format(msgspec.json.encode(made)))
    return made


def restore(backup: Path, data_dir: Path, progress: Progress) -> Backup:
    """Put a backup where an operator will find it, having checked every file and every frame.

    Raises: BadInput when something is there already; DataMissing, DataMismatch when the backup is not what it says.
    """
    made = read_list(backup)
    _check_empty(data_dir, "an operator's data")
    for number, each in enumerate(made.files, start=1):
        if not (backup / each.name).is_file():
            raise DataMissing("a file of the backup is not there", path=str(backup / each.name))
        if _listed(backup, each.name) != each:
            raise DataMismatch("a file of the backup is damaged", path=str(backup / each.name))
        progress(number, 2 * len(made.files))
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    (data_dir / SNAPSHOTS).mkdir()
    for number, each in enumerate(made.files, start=1):
        _copy_part(backup / each.name, data_dir / each.name, each.bytes)
        progress(len(made.files) + number, 2 * len(made.files))
    with RecordLog(data_dir / LOG, bytes.fromhex(made.genesis[2:])) as log:
        if log.size != made.log_bytes:
            raise DataMismatch("the restored log is not what was backed up", restored=log.size, expected=made.log_bytes)
        _check_frames(log)
    return made


def read_list(backup: Path) -> Backup:
    """Return what a backup says it holds.

    Raises: BadInput when it is none, or one that was never finished.
    """
    try:
        return msgspec.json.decode((backup / LIST).read_bytes(), type=Backup)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadInput("this is no backup that was finished", hint=f"it has no {LIST}", path=str(backup)) from error


def _check_empty(folder: Path, what: str) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{what} would be written over what is there", hint="name a new directory", path=str(folder))


def _check_frames(log: RecordLog) -> None:
    """Raises: DataMismatch when a frame does not follow those before it."""
    for _ in log.files.payloads(log.files.first):
        pass


def _copy_part(path: Path, to: Path, size: int) -> None:
    """Copy so many bytes, readable by nobody else, and have them on disk."""
    with path.open("rb") as source, os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
        left = size
        while left and (piece := source.read(min(PIECE, left))):
            copy.write(piece)
            left -= len(piece)
        copy.flush()
        os.fsync(copy.fileno())
    if left:
        raise DataMissing("a file is shorter than it was", path=str(path), lacks=left)


def _copy(data_dir: Path, into: Path, name: str) -> str:
    _copy_part(data_dir / name, into / name, (data_dir / name).stat().st_size)
    return name


def _copy_database(path: Path, to: Path) -> None:
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)


def _copy_snapshots(data_dir: Path, into: Path, end: int) -> list[str]:
    """Copy the snapshots that lie on the copied part of the log; one that is removed meanwhile is left out."""
    found: list[str] = []
    if not (data_dir / SNAPSHOTS).is_dir():
        return found
    for name in SystemDisk(data_dir / SNAPSHOTS, to_read=True).names():
        path, to = data_dir / SNAPSHOTS / name, into / SNAPSHOTS / name
        if not name.endswith(ENDING) or int(name.removesuffix(ENDING)) > end:
            continue
        try:
            _copy_part(path, to, path.stat().st_size)
        except FileNotFoundError:
            to.unlink(missing_ok=True)
            continue
        found.append(f"{SNAPSHOTS}/{name}")
    return found


def _listed(folder: Path, name: str) -> Copied:
    digest, size = blake2b(digest_size=32), 0
    with (folder / name).open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
            size += len(piece)
    return Copied(name=name, bytes=size, digest=digest.hexdigest())


def remove_unfinished(folder: Path) -> None:
    """Remove what a failed backup left: it has no list."""
    if folder.is_dir() and not (folder / LIST).exists():
        shutil.rmtree(folder)
