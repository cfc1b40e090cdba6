"""Files that are there whole or not at all, and that tell when they are damaged."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path
from typing import Final

from tallystick.errors import StateError

DIGEST_BYTES: Final = 32


def write_whole(path: Path, data: bytes, draft_ending: str = ".draft") -> None:
    """Put a file there whole or not at all, whenever the power goes. Processes that may meet name their drafts apart.

    Raises: OSError when the disk will not have it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + draft_ending)
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_sealed(path: Path, data: bytes) -> None:
    """Put a file there with its digest before it.

    Raises: OSError when the disk will not have it.
    """
    write_whole(path, _digest(data) + data, f".{os.getpid()}.draft")


def read_sealed(path: Path) -> bytes:
    """Return what was sealed.

    Raises: StateError when it is not there, or is anything else.
    """
    try:
        held = path.read_bytes()
    except OSError as error:
        raise StateError("the file cannot be read", path=str(path)) from error
    data = held[DIGEST_BYTES:]
    if held[:DIGEST_BYTES] != _digest(data):
        raise StateError("the file is damaged", path=str(path))
    return data


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=DIGEST_BYTES).digest()
