"""What libraries and Python itself would print, and how a process ends, as events of the same log."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from tallystick.errors import ConfigError, TallystickError
from tallystick.journal import Journal
from tallystick.ports.system import SystemClock
from tallystick.urls import without_secrets

REFUSAL_CODES: Final = frozenset({2, 4, 5})
"""Exit codes of errors that say: not with these settings, this data, this machine or these contracts."""


class JournalHandler(logging.Handler):
    """Writes each message of a library as an event, `library_message`."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message. A log that is closed already takes no more."""
        with suppress(OSError, ValueError):
            self._journal.write(
                "library_message",
                alarm=record.levelno >= logging.ERROR,
                level=record.levelname.lower(),
                source=record.name,
                reason=without_secrets(record.getMessage()),
            )


@contextmanager
def captured(journal: Journal) -> Iterator[None]:
    """Have warnings, library messages and the ends of threads by an error written into the log, while this lasts."""
    handler = JournalHandler(journal)
    before = threading.excepthook

    def thread_ended(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread is not None else ""
        with suppress(OSError, ValueError):
            journal.write(
                "thread_failed",
                alarm=True,
                thread=name,
                error=args.exc_type.__name__,
                reason=without_secrets(str(args.exc_value)),
            )
        before(args)

    logging.getLogger().addHandler(handler)
    logging.captureWarnings(True)
    threading.excepthook = thread_ended
    try:
        yield
    finally:
        threading.excepthook = before
        logging.captureWarnings(False)
        logging.getLogger().removeHandler(handler)


@contextmanager
def event_log(data_dir: Path, *, people: bool) -> Iterator[Journal]:
    """Keep a daemon's events in `events.jsonl` of its folder, which is made, and tell them on stdout; what libraries and
    threads say besides is among them. `people` as in Journal.

    Raises: ConfigError, when nothing can be written there.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            "the data directory cannot be made",
            hint="give --data-dir a folder that you may write to",
            data_dir=str(data_dir),
            reason=error.strerror,
        ) from error
    journal = Journal(data_dir / "events.jsonl", sys.stdout, people=people, clock=SystemClock())
    try:
        with captured(journal):
            yield journal
    finally:
        journal.close()


def last_event(error: Exception) -> tuple[str, dict[str, Any]]:
    """Return how the log tells an end: `refused` when it will not go on with what it was given, else `failed`."""
    facts: dict[str, Any] = {"error": type(error).__name__, "reason": without_secrets(str(error))}
    if not isinstance(error, TallystickError):
        return "failed", facts
    facts |= ({"hint": error.hint} if error.hint else {}) | {"exit_code": error.exit_code}
    return "refused" if error.exit_code in REFUSAL_CODES else "failed", facts
