"""Telling somebody's webhook what holds and what does not any more, without ever holding up who asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Any, Final

import httpx

from tallystick.errors import ConfigError
from tallystick_challenger.telling.alerts import Alert

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 300.0
TIMEOUT_SECONDS: Final = 10.0
"""For connecting, and for each part of the answer."""
LAST_WORDS_SECONDS: Final = 5.0
"""How long the end of the process waits for what is not delivered yet."""
MOST_ALERTS: Final = 1_000
"""Told at a time; who posts more wrong roots than this has been noticed."""

Failed = Callable[[str, str, float], None]
"""Told an alert's key, what went wrong, and the seconds until it is tried again."""


@dataclass(slots=True, kw_only=True)
class Entry:
    """One condition.

    `told` is the state the receiver has acknowledged, empty before the first. Units: `since` in seconds since 1970,
    `due` in seconds of the monotonic clock.
    """

    alert: Alert
    firing: bool
    since: float
    told: str = ""
    failures: int = 0
    due: float = 0.0

    @property
    def state(self) -> str:
        """What the receiver should know."""
        return "firing" if self.firing else "resolved"


class Webhook:
    """Brings a receiver to know which alerts hold, one JSON POST for each change, from a thread of its own.

    Nothing is queued: each alert has a state and the state the receiver acknowledged with a 2xx, and where the two
    differ it is told, again and again, with a pause that doubles from one second to five minutes. So an alert that
    goes on is told once, one receiver's refusal of one alert does not hold up the others, and a receiver that was away
    learns what is the case when it is back. An alert that came and went meanwhile is told as resolved.
    """

    def __init__(
        self,
        url: str,
        sender: dict[str, Any],
        *,
        failed: Failed = lambda key, reason, pause: None,
        first_pause: float = FIRST_PAUSE_SECONDS,
        timeout: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = checked(url)
        self._sender = sender
        self._failed = failed
        self._first_pause = first_pause
        self._timeout = timeout
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._changed = Condition()
        self._stopping = False
        self._deadline = 0.0
        self._thread = Thread(target=self._run, name="webhook", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Alerts whose newest state the receiver has not taken."""
        with self._changed:
            return sum(each.told != each.state for each in self._entries.values())

    def describe(self, **more: object) -> None:
        """Add to what every message says of its sender."""
        with self._changed:
            self._sender = self._sender | more

    def hold(self, alerts: Iterable[Alert], about: Iterable[str]) -> None:
        """Say which alerts hold now among those of these kinds, or keys, and that no other of them does."""
        now, wanted = self._clock(), {each.key: each for each in alerts}
        scope = tuple(about)
        with self._changed:
            for key, alert in wanted.items():
                known = self._entries.get(key)
                if known is not None and known.firing:
                    known.alert = alert
                elif known is not None:
                    known.alert, known.firing, known.since, known.due, known.failures = alert, True, now, 0.0, 0
                elif len(self._entries) < MOST_ALERTS:
                    self._entries[key] = Entry(alert=alert, firing=True, since=now)
            for key, entry in self._entries.items():
                if entry.firing and key not in wanted and (key in scope or entry.alert.kind in scope):
                    entry.firing, entry.due, entry.failures = False, 0.0, 0
            self._changed.notify()

    def close(self) -> int:
        """Try for a moment to deliver what is left, end the thread, and return how much was not delivered."""
        with self._changed:
            self._stopping = True
            self._deadline = time.monotonic() + LAST_WORDS_SECONDS
            for each in self._entries.values():
                each.due = 0.0
            self._changed.notify()
        self._thread.join(LAST_WORDS_SECONDS + 1)
        return self.waiting

    def _run(self) -> None:
        with httpx.Client(timeout=self._timeout) as client:
            while True:
                found = self._next()
                if found is None:
                    return
                entry, state, message = found
                reason = _deliver(client, self._url, message)
                pause = self._note(entry, state, reason)
                if reason:
                    # a full disk or a closed log is no reason to fall silent here too
                    with suppress(OSError, ValueError):
                        self._failed(entry.alert.key, reason, pause)

    def _next(self) -> tuple[Entry, str, dict[str, Any]] | None:
        """Wait for the next message that is due; None when there will be none."""
        with self._changed:
            while True:
                now = time.monotonic()
                open_ = [each for each in self._entries.values() if each.told != each.state]
                if self._stopping and (not open_ or now >= self._deadline):
                    return None
                due = min(open_, key=lambda each: each.due, default=None)
                if due is not None and due.due <= now:
                    return due, due.state, self._message(due)
                self._changed.wait(due.due - now if due is not None else None)

    def _note(self, entry: Entry, state: str, reason: str) -> float:
        """Remember how a delivery ended; return the seconds until the next try."""
        with self._changed:
            if not reason:
                entry.told, entry.failures = state, 0
                if not entry.firing and entry.told == entry.state:
                    self._entries.pop(entry.alert.key, None)
                return 0.0
            pause: float = min(self._first_pause * 2.0**entry.failures, LONGEST_PAUSE_SECONDS)
            entry.failures = min(entry.failures + 1, 30)
            entry.due = time.monotonic() + pause
            return pause

    def _message(self, entry: Entry) -> dict[str, Any]:
        alert = entry.alert
        return {
            "key": alert.key,
            "alert": str(alert.kind),
            "state": entry.state,
            "severity": alert.severity,
            "subject": alert.subject,
            "text": f"[{entry.state}] {alert.text}",
            "since": round(entry.since, 3),
            "time": round(self._clock(), 3),
            "facts": alert.facts,
            "challenger": self._sender,
        }


def checked(url: str) -> str:
    """Return the URL if a webhook can be there.

    Raises: ConfigError, without the URL, which may hold a secret.
    """
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigError("the webhook's URL is none", hint="http://host/path or https://host/path") from error
    if parts.scheme not in ("http", "https") or not parts.host:
        raise ConfigError("a webhook is at an http or https URL", hint="http://host/path or https://host/path")
    return url


def _deliver(client: httpx.Client, url: str, message: dict[str, Any]) -> str:
    """Return why a message was not taken; empty when it was. The answer's body is not read."""
    try:
        with client.stream("POST", url, json=message) as answer:
            return "" if answer.is_success else f"status {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
        return type(error).__name__
