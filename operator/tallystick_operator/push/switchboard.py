"""All channels: what is read for them between two groups, and what they tell to whom."""

from __future__ import annotations

from typing import Final

from tallystick.ports import Chance
from tallystick.shapes.streaming import CHANNELS, Wanted
from tallystick.state.layout import MAX_MARKETS
from tallystick.state.ordinals import UnixMs
from tallystick_operator.intake.door import Refused
from tallystick_operator.push.channels import ChannelState, Moment
from tallystick_operator.push.mirror import Look, Mirror
from tallystick_operator.push.sessions import Key, Session
from tallystick_operator.push.touched import Due, Touched
from tallystick_operator.sequencer.core import Core

LINGER_SECONDS: Final = 60.0
"""How long a channel to which nobody listens is kept up for those who come back."""
NOTHING_SECONDS: Final = 1.0
"""How long it is taken for granted that there is no such market or account."""
MAX_ACCOUNT: Final = (1 << 32) - 1
EPOCH_BITS: Final = 64


def key_of(wanted: Wanted) -> Key:
    """Return which channel is meant. Raises: Refused when none can be."""
    by = CHANNELS[wanted.channel].by
    given = {"market": wanted.market, "account": wanted.account}
    for field, value in given.items():
        if (value is not None) != (by == field):
            problem = f"the channel {wanted.channel} is of {'no' if by == 'nothing' else 'one'} {field}"
            raise Refused(400, "malformed", problem if by in (field, "nothing") else f"it has no {field}", field)
    if by == "nothing":
        return Key(wanted.channel, 0)
    number = int(given[by] or 0)
    most = MAX_MARKETS - 1 if by == "market" else MAX_ACCOUNT
    if not 0 <= number <= most:
        raise Refused(400, "malformed", f"a whole number from 0 to {most}", by)
    return Key(wanted.channel, number)


class Switchboard:
    """The channels that somebody listens to, or has listened to lately."""

    def __init__(self, chance: Chance, most: int) -> None:
        self._chance = chance
        self._most = most
        self._mirror = Mirror()
        self._channels: dict[Key, ChannelState] = {}
        self._due = Due()
        self._begun: list[ChannelState] = []
        self._read: list[Key] = []
        self._touched: Touched | None = None
        self.now = Moment(epoch=self._new_epoch(), sequence=0, feed=0, clock_ms=UnixMs(0))

    def __len__(self) -> int:
        return len(self._channels)

    def is_due(self, feed: int, now: float) -> bool:
        """Whether a look would find something: `feed` is the number of the newest event."""
        waits = any(each.ready is None for each in self._channels.values())
        return waits or feed != self._mirror.feed or self._due.is_due(now)

    def look(self, core: Core, now: float) -> Look:
        """Find out what is new, while the sequencer stands still."""
        look = self._mirror.look(core)
        self._touched = touched = Touched(look)
        if look.anew:
            for channel in self._channels.values():
                channel.ready = None
        self._due.note(touched, self._channels, now)
        if look.ready:
            for channel in self._channels.values():
                turned = channel.key.name in ("book", "trades") and channel.key.number in look.turned
                if channel.ready is None or turned:
                    channel.ready = channel.content.begin(core)
                    self._begun.append(channel)
        self._read = [key for key in self._due.take() if key in self._channels]
        for key in self._read:
            if self._channels[key].ready:
                self._channels[key].content.read(core, look)
        return look

    def take(self, look: Look, now: float) -> None:
        """Tell what a look has found."""
        assert self._touched is not None
        epoch = self._new_epoch() if look.anew and self.now.sequence else self.now.epoch
        sequence = self.now.sequence + 1
        self.now = Moment(epoch=epoch, sequence=sequence, feed=look.feed, clock_ms=look.clock_ms)
        begun = dict.fromkeys(each.key for each in self._begun)
        about = dict(self._touched.keys()) | {key: [] for key in self._read if key.name != "orders"}
        for key, happenings in about.items():
            channel = self._channels.get(key)
            if channel is None or not channel.ready or key in begun:
                continue
            data = channel.content.change(look, happenings)
            if data is not None:
                text = channel.tell(self.now, data)
                for session in list(channel.listeners):
                    session.put(text)
        for channel in self._begun:
            self._begin(channel)
        self._begun = []
        for key in [key for key, each in self._channels.items() if _is_unused(each, now)]:
            del self._channels[key]

    def listen(self, session: Session, key: Key, number: int, epoch: str, sequence: int, now: float) -> None:
        """Let a connection listen, which has seen all up to a sequence. Raises: Refused."""
        channel = self._channel(key, now)
        if channel.ready is None:
            channel.waiting.append((session, number))
            return
        if not channel.ready:
            raise _nothing(key)
        texts, resumed = self._missed(channel, epoch, sequence)
        session.done(number, resumed=resumed)
        for text in texts:
            session.put(text, asked=True)
        channel.listeners[session] = None

    def unlisten(self, session: Session, key: Key, now: float) -> None:
        """Let a connection listen no more."""
        channel = self._channels.get(key)
        if channel is not None:
            channel.listeners.pop(session, None)
            channel.waiting = [each for each in channel.waiting if each[0] is not session]
            channel.used_at = now

    def since(self, wanted: list[Key], epoch: str, sequence: int, now: float) -> list[str] | None:
        """Return what these channels have told behind a sequence; None while one of them is not read yet.

        Raises: Refused when there is no such channel.
        """
        found: list[str] = []
        for channel in [self._channel(key, now) for key in wanted]:
            if channel.ready is None:
                return None
            if not channel.ready:
                raise _nothing(channel.key)
            found += self._missed(channel, epoch, sequence)[0]
        return found

    def _missed(self, channel: ChannelState, epoch: str, sequence: int) -> tuple[list[str], bool]:
        """Return what somebody lacks of a channel, and whether those are the messages themselves."""
        same = epoch == self.now.epoch and 0 <= sequence <= self.now.sequence
        missed = channel.since(sequence) if same else None
        return ([channel.snapshot(self.now)], False) if missed is None else (missed, True)

    def _channel(self, key: Key, now: float) -> ChannelState:
        channel = self._channels.get(key)
        if channel is None:
            if len(self._channels) >= self._most:
                raise Refused(503, "busy", "too many channels are in use; come back later", "channel")
            channel = self._channels[key] = ChannelState(key, self._mirror)
        if channel.ready is not False:
            channel.used_at = now
        return channel

    def _begin(self, channel: ChannelState) -> None:
        """Give a channel's snapshot to all who listen, and to those who wait to."""
        waiting, channel.waiting = channel.waiting, []
        if not channel.ready:
            for session, number in waiting:
                session.lose(channel.key, number, _nothing(channel.key))
            for session in list(channel.listeners):
                session.lose(channel.key, 0, _nothing(channel.key))
            channel.listeners.clear()
            return
        text = channel.begin(self.now)
        for session in list(channel.listeners):
            # Many at once, for no fault of who listens.
            session.put(text, asked=True)
        for session, number in waiting:
            session.done(number, resumed=False)
            session.put(text, asked=True)
            channel.listeners[session] = None

    def _new_epoch(self) -> str:
        return f"{self._chance.below(1 << EPOCH_BITS):016x}"


def _is_unused(channel: ChannelState, now: float) -> bool:
    lingers = NOTHING_SECONDS if channel.ready is False else LINGER_SECONDS
    return now - channel.used_at >= lingers and not channel.listeners and not channel.waiting


def _nothing(key: Key) -> Refused:
    if CHANNELS[key.name].by == "market":
        return Refused(404, "no_market", "there is no such market", "market")
    return Refused(404, "no_account", "there is no such account yet; deposit first", "account")
