"""Encoding and strict, total decoding of records."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tallystick.errors import BadInput
from tallystick.schema.names import Outcome
from tallystick.schema.record_kinds import RECORDS, SIGNATURE_BYTES
from tallystick.schema.record_model import Authority, RecordField, RecordKind
from tallystick.state.layout import MIN_FRAME_BYTES

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


def unpadded(data: bytes) -> bytes:
    """Return a frame's record without the zeros that may fill up a frame of MIN_FRAME_BYTES, and no other, behind it."""
    header = _header(data, 1, 0xC0) if len(data) == MIN_FRAME_BYTES else None
    return data if header is None or any(data[header[1] :]) else data[: header[1]]


@lru_cache(maxsize=DECODED)
def decode(data: bytes) -> Record | Outcome:
    """Return the record in `data`, or the outcome that rejects it.

    Any bytes have one defined result. The record is the kind byte and one canonical flat RLP list, nothing after it.

    Rejects: UNKNOWN_RECORD, MALFORMED, OUT_OF_RANGE.
    """
    kind = KINDS.get(data[0]) if data else None
    if kind is None:
        return Outcome.UNKNOWN_RECORD
    items = _flat_list(data, 1)
    signed = kind.authority is not Authority.NOBODY
    if items is None or len(items) != len(kind.fields) + len(kind.blobs) + signed:
        return Outcome.MALFORMED
    if signed and len(items[-1]) != SIGNATURE_BYTES:
        return Outcome.MALFORMED
    values: list[int] = []
    for field, item in zip(kind.fields, items, strict=False):
        outcome, value = _value(item, field)
        if outcome != Outcome.ACCEPTED:
            return outcome
        values.append(value)
    blobs = tuple(items[len(kind.fields) : len(kind.fields) + len(kind.blobs)])
    if any(len(data) > blob.limit for blob, data in zip(kind.blobs, blobs, strict=True)):
        return Outcome.OUT_OF_RANGE
    return Record(kind=kind, values=tuple(values), signature=items[-1] if signed else b"", blobs=blobs)


def _value(item: bytes, field: RecordField) -> tuple[Outcome, int]:
    """Return the value of one field: a canonical number up to the field's limit, or exactly an address."""
    if field.address:
        if len(item) != 20:
            return Outcome.MALFORMED, 0
    elif item[:1] == b"\0":
        return Outcome.MALFORMED, 0
    elif len(item) > 8:
        return Outcome.OUT_OF_RANGE, 0
    value = int.from_bytes(item, "big")
    return (Outcome.ACCEPTED, value) if value <= field.limit else (Outcome.OUT_OF_RANGE, 0)


def _flat_list(data: bytes, at: int) -> list[bytes] | None:
    """Return the strings of the canonical RLP list that fills `data` from `at`, or None.

    Our own: this one must be total on hostile bytes (the rlp library recurses into nested lists) and refuse exactly what
    the contract refuses.
    """
    header = _header(data, at, 0xC0)
    if header is None or header[1] != len(data):
        return None
    at = header[0]
    items: list[bytes] = []
    while at < len(data):
        first = data[at]
        if first < 0x80:
            items.append(data[at : at + 1])
            at += 1
            continue
        header = _header(data, at, 0x80)
        if header is None:
            return None
        start, end = header
        if end - start == 1 and data[start] < 0x80:
            return None
        items.append(data[start:end])
        at = end
    return items


def _header(data: bytes, at: int, base: int) -> tuple[int, int] | None:
    """Return (start, end) of the payload behind the prefix at `at`, or None when it is not canonical."""
    if at >= len(data) or not base <= data[at] < base + 64:
        return None
    length = data[at] - base
    start = at + 1
    if length > 55:
        size = length - 55
        if size > 2 or start + size > len(data) or data[start] == 0:
            return None
        length = int.from_bytes(data[start : start + size], "big")
        start += size
        if length < 56:
            return None
    if start + length > len(data):
        return None
    return start, start + length
