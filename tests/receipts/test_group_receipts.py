"""The form of a group's receipts: what they bind, their bytes, and that nothing else passes for one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import coincurve
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import BadEncoding, BadInput, DataMismatch
from tallystick.records.chunks import accumulate
from tallystick.records.group_receipts import (
    FIXED_BYTES,
    MOST_RECORDS,
    TAG,
    GroupReceipt,
    check_group_receipt,
    check_promise_of,
    leaf,
    paths,
    unpack_receipt,
)
from tallystick.records.signing import make, sign
from tallystick.state.hashing import keccak
from tallystick.testing.group_signing import sign_group
from tallystick.testing.world import address, key

DOMAIN = keccak(b"this deployment")
SECRET = coincurve.PrivateKey(key("receipts"))
SIGNER = address("receipts")
BEFORE = keccak(b"before")


def group(count: int, first: int = 7) -> list[GroupReceipt]:
    hashes = [keccak(bytes([index])) for index in range(count)]
    return sign_group(SECRET, DOMAIN, epoch=3, post_by=1_800_000_000, first=first, before=BEFORE, record_hashes=hashes)


@pytest.mark.parametrize("count", [*range(1, 18), 64, 65])
def test_every_receipt_of_a_group_is_borne_out_by_its_one_signature(count: int) -> None:
    receipts = group(count)
    assert len({receipt.signature for receipt in receipts}) == 1
    accumulator = BEFORE
    for index, receipt in enumerate(receipts):
        accumulator = accumulate(accumulator, receipt.record_hash)
        assert (receipt.number, receipt.accumulator) == (7 + index, accumulator)
        check_group_receipt(receipt, DOMAIN, SIGNER)
        assert unpack_receipt(receipt.pack()) == receipt


def test_a_receipt_has_the_bytes_that_are_documented() -> None:
    assert FIXED_BYTES == len(group(1)[0].pack()) == 194
    assert {len(receipt.pack()) for receipt in group(64)} == {386}
    receipt = group(2)[1]
    head = (
        bytes(7) + b"\x03" + bytes(7) + b"\x07" + b"\x00\x02" + (1_800_000_000).to_bytes(8, "big") + bytes(7) + b"\x08"
    )
    parts = (receipt.before, receipt.accumulator, receipt.record_hash, receipt.signature, *receipt.path)
    assert receipt.pack() == head + b"".join(parts)


def test_the_signature_is_over_the_documented_bytes() -> None:
    (receipt,) = group(1)
    numbers = (3).to_bytes(8, "big") + (7).to_bytes(8, "big") + b"\x00\x01" + (1_800_000_000).to_bytes(8, "big")
    root = keccak((7).to_bytes(8, "big") + receipt.accumulator + receipt.record_hash)
    digest = keccak(TAG + DOMAIN + numbers + BEFORE + root)
    signature = SECRET.sign_recoverable(digest, hasher=None)
    assert receipt.signature[:32] == signature[:32]


def test_the_last_node_of_an_odd_row_moves_up() -> None:
    a, b, c = (leaf(i, bytes(32), bytes(32)) for i in range(3))
    root, found = paths([a, b, c])
    assert root == keccak(keccak(a + b) + c)
    assert found == [b + c, a + c, keccak(a + b)]


CHANGES: list[dict[str, Any]] = [
    {"epoch": 4},
    {"first": 6},
    {"count": 4},
    {"post_by": 1_800_000_001},
    {"number": 8},
    {"before": keccak(b"other")},
    {"accumulator": keccak(b"other")},
    {"record_hash": keccak(b"other")},
    {"path": ()},
    {"path": (bytes(32), bytes(32))},
    {"signature": bytes(64)},
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_receipt_with_anything_changed_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DataMismatch):
        check_group_receipt(replace(group(3)[0], **change), DOMAIN, SIGNER)


def test_a_receipt_of_another_deployment_or_signer_or_record_is_refused() -> None:
    receipt = group(3)[0]
    with pytest.raises(DataMismatch):
        check_group_receipt(receipt, keccak(b"another"), SIGNER)
    with pytest.raises(DataMismatch):
        check_group_receipt(receipt, DOMAIN, address("somebody"))
    with pytest.raises(DataMismatch):
        check_promise_of(receipt, sign(make("cancel", account=1, nonce=1, client_id=1), DOMAIN, key("alice")))


def test_a_first_record_that_does_not_follow_its_group_is_refused() -> None:
    receipt = sign_group(SECRET, DOMAIN, epoch=0, post_by=1, first=0, before=bytes(32), record_hashes=[keccak(b"one")])[
        0
    ]
    check_group_receipt(receipt, DOMAIN, SIGNER)
    honest = sign_group(
        SECRET, DOMAIN, epoch=0, post_by=1, first=0, before=keccak(b"else"), record_hashes=[keccak(b"one")]
    )[0]
    with pytest.raises(DataMismatch):
        check_group_receipt(replace(honest, before=bytes(32)), DOMAIN, SIGNER)


@pytest.mark.parametrize("records", [0, MOST_RECORDS + 1])
def test_a_group_has_some_records_and_not_too_many(records: int) -> None:
    with pytest.raises(BadInput):
        sign_group(SECRET, DOMAIN, epoch=0, post_by=1, first=0, before=BEFORE, record_hashes=[BEFORE] * records)


@given(st.binary(max_size=FIXED_BYTES + 100))
def test_any_bytes_are_a_receipt_or_refused(data: bytes) -> None:
    try:
        receipt = unpack_receipt(data)
    except BadEncoding:
        return
    assert receipt.pack() == data


@given(st.integers(1, 70), st.data())
def test_a_flipped_bit_of_a_receipt_is_refused(count: int, data: st.DataObject) -> None:
    receipt = group(count)[data.draw(st.integers(0, count - 1))]
    packed = bytearray(receipt.pack())
    bit = data.draw(st.integers(0, 8 * len(packed) - 1))
    packed[bit // 8] ^= 1 << bit % 8
    try:
        changed = unpack_receipt(bytes(packed))
        check_group_receipt(changed, DOMAIN, SIGNER)
    except (BadEncoding, DataMismatch):
        return
    raise AssertionError(f"bit {bit} binds nobody")
