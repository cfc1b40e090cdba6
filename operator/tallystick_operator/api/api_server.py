"""Serving the API: uvicorn on a socket that is bound before anything else starts."""

from __future__ import annotations

import socket
import threading
import time
from typing import Final

import uvicorn
from starlette.applications import Starlette

from tallystick.errors import ConfigError

START_SECONDS: Final = 10.0
BACKLOG: Final = 512


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
            access_log=False,
            lifespan="off",
            ws="none",
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
