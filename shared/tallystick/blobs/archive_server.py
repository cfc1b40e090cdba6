"""Serves an archive over HTTP: GET /blobs/ and a versioned hash in hex."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Final

from tallystick.blobs.archive import NAME, Archive
from tallystick.blobs.blob_sources import NOT_FOUND, OK, PATH
from tallystick.errors import ConfigError

IDLE_SECONDS: Final = 30


class ArchiveServer:
    """An archive behind a port, from threads of its own. Port 0 takes any free one.

    Raises: ConfigError when the port cannot be had.
    """

    def __init__(self, archive: Archive, port: int, host: str = "127.0.0.1") -> None:
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(archive))
        except (OSError, OverflowError) as error:
            raise ConfigError("the port of the archive cannot be had", port=port) from error
        self.port = self._server.server_port
        self._thread = Thread(target=self._server.serve_forever, name="archive", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self._server.server_address[0]!s}:{self.port}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(archive: Archive) -> type[BaseHTTPRequestHandler]:
    alone = Lock()

    class Handler(BaseHTTPRequestHandler):
        timeout = IDLE_SECONDS

        def do_GET(self) -> None:
            wanted = self.path.removeprefix(PATH)
            with alone:  # whoever asks often waits, and nobody else does
                found = archive.blob(bytes.fromhex(wanted)) if NAME.fullmatch(wanted) else None
            self.send_response(NOT_FOUND if found is None else OK)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(found or b"")))
            self.end_headers()
            self.wfile.write(found or b"")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
            """Tell nobody who asked for what."""

    return Handler
