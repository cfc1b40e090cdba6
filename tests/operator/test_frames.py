"""What a gateway sends on is the same on the short way and on the long one, and so is what it refuses."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tallystick.records.codec import Record, encode
from tallystick.records.signing import ORDER, recover_signer, sign
from tallystick.schema.record_kinds import RECORDS, SIGNATURE_BYTES
from tallystick.schema.record_model import Authority, RecordKind
from tallystick.testing.world import address, key
from tallystick_operator.gateway.parcels import PLAIN, Frame, checked_frame, framed, unframed
from tallystick_operator.intake.door import Refused, check_bytes

DOMAIN = bytes(range(32))
Told = Frame | tuple[int, str, str, str]


def short_way(data: bytes) -> Told:
    try:
        return checked_frame(data, DOMAIN)[0]
    except Refused as refused:
        return refused.status, refused.code, refused.message, refused.field


def long_way(data: bytes) -> Told:
    try:
        return framed(check_bytes(data, DOMAIN))
    except Refused as refused:
        return refused.status, refused.code, refused.message, refused.field


def some_record(kind: RecordKind, chance: random.Random) -> Record:
    """Return a signed record of a kind, with its limits as likely as anything between."""
    values = tuple(chance.choice((0, field.limit, chance.randrange(field.limit + 1))) for field in kind.fields)
    blobs = tuple(chance.randbytes(chance.randrange(min(blob.limit, 60) + 1)) for blob in kind.blobs)
    record = Record(kind=kind, values=values, blobs=blobs)
    return record if kind.authority is Authority.NOBODY else sign(record, DOMAIN, key("somebody"))


def bent(record: Record, chance: random.Random) -> bytes:
    """Return a record's bytes with something changed in them: of the signature, or of any place, or their number."""
    data, what = bytearray(encode(record)), chance.randrange(5)
    if what == 0 and record.signature:
        packed = int.from_bytes(record.signature[32:], "big")
        high = (ORDER - (packed & (1 << 255) - 1)) | (packed ^ 1 << 255) & 1 << 255
        return encode(replace(record, signature=record.signature[:32] + high.to_bytes(32, "big")))
    if what == 1 and record.signature:
        return encode(replace(record, signature=chance.randbytes(SIGNATURE_BYTES)))
    if what == 2:
        return bytes(data[: chance.randrange(len(data))])
    if what == 3:
        return bytes(data) + bytes(chance.randrange(1, 3))
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.name)
def test_both_ways_lead_to_the_same_frame_or_the_same_refusal(kind: RecordKind) -> None:
    chance = random.Random(kind.number)
    for _ in range(40):
        record = some_record(kind, chance)
        for data in (encode(record), bent(record, chance)):
            assert short_way(data) == long_way(data)


@pytest.mark.parametrize("number", sorted(PLAIN))
def test_what_comes_of_a_frame_is_the_record_and_who_signed_it(number: int) -> None:
    chance = random.Random(number)
    kind = next(kind for kind in RECORDS if kind.number == number)
    for _ in range(20):
        record = some_record(kind, chance)
        checked = unframed(checked_frame(encode(record), DOMAIN)[0])
        assert checked.record == record and checked.data == encode(record)
        assert checked.signer == recover_signer(record, DOMAIN) == address("somebody")


@pytest.mark.parametrize("data", [b"", b"\x03", b"\x03\xc0", bytes(64)])
def test_bytes_that_are_no_record_are_refused_alike(data: bytes) -> None:
    assert short_way(data) == long_way(data)
