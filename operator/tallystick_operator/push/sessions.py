"""One connection: what it may read, what it has asked for, and what waits to be sent to it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from tallystick.shapes.nesting import is_shallow
from tallystick.shapes.streaming import Asked, ChannelName, Denied, Done, Told
from tallystick.state.ordinals import AccountId, UnixMs
from tallystick_operator.intake.door import Checked, Refused

MAX_MESSAGE_BYTES: Final = 16 << 10
MAX_WAITING: Final = 300
"""Requests of one connection that wait for the state: more than it may have subscriptions."""
MAX_ID: Final = (1 << 53) - 1
"""The largest whole number that every reader of JSON has."""
GOING_AWAY: Final = 1001
FAILED: Final = 1011
TRY_AGAIN: Final = 1013
SLOW: Final = 4_008
TOO_MANY: Final = 4_029


class Key(NamedTuple):
    """Which channel: its kind, and the number of its market or account, 0 for neither."""

    name: ChannelName
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one connection, one address and all together may have.

    `queued_characters` is what may wait to be sent to a connection before more is added: it is some seconds of all markets
    at full speed. Who lets more wait is dropped. What a connection has asked for does not count; of that it gets no more
    before it has read as much.
    """

    connections: int = 1_024
    per_address: int = 64
    subscriptions: int = 256
    accounts: int = 16
    queued_characters: int = 2 << 20
    channels: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """By whose signature an account is open, and until when. Units: milliseconds of the exchange's clock."""

    agent: int
    signer: bytes
    until_ms: UnixMs


class Session:
    """One connection. `wake` is called when something waits to be sent, or it is over.

    `closed` is the code and the reason of its end, None while it goes on. `blocked` is it while what it asked last waits
    for the state.
    """

    def __init__(self, address: str, limits: Limits, challenge: bytes) -> None:
        self.address = address
        self.challenge = challenge
        self.subscribed: dict[Key, None] = {}
        self.opened: dict[AccountId, Grant] = {}
        self.armed: dict[AccountId, Checked] = {}
        self.requests: deque[Asked] = deque()
        self.blocked = False
        self.closed: tuple[int, str] | None = None
        self._limits = limits
        self.wake: Callable[[], None] = lambda: None
        self._queue: deque[tuple[str, bool]] = deque()
        self._queued = {False: 0, True: 0}

    @property
    def has_to_read(self) -> bool:
        """Whether so much of what it asked for is waiting that it gets no more yet."""
        return self._queued[True] > self._limits.queued_characters

    def put(self, text: str, *, asked: bool = False) -> None:
        """Have a text sent; whoever does not read what was sent unasked is dropped."""
        if self.closed is not None:
            return
        if not asked and self._queued[False] > self._limits.queued_characters:
            self.close(SLOW, "slow_reader: read faster, or ask for less; come back with the last sequence")
            return
        self._queue.append((text, asked))
        self._queued[asked] += len(text)
        self.wake()

    def tell(self, message: Told) -> None:
        """Have a message sent."""
        self.put(msgspec.json.encode(message).decode(), asked=True)

    def done(self, number: int, *, resumed: bool = False) -> None:
        """Say that a request was carried out."""
        self.tell(Done(id=number, resumed=resumed))

    def lose(self, key: Key, number: int, refusal: Refused) -> None:
        """Say why a channel is told no more, or never was."""
        self.subscribed.pop(key, None)
        self.deny(number, refusal)

    def deny(self, number: int, refusal: Refused) -> None:
        """Say why a request was not carried out."""
        self.tell(Denied(id=number, error=refusal.code, message=refusal.message, field=refusal.field))

    def take(self) -> str | None:
        """Return what is to be sent next, None when nothing is."""
        if not self._queue:
            return None
        text, asked = self._queue.popleft()
        self._queued[asked] -= len(text)
        return text

    def close(self, code: int, reason: str) -> None:
        """End it: nothing more is sent."""
        if self.closed is None:
            self.closed = (code, reason)
            self._queue.clear()
            self.wake()


def read_request(frame: str | bytes) -> Asked:
    """Return what a frame asks. Raises: Refused, whatever is wrong with it."""
    if isinstance(frame, bytes):
        raise Refused(400, "malformed", "a request is a text frame")
    try:
        document = frame.encode()
        if len(document) > MAX_MESSAGE_BYTES:
            raise Refused(413, "too_large", f"a request has at most {MAX_MESSAGE_BYTES} bytes")
        if not is_shallow(document):
            raise Refused(400, "not_json", "the brackets are nested too deep, or not closed")
        json.loads(document, object_pairs_hook=_each_once, parse_constant=_no_number)
        asked: Asked = msgspec.json.decode(document, type=Asked)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        raise Refused(400, "malformed", message, path.strip("`").removeprefix("$.")) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise Refused(400, "not_json", str(error)) from error
    if not 0 <= asked.id <= MAX_ID:
        raise Refused(400, "malformed", f"a whole number from 0 to {MAX_ID}", "id")
    return asked


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice in an object")


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
