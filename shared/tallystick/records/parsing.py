"""Records out of their bytes, and what their signatures sign: the part of the codec that every record goes through twice.

Compiled with the machine; interpreted it is the same source. It is total: any bytes have one defined result.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from tallystick.schema.names import Outcome
from tallystick.schema.record_kinds import RECORDS, SIGNATURE_BYTES
from tallystick.schema.record_model import Authority, RecordKind
from tallystick.state.hashing import keccak, keccak_256
from tallystick.state.layout import ITEM_BYTES, ITEM_CANCEL, ITEM_CANCEL_BYTES, ITEM_REPLACE, MIN_FRAME_BYTES

ADDRESS: Final = -1
"""In the place of a limit: the field is an address."""
ADDRESS_BYTES: Final = 20
NUMBER_BYTES: Final = 8
SHORT: Final = 55
"""Bytes of a payload whose length its prefix says by itself."""
STRING: Final = 0x80
LIST: Final = 0xC0
NONE: Final = 0
"""In the place of an end: there is no such payload. None ends in front of its prefix."""


class Layout:
    """What a kind's bytes are held against.

    Shape: `limits` in the order of its fields, ADDRESS for an address; `signed` are the places of the values that its
    struct has, `signed_blobs` those of its strings.
    """

    def __init__(self, kind: RecordKind) -> None:
        self.limits: list[int] = [ADDRESS if field.address else field.limit for field in kind.fields]
        self.blob_limits: list[int] = [blob.limit for blob in kind.blobs]
        self.is_signed: bool = kind.authority is not Authority.NOBODY
        self.items: i64 = len(kind.fields) + len(kind.blobs) + (1 if self.is_signed else 0)
        self.signed: list[int] = [place for place, field in enumerate(kind.fields) if field.signed]
        self.signed_blobs: list[int] = [place for place, blob in enumerate(kind.blobs) if blob.signed]
        self.type_hash: bytes = keccak(kind.encoded_type.encode()) if kind.primary else b""


LAYOUTS: Final[dict[int, Layout]] = {kind.number: Layout(kind) for kind in RECORDS}

Parts = tuple[tuple[int, ...], tuple[bytes, ...], bytes]
"""Values, strings and signature of a record."""


def unpadded(data: bytes) -> bytes:
    """Return a frame's record without the zeros that may fill up a frame of MIN_FRAME_BYTES, and no other, behind it."""
    if len(data) != MIN_FRAME_BYTES:
        return data
    _, end = _header(data, 1, LIST)
    return data if end == NONE or any(data[end:]) else data[:end]


def decode(data: bytes) -> Parts | Outcome:
    """Return the parts of the record in `data`, or the outcome that rejects it.

    The record is the kind byte and one canonical flat RLP list, nothing after it.

    Rejects: UNKNOWN_RECORD, MALFORMED, OUT_OF_RANGE.
    """
    layout = LAYOUTS.get(data[0]) if data else None
    if layout is None:
        return Outcome.UNKNOWN_RECORD
    spans = _flat_list(data, 1)
    if spans is None or len(spans) >> 1 != layout.items:
        return Outcome.MALFORMED
    signature = b""
    if layout.is_signed:
        signature = data[spans[-2] : spans[-1]]
        if len(signature) != SIGNATURE_BYTES:
            return Outcome.MALFORMED
    values: list[int] = []
    place: i64 = 0
    for limit in layout.limits:
        value = _value(data, spans[place], spans[place + 1], limit)
        if value < 0:
            return Outcome(-value)
        values.append(value)
        place += 2
    if not layout.blob_limits:
        return tuple(values), (), signature
    blobs: list[bytes] = []
    for limit in layout.blob_limits:
        blob = data[spans[place] : spans[place + 1]]
        if len(blob) > limit:
            return Outcome.OUT_OF_RANGE
        blobs.append(blob)
        place += 2
    return tuple(values), tuple(blobs), signature


def _value(data: bytes, start: i64, end: i64, limit: int) -> int:
    """Return the value of one field, a canonical number up to `limit` or exactly an address; less than 0, the outcome."""
    if limit == ADDRESS:
        return -Outcome.MALFORMED if end - start != ADDRESS_BYTES else int.from_bytes(data[start:end], "big")
    if start < end and data[start] == 0:
        return -Outcome.MALFORMED
    if end - start > NUMBER_BYTES or (end - start == NUMBER_BYTES and data[start] >= 0x80):
        return -Outcome.OUT_OF_RANGE  # no limit is that high
    value: i64 = 0
    while start < end:
        value = value << 8 | data[start]
        start += 1
    return value if value <= limit else -Outcome.OUT_OF_RANGE


def _flat_list(data: bytes, at: i64) -> list[int] | None:
    """Return where each string of the canonical RLP list begins and ends that fills `data` from `at`, None without one.

    Our own: this one must be total on hostile bytes (the rlp library recurses into nested lists) and refuse exactly what
    the contract refuses.
    """
    size: i64 = len(data)
    at, end = _header(data, at, LIST)
    if end == NONE or end != size:
        return None
    spans: list[int] = []
    while at < size:
        first: i64 = data[at]
        if first < STRING:
            spans.append(at)
            at += 1
            spans.append(at)
            continue
        start, end = _header(data, at, STRING)
        if end == NONE:
            return None
        if end - start == 1 and data[start] < STRING:
            return None
        spans.append(start)
        spans.append(end)
        at = end
    return spans


def _header(data: bytes, at: i64, base: i64) -> tuple[i64, i64]:
    """Return (start, end) of the payload behind the prefix at `at`; (NONE, NONE) when it is not canonical."""
    size: i64 = len(data)
    if at >= size:
        return NONE, NONE
    prefix: i64 = data[at]
    if prefix < base or prefix >= base + 64:
        return NONE, NONE
    length: i64 = prefix - base
    start: i64 = at + 1
    if length > SHORT:
        width = length - SHORT
        if width > 2 or start + width > size or data[start] == 0:
            return NONE, NONE
        length = data[start] if width == 1 else data[start] << 8 | data[start + 1]
        start += width
        if length <= SHORT:
            return NONE, NONE
    return (NONE, NONE) if start + length > size else (start, start + length)


def digest_of(kind: int, values: tuple[int, ...], blobs: tuple[bytes, ...], domain: bytes) -> bytes:
    """Return the 32 bytes that the signature of a record of a kind signs."""
    layout = LAYOUTS[kind]
    signed = [values[place] for place in layout.signed]
    return struct_digest(layout.type_hash, signed, [blobs[place] for place in layout.signed_blobs], domain)


def struct_digest(type_hash: bytes, values: list[int], blobs: list[bytes], domain: bytes) -> bytes:
    """Return the 32 bytes that a signature over an EIP-712 struct of numbers and strings signs."""
    parts = [type_hash]
    parts += [value.to_bytes(32, "big") for value in values]
    parts += [keccak_256(blob).digest() for blob in blobs]
    struct: bytes = keccak_256(b"".join(parts)).digest()
    found: bytes = keccak_256(b"\x19\x01" + domain + struct).digest()
    return found


def heads_of(data: bytes) -> tuple[tuple[int, int], ...]:
    """Return (what, client id) of the items in `data` up to the first that is no item."""
    found: list[tuple[int, int]] = []
    at: i64 = 0
    end: i64 = len(data)
    while at < end:
        what: i64 = data[at] & 3
        behind: i64 = at + (ITEM_CANCEL_BYTES if what == ITEM_CANCEL else ITEM_BYTES)
        if behind > end or what > ITEM_REPLACE:
            break
        found.append((what, int.from_bytes(data[behind - 8 : behind], "big")))
        at = behind
    return tuple(found)
