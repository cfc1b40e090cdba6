"""A gateway's process: picows on the port that all gateways share, and a Unix socket to the sequencer's process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from itertools import count
from typing import Final

import msgspec
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from tallystick.ports.system import SystemClock
from tallystick.shapes.order_entry import MAX_MESSAGE_BYTES, PATH
from tallystick_operator.gateway.frontdesk import Desk
from tallystick_operator.gateway.parcels import Pieces
from tallystick_operator.intake.allowances import address_of
from tallystick_operator.rates import Allowances

AT_ONCE: Final = 64
"""Records that are checked before anything else is looked at, two or three milliseconds: what is sequenced together shares a sync
and a signature."""
SLOW_READER_BYTES: Final = 1 << 20
"""Answers that may wait for a client to read them: who leaves more is dropped."""
LINK_BYTES: Final = 1 << 22
DRAIN_SECONDS: Final = 5.0
IDLE_SECONDS: Final = 30.0
"""How long a client may be silent before it is asked whether it is there, and how long it has to say so."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway's process is told on its standard input. Shape: `link` is the number of an open socket."""

    host: str
    port: int
    domain: bytes
    link: int
    allowances: Allowances | None = None


class _Worker:
    """The desk with its sockets."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self.desk = Desk(task.domain, SystemClock(), task.allowances)
        self.clients: dict[int, WSTransport] = {}
        self.numbers = count(1)
        self._loop = asyncio.get_running_loop()
        self._link: asyncio.Transport | None = None
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._due = False

    async def run(self) -> None:
        """Serve until the sequencer is gone, or a signal; then answer what is under way."""
        family = socket.AF_INET6 if ":" in self._task.host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((self._task.host, self._task.port))
        link = socket.socket(fileno=self._task.link)
        transport, _ = await self._loop.create_unix_connection(lambda: _Link(self), sock=link)
        transport.set_write_buffer_limits(high=LINK_BYTES)
        self._link = transport
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self.end)
        server = await ws_create_server(
            self._listener,
            sock=bound,
            max_frame_size=MAX_MESSAGE_BYTES,
            enable_auto_ping=True,
            auto_ping_idle_timeout=IDLE_SECONDS,
            auto_ping_reply_timeout=IDLE_SECONDS,
            backlog=512,
        )
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await self._ended
        server.close()
        self.desk.closing = True
        deadline = self._loop.time() + DRAIN_SECONDS
        while not self.desk.idle and not transport.is_closing() and self._loop.time() < deadline:
            await asyncio.sleep(0.01)
        for client in self.clients.values():
            client.send_close(WSCloseCode.GOING_AWAY)
            client.disconnect()
        await asyncio.sleep(0.05)
        transport.close()

    def end(self) -> None:
        """Take nothing more."""
        self.desk.closing = True
        if not self._ended.done():
            self._ended.set_result(None)

    def soon(self) -> None:
        """Do what there is to do in the next turn of the loop, behind all that has come in this one."""
        if not self._due:
            self._due = True
            self._loop.call_soon(self._work)

    def heard(self, message: bytes) -> None:
        """Take in what became of a batch."""
        self.desk.heard(message)
        self.soon()

    def drop(self, number: int) -> None:
        """Have nothing more to do with a client."""
        transport = self.clients.pop(number, None)
        self.desk.gone(number)
        if transport is not None:
            transport.disconnect(graceful=False)

    def _work(self) -> None:
        self._due = False
        batch = self.desk.work(AT_ONCE)
        if batch and self._link is not None:
            self._link.write(batch)
        for number, message in self.desk.outgoing():
            transport = self.clients.get(number)
            if transport is not None:
                transport.send(WSMsgType.BINARY, message)
        for number in self.desk.unwanted():
            self.drop(number)
        if self.desk.has_work:
            self.soon()

    def _listener(self, request: WSUpgradeRequest) -> _Client | None:
        if request.path != PATH.encode() or self.desk.closing:
            return None
        return _Client(self, request.headers.get("X-Forwarded-For", ""))


class _Client(WSListener):
    """One client's connection."""

    def __init__(self, worker: _Worker, forwarded: str) -> None:
        super().__init__()
        self._worker = worker
        self._forwarded = forwarded
        self._number = next(worker.numbers)

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Take in a client, or send it away."""
        peer = str((transport.underlying_transport.get_extra_info("peername") or ("",))[0])
        if not self._worker.desk.connected(self._number, address_of(peer, self._forwarded)):
            transport.send_close(WSCloseCode.TRY_AGAIN_LATER)
            transport.disconnect()
            return
        transport.underlying_transport.set_write_buffer_limits(high=SLOW_READER_BYTES)
        self._worker.clients[self._number] = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take in a message; one in pieces, or of text, is none of ours."""
        if frame.msg_type == WSMsgType.BINARY and frame.fin:
            if self._worker.desk.take(self._number, frame.get_payload_as_bytes()):
                self._worker.soon()
                return
        elif frame.msg_type in (WSMsgType.PING, WSMsgType.PONG):
            return
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
            return
        transport.send_close(WSCloseCode.UNSUPPORTED_DATA)
        self._worker.drop(self._number)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Forget a client."""
        self._worker.clients.pop(self._number, None)
        self._worker.desk.gone(self._number)

    def pause_writing(self) -> None:
        """Drop who does not read: nobody waits for it."""
        self._worker.drop(self._number)


class _Link(asyncio.Protocol):
    """The socket to the sequencer's process."""

    def __init__(self, worker: _Worker) -> None:
        self._worker = worker
        self._pieces = Pieces()

    def data_received(self, data: bytes) -> None:
        """Take in what became of batches."""
        for message in self._pieces.add(data):
            self._worker.heard(message)

    def connection_lost(self, exc: Exception | None) -> None:
        """End: without a sequencer nothing can be answered."""
        self._worker.end()


def main() -> None:
    """Be a gateway, as standard input says."""
    task = msgspec.json.decode(sys.stdin.readline(), type=Task)
    gc.freeze()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(task))


async def _serve(task: Task) -> None:
    await _Worker(task).run()


if __name__ == "__main__":
    main()
