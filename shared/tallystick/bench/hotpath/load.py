"""A process that sends records over many connections, and says how long each waited for its answer."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from typing import Any, Final

from tallystick.bench.hotpath.pipes import HttpWire, WebSocketWire, Wire
from tallystick.bench.hotpath.signed_flow import Flow

HOST: Final = "127.0.0.1"
WIRES: Final[dict[str, type[Wire]]] = {"http": HttpWire, "ws": WebSocketWire}
SILENT_SECONDS: Final = 30.0
"""How long a run waits for an answer before it gives up."""
TURN_SECONDS: Final = 0.001


def run(asked: dict[str, Any]) -> None:
    """Send one run after another as stdin asks for them: sign, say so, wait for a line, send, tell."""
    accounts = range(1 + asked["number"], 1 + asked["accounts"], asked["of"])
    flow = Flow(bytes.fromhex(asked["domain"]), accounts, asked["number"])
    for line in sys.stdin:
        ask = json.loads(line)
        make = flow.bulks if ask["bulk"] else flow.singles
        signed = make(ask["records"])
        _tell({"signed": len(signed)})
        sys.stdin.readline()
        _tell(asyncio.run(_Run(ask, signed).run()))


class _Connection(asyncio.Protocol):
    """One connection: what it has still to send, and what it waits for."""

    def __init__(self, whole: _Run, wire: Wire) -> None:
        self._whole = whole
        self.wire = wire
        self.unsent: deque[tuple[int, bytes]] = deque()
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.flying = 0
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Say hello, where the wire has one."""
        self._transport = transport
        transport.write(self.wire.hello)
        if not self.wire.hello:
            self.opened.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Note every answer, and send as much again."""
        if not self.opened.done():
            self.opened.set_result(None)
            return
        answers = self.wire.answers(data)
        self.flying -= len(answers)
        self._whole.note(answers)
        if self._whole.rate == 0:
            self.send(self._whole.window - self.flying)

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection that is closed answers no more."""
        self._whole.lose(self.flying + len(self.unsent))

    def send(self, most: int) -> None:
        """Send the next records, as one piece."""
        pieces: list[bytes] = []
        now = time.monotonic()
        while self.unsent and len(pieces) < most:
            number, piece = self.unsent.popleft()
            self._whole.sent_at[number] = now
            pieces.append(piece)
        self.flying += len(pieces)
        if pieces:
            self._transport.write(b"".join(pieces))


class _Run:
    """One run. `rate` is records a second that are sent whatever is answered; at 0, `window` wait on each connection."""

    def __init__(self, ask: dict[str, Any], signed: list[tuple[int, bytes]]) -> None:
        self.window: int = ask["window"]
        self.rate: float = ask["rate"]
        self.sent_at = [0.0] * len(signed)
        self._ask = ask
        self._signed = signed
        self._waits: list[float] = []
        self._answered = 0
        self._lost = 0
        self._heard_at = 0.0

    async def run(self) -> dict[str, Any]:
        """Open the connections, send everything, and tell."""
        loop = asyncio.get_running_loop()
        wire, count = WIRES[self._ask["door"]], self._ask["connections"]
        made = [
            (await loop.create_connection(lambda: _Connection(self, wire()), HOST, self._ask["port"]))[1]
            for _ in range(count)
        ]
        await asyncio.gather(*(each.opened for each in made))
        order: list[_Connection] = []
        for number, (account, data) in enumerate(self._signed):
            connection = made[account // self._ask["of"] % count]
            connection.unsent.append((number, connection.wire.packed(number, data)))
            order.append(connection)
        began = self._heard_at = time.monotonic()
        if self.rate:
            await self._paced(order, began)
        else:
            for each in made:
                each.send(self.window)
        while self._answered + self._lost < len(order) and time.monotonic() - self._heard_at < SILENT_SECONDS:
            await asyncio.sleep(0.005)
        return {
            "began": began,
            "ended": self._heard_at,
            "answered": self._answered,
            "accepted": len(self._waits),
            "waits": sorted(self._waits),
        }

    def note(self, answers: list[tuple[int, bool]]) -> None:
        """Take in answers that have just come: who is told that too much waits is not served, nor has it waited."""
        now = self._heard_at = time.monotonic()
        self._answered += len(answers)
        self._waits += [now - self.sent_at[number] for number, accepted in answers if accepted]

    def lose(self, count: int) -> None:
        """Wait no more for so many."""
        self._lost += count

    async def _paced(self, order: list[_Connection], began: float) -> None:
        """Send at an even rate, whatever is answered: who is late sends what is due at once."""
        sent = 0
        while sent < len(order):
            due = min(len(order), int((time.monotonic() - began) * self.rate))
            counts: dict[int, int] = {}
            for connection in order[sent:due]:
                counts[id(connection)] = counts.get(id(connection), 0) + 1
            for connection in {id(each): each for each in order[sent:due]}.values():
                connection.send(counts[id(connection)])
            sent = due
            await asyncio.sleep(TURN_SECONDS)


def _tell(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
