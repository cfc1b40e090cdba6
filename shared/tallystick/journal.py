"""The event file of a daemon: one JSON object a line, for people and programs that follow what it does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import msgspec


class Journal:
    """Appends events to a file, and to a stream as well when one is given. Safe for threads."""

    def __init__(self, path: Path, stream: TextIO | None = None, clock: Callable[[], float] = time.time) -> None:
        self._file = path.open("ab", buffering=0)
        self.stream = stream
        self._clock = clock
        self._lock = threading.Lock()

    def write(self, event: str, **values: object) -> None:
        """Append one event. Shape: bytes become hex, everything else is plain JSON."""
        line = msgspec.json.encode({"event": event, "time": round(self._clock(), 3), **_plain(values)}) + b"\n"
        with self._lock:
            self._file.write(line)
            if self.stream is not None:
                self.stream.write(line.decode())
                self.stream.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _plain(values: dict[str, object]) -> dict[str, object]:
    return {name: "0x" + value.hex() if isinstance(value, bytes) else value for name, value in values.items()}
