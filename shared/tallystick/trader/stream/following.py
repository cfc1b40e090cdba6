"""The stream over the wire: a WebSocket that is opened again whenever it ends, and polls where there can be none."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from tallystick.shapes.routes import INFO, POLL
from tallystick.shapes.streaming import STREAM
from tallystick.trader.stream.listening import Problem, Tracker, Update
from tallystick.transport import OperatorUnreachable, Transport

MAX_MESSAGE_BYTES: Final = 64 << 20
"""A snapshot of the largest book there can be."""
PING_SECONDS: Final = 10.0
WAIT_MS: Final = 5_000
"""How long a poll waits: who stops following waits for its end."""
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 10.0
POLLS_SECONDS: Final = 60.0
"""How long it polls before it tries a WebSocket again."""


async def follow(
    url: str, tracker: Tracker, *, patience_seconds: float | None = None, sockets: bool = True
) -> AsyncGenerator[Update | Problem, None]:
    """Yield what is new in the channels that a tracker wants, for ever: `aclose` ends it, and the connection.

    What was missed while there was no connection comes when there is one, as updates or as a snapshot.

    Raises: OperatorUnreachable when nobody has answered for so long; DataMismatch when another operator does.
    """
    pause = FIRST_PAUSE_SECONDS
    loop = asyncio.get_running_loop()
    heard_at = loop.time()
    back_at = math.inf
    with Transport(url) as transport:
        while True:
            greeted = tracker.greetings
            if sockets or loop.time() >= back_at:
                rounds = _over_socket(transport.socket_url(STREAM), tracker)
            else:
                rounds = _over_polls(transport, tracker, back_at)
            try:
                async with aclosing(rounds):
                    async for update in rounds:
                        heard_at, pause = loop.time(), FIRST_PAUSE_SECONDS
                        yield update
            except InvalidHandshake:
                # Somebody answers, who lets no WebSocket through.
                sockets, back_at = False, loop.time() + POLLS_SECONDS
            except (OSError, WebSocketException, OperatorUnreachable) as error:
                if tracker.greetings != greeted:
                    heard_at, pause = loop.time(), FIRST_PAUSE_SECONDS
                if patience_seconds is not None and loop.time() - heard_at >= patience_seconds:
                    raise OperatorUnreachable(
                        f"no answer from the operator: {str(error) or type(error).__name__}",
                        hint="is it running there? --operator URL, or TALLYSTICK_OPERATOR",
                        endpoint=transport.endpoint,
                    ) from error
            finally:
                tracker.lost()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def opened(url: str, most_bytes: int) -> connect:
    """Return a connection to be entered. Units: `most_bytes` of one message. Raises, when entered: OSError, WebSocketException."""
    return connect(
        url,
        max_size=most_bytes,
        compression=None,
        proxy=None,
        ping_interval=PING_SECONDS,
        ping_timeout=PING_SECONDS,
    )


async def _over_socket(url: str, tracker: Tracker) -> AsyncGenerator[Update | Problem, None]:
    async with opened(url, MAX_MESSAGE_BYTES) as socket:
        waits = asyncio.Event()
        tracker.wake = waits.set
        sender = asyncio.create_task(_send(socket, tracker, waits))
        try:
            async for text in socket:
                for update in tracker.heard(text):
                    yield update
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)


async def _send(socket: ClientConnection, tracker: Tracker, waits: asyncio.Event) -> None:
    while True:
        await waits.wait()
        waits.clear()
        while tracker.outgoing:
            await socket.send(tracker.outgoing.popleft())


async def _over_polls(transport: Transport, tracker: Tracker, until: float) -> AsyncGenerator[Update | Problem, None]:
    loop = asyncio.get_running_loop()
    tracker.clock_ms = (await asyncio.to_thread(transport.ask, INFO)).clock_ms
    while loop.time() < until:
        answer = await asyncio.to_thread(transport.ask, POLL, tracker.poll(WAIT_MS))
        for update in tracker.polled(answer):
            yield update
