"""Who may read an account's private channels, and what is sequenced for it when its connection ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from tallystick.machine.foresight import foresee_admission
from tallystick.records.openings import NO_CHALLENGE, OpenStream
from tallystick.records.signing import recover
from tallystick.schema.names import Outcome
from tallystick.schema.record_kinds import SIGNATURE_BYTES
from tallystick.shapes.streaming import Arm, Open, Opening
from tallystick.shapes.submitting import Answer, Submission
from tallystick.state.cells import account_owner, agent_expiry_ms, agent_key, agent_scope
from tallystick.state.ordinals import AccountId
from tallystick.state.state import State
from tallystick_operator.api.views import AGENT_SLOTS
from tallystick_operator.intake.door import Checked, Refused, check_signature, refuse, to_record
from tallystick_operator.push.sessions import Grant

LONGEST_MS: Final = 24 * 3_600_000
"""How far ahead an account may be opened on a connection."""
LONGEST_POLL_MS: Final = 3_600_000
"""The same of polls, whose signature is bound to no connection."""
ARMED_KINDS: Final = frozenset({"cancel_all", "cancel_before", "dead_man"})
TRY_SECONDS: Final = 1.0
GIVE_UP_SECONDS: Final = 600.0
"""How long a record is tried again that nobody can take just now."""
NOT_NOW: Final = 503


def opened_by(asked: Open | Opening, domain: bytes, operator: bytes, challenge: bytes = NO_CHALLENGE) -> Grant:
    """Return the grant that a signature asks for; whether its signer may have it is the state's to say. Raises: Refused."""
    if not 0 <= asked.account <= (1 << 32) - 1:
        raise Refused(400, "malformed", "there is no such account number", "account")
    if not 0 <= asked.agent <= AGENT_SLOTS:
        raise Refused(400, "malformed", f"0 for the owner, or an agent's slot up to {AGENT_SLOTS}", "agent")
    if not 0 <= asked.until_ms < 1 << 64:
        raise Refused(400, "malformed", "a time in milliseconds of the exchange's clock", "until_ms")
    wanted = OpenStream(
        account=asked.account, agent=asked.agent, until_ms=asked.until_ms, operator=operator, challenge=challenge
    )
    signer = recover(wanted.digest(domain), _signature(asked.signature))
    if signer is None:
        raise refuse(Outcome.BAD_SIGNATURE, "signature")
    return Grant(agent=asked.agent, signer=signer, until_ms=asked.until_ms)


def check_grant(state: State, account: AccountId, grant: Grant, longest_ms: int = LONGEST_MS) -> None:
    """Raises: Refused, saying what to do, when a grant's signer may not read the account, or not any more."""
    clock_ms = state.registers.clock_ms
    if grant.until_ms <= clock_ms:
        raise Refused(403, "expired", f"the exchange's clock is {clock_ms}: sign for a later time", "until_ms")
    if grant.until_ms > clock_ms + longest_ms:
        raise Refused(400, "out_of_range", f"sign for {clock_ms + longest_ms} at the latest, and again", "until_ms")
    if _key_of(state, account, grant.agent) != grant.signer:
        signer = "its owner" if grant.agent == 0 else f"its agent {grant.agent}, or that one's time is over"
        message = f"0x{grant.signer.hex()} has signed, and is not {signer}: is it signed for this operator, challenge and account?"
        raise Refused(403, "not_authorised", message, "signature")


def armed_by(asked: Arm, domain: bytes) -> Checked:
    """Return the record that a connection's end is to sequence. Raises: Refused."""
    record = to_record(Submission(raw=asked.record))
    if record.kind.name not in ARMED_KINDS:
        raise Refused(400, "unknown_record", f"one of {', '.join(sorted(ARMED_KINDS))}", "record")
    if record.value("account") != asked.account:
        raise Refused(400, "malformed", "the record is another account's", "account")
    return check_signature(record, domain)


def check_armed(state: State, checked: Checked) -> None:
    """Raises: Refused when a record could not be sequenced now: its nonce is used or passed, its signer's time is over."""
    outcome = foresee_admission(state, checked.record, checked.signer)
    if outcome is not Outcome.ACCEPTED:
        raise refuse(outcome, "record")


class Reply(Protocol):
    """What a sequencer's answer will be in."""

    def done(self) -> bool:
        """Whether it is there."""
        ...

    def result(self) -> list[Answer | Refused]:
        """Return it. Raises: Refused when the sequencer has ended."""
        ...


@dataclass(slots=True, kw_only=True)
class _Due:
    checked: Checked
    until: float
    again_at: float
    reply: Reply | None = field(default=None)


class Cancels:
    """Records whose connection has ended, until they are sequenced. Units: times in seconds of the machine's clock."""

    def __init__(self) -> None:
        self._due: list[_Due] = []
        self.sequenced = 0
        self.given_up = 0

    def __len__(self) -> int:
        return len(self._due)

    def add(self, checked: Checked, now: float) -> None:
        """Take a record over."""
        self._due.append(_Due(checked=checked, until=now + GIVE_UP_SECONDS, again_at=now))

    def step(self, submit: Callable[[list[Checked]], Reply], now: float) -> None:
        """Submit what is due, and again what could not be taken then."""
        self._due = [each for each in self._due if not self._settled(each, submit, now)]

    def _settled(self, due: _Due, submit: Callable[[list[Checked]], Reply], now: float) -> bool:
        try:
            if due.reply is None and now >= due.again_at:
                due.reply = submit([due.checked])
            if due.reply is None or not due.reply.done():
                return False
            answer = due.reply.result()[0]
        except Refused as refused:
            answer = refused
        due.reply = None
        due.again_at = now + TRY_SECONDS
        if isinstance(answer, Answer):
            self.sequenced += 1
            return True
        over = answer.status != NOT_NOW or now >= due.until
        self.given_up += over
        return over


def _key_of(state: State, account: AccountId, agent: int) -> bytes:
    """Return the address that may act for an account, as its owner or as an agent; empty for nobody."""
    if agent == 0:
        base = state.accounts.find(account)
        owner = b"" if base is None else account_owner(state.accounts.words, base)
        return owner if any(owner) else b""
    slot = state.agents.find(account << 4 | agent)
    if slot is None or not agent_scope(state.agents.words, slot):
        return b""
    expiry = agent_expiry_ms(state.agents.words, slot)
    return b"" if 0 < expiry <= state.registers.clock_ms else agent_key(state.agents.words, slot)


def _signature(text: str) -> bytes:
    digits = text.removeprefix("0x")
    if len(digits) == 2 * SIGNATURE_BYTES and digits.isascii() and digits.isalnum():
        try:
            return bytes.fromhex(digits)
        except ValueError:
            pass
    raise Refused(400, "malformed", f"a signature has {SIGNATURE_BYTES} bytes in hex (EIP-2098)", "signature")
