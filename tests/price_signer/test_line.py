"""The conversation with one operator: receipts, a key that changes, and answers that are worth nothing."""

from __future__ import annotations

from typing import Any

import coincurve
import msgspec
import pytest

from tallystick.errors import DataMismatch, StateError, TallystickError, Unreachable
from tallystick.price_signer.delivery.line import Asked, Delivered, Line, Replied
from tallystick.price_signer.delivery.making import report_record
from tallystick.records.chunks import padded
from tallystick.records.codec import Record, encode
from tallystick.records.receipts import sign_receipt
from tallystick.records.signing import address_of, sign
from tallystick.shapes.submitting import Answer, ItemResult, Refusal, Results, SubmissionList
from tallystick.state.hashing import keccak
from tallystick.state.ordinals import MarketId, SignerNumber, UnixMs
from tallystick.testing.world import key

DOMAIN = keccak(b"a deployment")
RECORDS = [
    sign(report_record(SignerNumber(0), UnixMs(1_800_000_000_000), {MarketId(0): 5 + i}), DOMAIN, key("signer 0"))
    for i in range(2)
]


class Operator:
    """Answers as an operator would, with a receipt key of its own, and as badly as it is told to."""

    def __init__(self) -> None:
        self.key = key("receipts")
        self.says_key: bytes | None = None
        self.domain = DOMAIN
        self.outcome = "ACCEPTED"
        self.items: list[str] = []
        self.refuses: list[Refusal | None] = [None, None]
        self.asked: list[str] = []
        self.instead: dict[str, Replied] = {}

    def reply(self, asked: Asked) -> Replied:
        self.asked.append(asked.path)
        if asked.path in self.instead:
            return self.instead[asked.path]
        if asked.path == "/v1/info":
            return Replied(status=200, content=self.info())
        assert asked.body is not None and asked.path == "/v1/records/list"
        sent = msgspec.json.decode(asked.body, type=SubmissionList).records
        found = [self.refuses[i] or self.answer(i, str(each)) for i, each in enumerate(sent)]
        return Replied(status=200, content=msgspec.json.encode(Results.of(found)))

    def info(self) -> bytes:
        names = "chain_id clock_ms last_index_ms wind_down_ms records sequence fills batches_sealed messages_consumed withdrawals"
        values: dict[str, Any] = dict.fromkeys(names.split(), 0)
        values |= {"contracts": {}, "accumulator": "0x", "state_hash": "", "promises": {"open": True}, "l1": {}}
        signer = address_of(self.says_key or self.key)
        return msgspec.json.encode(values | {"domain": "0x" + self.domain.hex(), "receipt_signer": signer})

    def answer(self, number: int, raw: str) -> Answer:
        accumulator, record = keccak(b"all"), keccak(padded(bytes.fromhex(raw[2:])))
        receipt = sign_receipt(coincurve.PrivateKey(self.key), DOMAIN, number, accumulator, record)
        return Answer(
            record_number=number,
            accumulator="0x" + accumulator.hex(),
            record_hash="0x" + record.hex(),
            signature="0x" + receipt.signature.hex(),
            outcome=self.outcome,
            clock_ms=UnixMs(1),
            fills=[],
            items=[ItemResult(outcome=each, fills=[]) for each in self.items],
        )


def delivered(line: Line, operator: Operator, records: list[Record] = RECORDS) -> Delivered:
    talk = line.deliver(records)
    try:
        asked = next(talk)
        while True:
            asked = talk.send(operator.reply(asked))
    except StopIteration as end:
        result: Delivered = end.value
        return result


@pytest.fixture
def operator() -> Operator:
    return Operator()


@pytest.fixture
def line() -> Line:
    return Line("http://127.0.0.1:1", DOMAIN)


def test_records_are_taken_and_the_operator_is_asked_who_it_is_once(line: Line, operator: Operator) -> None:
    first = delivered(line, operator)
    assert first.taken and first.trouble == "" and first.new_key == address_of(operator.key)
    assert delivered(line, operator).new_key == ""
    assert operator.asked == ["/v1/info", "/v1/records/list", "/v1/records/list"]


def test_an_operator_with_a_new_receipt_key_is_asked_who_it_is_and_goes_on(line: Line, operator: Operator) -> None:
    delivered(line, operator)
    operator.key = key("receipts anew")
    found = delivered(line, operator)
    assert found.taken and found.new_key == address_of(operator.key)
    assert operator.asked[2:] == ["/v1/records/list", "/v1/info"]
    assert delivered(line, operator).new_key == ""


def test_a_receipt_of_a_key_that_is_not_the_operators_is_none(line: Line, operator: Operator) -> None:
    operator.says_key = key("somebody")
    with pytest.raises(DataMismatch, match="receipt key"):
        delivered(line, operator)


def test_a_receipt_of_another_record_is_none(line: Line, operator: Operator) -> None:
    other = Operator()
    taken = other.answer(0, "0x" + encode(RECORDS[1]).hex())
    content = msgspec.json.encode(Results.of([taken, taken]))
    operator.instead["/v1/records/list"] = Replied(status=200, content=content)
    with pytest.raises(DataMismatch, match="another record"):
        delivered(line, operator)


def test_an_operator_of_another_deployment_gets_nothing(line: Line, operator: Operator) -> None:
    operator.domain = keccak(b"another")
    with pytest.raises(StateError, match="another deployment"):
        delivered(line, operator)
    assert operator.asked == ["/v1/info"]


def test_of_a_report_of_many_prices_those_that_were_not_taken_are_told(line: Line, operator: Operator) -> None:
    operator.items = ["ACCEPTED", "NO_MARKET", "ACCEPTED"]
    found = delivered(line, operator, RECORDS[:1])
    assert found.taken and found.trouble == "no_market (1 of 3)"
    operator.items = ["OLD_REPORT", "NO_MARKET"]
    found = delivered(line, operator, RECORDS[:1])
    assert not found.taken and found.trouble == "old_report (2 of 2)"
    operator.items = ["ACCEPTED"]
    assert delivered(line, operator, RECORDS[:1]).trouble == ""


def test_what_is_refused_or_rejected_is_told_and_one_taken_price_is_enough(line: Line, operator: Operator) -> None:
    operator.refuses[0] = Refusal(error="not_sequencer", message="another key's")
    found = delivered(line, operator)
    assert found.taken and found.trouble == "not_sequencer: another key's (1 of 2)"
    operator.outcome = "STALE_REPORT"
    assert not delivered(line, operator).taken
    operator.refuses[0] = None
    assert delivered(line, operator).trouble == "stale_report (2 of 2)"
    operator.instead["/v1/records/list"] = Replied(status=503, content=b'{"error": "busy", "message": "later"}')
    found = delivered(line, operator)
    assert not found.taken and found.trouble == "busy: later"


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"{}", b"[]", b'{"results": []}', b'{"results": [{}, {}]}', b'{"results": [5, 5]}', b"\xff"],
)
def test_what_does_not_answer_as_an_operator_is_none(line: Line, operator: Operator, content: bytes) -> None:
    delivered(line, operator)
    operator.instead["/v1/records/list"] = Replied(status=200, content=content)
    with pytest.raises(Unreachable, match="no operator"):
        delivered(line, operator)
    operator.instead["/v1/info"] = Replied(status=200, content=content)
    with pytest.raises(TallystickError):
        delivered(Line("http://127.0.0.1:1", DOMAIN), operator)


@pytest.mark.parametrize("field", ["accumulator", "record_hash", "signature"])
def test_a_receipt_that_is_none_is_refused(line: Line, operator: Operator, field: str) -> None:
    answers = [operator.answer(i, "0x" + encode(each).hex()) for i, each in enumerate(RECORDS)]
    bad = msgspec.structs.replace(answers[0], **{field: "0xzz"})
    content = msgspec.json.encode(Results.of([bad, answers[1]]))
    operator.instead["/v1/records/list"] = Replied(status=200, content=content)
    with pytest.raises(TallystickError):
        delivered(line, operator)
