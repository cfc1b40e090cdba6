"""Frames of a log: each says how long it is, and carries a hash of all that stands before and in it.

Shape of a frame: its payload's length (4 bytes), a checksum of that and of the chain before it (4), the chain behind it
(16), the payload. So a frame fits behind one history alone, and whoever holds the chain of a place can say whether a log
leads through it.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from tallystick.ports import File

CHAIN_BYTES: Final = 16
_HEAD: Final = struct.Struct(f">II{CHAIN_BYTES}s")
HEAD_BYTES: Final = _HEAD.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in a log between two frames. Units: `at` in bytes of frames from the first one on.

    Shape: `chain` is a hash of all before it.
    """

    at: int
    chain: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What stands at a place of a file: a frame's payload and the place behind it, or why there is none.

    `ends_at` is where the frame would end in the file, when its length can be believed.
    """

    payload: bytes = b""
    behind: Place | None = None
    ends_at: int | None = None


def first_place(genesis_state_hash: bytes) -> Place:
    """Return where the log of a genesis begins."""
    return Place(at=0, chain=blake2b(genesis_state_hash, digest_size=CHAIN_BYTES).digest())


def framed(payload: bytes, before: Place) -> tuple[bytes, Place]:
    """Return a payload's frame behind a place, and the place behind it."""
    chain = blake2b(before.chain + payload, digest_size=CHAIN_BYTES).digest()
    head = _HEAD.pack(len(payload), _checksum(len(payload), before), chain)
    return head + payload, Place(at=before.at + HEAD_BYTES + len(payload), chain=chain)


def unframed(frame: bytes, before: Place) -> tuple[bytes, Place] | None:
    """Return the payload of a frame that stands alone and the place behind it, None when it does not follow a place."""
    payload = frame[HEAD_BYTES:]
    expected, behind = framed(payload, before)
    return (payload, behind) if payload and frame == expected else None


def chain_in(frame: bytes) -> bytes:
    """Return the chain behind a frame, as its head says."""
    return frame[HEAD_BYTES - CHAIN_BYTES : HEAD_BYTES]


def frame_in(file: File, offset: int, size: int, before: Place) -> Found:
    """Return the frame at an offset of a file of so many bytes, which must follow a place."""
    head = file.read(offset, HEAD_BYTES)
    if len(head) < HEAD_BYTES:
        return Found(ends_at=size + 1)
    length, checksum, chain = _HEAD.unpack(head)
    if checksum != _checksum(length, before) or not length:
        return Found()
    ends_at = offset + HEAD_BYTES + length
    if ends_at > size:
        return Found(ends_at=ends_at)
    payload = file.read(offset + HEAD_BYTES, length)
    if blake2b(before.chain + payload, digest_size=CHAIN_BYTES).digest() != chain:
        return Found(ends_at=ends_at)
    return Found(payload=payload, behind=Place(at=before.at + HEAD_BYTES + length, chain=chain), ends_at=ends_at)


def _checksum(length: int, before: Place) -> int:
    return zlib.crc32(length.to_bytes(4, "big") + before.chain)
