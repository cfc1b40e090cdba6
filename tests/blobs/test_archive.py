"""An archive keeps and serves nothing but what a versioned hash commits to, and asks whoever may have a blob."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tallystick.blobs.archive import Archive
from tallystick.blobs.archive_server import ArchiveServer
from tallystick.blobs.blob_sources import BeaconBlobs, Blobs, NodeBlobs, StoredBlobs
from tallystick.blobs.kzg import hash_of
from tallystick.errors import ConfigError, DataMismatch, DataMissing, L1Error
from tallystick.ports.system import SystemDisk
from tallystick.records.blob_chunks import pack_blob
from tallystick.state.ordinals import BlockNumber

BLOB = pack_blob([b"one"])
OTHER = pack_blob([b"two"])
BLOCK = BlockNumber(7)


@pytest.fixture(scope="module")
def hashed() -> bytes:
    return hash_of(BLOB)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(SystemDisk(tmp_path / "archive"))


@pytest.fixture
def server(archive: Archive) -> Iterator[ArchiveServer]:
    made = ArchiveServer(archive, 0)
    yield made
    made.close()


class Node:
    """A node that gives this, or refuses."""

    def __init__(self, blob: bytes | None, error: str = "") -> None:
        self.blob, self.error = blob, error

    def request(self, method: str, *params: object) -> object:
        if self.error:
            raise L1Error(self.error)
        return None if self.blob is None else "0x" + self.blob.hex()


def test_a_blob_that_was_put_in_is_there_after_a_restart(archive: Archive, hashed: bytes, tmp_path: Path) -> None:
    assert archive.blob(hashed) is None
    archive.put(hashed, BLOB)
    archive.put(hashed, BLOB)
    again = Archive(SystemDisk(tmp_path / "archive"))
    assert again.blob(hashed) == BLOB and len(again) == 1 and hashed in again


def test_another_blob_is_not_taken_in(archive: Archive, hashed: bytes) -> None:
    with pytest.raises(DataMismatch, match="another blob"):
        archive.put(hashed, OTHER)
    assert len(archive) == 0


def test_what_was_damaged_or_left_half_done_is_not_given_out(archive: Archive, hashed: bytes, tmp_path: Path) -> None:
    archive.put(hashed, BLOB)
    folder = tmp_path / "archive"
    (folder / (OTHER[:32].hex() + ".draft")).write_bytes(b"half")
    (folder / hashed.hex()).write_bytes(BLOB[:-1] + b"\1")
    again = Archive(SystemDisk(folder))
    assert again.blob(hashed) is None and hashed not in again
    assert list(folder.glob("*.draft")) == []
    again.put(hashed, BLOB)
    assert again.blob(hashed) == BLOB


def test_a_served_archive_gives_a_stranger_what_it_has(server: ArchiveServer, archive: Archive, hashed: bytes) -> None:
    source = StoredBlobs(server.url)
    assert source.ask(hashed, BLOCK) is None
    archive.put(hashed, BLOB)
    assert source.ask(hashed, BLOCK) == BLOB
    for path in ("/", "/blobs/", "/blobs/../x", f"/blobs/{'0' * 64}", f"/blobs/0x{hashed.hex()}"):
        assert httpx.get(server.url + path).status_code == 404
    with pytest.raises(ConfigError, match="cannot be had"):
        ArchiveServer(archive, server.port)


def test_blobs_are_kept_once_somebody_has_given_the_right_one(archive: Archive, hashed: bytes, tmp_path: Path) -> None:
    gone = StoredBlobs("http://127.0.0.1:9")
    sources = (gone, NodeBlobs(Node(None)), NodeBlobs(Node(OTHER)), NodeBlobs(Node(None, "refused")))
    with pytest.raises(DataMissing, match="nobody has the blob") as caught:
        Blobs(archive, sources).blob(hashed, BLOCK)
    assert caught.value.data["asked"] == [
        "archive http://127.0.0.1:9: no answer: ConnectError",
        "node: has it not",
        "node: what came is another blob",
        "node: the node gives no blobs",
    ]
    assert Blobs(archive, (*sources, NodeBlobs(Node(BLOB)))).blob(hashed, BLOCK) == BLOB
    assert Blobs(Archive(SystemDisk(tmp_path / "archive")), ()).blob(hashed, BLOCK) == BLOB


def test_a_beacon_api_is_asked_by_the_slot_of_the_block(
    archive: Archive, hashed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, dict[str, str]]] = []
    answers = [{"data": ["0x" + BLOB.hex()]}, {"data": []}, {"nothing": 1}]

    def get(url: str, *, params: dict[str, str], timeout: float) -> httpx.Response:
        asked.append((url, params))
        return httpx.Response(200, json=answers.pop(0))

    monkeypatch.setattr(httpx, "get", get)
    beacon = BeaconBlobs("http://beacon.example:5052/", lambda block: 100 + block)
    assert beacon.ask(hashed, BLOCK) == BLOB
    assert asked == [("http://beacon.example:5052/eth/v1/beacon/blobs/107", {"versioned_hashes": "0x" + hashed.hex()})]
    assert beacon.ask(hashed, BLOCK) is None
    with pytest.raises(DataMissing, match="no beacon API"):
        beacon.ask(hashed, BLOCK)
