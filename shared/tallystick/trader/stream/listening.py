"""One client's side of a stream, without a socket: what it says, what it understands, and how it finds what it missed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from tallystick.errors import DataMismatch
from tallystick.records.codec import Record, encode
from tallystick.records.openings import OpenStream
from tallystick.shapes.nesting import decode
from tallystick.shapes.streaming import (
    CHANNELS,
    Arm,
    Asked,
    ChannelName,
    Denied,
    Done,
    Hello,
    Open,
    Opening,
    Poll,
    Polled,
    Push,
    Subscribe,
    Told,
    Unsubscribe,
    Wanted,
)
from tallystick.state.ordinals import AccountId, MarketId, UnixMs
from tallystick.trader.stream.copies import COPIES, Copy

OPEN_MS: Final = 12 * 3_600_000
"""For how long a connection's account is opened at once."""
RENEW_MS: Final = 3_600_000
"""How long before the end of that it is signed for again."""
OPEN_POLL_MS: Final = 1_800_000


class Of(NamedTuple):
    """A channel: its name, and the number of its market or account, None for neither."""

    name: ChannelName
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What an account's private channels are opened with.

    Shape: `domain` is the deployment's, `operator` the 20 bytes of the address that signs its receipts: both as they are
    known from elsewhere, for an operator may say anything.
    """

    account: AccountId
    key: bytes
    domain: bytes
    operator: bytes
    agent: int = 0

    def open(self, challenge: bytes, clock_ms: UnixMs, number: int) -> Open:
        """Return the request that opens the account on a connection."""
        until_ms = UnixMs(clock_ms + OPEN_MS)
        return Open(
            id=number,
            account=self.account,
            agent=self.agent,
            until_ms=until_ms,
            signature=self._wanted(until_ms, challenge).signature(self.domain, self.key),
        )

    def opening(self, clock_ms: UnixMs) -> Opening:
        """Return what a poll is opened with."""
        until_ms = UnixMs(clock_ms + OPEN_POLL_MS)
        signature = self._wanted(until_ms, bytes(32)).signature(self.domain, self.key)
        return Opening(account=self.account, agent=self.agent, until_ms=until_ms, signature=signature)

    def _wanted(self, until_ms: UnixMs, challenge: bytes) -> OpenStream:
        return OpenStream(
            account=self.account, agent=self.agent, until_ms=until_ms, operator=self.operator, challenge=challenge
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Something new in a channel; `data` has its shape. A snapshot stands for all that was told before, seen or missed."""

    of: Of
    snapshot: bool
    push: Push
    data: msgspec.Struct


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that the operator does not grant, or not any more. `asked` is the request, None for none."""

    asked: Asked | None
    denied: Denied


class Tracker:
    """What one client wants of a stream, and where it is in it. Nothing here waits.

    `outgoing` are the messages to send, and `wake` is called when there is one more. `greetings` counts
    connections, `gaps` what was found missing on one. `copies` are kept up for every channel that is wanted.
    """

    def __init__(self, wanted: list[Of], login: Login | None = None) -> None:
        # Who signs for a time has to know what time it is.
        self.wanted: dict[Of, None] = dict.fromkeys([*wanted, *([] if login is None else [Of("clock")])])
        self.copies: dict[Of, Copy] = {each: COPIES[each.name]() for each in self.wanted}
        self.outgoing: deque[str] = deque()
        self.wake: Callable[[], None] = lambda: None
        self.clock_ms = UnixMs(0)
        self.gaps = 0
        self.greetings = 0
        self.armed: Record | None = None
        self._login = login
        self._challenge = b""
        self._at: dict[Of, tuple[str, int]] = {}
        self._asked: dict[int, Asked] = {}
        self._repairing: dict[Of, None] = {}
        self._number = 0
        self._renew_ms = 0
        self._polled = ("", 0)

    def want(self, of: Of) -> None:
        """Follow one more channel."""
        if of not in self.wanted:
            self.wanted[of] = None
            self.copies[of] = COPIES[of.name]()
            if self._challenge:
                self._subscribe(of)

    def unwant(self, of: Of) -> None:
        """Follow a channel no more."""
        if of in self.wanted:
            del self.wanted[of], self.copies[of]
            self._at.pop(of, None)
            self._ask(Unsubscribe(id=self._next(), channel=of.name, **_place(of)))

    def arm(self, record: Record | None) -> None:
        """Have a signed record sequenced when a connection ends, this one and every one behind it; None for none."""
        self.armed = record
        if self._challenge and self._login is not None:
            self._arm(self._login)

    def lost(self) -> None:
        """Note that the connection has ended: what was asked on it is not answered any more."""
        self.outgoing.clear()
        self._asked.clear()
        self._repairing.clear()
        self._challenge = b""

    def heard(self, text: str | bytes) -> list[Update | Problem]:
        """Take in one message, and return what is new.

        Raises: DataMismatch when it is none, or another operator's than was to be expected.
        """
        document = text.encode() if isinstance(text, str) else text
        try:
            told: Told = decode(document, Told)  # type: ignore[arg-type]
        except msgspec.MsgspecError as error:
            raise DataMismatch("this is no message of a stream", problem=str(error)) from error
        if isinstance(told, Hello):
            self._greet(told)
            return []
        if isinstance(told, Push):
            return self._push(told)
        asked = self._asked.pop(told.id, None)
        if isinstance(asked, Subscribe):
            self._repairing.pop(_of(asked), None)
        return [] if isinstance(told, Done) else self._denied(asked, told)

    def poll(self, wait_ms: int) -> Poll:
        """Return what to ask for without a connection."""
        epoch, sequence = self._polled
        opening = None if self._login is None else self._login.opening(self.clock_ms)
        channels = [Wanted(channel=each.name, **_place(each)) for each in self.wanted]
        return Poll(channels=channels, epoch=epoch, sequence=sequence, wait_ms=wait_ms, opening=opening)

    def polled(self, answer: Polled) -> list[Update | Problem]:
        """Take in the answer to that."""
        self._polled = (answer.epoch, answer.sequence)
        return [update for push in answer.each() for update in self._push(push)]

    def _greet(self, hello: Hello) -> None:
        self._challenge = bytes.fromhex(hello.challenge.removeprefix("0x"))
        self.clock_ms = hello.clock_ms
        self.greetings += 1
        login = self._login
        if login is not None:
            if hello.operator != "0x" + login.operator.hex():
                expected = "0x" + login.operator.hex()
                raise DataMismatch("another operator answers", expected=expected, actual=hello.operator)
            self._open(login)
            if self.armed is not None:
                self._arm(login)
        for each in self.wanted:
            self._subscribe(each)

    def _push(self, push: Push) -> list[Update | Problem]:
        of = Of(push.channel, _number(push.market, push.account))
        self.clock_ms = push.clock_ms
        if self._login is not None and self._challenge and self.clock_ms >= self._renew_ms:
            self._open(self._login)
        if of not in self.wanted:
            return []
        if not push.snapshot:
            epoch, sequence = self._at.get(of, ("", 0))
            if epoch != push.epoch or push.previous > sequence:
                self._repair(of)
                return []
            if push.sequence <= sequence:
                return []
        data = decode(bytes(push.data), CHANNELS[push.channel].data)
        try:
            self.copies[of].take(data, snapshot=push.snapshot)
        except DataMismatch:
            if push.snapshot:
                raise
            self._at.pop(of, None)
            self._repair(of)
            return []
        self._at[of] = (push.epoch, push.sequence)
        return [Update(of=of, snapshot=push.snapshot, push=push, data=data)]

    def _repair(self, of: Of) -> None:
        """Ask for what is missing, once."""
        if of not in self._repairing:
            self._repairing[of] = None
            self.gaps += 1
            self._subscribe(of)

    def _denied(self, asked: Asked | None, denied: Denied) -> list[Update | Problem]:
        if asked is None and denied.error == "expired" and self._login is not None:
            self._open(self._login)
            for each in self.wanted:
                if CHANNELS[each.name].private:
                    self._subscribe(each)
            if self.armed is not None:
                self._arm(self._login)
            return []
        return [Problem(asked=asked, denied=denied)]

    def _open(self, login: Login) -> None:
        self._renew_ms = self.clock_ms + OPEN_MS - RENEW_MS
        self._ask(login.open(self._challenge, self.clock_ms, self._next()))

    def _subscribe(self, of: Of) -> None:
        epoch, sequence = self._at.get(of, ("", 0))
        self._ask(Subscribe(id=self._next(), channel=of.name, epoch=epoch, sequence=sequence, **_place(of)))

    def _arm(self, login: Login) -> None:
        record = "" if self.armed is None else "0x" + encode(self.armed).hex()
        self._ask(Arm(id=self._next(), account=login.account, record=record))

    def _ask(self, asked: Asked) -> None:
        self._asked[asked.id] = asked
        self.outgoing.append(msgspec.json.encode(asked).decode())
        self.wake()

    def _next(self) -> int:
        self._number += 1
        return self._number


def _place(of: Of) -> dict[str, Any]:
    by = CHANNELS[of.name].by
    return {} if by == "nothing" or of.number is None else {by: AccountId(of.number)}


def _of(asked: Subscribe) -> Of:
    return Of(asked.channel, _number(asked.market, asked.account))


def _number(market: MarketId | None, account: AccountId | None) -> int | None:
    return None if market is None and account is None else int(account if account is not None else market or 0)
