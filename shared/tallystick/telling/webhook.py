"""Telling somebody's webhook what holds and what does not any more, without ever holding up who asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Condition, Thread
from typing import Any, Final

import httpx

from tallystick.errors import ConfigError
from tallystick.ports import Clock
from tallystick.telling.alerting import Alert
from tallystick.telling.notices import (
    FIRST_PAUSE_SECONDS,
    LAST_WORDS_SECONDS,
    Complain,
    Described,
    Effect,
    End,
    Ending,
    Event,
    Free,
    Held,
    Notices,
    Post,
    Tried,
    Wait,
)

TIMEOUT_SECONDS: Final = 10.0
"""For connecting, and for each part of the answer."""

Failed = Callable[[str, str, float], None]
"""Told an alert's key, what went wrong, and the seconds until it is tried again."""


class Webhook:
    """The notices' thread: it sends what they want sent, one JSON POST for each change, and waits as they say."""

    def __init__(
        self,
        url: str,
        sender: dict[str, Any],
        *,
        role: str,
        clock: Clock,
        failed: Failed = lambda key, reason, pause: None,
        first_pause: float = FIRST_PAUSE_SECONDS,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self._url = checked(url)
        self._notices = Notices(sender, clock, first_pause, role=role)
        self._failed = failed
        self._timeout = timeout
        self._changed = Condition()
        self._news = False
        self._thread = Thread(target=self._run, name="webhook", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many alerts are in a state that the receiver has not taken."""
        with self._changed:
            return self._notices.waiting

    def describe(self, **more: object) -> None:
        """Add to what every message says of its sender."""
        self._tell(Described(more=more))

    def hold(self, alerts: Iterable[Alert], about: Iterable[str]) -> None:
        """Say which alerts hold now among those of these kinds, or keys, and that no other of them does."""
        self._tell(Held(alerts=tuple(alerts), about=tuple(about)))

    def close(self) -> int:
        """Try for a moment to deliver what is left, end the thread, and return how much was not delivered."""
        self._tell(Ending())
        self._thread.join(LAST_WORDS_SECONDS + 1)
        return self.waiting

    def _tell(self, event: Event) -> None:
        with self._changed:
            self._notices.step(event)
            self._news = True
            self._changed.notify()

    def _run(self) -> None:
        with httpx.Client(timeout=self._timeout) as client:
            event: Event | None = Free()
            while event is not None:
                with self._changed:
                    effects = self._notices.step(event)
                for effect in effects:
                    event = self._carry_out(client, effect)

    def _carry_out(self, client: httpx.Client, effect: Effect) -> Event | None:
        """Do one thing, and return what the notices are to know next; None at the end."""
        match effect:
            case Post():
                return Tried(post=effect, reason=_deliver(client, self._url, effect.message))
            case Complain():
                # a full disk or a closed log is no reason to fall silent here too
                with suppress(OSError, ValueError):
                    self._failed(effect.key, effect.reason, effect.pause_seconds)
            case Wait():
                with self._changed:
                    self._changed.wait_for(lambda: self._news, effect.seconds)
                    self._news = False
            case End():
                return None
        return Free()


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
