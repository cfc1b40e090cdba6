"""Clients of a stream without a socket, as tests want them: they read when they are told to, or do not."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from tallystick.records.signing import make, sign
from tallystick.shapes.streaming import Push
from tallystick.state.ordinals import AccountId, UnixMs
from tallystick.testing.world import address, key
from tallystick.trader.stream.listening import Login, Of, Problem, Tracker, Update
from tallystick_operator.intake.door import Checked
from tallystick_operator.push.hub import Hub
from tallystick_operator.push.sessions import Limits, Session
from tests.operator.rig import Rig

OPERATOR = address("receipts")
NOW: WeakKeyDictionary[Hub, Callable[[], UnixMs]] = WeakKeyDictionary()
"""The exchange's clock behind each hub."""


class Dice:
    """Chance, by a seed."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def below(self, limit: int) -> int:
        return self._random.randrange(limit)


class Replied:
    """A sequencer's answer that is there."""

    def __init__(self, answers: list[Any]) -> None:
        self._answers = answers

    def done(self) -> bool:
        return True

    def result(self) -> list[Any]:
        return self._answers


def hub_of(rig: Rig, limits: Limits | None = None, seed: int = 0) -> Hub:
    hub = Hub(
        clock=rig.core.clock,
        chance=Dice(seed),
        domain=rig.core.domain,
        operator=OPERATOR,
        limits=limits or Limits(),
    )
    NOW[hub] = rig.core.clock.now_ms
    return hub


def turn(rig: Rig, hub: Hub) -> None:
    """Have a hub look, and tell; sequence what is due."""
    with rig.core.as_of_now():
        look = hub.look(rig.core)
    hub.take(look)

    def submit(records: list[Checked]) -> Replied:
        return Replied(list(rig.core.process(records)))

    hub.sequence_due(submit)


def login_of(rig: Rig, account: int, who: str, agent: int = 0) -> Login:
    return Login(account=AccountId(account), key=key(who), domain=rig.core.domain, operator=OPERATOR, agent=agent)


def cancel_all(rig: Rig, account: int, who: str, nonce: int) -> Any:
    return sign(make("cancel_all", account=account, agent=0, nonce=nonce), rig.core.domain, key(who))


class Listener:
    """One client and its connection, if it has one. `heard` is everything that was new to it."""

    def __init__(self, hub: Hub, wanted: list[Of], login: Login | None = None, host: str = "host") -> None:
        self.hub = hub
        self.now_ms = NOW[hub]
        self.host = host
        self.tracker = Tracker(wanted, login)
        self.session: Session | None = None
        self.heard: list[Update] = []
        self.problems: list[Problem] = []
        self.pushes: list[Push] = []

    def connect(self) -> None:
        self.session = self.hub.session(self.host)
        self.hub.join(self.session, self.now_ms())
        self.read()

    def disconnect(self) -> None:
        if self.session is not None:
            self.hub.leave(self.session)
        self.session = None
        self.tracker.lost()

    def read(self, most: int = 1 << 30) -> None:
        """Take in what waits, and say what that leads to."""
        assert self.session is not None
        for _ in range(most):
            text = self.session.take()
            if text is None:
                break
            for new in self.tracker.heard(text):
                if isinstance(new, Update):
                    self.heard.append(new)
                    self.pushes.append(new.push)
                else:
                    self.problems.append(new)
        while self.tracker.outgoing:
            self.hub.hear(self.session, self.tracker.outgoing.popleft())

    @property
    def denied(self) -> list[str]:
        return [each.denied.error for each in self.problems]

    def copy(self, name: Any, number: int | None = None) -> Any:
        return self.tracker.copies[Of(name, number)]


def settled(rig: Rig, hub: Hub, *listeners: Listener) -> None:
    """Go on until nobody has anything to say."""
    for _ in range(6):
        rig.seconds += 0.3
        turn(rig, hub)
        for each in listeners:
            if each.session is not None:
                each.read()


def listening(rig: Rig, *wanted: Of, **options: Any) -> Listener:
    listener = Listener(hub_of(rig), list(wanted), **options)
    listener.connect()
    settled(rig, listener.hub, listener)
    return listener
