"""A local HTTP server whose paths answer as they are told to: truly, falsely, late, for ever, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE_SECONDS = 20.0
Answer = Callable[[BaseHTTPRequestHandler], None]


class SourceServer:
    """Serves what `says` has for a path; `asked` counts the questions."""

    def __init__(self, port: int = 0) -> None:
        self.says: dict[str, bytes | Answer] = {}
        self.asked: list[str] = []
        self.ending = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                said = outer.says.get(self.path, b"")
                try:
                    if callable(said):
                        said(self)
                    else:
                        whole(self, said)
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def drips(self, handler: BaseHTTPRequestHandler) -> None:
        """Say one byte after the other, each soon enough for a limit on silence."""
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        while not self.ending.wait(0.05):
            handler.wfile.write(b" ")

    def hangs(self, handler: BaseHTTPRequestHandler) -> None:
        """Say nothing."""
        self.ending.wait(PATIENCE_SECONDS)
        handler.close_connection = True

    def has_no_end(self, handler: BaseHTTPRequestHandler) -> None:
        """Send more than anybody asked for, as fast as it is read."""
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        for _ in range(1 << 10):
            handler.wfile.write(bytes(1 << 16))


def whole(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """Answer at once, and with all of it."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
