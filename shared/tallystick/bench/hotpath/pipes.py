"""How records travel to an operator and answers come back, in bytes that are ready before anything is timed."""

from __future__ import annotations

import json
from collections import deque
from typing import Final, Protocol

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
