"""Serving the API: uvicorn on a socket that is bound before anything else starts."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import MutableMapping
from typing import Any, Final, cast

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request as Handshake

from tallystick.errors import ConfigError
from tallystick_operator.push.stream_server import DROP

START_SECONDS: Final = 10.0
BACKLOG: Final = 512
MAX_FRAME_BYTES: Final = 1 << 20
"""A frame that is longer ends its connection; one that is only longer than a request may be is answered."""
PING_SECONDS: Final = 10.0
"""How often a connection is asked whether its client is there, and how long it may take to answer."""
LAST_SECONDS: Final = 2.0
"""How long who was dropped may take to read why."""
MAX_REASON: Final = 120
"""Characters of a reason, which a close frame has room for."""


class Droppable(WebSocketsSansIOProtocol):
    """A WebSocket that can be ended while its client does not read: what waits in the socket is thrown away."""

    def handle_connect(self, event: Handshake) -> None:
        """Begin a connection, and leave in its scope what ends it."""
        super().handle_connect(event)
        if not self.close_sent:
            scope: MutableMapping[str, Any] = cast("MutableMapping[str, Any]", self.scope)
            scope[DROP] = self.drop

    def drop(self, code: int, reason: str) -> None:
        """End it now: with a close frame, if the client reads that soon."""
        if self.close_sent or self.transport.is_closing():
            return
        self.stop_keepalive()
        self.conn.send_close(code, reason[:MAX_REASON])
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()
        self.loop.call_later(LAST_SECONDS, self.transport.abort)


class ApiServer:
    """An HTTP server in its own thread. `port` is the one bound, also when any free one was asked for."""

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        """Raises: ConfigError when the address cannot be bound."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # Named TCP outright: only then asyncio switches Nagle's delay off, which costs 40 ms an answer.
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise ConfigError(f"the API cannot listen on {host}:{port}: {error.strerror}") from error
        self._socket.listen(BACKLOG)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            http="httptools",
            log_level="warning",
            log_config=None,
            access_log=False,
            lifespan="off",
            ws=Droppable,
            ws_max_size=MAX_FRAME_BYTES,
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PING_SECONDS,
            # What is told to many is not packed anew for each.
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=5,
        )
        self._server = uvicorn.Server(config)
        self._app = app
        app.state.stopping = False
        self._thread = threading.Thread(target=self._serve, name="api", daemon=True)

    @property
    def url(self) -> str:
        """Where clients reach it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def start(self) -> None:
        """Serve, and return once requests are answered.

        Raises: ConfigError when the server does not come up.
        """
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise ConfigError("the API server did not start")
            time.sleep(0.005)

    def stop(self) -> None:
        """Answer what has been asked and stop; who waits for an event is answered without one."""
        self._app.state.stopping = True
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])
