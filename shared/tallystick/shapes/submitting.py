"""Records on their way in, and what comes back of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tallystick.records.group_receipts import GroupReceipt, unpack_receipt
from tallystick.records.receipts import Receipt
from tallystick.state.ordinals import UnixMs


class Submission(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record: `raw` bytes in hex, or its kind, fields and signature.

    Numbers may be decimal strings, since some JSON readers lose digits above 2^53; addresses and strings of
    bytes are hex.
    """

    raw: str = ""
    kind: str = ""
    fields: dict[str, int | str] = {}
    signature: str = ""


class SubmissionList(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Several records, sequenced in this order: each as a Submission, or its raw bytes in hex alone."""

    records: list[Submission | str]


class Fill(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One fill of a record, against the account `maker`. Units: ticks, lots."""

    price_ticks: int
    lots: int
    maker: int


class ItemResult(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of one item of a bulk or one price of a report, as Answer tells it of a record. Units: lots."""

    outcome: str
    fills: list[Fill]
    slot: int | None = None
    resting_lots: int = 0


class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The acknowledgement of a record: its receipt, and what it did.

    A record that an account signs has a `promise`, the packed receipt of its group, and its place in the promised chain:
    `promised_number`, and `promised_before`, the chain in front of it. Any other has a `signature` over its place among
    all records, which no bond answers for.

    Shape: `outcome` is ACCEPTED or why the exchange rejected it, `slot` and `resting_lots` tell what went into the book,
    `withdrawal` is its number in the outbox; `items` tells the same of each item of a bulk, and of each price of a report; `repeated` when this very
    record was answered before. Units: lots, milliseconds.
    """

    record_number: int
    accumulator: str
    record_hash: str
    signature: str
    outcome: str
    clock_ms: UnixMs
    fills: list[Fill]
    promise: str = ""
    promised_number: int | None = None
    promised_before: str = ""
    slot: int | None = None
    resting_lots: int = 0
    withdrawal: int | None = None
    repeated: bool = False
    items: list[ItemResult] = []

    @property
    def accepted(self) -> bool:
        """Whether the exchange did what the record asked for."""
        return self.outcome == "ACCEPTED"

    @property
    def group_receipt(self) -> GroupReceipt | None:
        """The promise of the record's place, None for a record that has none.

        Raises: ValueError when that is no hexadecimal, BadEncoding when it is no receipt.
        """
        return unpack_receipt(bytes.fromhex(self.promise[2:])) if self.promise else None

    @property
    def receipt(self) -> Receipt:
        """The operator's signed word for the record's place. Raises: ValueError when that is no hexadecimal."""
        return Receipt(
            number=self.record_number,
            accumulator=bytes.fromhex(self.accumulator[2:]),
            record_hash=bytes.fromhex(self.record_hash[2:]),
            signature=bytes.fromhex(self.signature[2:]),
        )


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was refused: `error` is its code, `field` what was at fault, empty when it is not one alone.

    It is the whole body of every answer whose status is not 200. `retry_after_ms` is the time after which the same may be
    sent again, 0 when time alone mends nothing, or nobody knows how much.
    """

    error: str
    message: str
    field: str = ""
    retry_after_ms: int = 0


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """An answer or a refusal for each record of a list, in its order; `of` writes them and `each` reads them."""

    results: list[msgspec.Raw]

    @staticmethod
    def of(found: Sequence[Answer | Refusal]) -> Results:
        """Return the results that say this of each record."""
        return Results(results=[msgspec.Raw(msgspec.json.encode(one)) for one in found])

    def each(self) -> list[Answer | Refusal]:
        """Return what is said of each record. Raises: msgspec.ValidationError when it is neither."""
        return [_answer_or_refusal(one) for one in self.results]


class Signable(msgspec.Struct, frozen=True, kw_only=True):
    """What a wallet signs: an EIP-712 digest, and the typed data it is of."""

    digest: str
    typed_data: dict[str, Any]


class RecordDigest(msgspec.Struct, frozen=True, kw_only=True):
    """What a wallet signs for a record, and `acceptance`, what the wallet of its second signer does, if it has one."""

    digest: str
    typed_data: dict[str, Any]
    acceptance: Signable | None = None


def _answer_or_refusal(one: msgspec.Raw) -> Answer | Refusal:
    """Decode what has no tag: a refusal alone has an error."""
    try:
        return msgspec.json.decode(one, type=Refusal)
    except msgspec.ValidationError:
        return msgspec.json.decode(one, type=Answer)
