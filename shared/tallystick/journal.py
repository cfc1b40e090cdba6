"""The event file of a daemon: one JSON object a line, for people and programs that follow what it does."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import msgspec

from tallystick.errors import ConfigError
from tallystick.ports import Clock


class Journal:
    """Appends events to a file, and tells them on a stream as well when one is given. Safe for threads.

    `people` chooses what the stream gets: a sentence for people, of every event or of those named in `only`, or the
    same line of JSON. Raises: ConfigError, when the file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        stream: TextIO | None = None,
        *,
        clock: Clock,
        people: bool = False,
        only: frozenset[str] | None = None,
    ) -> None:
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise ConfigError("the event file cannot be written", path=str(path)) from error
        self.path = path
        self.stream = stream
        self._people = people
        self._only = only if people else None
        self._clock = clock
        self._lock = threading.Lock()

    def write(self, event: str, **values: object) -> None:
        """Append one event. Shape: bytes become hex, everything else is plain JSON."""
        now = self._clock.now()
        line = msgspec.json.encode({"event": event, "time": round(now, 3), **_plain(values)}) + b"\n"
        with self._lock:
            # a full disk must not end whoever tells of it: nothing depends on this file
            with suppress(OSError):
                self._file.write(line)
            if self.stream is not None and (self._only is None or event in self._only):
                self.stream.write(_sentence(now, event, values) if self._people else line.decode())
                self.stream.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _plain(values: dict[str, object]) -> dict[str, object]:
    return {name: "0x" + value.hex() if isinstance(value, bytes) else value for name, value in values.items()}


def _sentence(now: float, event: str, values: dict[str, object]) -> str:
    at = datetime.fromtimestamp(now, UTC).astimezone().strftime("%H:%M:%S")
    mark = "!" if values.get("alarm") else " "
    words = [f"{name} {_short(value)}" for name, value in values.items() if name != "alarm"]
    return f"{at} {mark} {event.replace('_', ' ')}" + (f": {', '.join(words)}" if words else "") + "\n"


def _short(value: object) -> str:
    if isinstance(value, bytes):
        return f"0x{value.hex()}" if len(value) <= 20 else f"0x{value[:4].hex()}…"
    return str(value)
