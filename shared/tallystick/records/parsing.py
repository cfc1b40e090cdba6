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
from tallystick.state.layout import ITEM_BYTES, ITEM_CANCEL, ITEM_CANCEL_BYTES, ITEM_REPLACE

ADDRESS: Final = -1
"""In the place of a limit: the field is an address."""
ADDRESS_BYTES: Final = 20
NUMBER_BYTES: Final = 8
SHORT: Final = 55
"""Bytes of a payload whose length its prefix says by itself."""
STRING: Final = 0x80
LIST: Final = 0xC0
NOTHING: Final = -1


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


def parse(data: bytes) -> Parts | Outcome:
    """Return the parts of the record in `data`, or the outcome that rejects it.

    Rejects: as `codec.decode`.
    """
    layout = LAYOUTS.get(data[0]) if data else None
    if layout is None:
        return Outcome.UNKNOWN_RECORD
    spans = _spans(data)
    if spans is None or len(spans) >> 1 != layout.items:
        return Outcome.MALFORMED
    count = len(spans) >> 1
    signature = b""
    if layout.is_signed:
        signature = data[spans[2 * count - 2] : spans[2 * count - 1]]
        if len(signature) != SIGNATURE_BYTES:
            return Outcome.MALFORMED
    values: list[int] = []
    place: i64 = 0
    for limit in layout.limits:
        start: i64 = spans[place]
        end: i64 = spans[place + 1]
        place += 2
        if limit == ADDRESS:
            if end - start != ADDRESS_BYTES:
                return Outcome.MALFORMED
            values.append(int.from_bytes(data[start:end], "big"))
            continue
        if start < end and data[start] == 0:
            return Outcome.MALFORMED
        if end - start > NUMBER_BYTES or (end - start == NUMBER_BYTES and data[start] >= 0x80):
            return Outcome.OUT_OF_RANGE  # no limit is that high
        value: i64 = 0
        while start < end:
            value = value << 8 | data[start]
            start += 1
        if value > limit:
            return Outcome.OUT_OF_RANGE
        values.append(value)
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


def digest_of(kind: int, values: tuple[int, ...], blobs: tuple[bytes, ...], domain: bytes) -> bytes:
    """Return the 32 bytes that the signature of a record of a kind signs."""
    layout = LAYOUTS[kind]
    parts = [layout.type_hash]
    parts += [values[place].to_bytes(32, "big") for place in layout.signed]
    parts += [keccak_256(blobs[place]).digest() for place in layout.signed_blobs]
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


def _spans(data: bytes) -> list[int] | None:
    """Return where each string of the canonical RLP list begins and ends that fills `data` from its second byte on, None
    where there is no such list.

    Our own: this one must be total on hostile bytes (the rlp library recurses into nested lists) and refuse exactly what
    the contract refuses.
    """
    size: i64 = len(data)
    at = payload_of(data, 1, LIST)
    spans: list[int] = []
    if at == NOTHING or at + length_of(data, 1, LIST) != size:
        return None
    while at < size:
        first: i64 = data[at]
        if first < STRING:
            spans.append(at)
            at += 1
            spans.append(at)
            continue
        start = payload_of(data, at, STRING)
        if start == NOTHING:
            return None
        end = start + length_of(data, at, STRING)
        if end - start == 1 and data[start] < STRING:
            return None
        spans.append(start)
        spans.append(end)
        at = end
    return spans


def payload_of(data: bytes, at: i64, base: i64) -> i64:
    """Return where the payload behind the prefix at `at` begins, NOTHING when that is not canonical or not all there."""
    size: i64 = len(data)
    if at >= size:
        return NOTHING
    first: i64 = data[at]
    if first < base or first >= base + 64:
        return NOTHING
    width: i64 = first - base - SHORT
    start: i64 = at + 1
    if width > 0:
        start += width
        if width > 2 or start > size or data[at + 1] == 0:
            return NOTHING
        if length_of(data, at, base) <= SHORT:
            return NOTHING
    return NOTHING if start + length_of(data, at, base) > size else start


def length_of(data: bytes, at: i64, base: i64) -> i64:
    """Return how many bytes the prefix at `at` announces. It has been found to be one."""
    length: i64 = data[at] - base
    if length <= SHORT:
        return length
    if length == SHORT + 1:
        return data[at + 1]
    return data[at + 1] << 8 | data[at + 2]
