"""A process that sends orders over WebSockets faster than they are taken, and says what became of each message.

Who is told to come again comes again: an order that was refused for now goes in front of the others that wait to be sent,
for its account's nonces must not get too far ahead of it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter, deque
from typing import Any, Final

import msgspec

from tallystick.bench.hotpath.load import HOST, TURN_SECONDS
from tallystick.bench.hotpath.pipes import WebSocketWire
from tallystick.bench.hotpath.signed_flow import Flow
from tallystick.shapes.order_entry import OK

AGAIN: Final = frozenset({429, 503})
MOST_A_TURN: Final = 4_096
LAST_SECONDS: Final = 20.0
"""How long answers are waited for when nothing is sent any more."""


class Told(msgspec.Struct):
    """What is read of an answer."""

    record_number: int
    repeated: bool = False


_TOLD: Final = msgspec.msgpack.Decoder(Told)


def run(asked: dict[str, Any]) -> None:
    """Sign as many orders as are asked for, and send them in runs as lines of stdin ask."""
    accounts = range(1 + asked["number"], 1 + asked["accounts"], asked["of"])
    flow = Flow(bytes.fromhex(asked["domain"]), accounts, asked["number"])
    for line in sys.stdin:
        ask = json.loads(line)
        pool = deque(flow.singles(ask["records"]))
        _tell({"signed": len(pool)})
        sys.stdin.readline()
        _tell(asyncio.run(_Flood(ask, pool).run()))


class _Connection(asyncio.Protocol):
    """One connection, and the messages that wait for their answers."""

    def __init__(self, flood: _Flood) -> None:
        self._flood = flood
        self.wire = WebSocketWire()
        self.flying: dict[int, tuple[tuple[int, bytes], float]] = {}
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: Any = None
        self.closed = False

    def connection_made(self, transport: Any) -> None:
        """Say hello."""
        self.transport = transport
        transport.write(self.wire.hello)

    def data_received(self, data: bytes) -> None:
        """Note every answer."""
        if not self.opened.done():
            self.opened.set_result(None)
            return
        self._flood.note(self, self.wire.replies(data))

    def connection_lost(self, exc: Exception | None) -> None:
        """What had no answer is to be sent again: that is what the end of a connection means."""
        self.closed = True
        self._flood.lose(self)


class _Flood:
    """One run. At `rate` so many messages are sent a second; at 0, `window` wait on each connection."""

    def __init__(self, ask: dict[str, Any], pool: deque[tuple[int, bytes]]) -> None:
        self._ask = ask
        self._pool = pool
        self._numbers = 0
        self._made: list[_Connection] = []
        self._statuses: Counter[int] = Counter()
        self._waits: list[float] = []
        self._records: list[int] = []
        self._closed = self._strange = 0
        self._taken_at = 0.0

    async def run(self) -> dict[str, Any]:
        """Open the connections, send, hear the rest, and tell."""
        loop = asyncio.get_running_loop()
        for _ in range(self._ask["connections"]):
            self._made.append((await loop.create_connection(lambda: _Connection(self), HOST, self._ask["port"]))[1])
        await asyncio.gather(*(each.opened for each in self._made))
        began = time.monotonic()
        ends = began + self._ask["seconds"]
        while (now := time.monotonic()) < ends:
            due = int((now - began) * self._ask["rate"]) - self._numbers if self._ask["rate"] else 0
            self._send(min(due, MOST_A_TURN))
            await asyncio.sleep(TURN_SECONDS)
        seconds = time.monotonic() - began
        while any(each.flying for each in self._made) and time.monotonic() < ends + LAST_SECONDS:
            await asyncio.sleep(0.01)
        return {
            "seconds": seconds,
            "taken_seconds": self._taken_at - began,
            "sent": self._numbers,
            "statuses": dict(self._statuses),
            "closed": self._closed,
            "strange": self._strange,
            "unanswered": sum(len(each.flying) for each in self._made),
            "left": len(self._pool),
            "waits": sorted(self._waits),
            "records": self._records,
        }

    def note(self, connection: _Connection, replies: list[tuple[int, int, msgspec.Raw]]) -> None:
        """Take in answers that have just come."""
        now = time.monotonic()
        for number, status, raw in replies:
            found = connection.flying.pop(number, None)
            if found is None:
                self._strange += 1
                continue
            order, sent_at = found
            self._statuses[status] += 1
            if status in AGAIN:
                self._pool.appendleft(order)
            elif status == OK:
                self._taken_at = now
                self._waits.append(now - sent_at)
                self._records.append(_TOLD.decode(raw).record_number)

    def lose(self, connection: _Connection) -> None:
        """Send again what had no answer."""
        self._closed += len(connection.flying)
        self._pool.extendleft(order for order, _ in reversed(connection.flying.values()))
        connection.flying.clear()

    def _send(self, most: int) -> None:
        """Send so many messages, or as many as may wait, over the connections in turn."""
        there = [each for each in self._made if not each.closed]
        now = time.monotonic()
        for at, each in enumerate(there):
            share = most // len(there) + (at < most % len(there))
            if not self._ask["rate"]:
                share = self._ask["window"] - len(each.flying)
            pieces: list[bytes] = []
            for _ in range(min(share, len(self._pool))):
                order = self._pool.popleft()
                self._numbers += 1
                each.flying[self._numbers] = (order, now)
                pieces.append(each.wire.packed(self._numbers, order[1]))
            if pieces:
                each.transport.write(b"".join(pieces))


def _tell(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
