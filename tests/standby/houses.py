"""Operators as processes: one that leads, one that stands by, and a trader who keeps every answer."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import Any

from tests.operator.scene import Scene

LEASE_SECONDS = 6.0
WAIT_SECONDS = 240.0


class House:
    """An operator's process, with its own data directory."""

    def __init__(self, scene: Scene, name: str, verb: str, *options: str) -> None:
        self.scene = scene
        self.data = scene.folder / name
        command = scene.command("--gateways", "0", "--quiet-seconds", "0.1", "--data-dir", str(self.data), *options)
        command[command.index("run")] = verb
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(json.loads(line))

    def said(self, what: str) -> dict[str, Any]:
        """Wait for a line that has something in it."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            for line in list(self._lines):
                if what in line or line.get("event") == what:
                    return line
            assert time.monotonic() < deadline, f"waited in vain for {what}: {self._lines}"
            if self.process.poll() is not None:
                assert self.process.stderr is not None
                raise AssertionError(f"it ended with {self.process.returncode}: {self.process.stderr.read()}")
            time.sleep(0.01)

    @property
    def url(self) -> str:
        return str(self.said("ready")["url"])

    def events(self, name: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in (self.data / "events.jsonl").read_text().splitlines()]
        return [event for event in found if event["event"] == name]

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for its end; return its exit code."""
        code = self.process.wait(WAIT_SECONDS)
        self.close()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                self.process.kill()
                self.process.send_signal(signal.SIGCONT)
            self.process.wait()
        self._reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def share_key(scene: Scene, leader: str, *others: str) -> None:
    """Give the others the key with which one signs receipts, as the runbook says."""
    for each in others:
        (scene.folder / each).mkdir(exist_ok=True)
        shutil.copy(scene.folder / leader / "receipt.key", scene.folder / each / "receipt.key")
