"""The stream on the API's event loop: sockets and polls in, and a task that looks at the sequencer while anybody listens."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket

from tallystick.shapes.routes import MAX_WAIT_MS
from tallystick.shapes.streaming import Poll, Polled
from tallystick.state.ordinals import UnixMs
from tallystick_operator.intake.door import Refused
from tallystick_operator.push.hub import Hub
from tallystick_operator.push.sessions import FAILED, SLOW, Session
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.sequencer import Sequencer
from tallystick_operator.standing import Metrics

LOOK_SECONDS: Final = 0.02
"""How often it looks for something new: what happens meanwhile is told at once."""
BURST_REQUESTS: Final = 1_000
REQUESTS_A_SECOND: Final = 100
"""Requests of one connection; who asks for more waits, and keeps nobody else waiting."""
READY_SECONDS: Final = 10.0
"""How long a poll waits for its channels to be read first."""
DROP: Final = "tallystick.drop"
"""Where a connection's scope has what ends it at once, whether its client reads or not."""


class Stream:
    """Drives a hub. Whatever touches it holds the lock: a look is in another thread."""

    def __init__(self, sequencer: Sequencer, hub: Hub, metrics: Metrics) -> None:
        self.hub = hub
        self._metrics = metrics
        metrics.connections.set_function(lambda: hub.connections)
        metrics.channels.set_function(lambda: len(hub.board))
        self._sequencer = sequencer
        self._lock = asyncio.Lock()
        self._polls: Counter[str] = Counter()
        self._pump: asyncio.Task[None] | None = None

    async def socket(self, websocket: WebSocket) -> None:
        """Serve one connection until either side ends it."""
        await websocket.accept()
        session = self.hub.session(_address(websocket))
        waits = asyncio.Event()

        def wake() -> None:
            waits.set()
            if session.closed is not None:
                websocket.scope[DROP](*session.closed)

        session.wake = wake
        clock_ms = await run_in_threadpool(self._sequencer.read, _clock_ms)
        async with self._lock:
            self.hub.join(session, clock_ms)
        self._look_on()
        ends = [
            asyncio.create_task(self._hear(websocket, session)),
            asyncio.create_task(_send(websocket, session, waits)),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in ends:
                each.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            self._metrics.dropped.inc(session.closed is not None and session.closed[0] == SLOW)
            async with self._lock:
                self.hub.leave(session)
            # At once, for the loop may be about to end.
            self._sequence_due()

    async def poll(self, poll: Poll, address: str) -> Polled:
        """Answer one poll. Raises: Refused."""
        if not 0 <= poll.wait_ms <= MAX_WAIT_MS:
            raise Refused(400, "malformed", f"a whole number from 0 to {MAX_WAIT_MS}", "wait_ms")
        if self._polls[address] >= self.hub.limits.per_address:
            raise Refused(429, "too_many", f"at most {self.hub.limits.per_address} polls at once from one address")
        self._polls[address] += 1
        try:
            await run_in_threadpool(self._sequencer.read, lambda core: self.hub.check_opening(core, poll))
            return await self._poll(poll)
        finally:
            self._polls[address] -= 1
            if not self._polls[address]:
                del self._polls[address]

    async def _poll(self, poll: Poll) -> Polled:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            async with self._lock:
                found = self.hub.poll(poll)
            self._look_on()
            waited = loop.time() - begun
            if found is None and waited >= READY_SECONDS:
                raise Refused(503, "busy", "the channels are not read yet; try again")
            if found is not None and (found[1] or waited * 1_000 >= poll.wait_ms):
                at, texts = found
                messages = [msgspec.Raw(text.encode()) for text in texts]
                return Polled(epoch=at.epoch, sequence=at.sequence, messages=messages)
            await asyncio.sleep(LOOK_SECONDS)

    async def _hear(self, websocket: WebSocket, session: Session) -> None:
        loop = asyncio.get_running_loop()
        left, since = float(BURST_REQUESTS), loop.time()
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            async with self._lock:
                self.hub.hear(session, message.get("bytes") or b"" if text is None else text)
            now = loop.time()
            left = min(left + (now - since) * REQUESTS_A_SECOND, BURST_REQUESTS) - 1
            since = now
            await asyncio.sleep(0 if left > 0 else 1 / REQUESTS_A_SECOND)

    def _look_on(self) -> None:
        """See to it that somebody looks at the sequencer."""
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._look_and_tell())

    async def _look_and_tell(self) -> None:
        try:
            while not self.hub.is_idle:
                async with self._lock:
                    if self.hub.is_due(self._sequencer.core.executor.read_model.history.sequence):
                        look = await run_in_threadpool(self._sequencer.read, self.hub.look)
                        self.hub.take(look)
                self._sequence_due()
                await asyncio.sleep(LOOK_SECONDS)
        except Exception:
            self.hub.close_all(FAILED, "failed: the stream cannot go on; come back")
            raise

    def _sequence_due(self) -> None:
        cancels = self.hub.cancels
        before = cancels.sequenced, cancels.given_up
        self.hub.sequence_due(self._sequencer.submit)
        self._metrics.cancels.inc(cancels.sequenced - before[0])
        self._metrics.cancels_given_up.inc(cancels.given_up - before[1])


async def _send(websocket: WebSocket, session: Session, waits: asyncio.Event) -> None:
    while session.closed is None:
        await waits.wait()
        waits.clear()
        while (text := session.take()) is not None:
            await websocket.send_text(text)


def _clock_ms(core: Core) -> UnixMs:
    return core.executor.state.registers.clock_ms


def _address(websocket: WebSocket) -> str:
    return websocket.client.host if websocket.client else ""
