"""The log from the genesis on, held against the snapshots beside it and the batches on L1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tallystick.errors import DataMismatch
from tallystick.l1.sending.keys import KeyFile, load_account
from tallystick.records.chunks import BatchHeader
from tallystick.shapes.submitting import Answer
from tallystick.state.layout import Registers
from tallystick_operator.sequencer.answers import signed_with
from tallystick_operator.sequencer.branch import Branch
from tallystick_operator.sequencer.executor import Executed, content
from tallystick_operator.sequencer.record_log import RecordLog
from tallystick_operator.sequencer.rewind import surviving_groups
from tallystick_operator.storage.on_disk import RECEIPT_KEY
from tallystick_operator.storage.operator_snapshots import SnapshotHead, Snapshots
from tallystick_operator.storage.rebuilding import usable


def signer_of(data_dir: Path) -> Callable[[Executed, Registers], Answer]:
    """Return what answers records as a directory's operator does: snapshots hold the answers, receipts and all.

    Raises: ConfigError when its key is not there.
    """
    return signed_with(bytes(load_account(KeyFile(path=data_dir / RECEIPT_KEY)).key))


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay came to. `snapshots` and `posted_batches` are those that were compared and agree."""

    records: int
    batches: int
    state_hash: str
    snapshots: int
    posted_batches: int


def check(
    branch: Branch,
    log: RecordLog,
    snapshots: Snapshots | None,
    posted: Sequence[BatchHeader],
    progress: Callable[[int], None],
) -> Checked:
    """Replay a log into a branch at its genesis; compare with snapshots where they lie, and with L1's batches.

    `progress` is told how many batches are done. Raises: DataMismatch at the first difference; StateError.
    """
    heads = {head.at: head for head in usable(log, snapshots)} if snapshots else {}
    agreed = 0
    executor = branch.executor
    for group, place in surviving_groups(log):
        for entry in group:
            before = executor.batch_count
            branch.apply(entry)
            for index in range(before, executor.batch_count):
                agreed += _agrees(branch, index, posted)
                executor.sealed.clear()
                progress(index + 1)
        if snapshots and place.at in heads:
            _compare(branch, snapshots, heads[place.at])
    return Checked(
        records=executor.state.registers.record_count,
        batches=executor.batch_count,
        state_hash="0x" + executor.state.hash().hex(),
        snapshots=len(heads),
        posted_batches=agreed,
    )


def _agrees(branch: Branch, index: int, posted: Sequence[BatchHeader]) -> bool:
    """Whether a batch that has just been closed is on L1. Raises: DataMismatch when another one is in its place."""
    closed = branch.executor.closed(index)
    if index >= len(posted) or closed is None:
        return False
    if content(posted[index]) != closed.content:
        raise DataMismatch("L1 has another batch than the log", batch=index)
    return True


def _compare(branch: Branch, snapshots: Snapshots, head: SnapshotHead) -> None:
    """Raises: DataMismatch when a snapshot holds anything else than the log gives; StateError when it is damaged."""
    _, held = snapshots.load(head)
    if head.state_hash != branch.executor.state.hash():
        raise DataMismatch("a snapshot holds another state than the log gives", snapshot=head.name)
    # which batches wait for L1 is a matter of when it was made, not of the log
    one, other = (replace(each, executor=replace(each.executor, recent=[])) for each in (branch.held(), held))
    if one != other:
        raise DataMismatch("a snapshot holds something else beside the state than the log gives", snapshot=head.name)
