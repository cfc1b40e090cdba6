"""What a receiver still has to be told, and when: without a thread, a socket or a clock of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tallystick.ports import Clock
from tallystick.telling.alerting import Alert

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 300.0
LAST_WORDS_SECONDS: Final = 5.0
"""How long the end of the process waits for what is not delivered yet."""
MOST_ALERTS: Final = 1_000
"""Told at a time; who posts more wrong roots than this has been noticed."""
MOST_DOUBLINGS: Final = 30


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Event: these alerts hold now among those of these kinds, or keys, and no other of them does."""

    alerts: tuple[Alert, ...]
    about: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """Event: more is known of the sender, and every message says it."""

    more: dict[str, object]


@dataclass(frozen=True, slots=True)
class Ending:
    """Event: the process ends soon, and all that is not told is due at once."""


@dataclass(frozen=True, slots=True)
class Free:
    """Event: nothing is being delivered, and something may be due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Event: a delivery has ended. `reason` says why it failed, empty when it was taken."""

    post: Post
    reason: str


Event = Held | Described | Ending | Free | Tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Effect: deliver this message, and say how it went."""

    key: str
    state: str
    message: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Complain:
    """Effect: say that an alert was not delivered, why, and in how many seconds it is tried again."""

    key: str
    reason: str
    pause_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Effect: wait for that long, or for something new; None for as long as it takes."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class End:
    """Effect: there is no more to do."""


Effect = Post | Complain | Wait | End


class Notices:
    """Brings a receiver to know which alerts hold. One delivery at a time; not safe for threads by itself.

    Nothing is queued: each alert has a state and the state the receiver acknowledged, and where the two differ it is
    told, again and again, with a pause that doubles from one second to five minutes. So an alert that goes on is told
    once, one receiver's refusal of one alert does not hold up the others, and a receiver that was away learns what is
    the case when it is back. An alert that came and went meanwhile is told as resolved.
    """

    def __init__(
        self, sender: dict[str, Any], clock: Clock, first_pause: float = FIRST_PAUSE_SECONDS, *, role: str
    ) -> None:
        """`role` is what every message calls its sender."""
        self._role = role
        self._sender = sender
        self._clock = clock
        self._first_pause = first_pause
        self._entries: dict[str, Entry] = {}
        self._last_words_until: float | None = None

    @property
    def waiting(self) -> int:
        """How many alerts are in a state that the receiver has not taken."""
        return sum(each.told != each.state for each in self._entries.values())

    def step(self, event: Event) -> tuple[Effect, ...]:
        """Take in what has happened; after a delivery, and where there is none, return what is to be done now."""
        match event:
            case Held():
                self._hold(event)
                return ()
            case Described():
                self._sender = self._sender | event.more
                return ()
            case Ending():
                self._last_words_until = self._clock.monotonic() + LAST_WORDS_SECONDS
                for each in self._entries.values():
                    each.due = 0.0
                return ()
            case Tried():
                return (*self._note(event), self._next())
            case Free():
                return (self._next(),)

    def _hold(self, held: Held) -> None:
        now, wanted = self._clock.now(), {each.key: each for each in held.alerts}
        for key, alert in wanted.items():
            known = self._entries.get(key)
            if known is not None and known.firing:
                known.alert = alert
            elif known is not None:
                known.alert, known.firing, known.since, known.due, known.failures = alert, True, now, 0.0, 0
            elif len(self._entries) < MOST_ALERTS:
                self._entries[key] = Entry(alert=alert, firing=True, since=now)
        for key, entry in self._entries.items():
            if entry.firing and key not in wanted and (key in held.about or entry.alert.kind in held.about):
                entry.firing, entry.due, entry.failures = False, 0.0, 0

    def _next(self) -> Effect:
        now = self._clock.monotonic()
        open_ = [each for each in self._entries.values() if each.told != each.state]
        until = self._last_words_until
        if until is not None and (not open_ or now >= until):
            return End()
        due = min(open_, key=lambda each: each.due, default=None)
        if due is None:
            return Wait(seconds=None)
        if due.due > now:
            return Wait(seconds=due.due - now)
        return Post(key=due.alert.key, state=due.state, message=self._message(due))

    def _note(self, tried: Tried) -> Iterator[Effect]:
        entry = self._entries[tried.post.key]
        if not tried.reason:
            entry.told, entry.failures = tried.post.state, 0
            if not entry.firing and entry.told == entry.state:
                del self._entries[tried.post.key]
            return
        pause: float = min(self._first_pause * 2.0**entry.failures, LONGEST_PAUSE_SECONDS)
        entry.failures = min(entry.failures + 1, MOST_DOUBLINGS)
        entry.due = self._clock.monotonic() + pause
        yield Complain(key=tried.post.key, reason=tried.reason, pause_seconds=pause)

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
            "time": round(self._clock.now(), 3),
            "facts": alert.facts,
            self._role: self._sender,
        }
