"""What goes over a WebSocket of an operator's gateway: records as they are, and what is answered of each.

A client's binary message is one request or several, each a number of the client's own (4 bytes), the record's length (2
bytes) and the record. The operator's binary message is a MessagePack array of replies, each an array: the number, the
status as HTTP has it, and an Answer where that is 200, else a Refusal.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

import msgspec

from tallystick.errors import BadInput
from tallystick.shapes.submitting import Answer, Refusal

PATH: Final = "/v1/orders"
MAX_MESSAGE_BYTES: Final = 1 << 18
"""Bytes of a client's message at most: some two thousand orders."""
OK: Final = 200
_REQUEST: Final = struct.Struct(">IH")
_ARRAY: Final = struct.Struct(">BI")
_NUMBER: Final = struct.Struct(">BBI")
ARRAY_OF_MANY: Final = 0xDD
ARRAY_OF_THREE: Final = 0x93
NUMBER_OF_FOUR_BYTES: Final = 0xCE
_ANSWER: Final = msgspec.msgpack.Decoder(Answer)
_REFUSAL: Final = msgspec.msgpack.Decoder(Refusal)
_REPLIES: Final = msgspec.msgpack.Decoder(list[tuple[int, int, msgspec.Raw]])


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered of one request."""

    number: int
    status: int
    body: Answer | Refusal


def packed_request(number: int, record: bytes) -> bytes:
    """Return one request of a client's message."""
    return _REQUEST.pack(number, len(record)) + record


def requests(message: bytes) -> list[tuple[int, bytes]]:
    """Return the requests of a client's message.

    Raises: BadInput when it does not end with a request.
    """
    found: list[tuple[int, bytes]] = []
    at, end = 0, len(message)
    while at < end:
        if at + _REQUEST.size > end:
            raise BadInput("a message ends within a request")
        number, length = _REQUEST.unpack_from(message, at)
        at += _REQUEST.size + length
        if at > end:
            raise BadInput("a message ends within a request")
        found.append((number, message[at - length : at]))
    return found


def packed_reply(number: int, told: bytes) -> bytes:
    """Return one reply. Shape: `told` is the status and the body behind it, in MessagePack already."""
    return _NUMBER.pack(ARRAY_OF_THREE, NUMBER_OF_FOUR_BYTES, number) + told


def packed_replies(replies: Sequence[bytes]) -> bytes:
    """Return the operator's message with these replies."""
    return _ARRAY.pack(ARRAY_OF_MANY, len(replies)) + b"".join(replies)


def replies(message: bytes) -> list[Reply]:
    """Return the replies of an operator's message. Raises: msgspec.ValidationError, msgspec.DecodeError."""
    return [
        Reply(number=number, status=status, body=_ANSWER.decode(body) if status == OK else _REFUSAL.decode(body))
        for number, status, body in _REPLIES.decode(message)
    ]
