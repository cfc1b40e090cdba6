"""Where blobs come from: an own archive, L1's nodes while they have them, and strangers' archives. None is believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import httpx

from tallystick.blobs.archive import Archive
from tallystick.errors import DataMismatch, DataMissing, L1Error
from tallystick.state.ordinals import BlockNumber
from tallystick.urls import parts_of, shown

TIMEOUT_SECONDS: Final = 20.0
OK: Final = 200
NOT_FOUND: Final = 404
PATH: Final = "/blobs/"
"""Of an archive: behind it a versioned hash in hex, without 0x."""
BEACON_PATH: Final = "/eth/v1/beacon/blobs/"


class BlobSource(Protocol):
    """Somebody who may have a blob."""

    @property
    def name(self) -> str:
        """Who it is, for people."""
        ...

    def ask(self, versioned_hash: bytes, block: BlockNumber) -> bytes | None:
        """Return what it gives for the hash, which nobody has checked; None when it has nothing.

        Raises: DataMissing when it does not answer.
        """
        ...


class Node(Protocol):
    """An L1 node that answers JSON-RPC requests."""

    def request(self, method: str, *params: object) -> object:
        """Return the answer. Raises: L1Error."""
        ...


class StoredBlobs:
    """Another's archive, over HTTP."""

    def __init__(self, url: str) -> None:
        """Raises: BadInput when the URL is none."""
        parts = parts_of(url, "an archive of blobs", "http://127.0.0.1:8650, say")
        self.name = f"archive {shown(parts)}"
        self._url = url.rstrip("/") + PATH

    def ask(self, versioned_hash: bytes, block: BlockNumber) -> bytes | None:
        """Return what the archive has. Raises: DataMissing."""
        answer = _get(self._url + versioned_hash.hex(), {})
        return None if answer is None else answer.content


class BeaconBlobs:
    """A consensus node's beacon API, which serves the blobs of the last 18 days by the slot they were in.

    `slot_of` tells the slot of an execution block; anvil's beacon API takes the block's own number.
    """

    def __init__(self, url: str, slot_of: Callable[[BlockNumber], int]) -> None:
        """Raises: BadInput when the URL is none."""
        parts = parts_of(url, "a beacon API", "http://127.0.0.1:5052, say")
        self.name = f"beacon {shown(parts)}"
        self._url = url.rstrip("/") + BEACON_PATH
        self._slot_of = slot_of

    def ask(self, versioned_hash: bytes, block: BlockNumber) -> bytes | None:
        """Return the blob of a block's slot that is asked for. Raises: DataMissing."""
        answer = _get(f"{self._url}{self._slot_of(block)}", {"versioned_hashes": "0x" + versioned_hash.hex()})
        if answer is None:
            return None
        try:
            found = answer.json()["data"]
            return bytes.fromhex(found[0].removeprefix("0x")) if found else None
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise DataMissing("this is no beacon API", source=self.name) from error


class NodeBlobs:
    """A development node that gives blobs by their hash, as anvil does."""

    name = "node"

    def __init__(self, node: Node) -> None:
        self._node = node

    def ask(self, versioned_hash: bytes, block: BlockNumber) -> bytes | None:
        """Return what the node has. Raises: DataMissing."""
        try:
            found = self._node.request("anvil_getBlobByHash", "0x" + versioned_hash.hex())
            return bytes.fromhex(str(found).removeprefix("0x")) if found else None
        except (L1Error, ValueError) as error:
            raise DataMissing("the node gives no blobs", source=self.name) from error


class Blobs:
    """Blobs from wherever they are, held against their hashes, and kept in the own archive from then on."""

    def __init__(self, archive: Archive, sources: Sequence[BlobSource]) -> None:
        self._archive = archive
        self._sources = tuple(sources)

    def blob(self, versioned_hash: bytes, block: BlockNumber) -> bytes:
        """Return a blob that was posted in a block.

        Raises: DataMissing, with what every source said, when none has it; OSError when the disk will not have it.
        """
        kept = self._archive.blob(versioned_hash)
        if kept is not None:
            return kept
        said: list[str] = []
        for source in self._sources:
            try:
                found = source.ask(versioned_hash, block)
                if found is not None:
                    self._archive.put(versioned_hash, found)
                    return found
                said.append(f"{source.name}: has it not")
            except (DataMissing, DataMismatch) as error:
                said.append(f"{source.name}: {error.message}")
        raise DataMissing(
            "nobody has the blob",
            hint="name an archive that has it: nodes keep blobs for 18 days",
            versioned_hash=versioned_hash,
            asked=said,
        )


def _get(url: str, params: dict[str, str]) -> httpx.Response | None:
    """Return what is there, None when the answer is that nothing is.

    Raises: DataMissing when there is no answer, or another one.
    """
    try:
        answer = httpx.get(url, params=params, timeout=TIMEOUT_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DataMissing(f"no answer: {type(error).__name__}") from error
    if answer.status_code == NOT_FOUND:
        return None
    if answer.status_code != OK:
        raise DataMissing(f"HTTP status {answer.status_code}")
    return answer
