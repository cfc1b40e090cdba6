"""A real server of NATS, and a wire to it that can be cut."""

from __future__ import annotations

import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SERVER = Path(sys.executable).parent / "nats-server"
START_SECONDS = 10.0


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class NatsServer:
    """A server with JetStream whose every acknowledgement is on disk, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._config = folder / "nats.conf"
        self._config.write_text(
            f"host: 127.0.0.1\nport: {self.port}\n"
            f'jetstream {{ store_dir: "{folder / "stream"}", sync_interval: always }}\n'
        )
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [str(SERVER), "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, "the server does not start"
                time.sleep(0.02)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def url(self, name: str = "log", port: int = 0) -> str:
        return f"nats://127.0.0.1:{port or self.port}/{name}"


class Wire:
    """A port that leads to another one until it is cut: nothing comes through then, and no end is told."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._is_cut = threading.Event()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut(self) -> None:
        self._is_cut.set()

    def close(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        self._listener.settimeout(0.1)
        while not self._ended.is_set():
            with suppress(TimeoutError):
                near, _ = self._listener.accept()
                thread = threading.Thread(target=self._carry, args=(near,))
                self._threads.append(thread)
                thread.start()

    def _carry(self, near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", self._to)) as far, selectors.DefaultSelector() as ready:
            other = {near: far, far: near}
            for each in other:
                ready.register(each, selectors.EVENT_READ)
            while not self._ended.is_set():
                for key, _ in ready.select(0.1):
                    if self._is_cut.is_set():
                        time.sleep(0.05)
                        continue
                    side = key.fileobj
                    assert isinstance(side, socket.socket)
                    with suppress(OSError):
                        data = side.recv(1 << 16)
                        if not data:
                            return
                        other[side].sendall(data)


@contextmanager
def nats_server(folder: Path) -> Iterator[NatsServer]:
    server = NatsServer(folder)
    try:
        yield server
    finally:
        server.kill()
