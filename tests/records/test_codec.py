"""The codec: every kind there and back, every byte string one defined result."""

from __future__ import annotations

import pytest
import rlp
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import BadInput
from tallystick.records.codec import BY_NAME, Record, decode, encode
from tallystick.schema.names import Outcome
from tallystick.schema.record_kinds import RECORDS, SIGNATURE_BYTES
from tallystick.schema.record_model import Authority, RecordKind

settings.register_profile("codec", max_examples=150, deadline=None, derandomize=False)
CODEC = settings.get_profile("codec")
SIGNED = [kind for kind in RECORDS if kind.authority is not Authority.NOBODY]
NAMES = [kind.name for kind in RECORDS]


def records_of(kind: RecordKind) -> st.SearchStrategy[Record]:
    """Return a strategy of a kind's records, with its limits as likely as anything between."""
    values = st.tuples(
        *(st.one_of(st.just(0), st.just(field.limit), st.integers(0, field.limit)) for field in kind.fields)
    )
    size = 0 if kind.authority is Authority.NOBODY else SIGNATURE_BYTES
    signature = st.binary(min_size=size, max_size=size)
    blobs = st.tuples(*(st.binary(max_size=60) for _ in kind.blobs))
    return st.builds(lambda v, s, b: Record(kind=kind, values=v, signature=s, blobs=b), values, signature, blobs)


ANY_RECORD = st.sampled_from(RECORDS).flatmap(records_of)


def zeros(name: str) -> Record:
    kind = BY_NAME[name]
    size = 0 if kind.authority is Authority.NOBODY else SIGNATURE_BYTES
    return Record(kind=kind, values=(0,) * len(kind.fields), signature=bytes(size), blobs=(b"",) * len(kind.blobs))


def raw(number: int, items: list[bytes]) -> bytes:
    encoded: bytes = rlp.encode(items)
    return bytes([number]) + encoded


def items_of(record: Record) -> list[bytes]:
    return list(rlp.decode(encode(record)[1:]))


@CODEC
@given(ANY_RECORD)
def test_every_record_decodes_to_what_was_encoded(record: Record) -> None:
    assert decode(encode(record)) == record


@pytest.mark.parametrize("name", NAMES)
def test_zeros_and_limits_of_every_field_survive_the_round_trip(name: str) -> None:
    kind = BY_NAME[name]
    signature = zeros(name).signature
    for values in ((0,) * len(kind.fields), tuple(field.limit for field in kind.fields)):
        for full in (0, 1):
            blobs = tuple(bytes([full]) * (full * blob.limit) for blob in kind.blobs)
            record = Record(kind=kind, values=values, signature=signature, blobs=blobs)
            assert decode(encode(record)) == record


def reference(data: bytes) -> Record | Outcome:
    """Decode with the rlp library: what is canonical is its word, not ours."""
    kind = next((kind for kind in RECORDS if data[:1] == bytes([kind.number])), None)
    if kind is None:
        return Outcome.UNKNOWN_RECORD
    try:
        items = rlp.decode(data[1:], strict=True)
    except rlp.exceptions.RLPException:
        return Outcome.MALFORMED
    if isinstance(items, bytes) or any(not isinstance(item, bytes) for item in items):
        return Outcome.MALFORMED
    signed = kind.authority is not Authority.NOBODY
    if len(items) != len(kind.fields) + len(kind.blobs) + signed or (signed and len(items[-1]) != SIGNATURE_BYTES):
        return Outcome.MALFORMED
    values = []
    for field, item in zip(kind.fields, items, strict=False):
        if (field.address and len(item) != 20) or (not field.address and item.startswith(b"\0")):
            return Outcome.MALFORMED
        if not field.address and int.from_bytes(item, "big") > field.limit:
            return Outcome.OUT_OF_RANGE
        values.append(int.from_bytes(item, "big"))
    blobs = tuple(items[len(values) : len(values) + len(kind.blobs)])
    if any(len(data) > blob.limit for blob, data in zip(kind.blobs, blobs, strict=True)):
        return Outcome.OUT_OF_RANGE
    return Record(kind=kind, values=tuple(values), signature=items[-1] if signed else b"", blobs=blobs)


@CODEC
@given(st.integers(0, 9), st.binary(max_size=200))
def test_any_bytes_decode_to_what_strict_rlp_says(number: int, tail: bytes) -> None:
    """I11."""
    data = bytes([number]) + tail
    assert decode(data) == reference(data)


@CODEC
@given(st.binary(max_size=300))
def test_no_bytes_make_the_decoder_raise(data: bytes) -> None:
    """I11."""
    assert isinstance(decode(data), (Record, Outcome))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(encode(draw(ANY_RECORD)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        change = draw(st.sampled_from(("flip", "insert", "drop", "cut")))
        if change == "flip" and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif change == "insert":
            data.insert(at, draw(st.sampled_from((0x00, 0x7F, 0x80, 0x81, 0xB8, 0xC0, 0xF8, 0xFF))))
        elif change == "drop" and data:
            del data[at]
        else:
            del data[at:]
    return bytes(data)


@CODEC
@given(mutated())
def test_a_damaged_record_decodes_to_what_strict_rlp_says(data: bytes) -> None:
    """I11."""
    assert decode(data) == reference(data)


@CODEC
@given(mutated())
def test_whatever_decodes_encodes_to_the_same_bytes(data: bytes) -> None:
    record = decode(data)
    if isinstance(record, Record):
        assert encode(record) == data


NESTED = bytes([1]) + b"\xc1" * 3000 + b"\xc0"
CLOCK_ONE = b"\x01"


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        pytest.param(b"", Outcome.UNKNOWN_RECORD, id="nothing"),
        pytest.param(b"\x00\xc0", Outcome.UNKNOWN_RECORD, id="kind 0"),
        pytest.param(b"\x02\xc1\x01", Outcome.UNKNOWN_RECORD, id="a kind that has gone"),
        pytest.param(bytes([RECORDS[-1].number + 1]) + b"\xc0", Outcome.UNKNOWN_RECORD, id="next kind"),
        pytest.param(b"\xff", Outcome.UNKNOWN_RECORD, id="last kind"),
        pytest.param(CLOCK_ONE, Outcome.MALFORMED, id="kind alone"),
        pytest.param(b"\x01\x05", Outcome.MALFORMED, id="a byte for a list"),
        pytest.param(b"\x01\x81\x80", Outcome.MALFORMED, id="a string for a list"),
        pytest.param(b"\x01\xc0", Outcome.MALFORMED, id="too few items"),
        pytest.param(b"\x01\xc2\x01\x01", Outcome.MALFORMED, id="too many items"),
        pytest.param(b"\x01\xc1\x01\x00", Outcome.MALFORMED, id="trailing byte"),
        pytest.param(b"\x01\xc2\x01", Outcome.MALFORMED, id="cut short"),
        pytest.param(b"\x01\xc1\xc0", Outcome.MALFORMED, id="a list for a number"),
        pytest.param(b"\x01\xc1\x00", Outcome.MALFORMED, id="zero as a byte"),
        pytest.param(b"\x01\xc2\x81\x05", Outcome.MALFORMED, id="small byte with a prefix"),
        pytest.param(b"\x01\xc3\x82\x00\x80", Outcome.MALFORMED, id="leading zero"),
        pytest.param(b"\x01\xf8\x01\x01", Outcome.MALFORMED, id="long form of a short list"),
        pytest.param(b"\x01\xf9\x00\x01\x01", Outcome.MALFORMED, id="length with leading zero"),
        pytest.param(b"\x01\xfa\x01\x00\x00", Outcome.MALFORMED, id="length of three bytes"),
        pytest.param(b"\x01\xff" + b"\xff" * 8, Outcome.MALFORMED, id="length of eight bytes"),
        pytest.param(NESTED, Outcome.MALFORMED, id="three thousand lists in each other"),
        pytest.param(b"\x01\xc9\x88\x40" + bytes(7), Outcome.OUT_OF_RANGE, id="2^62"),
        pytest.param(b"\x01\xca\x89\x01" + bytes(8), Outcome.OUT_OF_RANGE, id="nine bytes"),
    ],
)
def test_each_way_to_be_malformed_has_its_outcome(data: bytes, outcome: Outcome) -> None:
    assert decode(data) is outcome


@pytest.mark.parametrize("kind", SIGNED, ids=lambda kind: kind.name)
@pytest.mark.parametrize("size", [0, 63, 65])
def test_a_signature_of_another_length_is_malformed(kind: RecordKind, size: int) -> None:
    items = items_of(zeros(kind.name))
    items[-1] = bytes([7]) * size
    assert decode(raw(kind.number, items)) is Outcome.MALFORMED


@pytest.mark.parametrize("size", [0, 19, 21])
def test_an_address_of_another_length_is_malformed(size: int) -> None:
    items = items_of(zeros("withdraw"))
    items[3] = bytes([7]) * size
    assert decode(raw(BY_NAME["withdraw"].number, items)) is Outcome.MALFORMED


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.name)
def test_one_more_than_a_fields_limit_is_out_of_range(kind: RecordKind) -> None:
    for at, field in enumerate(kind.fields):
        if field.address:
            continue
        items = items_of(zeros(kind.name))
        items[at] = rlp.sedes.big_endian_int.serialize(field.limit + 1)
        assert decode(raw(kind.number, items)) is Outcome.OUT_OF_RANGE


def test_the_first_bad_field_decides_the_outcome() -> None:
    items = items_of(zeros("order"))
    items[3], items[4] = b"\x01\x00\x00", b"\x00"
    assert decode(raw(BY_NAME["order"].number, items)) is Outcome.OUT_OF_RANGE
    items[3], items[4] = b"\x00", b"\x02"
    assert decode(raw(BY_NAME["order"].number, items)) is Outcome.MALFORMED


def test_the_encoder_refuses_a_value_out_of_range() -> None:
    kind = BY_NAME["clock"]
    for value in (-1, kind.fields[0].limit + 1):
        with pytest.raises(BadInput, match=r"clock\.clock_ms"):
            encode(Record(kind=kind, values=(value,)))


def test_the_encoder_refuses_a_signature_of_another_length() -> None:
    with pytest.raises(BadInput, match="64 bytes"):
        encode(Record(kind=BY_NAME["cancel"], values=(0,) * 5, signature=bytes(65)))


def test_a_field_is_read_by_its_name() -> None:
    record = Record(kind=BY_NAME["cancel"], values=(1, 2, 3, 4, 5), signature=bytes(64))
    assert (record.value("account"), record.value("slot")) == (1, 5)
