"""Encoding and strict, total decoding of records."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tallystick.errors import BadInput
from tallystick.records import parsing
from tallystick.schema.names import Outcome
from tallystick.schema.record_kinds import RECORDS, SIGNATURE_BYTES
from tallystick.schema.record_model import Authority, RecordKind

KINDS: Final[dict[int, RecordKind]] = {kind.number: kind for kind in RECORDS}
PLACES: Final = {kind.number: {field.name: at for at, field in enumerate(kind.fields)} for kind in RECORDS}
"""Where the fields of each kind's records stand among their values, by name."""
DECODED: Final = 1_024
"""Records remembered: a step that reads more of its record than the registers hold decodes it again, a bulk for every item."""
BY_NAME: Final[dict[str, RecordKind]] = {kind.name: kind for kind in RECORDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A decoded record.

    Shape: `values` in the order of the kind's fields, addresses as integers, `blobs` in the order of
    the kind's; `signature` is empty when nobody signs.
    """

    kind: RecordKind
    values: tuple[int, ...]
    signature: bytes = b""
    blobs: tuple[bytes, ...] = ()

    def value(self, name: str) -> int:
        """Return a field by name."""
        return self.values[PLACES[self.kind.number][name]]


def encode(record: Record) -> bytes:
    """Return the bytes of a record.

    Raises: BadInput when a value is out of its field's range or the signature has the wrong length.
    """
    kind = record.kind
    items: list[bytes] = []
    for field, value in zip(kind.fields, record.values, strict=True):
        if not 0 <= value <= field.limit:
            raise BadInput(f"{kind.name}.{field.name} is {value}: give a number from 0 to {field.limit}")
        items.append(
            value.to_bytes(20, "big") if field.address else value.to_bytes((value.bit_length() + 7) // 8, "big")
        )
    for blob, data in zip(kind.blobs, record.blobs, strict=True):
        if len(data) > blob.limit:
            raise BadInput(f"{kind.name}.{blob.name} has {len(data)} bytes: give at most {blob.limit}")
        items.append(data)
    if kind.authority is not Authority.NOBODY:
        if len(record.signature) != SIGNATURE_BYTES:
            raise BadInput(f"{kind.name} needs a signature of {SIGNATURE_BYTES} bytes, not {len(record.signature)}")
        items.append(record.signature)
    payload = b"".join(map(_string, items))
    return bytes([kind.number]) + _prefix(0xC0, len(payload)) + payload


def _string(item: bytes) -> bytes:
    """Return a string as canonical RLP has it."""
    return item if len(item) == 1 and item[0] < 0x80 else _prefix(0x80, len(item)) + item


def _prefix(base: int, length: int) -> bytes:
    """Return what stands before a payload of so many bytes, a string's (0x80) or a list's (0xC0)."""
    if length <= 55:
        return bytes([base + length])
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([base + 55 + len(size)]) + size


@lru_cache(maxsize=DECODED)
def decode(data: bytes) -> Record | Outcome:
    """Return the record in `data`, or the outcome that rejects it.

    Any bytes have one defined result. Rejects: as `parsing.decode`.
    """
    parts = parsing.decode(data)
    if isinstance(parts, Outcome):
        return parts
    values, blobs, signature = parts
    return Record(kind=KINDS[data[0]], values=values, signature=signature, blobs=blobs)
