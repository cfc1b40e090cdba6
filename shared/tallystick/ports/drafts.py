"""Files of a disk that are there whole or not at all."""

from __future__ import annotations

from typing import Final

from tallystick.ports import Disk

ENDING: Final = ".draft"
"""Of what is not whole yet."""


def put_whole(disk: Disk, name: str, data: bytes) -> None:
    """Put a file there whole or not at all, whenever the power goes.

    Raises: OSError when the disk will not have it.
    """
    file = disk.open(name + ENDING)
    try:
        file.cut(0)
        file.write(0, data)
        file.sync()
    finally:
        file.close()
    disk.rename(name + ENDING, name)
    disk.sync()


def clear_drafts(disk: Disk) -> None:
    """Remove what a crash has left half written. Raises: OSError."""
    for name in disk.names():
        if name.endswith(ENDING):
            disk.remove(name)
