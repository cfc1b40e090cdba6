"""Snapshots of an operator: files that hold all that a log gives up to a place, so that a start reads on from there.

Shape of a file: a digest of what follows, MAGIC, the head's length in 4 bytes, the head as MessagePack, the state as
parties keep it, what is beside the state as MessagePack, deflated. A file is written under another name, synced and
renamed, so it is there whole or not at all. A snapshot only ever saves time: what cannot be used is told and passed over.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from typing import Any, Final

import msgspec

from tallystick import __version__
from tallystick.artifacts import machine_version
from tallystick.errors import StateError
from tallystick.ports import Disk
from tallystick.ports.drafts import clear_drafts, put_whole
from tallystick.rollup.snapshots.snapshot import decode, encode_state
from tallystick.state.ordinals import UnixMs
from tallystick.state.state import State
from tallystick_operator.remembered import HeldBranch
from tallystick_operator.sequencer.branch import Branch
from tallystick_operator.sequencer.record_log import RecordLog
from tallystick_operator.storage.framing import Place

MAGIC: Final = b"tallystick operator snapshot 1\n"
DIGEST_BYTES: Final = 32
MOST_HEAD_BYTES: Final = 1 << 12
ENDING: Final = ".snapshot"
MOST: Final = 8
"""Snapshots kept, the newest ones: the batch at which L1 turns lies behind one of them as a rule."""

Report = Callable[[str, dict[str, Any]], None]


class SnapshotHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a snapshot says of itself. Units: `at` and sizes in bytes, `clock_ms` in milliseconds.

    Shape: `version` names program, machine and shapes; `at` and `chain` are the place in the log.
    """

    version: str
    genesis: bytes
    at: int
    chain: bytes
    records: int
    batches: int
    clock_ms: UnixMs
    state_hash: bytes
    state_bytes: int

    @property
    def place(self) -> Place:
        """Where in the log it was made."""
        return Place(at=self.at, chain=self.chain)

    @property
    def name(self) -> str:
        """What its file is called: they sort as the log goes on."""
        return f"{self.at:020}{ENDING}"


@cache
def format_version() -> str:
    """Return what a snapshot of another program, machine or shape has otherwise."""
    shapes = msgspec.json.encode(msgspec.json.schema(HeldBranch), order="sorted")
    return f"{__version__} {machine_version()} {blake2b(shapes, digest_size=8).hexdigest()}"


def encode(branch: Branch, place: Place, genesis: bytes, version: str) -> tuple[SnapshotHead, bytes]:
    """Return a branch, between two batches, as a file's head and bytes."""
    state = branch.executor.state
    registers = state.registers
    body = encode_state(state, bytes(32), registers.batch_cursor)
    head = SnapshotHead(
        version=version,
        genesis=genesis,
        at=place.at,
        chain=place.chain,
        records=registers.record_count,
        batches=registers.batch_cursor,
        clock_ms=registers.clock_ms,
        state_hash=state.hash(),
        state_bytes=len(body),
    )
    packed = msgspec.msgpack.encode(head)
    beside = zlib.compress(msgspec.msgpack.encode(branch.held()), 1)
    data = b"".join((MAGIC, len(packed).to_bytes(4, "big"), packed, body, beside))
    return head, blake2b(data, digest_size=DIGEST_BYTES).digest() + data


def read_head(data: bytes) -> tuple[SnapshotHead, int]:
    """Return a file's head and where the state begins; the rest need not be there, and nothing is believed by this alone.

    Raises: StateError.
    """
    at = DIGEST_BYTES + len(MAGIC) + 4
    size = int.from_bytes(data[at - 4 : at], "big")
    if data[DIGEST_BYTES : at - 4] != MAGIC or not 0 < size <= min(MOST_HEAD_BYTES, len(data) - at):
        raise StateError("this is no snapshot of this version")
    try:
        return msgspec.msgpack.decode(data[at : at + size], type=SnapshotHead), at + size
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StateError("the snapshot's head is damaged") from error


class Snapshots:
    """The snapshots of a folder. `report` is told once of each that cannot be used, as `snapshot_ignored`."""

    def __init__(self, disk: Disk, genesis: bytes, report: Report, most: int = MOST) -> None:
        self.version = format_version()
        self.genesis = genesis
        self._disk = disk
        self._report = report
        self._most = most
        self._told: dict[str, str] = {}

    def heads(self) -> list[SnapshotHead]:
        """Return what the files say of themselves, those of this genesis and version, the newest place first."""
        found: list[SnapshotHead] = []
        for name in self._names():
            try:
                head, _ = read_head(self._read(name, DIGEST_BYTES + len(MAGIC) + 4 + MOST_HEAD_BYTES))
                self._check(head, name)
            except (OSError, StateError) as error:
                self.ignore(name, str(error))
                continue
            found.append(head)
        return sorted(found, key=lambda each: -each.at)

    def fitting(self, log: RecordLog) -> list[SnapshotHead]:
        """Return those that lie on a log, the newest first; of the rest it is told why not."""
        found: list[SnapshotHead] = []
        for head in self.heads():
            if head.at > log.end.at:
                self.ignore(head.name, "it is ahead of the log")
            elif not log.files.leads_through(head.place):
                self.ignore(head.name, "the log does not lead through its place")
            else:
                found.append(head)
        return found

    def load(self, head: SnapshotHead) -> tuple[State, HeldBranch]:
        """Return what a snapshot holds.

        Raises: StateError when it is damaged, or cannot be read.
        """
        try:
            data = self._read(head.name, 1 << 62)
        except OSError as error:
            raise StateError("the snapshot cannot be read", reason=str(error)) from error
        if blake2b(memoryview(data)[DIGEST_BYTES:], digest_size=DIGEST_BYTES).digest() != data[:DIGEST_BYTES]:
            raise StateError("the snapshot is damaged")
        known, at = read_head(data)
        if known != head:
            raise StateError("the snapshot is another by now")
        body = at + head.state_bytes
        state = decode(data[at:body], head.state_hash)
        try:
            held = msgspec.msgpack.decode(zlib.decompress(memoryview(data)[body:]), type=HeldBranch)
        except (zlib.error, msgspec.MsgspecError) as error:
            raise StateError("the snapshot is damaged") from error
        return state, held

    def write(self, head: SnapshotHead, data: bytes) -> None:
        """Put a snapshot there whole or not at all, and remove those that are too old.

        Raises: OSError when the disk will not have it.
        """
        put_whole(self._disk, head.name, data)
        for name in self._names()[: -self._most]:
            self._disk.remove(name)

    def clear_drafts(self) -> None:
        """Remove what a crash has left half written."""
        clear_drafts(self._disk)

    def ignore(self, name: str, reason: str) -> None:
        """Tell why a snapshot is passed over, once."""
        if self._told.get(name) != reason:
            self._told[name] = reason
            self._report("snapshot_ignored", {"snapshot": name, "reason": reason})

    def _check(self, head: SnapshotHead, name: str) -> None:
        if head.version != self.version:
            raise StateError("it is of another version", version=head.version)
        if head.genesis != self.genesis:
            raise StateError("it is of another deployment", genesis=head.genesis)
        if head.name != name:
            raise StateError("it has another's name")

    def _read(self, name: str, count: int) -> bytes:
        file = self._disk.open(name)
        try:
            return file.read(0, min(count, file.size()))
        finally:
            file.close()

    def _names(self) -> list[str]:
        return [name for name in self._disk.names() if name.endswith(ENDING)]
