"""One channel: who listens, what it told lately, and the snapshot for whoever comes to it now."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import msgspec

from tallystick.shapes.streaming import CHANNELS, Push
from tallystick.state.ordinals import AccountId, MarketId, UnixMs
from tallystick_operator.push.contents import CONTENTS
from tallystick_operator.push.mirror import Mirror
from tallystick_operator.push.sessions import Key, Session

RING_MESSAGES: Final = 1_000
RING_CHARACTERS: Final = 256 << 10
"""What is kept of each channel for those who come back: some seconds of a busy one, hours of a quiet one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A point of the stream, and of the exchange. Units: `clock_ms` is the exchange's clock."""

    epoch: str
    sequence: int
    feed: int
    clock_ms: UnixMs


class ChannelState:
    """What is known of one channel.

    `ready` is None before its content has been read, False when there is nothing that it could be about. `floor` is the
    sequence from which on nothing that it told has been forgotten. Units: `used_at` is in seconds of the machine's clock.
    """

    def __init__(self, key: Key, mirror: Mirror) -> None:
        self.key = key
        self.content = CONTENTS[key.name](key.number, mirror)
        self.ready: bool | None = None
        self.listeners: dict[Session, None] = {}
        self.waiting: list[tuple[Session, int]] = []
        self.floor = 0
        self.used_at = 0.0
        self._previous = 0
        self._ring: deque[tuple[int, str]] = deque()
        self._kept = 0
        self._snapshot = ""

    def begin(self, at: Moment) -> str:
        """Forget what was told, and return a snapshot for all."""
        self._ring.clear()
        self._kept = 0
        self._snapshot = ""
        self.floor = self._previous = at.sequence
        return self.snapshot(at)

    def snapshot(self, at: Moment) -> str:
        """Return a snapshot: the same text for everybody who asks before something new is told."""
        if not self._snapshot:
            self._snapshot = self._encoded(at, self.content.whole(), snapshot=True)
        return self._snapshot

    def tell(self, at: Moment, data: msgspec.Struct) -> str:
        """Return what is told to all listeners, and keep it for those who come back."""
        text = self._encoded(at, data, snapshot=False)
        self._previous = at.sequence
        self._snapshot = ""
        self._ring.append((at.sequence, text))
        self._kept += len(text)
        while len(self._ring) > RING_MESSAGES or (self._kept > RING_CHARACTERS and self._ring):
            self.floor, gone = self._ring.popleft()
            self._kept -= len(gone)
        return text

    def since(self, sequence: int) -> list[str] | None:
        """Return what was told behind a sequence, None when that is not all there any more."""
        if sequence < self.floor:
            return None
        return [text for told, text in self._ring if told > sequence]

    def _encoded(self, at: Moment, data: msgspec.Struct, *, snapshot: bool) -> str:
        kind = CHANNELS[self.key.name].by
        push = Push(
            channel=self.key.name,
            market=MarketId(self.key.number) if kind == "market" else None,
            account=AccountId(self.key.number) if kind == "account" else None,
            snapshot=snapshot,
            epoch=at.epoch,
            sequence=at.sequence,
            previous=at.sequence if snapshot else self._previous,
            feed=at.feed,
            clock_ms=at.clock_ms,
            data=msgspec.Raw(msgspec.json.encode(data)),
        )
        return msgspec.json.encode(push).decode()
