"""The line to one operator: what is asked of it, and what its answers are worth.

It is a conversation without a wire: whoever drives it carries questions and answers, by itself for a command, beside
everything else in a daemon.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from tallystick.errors import DataMismatch, StateError, Unreachable
from tallystick.records.codec import Record, encode
from tallystick.records.receipts import check_receipt, check_record_of
from tallystick.shapes.nesting import decode
from tallystick.shapes.progress import Info
from tallystick.shapes.routes import INFO, RECORD_LIST
from tallystick.shapes.submitting import Answer, Refusal, SubmissionList
from tallystick.transport import Transport

OK = 200
S = TypeVar("S", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question to an operator's API."""

    method: str
    path: str
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied:
    """What came back."""

    status: int
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What became of records: an answer or a refusal each. `new_key` is the operator's receipt key where it changed."""

    results: tuple[Answer | Refusal, ...]
    new_key: str = ""

    @property
    def taken(self) -> bool:
        """Whether the exchange took any price."""
        return "" in self._said()

    @property
    def trouble(self) -> str:
        """What kept something from being taken; empty when all of it was."""
        said = self._said()
        bad = [each for each in said if each]
        if not bad:
            return ""
        return bad[0] if len(said) == 1 else f"{bad[0]} ({len(bad)} of {len(said)})"

    def _said(self) -> list[str]:
        """Return what is wrong with each price, or with a record that was refused; nothing with what was taken."""
        said: list[str] = []
        for each in self.results:
            if isinstance(each, Answer):
                outcomes = [item.outcome for item in each.items] or [each.outcome]
                said += ["" if outcome == "ACCEPTED" else outcome.lower() for outcome in outcomes]
            else:
                said.append(f"{each.error}: {each.message}")
        return said


Talk = Generator[Asked, Replied, Delivered]


class Line:
    """One operator, of whom nothing is believed but receipts signed by the key that it says is its own.

    That key is asked for anew when a receipt is signed by another one: an operator that lost it makes a new one.
    """

    def __init__(self, url: str, domain: bytes) -> None:
        self.url = url
        self._domain = domain
        self.receipt_signer = ""

    def deliver(self, records: Sequence[Record]) -> Talk:
        """Have records sequenced.

        Raises: Unreachable when this is no operator, StateError when it is another deployment's, DataMismatch for a
        false receipt.
        """
        known = self.receipt_signer
        if not known:
            yield from self._meet()
        body = SubmissionList(records=["0x" + encode(each).hex() for each in records])
        replied = yield Asked(method=RECORD_LIST.method, path=RECORD_LIST.path, body=msgspec.json.encode(body))
        if replied.status != OK:
            return Delivered(results=(_refusal(replied),))
        try:
            results = _decoded(replied, RECORD_LIST.answer).each()
        except msgspec.DecodeError as error:
            raise _no_operator() from error
        if len(results) != len(records):
            raise _no_operator()
        for record, each in zip(records, results, strict=True):
            if isinstance(each, Answer):
                yield from self._check(record, each)
        return Delivered(results=tuple(results), new_key=self.receipt_signer if self.receipt_signer != known else "")

    def _meet(self) -> Generator[Asked, Replied, None]:
        """Ask who the operator is."""
        replied = yield Asked(method=INFO.method, path=INFO.path)
        if replied.status != OK:
            refused = _refusal(replied)
            raise Unreachable(f"the operator does not say who it is: {refused.error}")
        info: Info = _decoded(replied, INFO.answer)
        if info.domain != "0x" + self._domain.hex():
            raise StateError("this operator is another deployment's", hint="is this its API's URL?")
        self.receipt_signer = info.receipt_signer

    def _check(self, record: Record, answer: Answer) -> Generator[Asked, Replied, None]:
        """Check that a receipt is the operator's and of this record."""
        try:
            receipt = answer.receipt
            signer = bytes.fromhex(self.receipt_signer[2:])
        except ValueError as error:
            raise _no_operator() from error
        check_record_of(receipt, record)
        try:
            check_receipt(receipt, self._domain, signer)
        except DataMismatch:
            before = self.receipt_signer
            yield from self._meet()
            if self.receipt_signer == before:
                raise
            check_receipt(receipt, self._domain, bytes.fromhex(self.receipt_signer[2:]))


def conversed(talk: Talk, transport: Transport) -> Delivered:
    """Carry a conversation over a wire of its own, waiting for every answer. Raises: OperatorUnreachable, as `deliver`."""
    try:
        asked = next(talk)
        while True:
            status, content = transport.request(asked.method, asked.path, asked.body)
            asked = talk.send(Replied(status=status, content=content))
    except StopIteration as end:
        result: Delivered = end.value
        return result


def _refusal(replied: Replied) -> Refusal:
    """Return what a status other than 200 says; who stands between may have put a body of its own in its place."""
    try:
        return _decoded(replied, Refusal)
    except Unreachable:
        return Refusal(error=f"status {replied.status}", message="not in an operator's words")


def _decoded(replied: Replied, shape: type[S]) -> S:
    try:
        return decode(replied.content, shape)
    except msgspec.DecodeError as error:
        raise _no_operator() from error


def _no_operator() -> Unreachable:
    return Unreachable("this is no operator: it does not answer as one", hint="is this its API's URL?")
