"""The door: what is refused before it is sequenced, so that rubbish costs nobody anything.

A refusal is no record and uses no nonce. What passes may still be rejected by the machine; that rejection is a record
like any other. The form and the signature are checked by whichever thread received the submission, the rest by the
sequencer, against the state the record would meet.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec

from tallystick.machine.by_record import Known
from tallystick.machine.foresight import foresee, foresee_admission
from tallystick.records.chunks import MAX_RECORD_BYTES, padded
from tallystick.records.codec import BY_NAME, Record, decode, encode
from tallystick.records.items import ITEM_PLACE, item_heads
from tallystick.records.signing import digest, recover
from tallystick.schema.names import Outcome
from tallystick.schema.outcomes import ROWS
from tallystick.schema.record_kinds import RECORDS, SIGNATURE_BYTES
from tallystick.schema.record_model import Authority, RecordField
from tallystick.shapes.submitting import Refusal, Submission
from tallystick.state.hashing import keccak
from tallystick.state.layout import ITEM_SLOT_BYTES, MIN_FRAME_BYTES
from tallystick.state.ordinals import AccountId
from tallystick.state.state import State
from tallystick_operator.sequencer.readmodel import ReadModel

OPERATORS_OWN: Final = frozenset(kind.name for kind in RECORDS if kind.operators_own)
"""Kinds that the operator alone writes."""


RECORDED: Final = frozenset(
    {
        Outcome.ACCEPTED,
        Outcome.BANKRUPT,
        Outcome.BOOK_FIRST,
        Outcome.INSURANCE_FIRST,
        Outcome.INSURANCE_LIMIT,
        Outcome.MARGIN,
        Outcome.NOT_ELIGIBLE,
        Outcome.NO_POSITION_SLOT,
        Outcome.OPEN_INTEREST,
        Outcome.OUTRANKED,
        Outcome.POSITION_LIMIT,
    }
)
"""What a record ends with that is tried at the door, and sequenced all the same.

These hang on margins, on the book and on what others hold: on money, and so the answer is one that anybody can check on L1.
"""


class Refused(Exception):
    """An answer to somebody who must change something before asking again, or wait for `retry_after_ms`."""

    def __init__(self, status: int, code: str, message: str, field: str = "", *, retry_after_ms: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.retry_after_ms = retry_after_ms

    @property
    def shape(self) -> Refusal:
        """What is answered."""
        return Refusal(error=self.code, message=self.message, field=self.field, retry_after_ms=self.retry_after_ms)


class Checked(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A record whose form and signature are right.

    Shape: `data` are its bytes, `hashed` their hash as a frame carries them; `key` tells submissions apart: the hash of
    the bytes without what the operator fills in. `signer` has been recovered from `data`, empty where nobody signs.
    """

    record: Record
    data: bytes
    key: bytes
    signer: bytes
    hashed: bytes

    @property
    def known(self) -> Known:
        """What the live machine need not find out of the bytes again."""
        return Known(self.record, self.signer or None, self.hashed)

    def filled(self, record: Record) -> Checked:
        """Return the same submission with what the operator has filled in; nobody signs that."""
        data = encode(record)
        return Checked(record=record, data=data, key=self.key, signer=self.signer, hashed=keccak(padded(data)))


def refuse(outcome: Outcome, field: str = "") -> Refused:
    """Return the refusal that corresponds to what the machine would answer."""
    row = ROWS[outcome]
    return Refused(row.status, outcome.name.lower(), row.text, field or row.field)


def to_record(submission: Submission, *, signed: bool = True) -> Record:
    """Return the record a submission describes.

    Raises: Refused, naming the field.
    """
    if submission.raw:
        return from_bytes(_raw(submission))
    return _not_operators(_from_fields(submission, signed))


def check_submission(submission: Submission, domain: bytes) -> Checked:
    """Return a submission's record, with who signed it. Raises: Refused, naming the field."""
    if submission.raw:
        return check_bytes(_raw(submission), domain)
    return check_signature(to_record(submission), domain)


def _raw(submission: Submission) -> bytes:
    if submission.kind or submission.fields or submission.signature:
        raise Refused(400, "malformed", "give either raw bytes or kind, fields and signature", "raw")
    return _hex(submission.raw, "raw", most=MAX_RECORD_BYTES)


def _not_operators(record: Record) -> Record:
    if record.kind.name in OPERATORS_OWN:
        raise Refused(403, "operator_only", f"{record.kind.name} records are the operator's own", "kind")
    return record


def unsigned(record: Record, data: bytes = b"") -> Checked:
    """Return a record that nobody needs to sign as one that has come in."""
    return _checked(record, data or encode(record), b"")


def check_signature(record: Record, domain: bytes, data: bytes = b"") -> Checked:
    """Find the signer, if the kind needs one. Shape: `data` are the record's bytes, if they have come as such.

    Raises: Refused when it does and there is none, or when no chunk could hold the record.
    """
    if record.kind.authority is Authority.NOBODY:
        return unsigned(record, data)
    _check_size(record, data)
    signer = recover(digest(record, domain), record.signature)
    if signer is None:
        raise refuse(Outcome.BAD_SIGNATURE)
    return _checked(record, data or encode(record), signer)


def check_bytes(data: bytes, domain: bytes) -> Checked:
    """Decode a record that has come as bytes, and find its signer. Raises: Refused."""
    return check_signature(from_bytes(data), domain, data)


def from_bytes(data: bytes) -> Record:
    """Return the record that bytes are. Raises: Refused when they are none, or one that only the operator writes."""
    record = decode(data)
    if isinstance(record, Outcome):
        raise refuse(record, "raw")
    return _not_operators(record)


def submission_key(record: Record) -> bytes:
    """Return the hash by which a record sent again is known."""
    return keccak(encode(with_slot(record, 0)))


def _checked(record: Record, data: bytes, signer: bytes) -> Checked:
    hashed = keccak(padded(data))
    # Most records have nothing that the operator fills in, and are long enough for a frame: one hash serves for both.
    plain = len(data) >= MIN_FRAME_BYTES and not is_filled(record)
    key = hashed if plain else submission_key(record)
    return Checked(record=record, data=data, key=key, signer=signer, hashed=hashed)


def is_filled(record: Record) -> bool:
    """Whether a record has something in the place of what the operator fills in."""
    if record.kind.name == "bulk":
        return record.blobs[1] != b""
    return record.kind.name in POINTING and record.values[-1] != 0


POINTING: Final = {"cancel": "client_id", "conditional": "pair"}
"""Kinds of record that point at a resting order, and the field with its client id; the last field is its slot."""


def with_slot(record: Record, slot: int) -> Record:
    """Return a cancel, or an order with a pair, with the slot of the other order, a bulk without any; else as it is."""
    if record.kind.name == "bulk":
        return replace(record, blobs=(record.blobs[0], b""))
    return replace(record, values=(*record.values[:-1], slot)) if record.kind.name in POINTING else record


def check_state(state: State, read_model: ReadModel, checked: Checked) -> Checked:
    """Ask the machine about a record as the state is that it would meet, and find a cancel's slot.

    What is rejected for nothing, a record that nobody signs or one that spares its nonces, is tried. Raises: Refused.
    """
    record = checked.record
    outcome = foresee_admission(state, record, checked.signer or None)
    if outcome != Outcome.ACCEPTED:
        raise refuse(outcome)
    if record.kind.authority is Authority.NOBODY or record.kind.spares_nonce:
        outcome = foresee(state, record)
        if outcome not in RECORDED:
            raise refuse(outcome, ROWS[outcome].accepted_field if record.kind.acceptance else "")
        return checked
    return _with_slots(read_model, checked)


def _check_size(record: Record, data: bytes) -> None:
    """Raises: Refused when a record would be too long with the slots that the operator fills in; only a bulk may be.

    Shape: `data` are its bytes, empty where they have not come.
    """
    if record.kind.name != "bulk":
        return
    slots = bytes(ITEM_SLOT_BYTES * sum(what != ITEM_PLACE for what, _ in item_heads(record.blobs[0])))
    most = record.kind.blobs[1].limit
    if data and record.blobs[1] == slots and len(data) <= MAX_RECORD_BYTES:
        return
    if len(slots) > most:
        message = f"a bulk cancels and replaces at most {most // ITEM_SLOT_BYTES} orders"
    elif len(encode(replace(record, blobs=(record.blobs[0], slots)))) > MAX_RECORD_BYTES:
        message = f"with {ITEM_SLOT_BYTES} bytes for each cancel and replace it is longer than {MAX_RECORD_BYTES} bytes"
    else:
        return
    raise Refused(413, "too_long", message, "items")


def _with_slots(read_model: ReadModel, checked: Checked) -> Checked:
    """Return a record with the slots of the resting orders it names by their client ids. Raises: Refused."""
    record = checked.record
    if record.kind.name == "bulk":
        filled = _fill_in_slots(read_model, AccountId(record.value("account")), record)
        return checked if filled.blobs == record.blobs else checked.filled(filled)
    field = POINTING.get(record.kind.name)
    if field is None or (field == "pair" and record.value(field) == 0):
        return checked
    resting = read_model.slot_of(AccountId(record.value("account")), record.value(field))
    if resting is None:
        raise refuse(Outcome.NO_SUCH_ORDER, field)
    return checked.filled(with_slot(record, resting))


def _fill_in_slots(read_model: ReadModel, account: AccountId, record: Record) -> Record:
    """Return a bulk with the slots of the orders it cancels and replaces: the oldest with each client id, then the next.

    A slot is 0, where no order is, when nothing rests under the client id before the bulk runs.
    """
    found: dict[int, list[int]] = {}
    slots = b""
    for what, client_id in item_heads(record.blobs[0]):
        if what != ITEM_PLACE:
            left = found.setdefault(client_id, read_model.slots_with(account, client_id))
            slots += (left.pop(0) if left else 0).to_bytes(ITEM_SLOT_BYTES, "big")
    return replace(record, blobs=(record.blobs[0], slots))


def _from_fields(submission: Submission, signed: bool) -> Record:
    kind = BY_NAME.get(submission.kind)
    if kind is None:
        names = ", ".join(name for name in BY_NAME if name not in OPERATORS_OWN)
        raise Refused(400, "unknown_record", f"the kinds are {names}", "kind")
    known = [*(field.name for field in kind.fields), *(blob.name for blob in kind.blobs)]
    unknown = set(submission.fields) - set(known)
    if unknown:
        raise Refused(400, "malformed", f"{kind.name} has no such field; it has {', '.join(known)}", min(unknown))
    values = tuple(_number(field, submission.fields.get(field.name, 0)) for field in kind.fields)
    blobs = tuple(_hex(str(submission.fields.get(each.name, "")), each.name, most=each.limit) for each in kind.blobs)
    if kind.authority is Authority.NOBODY:
        return Record(kind=kind, values=values, blobs=blobs)
    signature = _hex(submission.signature, "signature", most=SIGNATURE_BYTES) if signed else bytes(SIGNATURE_BYTES)
    if len(signature) != SIGNATURE_BYTES:
        raise Refused(400, "malformed", f"a signature has {SIGNATURE_BYTES} bytes (EIP-2098)", "signature")
    return Record(kind=kind, values=values, signature=signature, blobs=blobs)


def _number(field: RecordField, given: int | str) -> int:
    if field.address and isinstance(given, str):
        address = _hex(given, field.name, most=20)
        if len(address) != 20:
            raise Refused(400, "malformed", "an address has 20 bytes", field.name)
        return int.from_bytes(address, "big")
    if isinstance(given, str):
        if not given.isascii() or not given.isdigit() or len(given) > 20:
            raise Refused(400, "malformed", "not a decimal number", field.name)
        given = int(given)
    if not 0 <= given <= field.limit:
        raise Refused(400, "out_of_range", f"a number from 0 to {field.limit}", field.name)
    return given


def _hex(text: str, field: str, most: int) -> bytes:
    digits = text.removeprefix("0x")
    if len(digits) > 2 * most:
        raise Refused(400, "malformed", f"longer than {most} bytes", field)
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise Refused(400, "malformed", "not hexadecimal", field) from None
