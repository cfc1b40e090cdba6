"""What a gateway's process and the sequencer's tell each other: batches of checked records, and what became of each.

Both are the operator's own processes on one machine. A message is its length (4 bytes) and MessagePack.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from tallystick.records import parsing
from tallystick.records.codec import BY_NAME, KINDS, Record, decode
from tallystick.records.parsing import digest_of
from tallystick.records.signing import recover
from tallystick.schema.names import Outcome
from tallystick.schema.record_kinds import RECORDS, SIGNATURE_BYTES
from tallystick.schema.record_model import Authority
from tallystick.shapes.order_entry import OK
from tallystick.shapes.submitting import Answer
from tallystick.state.hashing import keccak
from tallystick.state.layout import MIN_FRAME_BYTES
from tallystick_operator.intake.allowances import steps_of
from tallystick_operator.intake.door import OPERATORS_OWN, POINTING, Checked, Refused, check_bytes, refuse

LENGTH_BYTES: Final = 4
NUMBERS_ALONE: Final = frozenset(
    kind.number
    for kind in RECORDS
    if kind.authority is not Authority.NOBODY and not kind.blobs and not any(field.address for field in kind.fields)
)
"""Kinds of records that are numbers and a signature."""
PLAIN: Final = NUMBERS_ALONE - {BY_NAME[name].number for name in OPERATORS_OWN}
FILLED_IN: Final = frozenset(BY_NAME[name].number for name in POINTING)
"""Kinds whose last number the operator fills in."""


class Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A record that has been checked, as it travels.

    Shape: as Checked; `values` are the record's where it has numbers of 64 bits and nothing else, which most have, and a
    signature: so much is not decoded again.
    """

    data: bytes
    key: bytes
    signer: bytes
    hashed: bytes
    values: tuple[int, ...] = ()


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """Records in the order in which they are to be sequenced; what became of them is told under the same number."""

    number: int
    frames: list[Frame]


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What became of each record of a batch: a status and a body in MessagePack, one behind the other."""

    number: int
    bodies: list[bytes]


_BATCH: Final = msgspec.msgpack.Decoder(Batch)
_TOLD: Final = msgspec.msgpack.Decoder(Told)
_ENCODER: Final = msgspec.msgpack.Encoder()


def framed(checked: Checked) -> Frame:
    """Return a checked record as it travels."""
    record = checked.record
    values = record.values if record.kind.number in NUMBERS_ALONE else ()
    return Frame(checked.data, checked.key, checked.signer, checked.hashed, values)


def checked_frame(data: bytes, domain: bytes) -> tuple[Frame, int]:
    """Return a record that has come as bytes as it travels, its signer found, and its steps as `steps_of` counts them.

    Raises: Refused, as `check_bytes`.

    One that is numbers and a signature, with nothing in the place of what the operator fills in, needs no object of its
    own.
    """
    kind = data[0] if data else 0
    if kind in PLAIN and len(data) >= MIN_FRAME_BYTES:
        parts = parsing.decode(data)
        if isinstance(parts, Outcome):
            raise refuse(parts, "raw")
        values, _, signature = parts
        if kind not in FILLED_IN or values[-1] == 0:
            signer = recover(digest_of(kind, values, (), domain), signature)
            if signer is None:
                raise refuse(Outcome.BAD_SIGNATURE)
            hashed = keccak(data)
            return Frame(data, hashed, signer, hashed, values), 1
    checked = check_bytes(data, domain)
    return framed(checked), steps_of(checked.record)


def unframed(frame: Frame) -> Checked:
    """Return a record that a gateway has checked."""
    record: Record | Outcome
    if frame.values:
        kind = KINDS[frame.data[0]]
        record = Record(kind=kind, values=frame.values, signature=frame.data[-SIGNATURE_BYTES:])
    else:
        record = decode(frame.data)
    assert isinstance(record, Record), "the gateway has decoded it"
    return Checked(record=record, data=frame.data, key=frame.key, signer=frame.signer, hashed=frame.hashed)


def packed(message: Batch | Told) -> bytes:
    """Return a message as it is sent."""
    body = _ENCODER.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def unpacked_batch(body: bytes) -> Batch:
    """Return a batch. Raises: msgspec.ValidationError, msgspec.DecodeError."""
    return _BATCH.decode(body)


def unpacked_told(body: bytes) -> Told:
    """Return what became of a batch. Raises: msgspec.ValidationError, msgspec.DecodeError."""
    return _TOLD.decode(body)


def told(result: Answer | Refused) -> bytes:
    """Return what is told of one record."""
    if isinstance(result, Refused):
        return _ENCODER.encode(result.status) + _ENCODER.encode(result.shape)
    return OK_PACKED + _ENCODER.encode(result)


OK_PACKED: Final = _ENCODER.encode(OK)


class Pieces:
    """Cuts a stream into messages."""

    def __init__(self) -> None:
        self._left = bytearray()

    def add(self, data: bytes) -> Iterator[bytes]:
        """Take in what came, and yield the messages that are complete."""
        self._left += data
        at = 0
        while len(self._left) >= at + LENGTH_BYTES:
            end = at + LENGTH_BYTES + int.from_bytes(self._left[at : at + LENGTH_BYTES], "big")
            if len(self._left) < end:
                break
            yield bytes(self._left[at + LENGTH_BYTES : end])
            at = end
        del self._left[:at]


def refused(batch: Batch, refusal: Refused) -> Told:
    """Return that every record of a batch is refused."""
    return Told(batch.number, [told(refusal)] * len(batch.frames))


def answered(number: int, results: Sequence[Answer | Refused]) -> Told:
    """Return what became of a batch."""
    return Told(number, [told(each) for each in results])
