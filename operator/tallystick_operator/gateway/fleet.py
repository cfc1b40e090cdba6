"""The gateways of an operator: processes that are started, heard, started again when one dies, and drained at the end."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import Any, Final

import msgspec

from tallystick.errors import ConfigError
from tallystick_operator.gateway.parcels import Batch, Pieces, Told, answered, packed, refused, unframed, unpacked_batch
from tallystick_operator.gateway.worker import Task
from tallystick_operator.intake.door import Refused
from tallystick_operator.rates import Allowances
from tallystick_operator.sequencer.sequencer import Results, Sequencer

MODULE: Final = "tallystick_operator.gateway.worker"
RECEIVED_BYTES: Final = 1 << 18
AGAIN_SECONDS: Final = 0.5
"""How long a place stays empty when its gateway has died, so that one that cannot live does not keep the machine busy."""
END_SECONDS: Final = 8.0


class Fleet:
    """`count` gateways on one port. `port` is the one bound, also when any free one was asked for."""

    def __init__(
        self,
        sequencer: Sequencer,
        host: str,
        port: int,
        count: int,
        report: Callable[..., None] = lambda *_, **__: None,
        allowances: Allowances | None = None,
    ) -> None:
        """Raises: ConfigError when the address cannot be bound, or somebody listens there already."""
        self._sequencer = sequencer
        self._report = report
        self._allowances = allowances
        self.count = count
        self._stopping = threading.Event()
        self.host = host
        self._reserved = _reserve(host, port)
        self.port: int = self._reserved.getsockname()[1]
        self.processes: dict[int, subprocess.Popen[Any]] = {}
        """The processes that live, by their places."""
        self._places = [
            threading.Thread(target=self._keep, args=(place,), name=f"gateway {place}", daemon=True)
            for place in range(count)
        ]
        self._ready = threading.Semaphore(0)

    @property
    def url(self) -> str:
        """Where clients reach them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ws://{host}:{self.port}"

    def start(self) -> None:
        """Start them all, and return when they serve. Raises: ConfigError when one does not."""
        for place in self._places:
            place.start()
        for _ in self._places:
            if not self._ready.acquire(timeout=30):
                raise ConfigError("a gateway did not start", port=self.port)

    def stop(self) -> None:
        """Have them take nothing more, answer what is under way and end."""
        self._stopping.set()
        for process in list(self.processes.values()):
            process.terminate()
        for place in self._places:
            if place.is_alive():
                place.join()
        self._reserved.close()

    def _keep(self, place: int) -> None:
        """Keep one place filled."""
        while not self._stopping.is_set():
            code = self._live(place)
            if not self._stopping.is_set():
                self._report("gateway_ended", place=place, code=code)
                self._stopping.wait(AGAIN_SECONDS)

    def _live(self, place: int) -> int:
        """Start a gateway, and serve it until it has ended; return its exit code."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-m", MODULE],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    pass_fds=(theirs.fileno(),),
                )
                task = Task(
                    host=self.host,
                    port=self.port,
                    domain=self._sequencer.core.domain,
                    link=theirs.fileno(),
                    allowances=self._allowances,
                )
            self.processes[place] = process
            assert process.stdin is not None and process.stdout is not None
            with process.stdin, process.stdout:
                process.stdin.write(msgspec.json.encode(task) + b"\n")
                process.stdin.flush()
                if process.stdout.readline():
                    self._ready.release()
                if self._stopping.is_set():
                    process.terminate()
                _Receiver(self._sequencer, ours).run()
                try:
                    code = process.wait(END_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    code = process.wait()
            del self.processes[place]
            return code


class _Receiver:
    """The sequencer's end of one gateway: a thread that hears, and one that tells, so that no answer is waited for."""

    def __init__(self, sequencer: Sequencer, link: socket.socket) -> None:
        self._sequencer = sequencer
        self._link = link
        self._done: SimpleQueue[tuple[Batch, Future[Results]] | Told | None] = SimpleQueue()

    def run(self) -> None:
        """Hear until the gateway is gone. What it has handed in runs on; nobody is left to be told of it."""
        teller = threading.Thread(target=self._tell, name="gateway's answers", daemon=True)
        teller.start()
        pieces = Pieces()
        try:
            while data := self._link.recv(RECEIVED_BYTES):
                for message in pieces.add(data):
                    self._take(unpacked_batch(message))
        except (OSError, msgspec.DecodeError):
            self._link.close()
        self._done.put(None)
        teller.join()

    def _take(self, batch: Batch) -> None:
        try:
            reply = self._sequencer.submit([unframed(frame) for frame in batch.frames])
        except Refused as refusal:
            self._done.put(refused(batch, refusal))
            return
        reply.add_done_callback(partial(self._finish, batch))

    def _finish(self, batch: Batch, reply: Future[Results]) -> None:
        self._done.put((batch, reply))

    def _tell(self) -> None:
        pieces: list[bytes] = []
        while (found := self._done.get()) is not None:
            pieces.append(packed(found if isinstance(found, Told) else _told(*found)))
            if not self._done.empty():
                continue  # what is told of together goes as one piece
            try:
                self._link.sendall(b"".join(pieces))
            except OSError:
                return
            pieces.clear()


def _told(batch: Batch, reply: Future[Results]) -> Told:
    error = reply.exception()
    if isinstance(error, Refused):
        return refused(batch, error)
    return answered(batch.number, reply.result())


def _reserve(host: str, port: int) -> socket.socket:
    """Bind a port that gateways may share, but that nobody else holds: another operator's gateways could share it, too.

    Raises: ConfigError.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind((host, port))
            port = alone.getsockname()[1]
        shared = socket.socket(family, socket.SOCK_STREAM)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind((host, port))
    except OSError as error:
        raise ConfigError(f"the gateways cannot listen on {host}:{port}: {error.strerror}") from error
    return shared
