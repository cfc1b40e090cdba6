"""Receipts: the operator's signed word that a record has a place in the sequence.

A receipt binds the deployment, the record's number and hash, and the accumulator over all records up to it. Two
receipts with one number and different accumulators, or one that a published chunk contradicts, prove that its signer
equivocated.
"""

from __future__ import annotations

from dataclasses import dataclass

import coincurve

from tallystick.errors import DataMismatch
from tallystick.records.chunks import padded
from tallystick.records.codec import Record, encode
from tallystick.records.signing import recover, signed_by
from tallystick.state.hashing import keccak


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A promised place.

    Shape: `number` counts from 0; `accumulator` is the head of the record chain after it; `signature` is EIP-2098.
    """

    number: int
    accumulator: bytes
    record_hash: bytes
    signature: bytes


def receipt_digest(domain: bytes, number: int, accumulator: bytes, record_hash: bytes) -> bytes:
    """Return what a receipt's signature signs: keccak(domain, number as 8 bytes, accumulator, record hash)."""
    return keccak(domain + number.to_bytes(8, "big") + accumulator + record_hash)


def sign_receipt(
    key: coincurve.PrivateKey, domain: bytes, number: int, accumulator: bytes, record_hash: bytes
) -> Receipt:
    """Return a signed receipt."""
    return Receipt(
        number=number,
        accumulator=accumulator,
        record_hash=record_hash,
        signature=signed_by(key, receipt_digest(domain, number, accumulator, record_hash)),
    )


def check_receipt(receipt: Receipt, domain: bytes, signer: bytes) -> None:
    """Check who signed a receipt.

    Raises: DataMismatch when it was not `signer`.
    """
    digest = receipt_digest(domain, receipt.number, receipt.accumulator, receipt.record_hash)
    actual = recover(digest, receipt.signature)
    if actual != signer:
        raise DataMismatch("the receipt is not signed by the operator's receipt key", signer=actual, expected=signer)


def check_record_of(receipt: Receipt, record: Record) -> None:
    """Check what a receipt is of, where nothing of the record was filled in.

    Raises: DataMismatch when it is of another one.
    """
    if receipt.record_hash != keccak(padded(encode(record))):
        raise DataMismatch("the receipt is of another record", receipt=receipt.record_hash)
