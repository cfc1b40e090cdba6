"""Receipts: what they bind, and that nothing else passes for one."""

from __future__ import annotations

from dataclasses import replace

import coincurve
import pytest

from tallystick.errors import DataMismatch
from tallystick.records.receipts import Receipt, check_receipt, receipt_digest, sign_receipt
from tallystick.state.hashing import keccak
from tallystick.testing.world import address, key

DOMAIN = keccak(b"domain")
SIGNER = address("receipts")


def receipt() -> Receipt:
    return sign_receipt(coincurve.PrivateKey(key("receipts")), DOMAIN, 7, keccak(b"accumulator"), keccak(b"record"))


def test_a_receipt_of_the_operator_is_accepted() -> None:
    check_receipt(receipt(), DOMAIN, SIGNER)


def test_the_digest_is_the_documented_hash() -> None:
    expected = keccak(DOMAIN + (7).to_bytes(8, "big") + keccak(b"accumulator") + keccak(b"record"))
    assert receipt_digest(DOMAIN, 7, keccak(b"accumulator"), keccak(b"record")) == expected


@pytest.mark.parametrize(
    "changed",
    [
        replace(receipt(), number=8),
        replace(receipt(), accumulator=keccak(b"other")),
        replace(receipt(), record_hash=keccak(b"other")),
        replace(receipt(), signature=bytes(64)),
        replace(receipt(), signature=receipt().signature[:-1] + bytes([receipt().signature[-1] ^ 1])),
    ],
)
def test_a_receipt_with_anything_changed_is_refused(changed: Receipt) -> None:
    with pytest.raises(DataMismatch):
        check_receipt(changed, DOMAIN, SIGNER)


def test_a_receipt_of_another_deployment_or_signer_is_refused() -> None:
    with pytest.raises(DataMismatch):
        check_receipt(receipt(), keccak(b"another"), SIGNER)
    with pytest.raises(DataMismatch):
        check_receipt(receipt(), DOMAIN, address("somebody"))
