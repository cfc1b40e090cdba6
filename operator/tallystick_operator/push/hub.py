"""The stream: connections, what they ask, and the channels they listen to. No thread, no socket, no task.

Whoever drives it has it `look` at the core between two groups, and then `take` what was found while the sequencer goes
on; it hands in what connections ask, and sends what waits in their sessions.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Final, Protocol

from tallystick.ports import Chance
from tallystick.shapes.streaming import CHANNELS, Arm, Asked, Hello, Open, Poll, Subscribe, Unsubscribe, Wanted
from tallystick.state.ordinals import AccountId, UnixMs
from tallystick_operator.intake.door import Checked, Refused
from tallystick_operator.push.channels import Moment
from tallystick_operator.push.grants import (
    LONGEST_POLL_MS,
    Cancels,
    Reply,
    armed_by,
    check_armed,
    check_grant,
    opened_by,
)
from tallystick_operator.push.mirror import Look
from tallystick_operator.push.sessions import (
    MAX_WAITING,
    TOO_MANY,
    TRY_AGAIN,
    Grant,
    Key,
    Limits,
    Session,
    read_request,
)
from tallystick_operator.push.switchboard import Switchboard, key_of
from tallystick_operator.sequencer.core import Core

CHECKED_A_LOOK: Final = 20
"""Connections whose grants and armed records are checked again in one look."""
CHALLENGE_BITS: Final = 256

_Waiting = tuple[Session, Open, Grant] | tuple[Session, Arm, Checked]


class Monotonic(Protocol):
    """A clock that never goes back."""

    def monotonic(self) -> float:
        """Return the machine's own seconds."""
        ...


class Hub:
    """All connections of one operator. Units: times in seconds of the machine's clock."""

    def __init__(self, *, clock: Monotonic, chance: Chance, domain: bytes, operator: bytes, limits: Limits) -> None:
        self.limits = limits
        self.cancels = Cancels()
        self.board = Switchboard(chance, limits.channels)
        self._clock = clock
        self._chance = chance
        self._domain = domain
        self._operator = operator
        self._sessions: dict[Session, None] = {}
        self._addresses: Counter[str] = Counter()
        self._to_check: list[_Waiting] = []
        self._checked: list[tuple[_Waiting, Refused | None]] = []
        self._held: dict[Session, None] = {}
        self._rounds: deque[Session] = deque()
        self._ended: list[tuple[Session, AccountId, Refused, bool]] = []

    @property
    def is_idle(self) -> bool:
        """Whether there is nobody to tell anything, and nothing to be kept for those who come back."""
        return not (self._sessions or len(self.board) or len(self.cancels))

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._sessions)

    def session(self, address: str) -> Session:
        """Return a new connection, which has to `join`."""
        challenge = self._chance.below(1 << CHALLENGE_BITS).to_bytes(CHALLENGE_BITS // 8, "big")
        return Session(address, self.limits, challenge)

    def join(self, session: Session, clock_ms: UnixMs) -> None:
        """Take a connection in, at this time of the exchange, or close it when there are too many."""
        if len(self._sessions) >= self.limits.connections:
            session.close(TRY_AGAIN, "busy: too many connections; come back later")
            return
        if self._addresses[session.address] >= self.limits.per_address:
            session.close(TOO_MANY, f"too_many: at most {self.limits.per_address} connections from one address")
            return
        self._sessions[session] = None
        self._addresses[session.address] += 1
        session.tell(
            Hello(
                epoch=self.board.now.epoch,
                operator="0x" + self._operator.hex(),
                domain="0x" + self._domain.hex(),
                challenge="0x" + session.challenge.hex(),
                clock_ms=clock_ms,
            )
        )

    def leave(self, session: Session) -> None:
        """Let a connection go; what it has armed is due."""
        if session not in self._sessions:
            return
        del self._sessions[session]
        for checked in session.armed.values():
            self.cancels.add(checked, self._clock.monotonic())
        for key in list(session.subscribed):
            self.board.unlisten(session, key, self._clock.monotonic())
        self._addresses[session.address] -= 1
        if not self._addresses[session.address]:
            del self._addresses[session.address]

    def hear(self, session: Session, frame: str | bytes) -> None:
        """Take in what a connection says."""
        if session.closed is not None:
            return
        try:
            asked = read_request(frame)
        except Refused as refusal:
            session.deny(0, refusal)
            return
        if len(session.requests) >= MAX_WAITING:
            session.deny(asked.id, Refused(429, "too_many", "wait for the answers to what was asked before"))
            return
        session.requests.append(asked)
        self._go_on(session)

    def is_due(self, feed: int) -> bool:
        """Whether a look would find something: `feed` is the number of the newest event."""
        return bool(self._to_check or self._held) or self.board.is_due(feed, self._clock.monotonic())

    def look(self, core: Core) -> Look:
        """Find out what is new, while the sequencer stands still."""
        look = self.board.look(core, self._clock.monotonic())
        for waiting in self._to_check:
            self._checked.append((waiting, _problem(core, waiting)))
        self._to_check = []
        for _ in range(min(CHECKED_A_LOOK, len(self._rounds))):
            session = self._rounds.popleft()
            if session in self._sessions:
                self._rounds.append(session)
                self._check_again(core, session)
        return look

    def take(self, look: Look) -> None:
        """Tell what a look has found."""
        self.board.take(look, self._clock.monotonic())
        for session, account, refusal, whole in self._ended:
            session.armed.pop(account, None)
            if whole:
                session.opened.pop(account, None)
                for key in [each for each in session.subscribed if _is_private(each, account)]:
                    self._unsubscribe(session, key)
            session.deny(0, refusal)
        self._ended = []
        held, self._held = self._held, {}
        for session in held:
            self._go_on(session)
        checked, self._checked = self._checked, []
        for (session, asked, granted), problem in checked:
            session.blocked = False
            if problem is not None:
                session.deny(asked.id, problem)
            else:
                if isinstance(granted, Grant):
                    session.opened[asked.account] = granted
                    if session not in self._rounds:
                        self._rounds.append(session)
                else:
                    session.armed[asked.account] = granted
                session.done(asked.id)
            self._go_on(session)

    def poll(self, poll: Poll) -> tuple[Moment, list[str]] | None:
        """Return where the stream is, and what a poll's channels have told; None while one of them is not read yet.

        Raises: Refused.
        """
        if len(poll.channels) > self.limits.subscriptions:
            raise Refused(413, "too_large", f"a poll has at most {self.limits.subscriptions} channels", "channels")
        keys = list(dict.fromkeys(key_of(each) for each in poll.channels))
        opened = None if poll.opening is None else poll.opening.account
        for key in keys:
            if CHANNELS[key.name].private and key.number != opened:
                raise Refused(403, "not_open", f"sign an opening for account {key.number}", "opening")
        found = self.board.since(keys, poll.epoch, poll.sequence, self._clock.monotonic())
        return None if found is None else (self.board.now, found)

    def check_opening(self, core: Core, poll: Poll) -> None:
        """Raises: Refused when a poll may not read what it wants to."""
        if poll.opening is not None:
            grant = opened_by(poll.opening, self._domain, self._operator)
            check_grant(core.executor.state, poll.opening.account, grant, LONGEST_POLL_MS)

    def sequence_due(self, submit: Callable[[list[Checked]], Reply]) -> None:
        """Have what ended connections have armed sequenced, and what could not be taken tried again."""
        self.cancels.step(submit, self._clock.monotonic())

    def close_all(self, code: int, reason: str) -> None:
        """End every connection."""
        for session in list(self._sessions):
            session.close(code, reason)

    def _go_on(self, session: Session) -> None:
        """Carry out what a connection has asked, up to what has to wait for the state."""
        while session.requests and not session.blocked and session.closed is None:
            if session.has_to_read:
                self._held[session] = None
                return
            asked = session.requests.popleft()
            try:
                self._carry_out(session, asked)
            except Refused as refusal:
                session.deny(asked.id, refusal)

    def _carry_out(self, session: Session, asked: Asked) -> None:
        if isinstance(asked, Subscribe):
            self._subscribe(session, asked)
        elif isinstance(asked, Unsubscribe):
            self._unsubscribe(session, _key(asked))
            session.done(asked.id)
        elif isinstance(asked, Open):
            if asked.account not in session.opened and len(session.opened) >= self.limits.accounts:
                raise Refused(429, "too_many", f"a connection opens at most {self.limits.accounts} accounts", "account")
            grant = opened_by(asked, self._domain, self._operator, session.challenge)
            session.blocked = True
            self._to_check.append((session, asked, grant))
        elif isinstance(asked, Arm):
            if asked.account not in session.opened:
                raise Refused(403, "not_open", f"open account {asked.account} first, by a signature", "account")
            if asked.record:
                checked = armed_by(asked, self._domain)
                session.blocked = True
                self._to_check.append((session, asked, checked))
            else:
                session.armed.pop(asked.account, None)
                session.done(asked.id)
        else:
            session.done(asked.id)

    def _subscribe(self, session: Session, asked: Subscribe) -> None:
        key = _key(asked)
        if CHANNELS[key.name].private and key.number not in session.opened:
            message = f"open account {key.number} first, by a signature of its owner or of an agent"
            raise Refused(403, "not_open", message, "account")
        if key not in session.subscribed and len(session.subscribed) >= self.limits.subscriptions:
            raise Refused(429, "too_many", f"a connection has at most {self.limits.subscriptions} channels", "channel")
        self.board.listen(session, key, asked.id, asked.epoch, asked.sequence, self._clock.monotonic())
        session.subscribed[key] = None

    def _unsubscribe(self, session: Session, key: Key) -> None:
        session.subscribed.pop(key, None)
        self.board.unlisten(session, key, self._clock.monotonic())

    def _check_again(self, core: Core, session: Session) -> None:
        """Note which accounts of a connection are not open any more, and which armed records could not be sequenced."""
        for account, grant in session.opened.items():
            try:
                check_grant(core.executor.state, account, grant)
            except Refused as refusal:
                self._ended.append((session, account, refusal, True))
                continue
            armed = session.armed.get(account)
            if armed is not None:
                try:
                    check_armed(core.executor.state, armed)
                except Refused as refusal:
                    message = f"nothing is cancelled when this connection ends: {refusal.message}; arm another record"
                    told = Refused(refusal.status, "disarmed", message, refusal.field)
                    self._ended.append((session, account, told, False))


def _key(asked: Subscribe | Unsubscribe) -> Key:
    return key_of(Wanted(channel=asked.channel, market=asked.market, account=asked.account))


def _is_private(key: Key, account: AccountId) -> bool:
    return CHANNELS[key.name].private and key.number == account


def _problem(core: Core, waiting: _Waiting) -> Refused | None:
    """Return why the state does not allow what a connection asks, None when it does."""
    _, asked, granted = waiting
    try:
        if isinstance(granted, Grant):
            check_grant(core.executor.state, asked.account, granted)
        else:
            check_armed(core.executor.state, granted)
    except Refused as refusal:
        return refusal
    return None
