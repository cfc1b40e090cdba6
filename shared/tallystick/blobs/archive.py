"""Blobs on disk, by versioned hash: L1's nodes drop them after 18 days, and a replay may begin later."""

from __future__ import annotations

import re
from typing import Final

from tallystick.blobs.kzg import check_blob
from tallystick.errors import DataMismatch
from tallystick.ports import Disk
from tallystick.ports.drafts import clear_drafts, put_whole
from tallystick.records.blob_chunks import BLOB_BYTES

NAME: Final = re.compile(r"[0-9a-f]{64}")


class Archive:
    """A folder of blobs. Only what its hash commits to is taken in, and given out."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        clear_drafts(disk)
        self._held = {name for name in disk.names() if NAME.fullmatch(name)}

    def __contains__(self, versioned_hash: bytes) -> bool:
        return versioned_hash.hex() in self._held

    def __len__(self) -> int:
        return len(self._held)

    def put(self, versioned_hash: bytes, blob: bytes) -> None:
        """Keep a blob, whole or not at all, whenever the power goes.

        Raises: DataMismatch when it is another one; OSError when the disk will not have it.
        """
        check_blob(blob, versioned_hash)
        if versioned_hash in self:
            return
        name = versioned_hash.hex()
        put_whole(self._disk, name, blob)
        self._held.add(name)

    def blob(self, versioned_hash: bytes) -> bytes | None:
        """Return a blob, None when it is not here; one that is damaged is dropped, and may be put in again.

        Raises: OSError when the disk does not give it.
        """
        if versioned_hash not in self:
            return None
        name = versioned_hash.hex()
        file = self._disk.open(name)
        try:
            found = file.read(0, BLOB_BYTES)
        finally:
            file.close()
        try:
            check_blob(found, versioned_hash)
        except DataMismatch:
            self._held.discard(name)
            self._disk.remove(name)
            return None
        return found
