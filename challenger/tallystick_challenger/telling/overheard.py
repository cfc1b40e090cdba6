"""What libraries and Python itself would print, as events of the same log."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tallystick.journal import Journal
from tallystick.urls import without_secrets


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
