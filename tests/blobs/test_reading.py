"""Batches in blobs as a party reads them: the hashes from L1's log, the blobs from whoever has them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tallystick.blobs.archive import Archive
from tallystick.blobs.archive_server import ArchiveServer
from tallystick.blobs.blob_sources import Blobs, StoredBlobs
from tallystick.blobs.kzg import hash_of
from tallystick.errors import DataMismatch, DataMissing
from tallystick.machine.engine import halted, run
from tallystick.machine.machine import Machine
from tallystick.ports.system import SystemDisk
from tallystick.records.blob_chunks import BLOB_CHUNK_BYTES
from tallystick.rollup.segments import extract
from tallystick.rollup.views.assertion_view import Assertion, Status
from tallystick.rollup.views.inbox_view import InboxView
from tallystick.state.layout import SOURCE_BLOBS
from tallystick.state.ordinals import BatchNumber, BlockNumber
from tallystick.testing import scenarios
from tallystick.testing.scenarios.scene import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    name: str
    args: dict[str, Any]
    block: BlockNumber
    contract: str = "Inbox"


@pytest.fixture(scope="module")
def scene() -> Scene:
    return scenarios.play("in_blobs").scene


def events_of(scene: Scene) -> list[Happened]:
    found: list[Happened] = []
    for index, header in enumerate(scene.published.headers):
        block = BlockNumber(10 + index)
        blobs = scene.published.blobs_of(BatchNumber(index))
        if blobs:
            args = {"batch": index, "versionedHashes": [hash_of(blob) for blob in blobs]}
            found.append(Happened(name="BlobsPosted", args=args, block=block))
        for at, chunk in enumerate([] if blobs else scene.published.chunks[index]):
            found.append(Happened(name="ChunkPosted", args={"batch": index, "chunk": at, "data": chunk}, block=block))
        args = {
            "index": index,
            "time": header.time,
            "until": header.until,
            "messageLimit": header.message_limit,
            "source": header.source,
            "poster": header.poster,
            "chunkCount": header.chunk_count,
            "chunksHash": header.chunks_hash,
        }
        found.append(Happened(name="BatchPosted", args=args, block=block))
    return found


def view_of(events: list[Happened], blobs: Blobs | None) -> InboxView:
    view = InboxView(blobs)
    for event in events:
        view.apply(event)
    return view


def full_archive(scene: Scene, folder: Path) -> Archive:
    archive = Archive(SystemDisk(folder))
    for blobs in scene.published.blobs.values():
        for blob in blobs:
            archive.put(hash_of(blob), blob)
    return archive


def in_blobs(scene: Scene) -> BatchNumber:
    return next(BatchNumber(i) for i, each in enumerate(scene.published.headers) if each.source == SOURCE_BLOBS)


def test_who_has_nothing_but_a_strangers_archive_replays_to_the_same_state(scene: Scene, tmp_path: Path) -> None:
    server = ArchiveServer(full_archive(scene, tmp_path / "stranger"), 0)
    own = Archive(SystemDisk(tmp_path / "own"))
    try:
        view = view_of(events_of(scene), Blobs(own, [StoredBlobs(server.url)]))
        machine = Machine(scene.start.copy(), view.limited(BatchNumber(view.batch_count)))
        run(machine, 1 << 20)
    finally:
        server.close()
    assert halted(machine)
    assert machine.state.hash() == scene.state.hash()
    assert len(own) == 2, "and serves them to the next one"
    again = view_of(events_of(scene), Blobs(own, []))
    assert again.blobs_of(in_blobs(scene)) == scene.published.blobs_of(in_blobs(scene))
    assert again.chunk(in_blobs(scene), 1) == b""


def test_without_the_blobs_a_batch_is_missing_and_not_empty(scene: Scene, tmp_path: Path) -> None:
    for blobs in (None, Blobs(Archive(SystemDisk(tmp_path / "own")), [])):
        view = view_of(events_of(scene), blobs)
        with pytest.raises(DataMissing):
            view.chunk(in_blobs(scene), 0)


def test_hashes_that_are_missing_or_others_are_told(scene: Scene, tmp_path: Path) -> None:
    blobs, events = Blobs(full_archive(scene, tmp_path / "own"), []), events_of(scene)
    view = view_of([each for each in events if each.name != "BlobsPosted"], blobs)
    with pytest.raises(DataMissing, match="versioned hashes"):
        view.chunk(in_blobs(scene), 0)
    turned = [
        replace(each, args={**each.args, "versionedHashes": each.args["versionedHashes"][::-1]})
        if each.name == "BlobsPosted"
        else each
        for each in events
    ]
    with pytest.raises(DataMismatch, match="not those it commits to"):
        view_of(turned, blobs).chunk(in_blobs(scene), 0)


def test_a_reorganisation_takes_the_hashes_back(scene: Scene, tmp_path: Path) -> None:
    blobs, events = Blobs(full_archive(scene, tmp_path / "own"), []), events_of(scene)
    view = view_of(events, blobs)
    batch = in_blobs(scene)
    view.rollback(BlockNumber(10 + batch - 1))
    with pytest.raises(DataMissing):
        view.chunk(batch, 0)
    for event in events:
        if event.block > 10 + batch - 1:
            view.apply(event)
    assert view.chunk(batch, 0) == scene.published.chunk(batch, 0)


def test_a_part_of_the_history_carries_the_blobs_that_a_step_of_it_is_proven_by(scene: Scene) -> None:
    start = Assertion(
        id=bytes(32),
        parent=bytes(32),
        limit=BatchNumber(0),
        state_root=bytes(32),
        registers=b"",
        state_hash=bytes(32),
        next_limit=BatchNumber(1),
        proposer=bytes(20),
        block=BlockNumber(0),
        status=Status.CONFIRMED,
    )
    batch = in_blobs(scene)
    part = extract(scene.published, start, BatchNumber(len(scene.published.headers)))
    assert part.blobs_of(batch) == scene.published.blobs_of(batch)
    assert part.chunks[batch] == []
    assert [part.chunk(batch, i) for i in range(128)] == scene.published.chunks[batch]
    assert part.chunk(BatchNumber(0), 0) == scene.published.chunk(BatchNumber(0), 0)


@pytest.mark.parametrize("name", ["fills", "withdrawals", "agents"])
def test_a_history_in_blobs_leads_where_it_led_whoever_ran_its_records_live(name: str) -> None:
    scene = scenarios.play(name).scene
    published, moved = scene.published, 0
    for batch, chunks in enumerate(published.chunks):
        if max(map(len, chunks), default=BLOB_CHUNK_BYTES + 1) <= BLOB_CHUNK_BYTES:
            moved += len(published.move_into_blobs(batch))
    assert moved > 1
    machine = scene.machine_at_start()
    run(machine, 1 << 20)
    assert halted(machine)
    assert machine.state.hash() == scene.state.hash()
