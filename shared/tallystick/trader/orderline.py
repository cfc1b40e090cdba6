"""Records over a WebSocket of a gateway: many under way at once, in their order, sent again when the connection is lost."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from tallystick.errors import DataMismatch, Refused
from tallystick.records.codec import Record, encode
from tallystick.shapes.order_entry import MAX_MESSAGE_BYTES, Reply, packed_request, replies
from tallystick.shapes.submitting import Answer, Refusal
from tallystick.trader.client import TraderClient
from tallystick.trader.stream.following import FIRST_PAUSE_SECONDS, opened
from tallystick.transport import OperatorRefused, OperatorUnreachable

PATIENCE_SECONDS: Final = 30.0
LONGEST_PAUSE_SECONDS: Final = 5.0
REPLIES_BYTES: Final = 16 << 20
NUMBERS: Final = 1 << 32


class _Sent(NamedTuple):
    """A record that has no answer yet."""

    record: Record
    request: bytes
    answered: asyncio.Future[Answer]


class Unanswered:
    """What was asked and not answered, in the order of asking. Nothing here waits or knows of a socket."""

    def __init__(self) -> None:
        self._all: dict[int, _Sent] = {}
        self._fresh: deque[int] = deque()
        self._number = 0

    def __len__(self) -> int:
        return len(self._all)

    def ask(self, record: Record, answered: asyncio.Future[Answer]) -> None:
        """Add a record, behind all others."""
        self._number = (self._number + 1) % NUMBERS
        self._all[self._number] = _Sent(record, packed_request(self._number, encode(record)), answered)
        self._fresh.append(self._number)

    def lost(self) -> None:
        """Note that a connection has ended: all that has no answer is to be sent again, the oldest first."""
        self._fresh = deque(self._all)

    def messages(self) -> Iterator[bytes]:
        """Yield what is to be sent now, in messages that a gateway takes."""
        while self._fresh:
            message = b""
            while self._fresh and (waits := self._all.get(self._fresh[0])) is not None:
                if message and len(message) + len(waits.request) > MAX_MESSAGE_BYTES:
                    break
                message += waits.request
                self._fresh.popleft()
            yield message

    def take(self, reply: Reply) -> _Sent:
        """Return what a reply is of, which is answered with it. Raises: DataMismatch when nothing was asked under its number."""
        waits = self._all.pop(reply.number, None)
        if waits is None:
            raise DataMismatch("the operator answers what nobody asked", number=reply.number)
        return waits

    def give_up(self, error: Exception) -> None:
        """Have everything that waits fail."""
        for waits in self._all.values():
            if not waits.answered.done():
                waits.answered.set_exception(error)
        self._all.clear()
        self._fresh.clear()


class OrderLine:
    """One connection to an operator's gateways, opened again whenever it ends: an asynchronous context manager.

    `client` signs, and its receipts' file and expectations hold here, too. Records of one line keep their order, and `send`
    may be called again before the first is answered. What had no answer when a connection ended is sent again with the same
    bytes, which have one answer; after `patience_seconds` without any connection it fails with OperatorUnreachable.
    """

    def __init__(self, client: TraderClient, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._client = client
        self._patience_seconds = patience_seconds
        self._waiting = Unanswered()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._socket: ClientConnection | None = None

    async def __aenter__(self) -> OrderLine:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None, "it was entered"
        if self._socket is not None:
            await self._socket.close()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._waiting.give_up(OperatorUnreachable("the line was closed", hint="send the same record again"))

    def ask(self, record: Record) -> asyncio.Future[Answer]:
        """Send a signed record behind all that were sent before; what it returns ends as `send` does."""
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():
            answered.set_exception(self._ended())
            return answered
        self._waiting.ask(record, answered)
        self._wake.set()
        return answered

    async def send(self, record: Record) -> Answer:
        """Send a signed record and check its receipt.

        Raises: OperatorRefused, OperatorUnreachable (send the same record again), DataMismatch for a false receipt.
        """
        return await self.ask(record)

    def _ended(self) -> Exception:
        error = None if self._task is None or self._task.cancelled() else self._task.exception()
        return error if isinstance(error, Exception) else OperatorUnreachable("the line is not open")

    async def _run(self) -> None:
        try:
            await self._keep_connected()
        except Exception as error:
            self._waiting.give_up(error)
            raise

    async def _keep_connected(self) -> None:
        loop = asyncio.get_running_loop()
        heard_at, pause = loop.time(), FIRST_PAUSE_SECONDS
        while True:
            try:
                url = (await asyncio.to_thread(self._client.info)).orders_url
                if not url:
                    raise Refused("this operator has no gateways", hint="POST /v1/records takes records as well")
                async with opened(url, REPLIES_BYTES) as socket:
                    heard_at, pause = loop.time(), FIRST_PAUSE_SECONDS
                    await self._talk(socket)
            except (OSError, WebSocketException, OperatorUnreachable) as error:
                if loop.time() - heard_at >= self._patience_seconds:
                    raise OperatorUnreachable(
                        f"no answer from the operator's gateways: {str(error) or type(error).__name__}",
                        hint="send the same records again",
                    ) from error
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _talk(self, socket: ClientConnection) -> None:
        """Send and hear until the connection ends. Raises: DataMismatch when what is heard is no row of replies."""
        self._socket = socket
        self._waiting.lost()
        self._wake.set()
        sender = asyncio.create_task(self._send(socket))
        try:
            async for message in socket:
                try:
                    told = replies(message if isinstance(message, bytes) else message.encode())
                except (msgspec.ValidationError, msgspec.DecodeError) as error:
                    raise DataMismatch("this is no message of a gateway", problem=str(error)) from error
                for reply in told:
                    self._settle(reply)
        finally:
            self._socket = None
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _send(self, socket: ClientConnection) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            for message in self._waiting.messages():
                await socket.send(message)

    def _settle(self, reply: Reply) -> None:
        waits = self._waiting.take(reply)
        try:
            if isinstance(reply.body, Refusal):
                body = reply.body
                refused = OperatorRefused(reply.status, body.error, body.message, body.field)
                self._client.note_refusal(refused)
                raise refused
            self._client.check(waits.record, reply.body)
        except (OperatorRefused, DataMismatch) as error:
            if not waits.answered.done():
                waits.answered.set_exception(error)
            return
        if not waits.answered.done():
            waits.answered.set_result(reply.body)
