"""A trader's program that speaks to a gateway, as plainly as can be."""

from __future__ import annotations

import socket

from tallystick.bench.hotpath.pipes import WebSocketWire
from tallystick.shapes.order_entry import Reply, replies
from tallystick.shapes.submitting import Answer, Refusal


class Trader:
    """One connection. Raises: ConnectionError when it is closed."""

    def __init__(self, port: int) -> None:
        self._wire = WebSocketWire()
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._left = b""
        try:
            self._shake_hands()
        except OSError:
            self._socket.close()
            raise

    def _shake_hands(self) -> None:
        self._socket.sendall(self._wire.hello)
        while b"\r\n\r\n" not in self._left:
            self._left += self._more()
        head, _, self._left = self._left.partition(b"\r\n\r\n")
        if b" 101 " not in head.splitlines()[0]:
            raise ConnectionError(head.splitlines()[0].decode())

    def __enter__(self) -> Trader:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, *asked: tuple[int, bytes]) -> None:
        """Send records under numbers, a message each."""
        self._socket.sendall(b"".join(self._wire.packed(number, data) for number, data in asked))

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def hear(self) -> list[Reply]:
        """Return the replies of the next message."""
        while True:
            begin, length = 2, self._left[1] if len(self._left) > 1 else 0
            if length >= 126:
                size = 2 if length == 126 else 8
                begin, length = 2 + size, int.from_bytes(self._left[2 : 2 + size], "big")
            if len(self._left) >= begin + length and len(self._left) > 1:
                kind, body = self._left[0] & 15, self._left[begin : begin + length]
                self._left = self._left[begin + length :]
                if kind == 8:
                    raise ConnectionError("closed")
                if kind == 2:
                    return replies(body)
                continue
            self._left += self._more()

    def answers(self, count: int) -> dict[int, Answer | Refusal]:
        """Return so many replies by their numbers."""
        found: dict[int, Answer | Refusal] = {}
        while len(found) < count:
            for each in self.hear():
                assert each.number not in found, "one reply each"
                found[each.number] = each.body
        return found

    def _more(self) -> bytes:
        data = self._socket.recv(1 << 16)
        if not data:
            raise ConnectionError("closed")
        return data
