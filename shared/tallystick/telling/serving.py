"""The port at which Prometheus reads a daemon's metrics."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, start_http_server

from tallystick.errors import ConfigError

LOOPBACK: Final = "127.0.0.1"
"""What a daemon knows and lacks is nobody else's business; a scraper elsewhere comes through a tunnel."""
LARGEST_PORT: Final = 65_535


class MetricsServer:
    """Serves metrics on the loopback interface, from a thread of its own.

    Raises: ConfigError when the port cannot be had. Port 0 takes any free one.
    """

    def __init__(self, registry: CollectorRegistry, port: int) -> None:
        if not 0 <= port <= LARGEST_PORT:
            raise ConfigError("there is no such port for metrics", port=port)
        try:
            self._server, self._thread = start_http_server(port, addr=LOOPBACK, registry=registry)
        except OSError as error:
            raise ConfigError(
                "the port for metrics cannot be had", hint="give another one with --metrics", port=port
            ) from error
        self.port = self._server.server_port

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
