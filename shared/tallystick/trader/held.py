"""What a trader holds an operator to: the receipts in its answers, checked, and kept in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tallystick.errors import BadEncoding, BadInput, DataMismatch
from tallystick.records.codec import Record
from tallystick.records.group_receipts import (
    HORIZON_SECONDS,
    GroupReceipt,
    check_group_receipt,
    check_promise_of,
    unpack_receipt,
)
from tallystick.records.receipts import check_receipt, check_record_of
from tallystick.shapes.submitting import Answer

FILLED_IN: Final = ("cancel", "bulk")
"""Kinds of which the operator fills something in: which slot an order is in."""


def check_answer(record: Record, answer: Answer, domain: bytes, signer: bytes) -> GroupReceipt | None:
    """Check that an answer's receipt is the operator's, and of this record where nothing was filled in.

    Returns the promise, which a record that an account signs must have; None for any other, whose signature no bond
    answers for. Raises: DataMismatch.
    """
    try:
        promise = answer.group_receipt
    except (ValueError, BadEncoding) as error:
        raise DataMismatch("the operator's promise is no receipt", record=answer.record_number) from error
    pairs = record.kind.name == "conditional" and record.value("pair") != 0
    whole = not pairs and record.kind.name not in FILLED_IN
    if not record.kind.promised:
        check_receipt(answer.receipt, domain, signer)
        check_record_of(answer.receipt, record)
        return None
    if promise is None:
        raise DataMismatch("the operator promises nothing", record=answer.record_number)
    check_group_receipt(promise, domain, signer)
    if promise.post_by > answer.clock_ms // 1000 + HORIZON_SECONDS and not answer.repeated:
        raise DataMismatch("the promise reaches further than the bond answers for", post_by=promise.post_by)
    if whole:
        check_promise_of(promise, record)
    return promise


def check_and_keep(record: Record, answer: Answer, domain: bytes, signer: bytes, path: Path | None) -> None:
    """Check an answer, and keep what it promises where there is a file for it. Raises: DataMismatch, BadInput."""
    promise = check_answer(record, answer, domain, signer)
    if promise is not None and path is not None:
        keep(path, [promise])


def keep(path: Path, receipts: Sequence[GroupReceipt]) -> None:
    """Append receipts to a file, a line of hexadecimal digits each. Raises: BadInput when it cannot be written."""
    try:
        with path.open("a", encoding="ascii") as file:
            file.writelines("0x" + receipt.pack().hex() + "\n" for receipt in receipts)
    except OSError as error:
        raise BadInput("the receipts cannot be kept there", path=str(path), reason=error.strerror) from error


def kept(path: Path) -> list[GroupReceipt]:
    """Return the receipts of a file, each once.

    Raises: BadInput when it cannot be read, BadEncoding with the line that is none.
    """
    try:
        lines = path.read_text(encoding="ascii").split()
    except (OSError, UnicodeError) as error:
        raise BadInput("the receipts cannot be read", path=str(path)) from error
    found: dict[bytes, GroupReceipt] = {}
    for number, line in enumerate(lines, 1):
        try:
            data = bytes.fromhex(line.removeprefix("0x"))
            found.setdefault(data, unpack_receipt(data))
        except (ValueError, BadEncoding) as error:
            raise BadEncoding("a line is no receipt", path=str(path), line=number) from error
    return list(found.values())
