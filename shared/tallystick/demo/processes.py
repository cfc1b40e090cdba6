"""The demo's parts, each a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tallystick.demo.child import STOP_SECONDS
from tallystick.errors import StateError


@dataclass(slots=True, kw_only=True)
class Child:
    """A `tallystick` command running beside the demo, its output in a file."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """Raises: StateError, with the end of its output, when it has stopped by itself."""
        code = self.process.poll()
        if code is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])
            raise StateError(f"the {self.name} stopped with exit code {code}\n{tail}")

    def ready_line(self, seconds: float) -> dict[str, Any]:
        """Return the JSON line with which it says that it is ready.

        Raises: StateError when it stops or says nothing in time.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.check()
            for line in self.log.read_text(errors="replace").splitlines():
                if line.startswith("{"):
                    ready: dict[str, Any] = json.loads(line)
                    return ready
            time.sleep(0.05)
        raise StateError(f"the {self.name} was not ready within {seconds:.0f} seconds: see {self.log}")

    def stop(self) -> None:
        """Ask it to stop, and insist after a while."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()


def start(name: str, arguments: list[str], log: Path) -> Child:
    """Start `tallystick ARGUMENTS` with its output in `log`; it ends with this process, even one that is killed."""
    log.parent.mkdir(parents=True, exist_ok=True)
    output = log.open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "tallystick.demo.child", *arguments],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    output.close()
    return Child(name=name, process=process, log=log)


@dataclass(slots=True)
class EventFile:
    """Follows a daemon's `events.jsonl`."""

    path: Path
    offset: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)

    def poll(self) -> Iterator[dict[str, Any]]:
        """Yield the events written since the last call; a line still being written waits."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self.offset)
            data = file.read()
        complete = data[: data.rfind(b"\n") + 1]
        self.offset += len(complete)
        for line in complete.splitlines():
            event: dict[str, Any] = json.loads(line)
            self.seen.append(event)
            yield event

    def named(self, name: str) -> list[dict[str, Any]]:
        """Return all events of a name seen so far."""
        return [event for event in self.seen if event["event"] == name]
