"""How records travel to an operator and answers come back, in bytes that are ready before anything is timed."""

from __future__ import annotations

import json
from collections import deque
from typing import Final, Protocol

import msgspec

from tallystick.shapes.order_entry import OK, PATH, packed_request

_REPLIES: Final = msgspec.msgpack.Decoder(list[tuple[int, int, msgspec.Raw]])
_MASKED: Final = 0x80
_BINARY: Final = 0x82
_ANSWER_ACCEPTED: Final = b"\xa7outcome\xa8ACCEPTED"
ACCEPTED: Final = b'"outcome":"ACCEPTED"'


class Wire(Protocol):
    """One connection's bytes. Shape: an answer is the number of what it answers, and whether it was accepted."""

    hello: bytes
    """What is sent first, and answered before anything else is sent."""

    def packed(self, number: int, data: bytes) -> bytes:
        """Return what to send of a record."""
        ...

    def answers(self, received: bytes) -> list[tuple[int, bool]]:
        """Return the answers that are complete with these bytes."""
        ...


class HttpWire:
    """A record each POST, on a connection that stays; answers come in the order of what was sent."""

    hello = b""

    def __init__(self) -> None:
        self._left = b""
        self._sent: deque[int] = deque()

    def packed(self, number: int, data: bytes) -> bytes:
        """Return a request. It counts as sent, in this order."""
        self._sent.append(number)
        body = json.dumps({"raw": "0x" + data.hex()}).encode()
        head = f"POST /v1/records HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def answers(self, received: bytes) -> list[tuple[int, bool]]:
        """Return the answers that are complete with these bytes."""
        found: list[tuple[int, bool]] = []
        self._left += received
        while (end := self._left.find(b"\r\n\r\n")) >= 0:
            head = self._left[:end].lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            if len(self._left) < end + 4 + length:
                break
            body, self._left = self._left[end + 4 : end + 4 + length], self._left[end + 4 + length :]
            found.append((self._sent.popleft(), head.startswith(b"http/1.1 200") and ACCEPTED in body))
        return found


class WebSocketWire:
    """A record each message; the mask is of zeros, so that a message can be made beforehand as it is."""

    hello = (
        f"GET {PATH} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()

    def __init__(self) -> None:
        self._left = b""

    def packed(self, number: int, data: bytes) -> bytes:
        """Return a message with one request."""
        request = packed_request(number, data)
        length = len(request)
        size = bytes([_MASKED | length]) if length < 126 else bytes([_MASKED | 126]) + length.to_bytes(2, "big")
        return bytes([_BINARY]) + size + bytes(4) + request

    def answers(self, received: bytes) -> list[tuple[int, bool]]:
        """Return the replies that are complete with these bytes."""
        return [
            (number, status == OK and _ANSWER_ACCEPTED in bytes(raw)) for number, status, raw in self.replies(received)
        ]

    def replies(self, received: bytes) -> list[tuple[int, int, msgspec.Raw]]:
        """Return the same with their statuses and what they say."""
        found: list[tuple[int, int, msgspec.Raw]] = []
        data = self._left + received
        at = 0
        while at + 2 <= len(data):
            length, begin = data[at + 1], at + 2
            if length == 126:
                begin, length = at + 4, int.from_bytes(data[at + 2 : at + 4], "big")
            elif length == 127:
                begin, length = at + 10, int.from_bytes(data[at + 2 : at + 10], "big")
            if begin + length > len(data) or begin > len(data):
                break
            if data[at] == _BINARY:
                found += _REPLIES.decode(memoryview(data)[begin : begin + length])
            at = begin + length
        self._left = data[at:]
        return found
