"""The HTTP API: round trips, and every endpoint under bad input."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.routing import Route

from tallystick.records.codec import Record, encode
from tallystick.records.items import pack_slots
from tallystick.records.signing import make
from tallystick.shapes.accounts import WithdrawalProof
from tallystick.testing.world import address, key
from tallystick.transport import Transport
from tallystick_operator.api.api import Api, Identity
from tallystick_operator.api.api_server import ApiServer
from tallystick_operator.intake.door import Refused
from tallystick_operator.noticeboard import Board, Proven
from tallystick_operator.push.sessions import Limits
from tallystick_operator.rates import Allowances
from tallystick_operator.sequencer.sequencer import WAITING_RECORDS, Sequencer
from tallystick_operator.standing import Metrics
from tests.operator.rig import Rig

BUY, SELL = 0, 1


@dataclass
class Reply:
    status_code: int
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


class Http:
    """Requests as a test wants them, broken ones included."""

    def __init__(self, url: str) -> None:
        self.transport = Transport(url)

    def get(self, path: str) -> Reply:
        return Reply(*self.transport.request("GET", path, None))

    def post(self, path: str, json: Any = None, content: bytes | None = None) -> Reply:
        body = msgspec.json.encode(json) if content is None else content
        return Reply(*self.transport.request("POST", path, body))


class Served:
    """A rig behind its API."""

    def __init__(
        self, rig: Rig, limits: Limits | None = None, port: int = 0, allowances: Allowances | None = None
    ) -> None:
        self.rig = rig
        self.board = Board()
        self.failures: list[BaseException] = []
        self.sequencer = Sequencer(rig.core, lambda batch: None, self.failures.append)
        identity = Identity(
            chain_id=1337,
            rollup="0x" + address("rollup").hex(),
            contracts={"Rollup": "0x" + address("rollup").hex()},
            receipt_signer="0x" + address("receipts").hex(),
        )
        self.api = Api(self.sequencer, self.board, identity, Metrics(), limits, allowances=allowances)
        self.server = ApiServer(self.api.app(), "127.0.0.1", port)
        self.http = Http(self.server.url)
        self.sequencer.start()
        self.server.start()

    def close(self) -> None:
        self.http.transport.close()
        self.server.stop()
        self.sequencer.close()

    def raw(self, record: Record) -> dict[str, str]:
        return {"raw": "0x" + encode(record).hex()}

    def post(self, record: Record) -> Any:
        return self.http.post("/v1/records", json=self.raw(record))


@pytest.fixture
def served(rig: Rig) -> Iterator[Served]:
    served = Served(rig)
    yield served
    served.close()
    assert not served.failures


@pytest.fixture(scope="module")
def door(shared_rig: Rig) -> Iterator[Served]:
    served = Served(shared_rig)
    yield served
    served.close()
    assert not served.failures


def test_an_order_goes_in_and_comes_out_everywhere(served: Served) -> None:
    answer = served.post(served.rig.order(1, SELL, 618_010, 5, client_id=9)).json()
    assert answer["outcome"] == "ACCEPTED"
    assert answer["resting_lots"] == 5
    served.post(served.rig.order(2, BUY, 618_010, 2, client_id=4))
    book = served.http.get("/v1/book/0?depth=5").json()
    assert book == {
        "market": 0,
        "series": 0,
        "mark_ticks": 618_000,
        "bids": [],
        "asks": [{"price_ticks": 618_010, "lots": 3, "orders": 1}],
        "sequence": served.http.get("/v1/info").json()["sequence"],
    }
    trades = served.http.get("/v1/trades/0").json()["trades"]
    assert [(trade["price_ticks"], trade["lots"], trade["taker"], trade["maker"]) for trade in trades] == [
        (618_010, 2, 2, 1)
    ]
    account = served.http.get("/v1/account/1").json()
    assert account["owner"] == "0x" + address("alice").hex()
    assert account["next_nonce"] == 1
    assert account["positions"][0]["size_lots"] == -2
    assert account["orders"][0]["client_id"] == 9
    messages = served.rig.core.executor.state.registers.message_cursor
    assert account["orders"][0]["sequence"] == answer["record_number"] + 1 + messages
    assert served.http.get("/v1/orders/1").json()["orders"] == account["orders"]
    market = served.http.get("/v1/markets").json()["markets"][0]
    assert (market["mark_ticks"], market["best_ask_ticks"], market["best_bid_ticks"]) == (618_000, 618_010, None)
    info = served.http.get("/v1/info").json()
    assert info["records"] == answer["record_number"] + 2
    assert info["chain_id"] == 1337


def test_a_record_may_come_as_fields(served: Served) -> None:
    order = served.rig.order(1, BUY, 617_000, 5)
    fields = {field.name: str(value) for field, value in zip(order.kind.fields, order.values, strict=True)}
    body = {"kind": "order", "fields": fields, "signature": "0x" + order.signature.hex()}
    assert served.http.post("/v1/records", json=body).json()["outcome"] == "ACCEPTED"


def test_a_list_answers_each_record_in_order(served: Served) -> None:
    good = [served.raw(served.rig.order(1, BUY, 617_000 - i, 1)) for i in range(50)]
    body = {"records": [*good[:25], {"raw": "0x00"}, good[0], *[each["raw"] for each in good[25:]]]}
    results = served.http.post("/v1/records/list", json=body).json()["results"]
    assert [each.get("outcome", each.get("error")) for each in results] == [
        *["ACCEPTED"] * 25,
        "unknown_record",
        "ACCEPTED",
        *["ACCEPTED"] * 25,
    ]
    assert results[26]["repeated"]


def test_the_digest_endpoint_tells_what_to_sign(served: Served) -> None:
    order = served.rig.order(1, BUY, 617_000, 5)
    fields = dict(zip([field.name for field in order.kind.fields], order.values, strict=True))
    found = served.http.post("/v1/digest", json={"kind": "order", "fields": fields}).json()
    from eth_account import Account
    from eth_account.messages import encode_typed_data

    signed = Account.sign_message(encode_typed_data(full_message=found["typed_data"]), key("alice"))
    assert signed.message_hash.hex() == found["digest"][2:]


def test_the_digest_endpoint_tells_both_signers_of_a_block_trade_what_to_sign(served: Served) -> None:
    fields = {"account": 1, "nonce": 7, "lots": 3, "price_ticks": 618_000, "taker": 2, "taker_nonce": 5}
    found = served.http.post("/v1/digest", json={"kind": "block_trade", "fields": fields}).json()
    assert found["typed_data"]["primaryType"] == "BlockOffer"
    from eth_account import Account
    from eth_account.messages import encode_typed_data

    for each in (found, found["acceptance"]):
        signed = Account.sign_message(encode_typed_data(full_message=each["typed_data"]), key("bob"))
        assert signed.message_hash.hex() == each["digest"][2:]
    assert found["acceptance"]["typed_data"]["message"]["takerNonce"] == 5


def test_a_withdrawal_shows_how_far_it_is(served: Served) -> None:
    recipient = int.from_bytes(address("alice"), "big")
    rig = served.rig
    record = rig.signed("withdraw", "alice", account=1, nonce=rig.next_nonce(1), amount_units=70, recipient=recipient)
    assert served.post(record).json()["withdrawal"] == 0

    def shown() -> dict[str, Any]:
        found: dict[str, Any] = served.http.get("/v1/withdrawals/1").json()["withdrawals"][0]
        return found

    assert (shown()["status"], shown()["amount_units"]) == ("open", 70)
    served.sequencer.read(lambda core: core.seal_now())
    assert shown()["status"] == "sealed"
    served.board.set_l1(batches_posted=rig.core.executor.batch_count)
    assert shown()["status"] == "posted"
    proof = WithdrawalProof(assertion="0x01", state_root="0x02", registers_hash="0x03", proof="0x04")
    served.board.add_proofs({0: Proven(assertion=b"1", recipient=address("alice"), proof=proof)})
    assert (shown()["status"], shown()["claim"]) == ("asserted", None)
    served.board.confirm(b"1")
    assert (shown()["status"], shown()["claim"]["proof"]) == ("claimable", "0x04")
    served.board.claim(0)
    assert (shown()["status"], shown()["claim"]) == ("claimed", None)


BAD_BODIES = [
    (b"", "not_json", ""),
    (b"{", "not_json", ""),
    (b"\xff\xfe", "not_json", ""),
    (b"[]", "malformed", ""),
    (b"17", "malformed", ""),
    (b'{"rah":"0x"}', "malformed", ""),
    (b'{"raw":7}', "malformed", "raw"),
    (b'{"raw":"0xzz"}', "malformed", "raw"),
    (b'{"raw":"0x03c0"}', "malformed", "raw"),
    (b'{"raw":"0x7fc0"}', "unknown_record", "raw"),
    (b'{"raw":"0x01c101"}', "operator_only", "kind"),
    (b'{"kind":"clock","fields":{"clock_ms":1}}', "operator_only", "kind"),
    (b'{"raw":"0x' + b"ab" * 5_000 + b'"}', "malformed", "raw"),
    (b'{"raw":"0x03c0","kind":"order"}', "malformed", "raw"),
    (b'{"kind":"odor","fields":{},"signature":"0x"}', "unknown_record", "kind"),
    (b'{"kind":"order","fields":{"size":1},"signature":"0x"}', "malformed", "size"),
    (b'{"kind":"order","fields":{"account":-1},"signature":"0x"}', "out_of_range", "account"),
    (b'{"kind":"order","fields":{"market":65536},"signature":"0x"}', "out_of_range", "market"),
    (b'{"kind":"order","fields":{"lots":"1e3"},"signature":"0x"}', "malformed", "lots"),
    (b'{"kind":"order","fields":{"lots":1.5},"signature":"0x"}', "malformed", "fields[...]"),
    (b'{"kind":"order","fields":{"lots":99999999999999999999},"signature":"0x"}', "out_of_range", "lots"),
    (b'{"kind":"withdraw","fields":{"recipient":"0x01"},"signature":"0x"}', "malformed", "recipient"),
    (b'{"kind":"order","fields":{"lots":1},"signature":"0x12"}', "malformed", "signature"),
    (b'{"kind":"order","fields":{"lots":1},"signature":"0x' + b"ff" * 64 + b'"}', "bad_signature", "signature"),
    (b'{"kind":"order","fields":{"lots":1},"signature":"0x' + b"00" * 64 + b'"}', "bad_signature", "signature"),
]


@pytest.mark.parametrize(("body", "code", "field"), BAD_BODIES)
def test_a_malformed_record_is_refused_by_name(door: Served, body: bytes, code: str, field: str) -> None:
    response = door.http.post("/v1/records", content=body)
    found = response.json()
    assert response.status_code in (400, 403)
    assert (found["error"], found["field"]) == (code, field)
    assert found["message"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"{}", "malformed"),
        (b'{"records":{}}', "malformed"),
        (b'{"records":[1]}', "malformed"),
        (b'{"records":[], "more":1}', "malformed"),
        (b'{"records":[' + b",".join([b'"0x"'] * 1_001) + b"]}", "too_large"),
        (b'{"more":' + b"[" * 2_000_000, "not_json"),
        (b'{"records":[' + b'{"more":' * 200_000, "not_json"),
        (b" " * (2 << 20) + b"{}", "too_large"),
    ],
)
def test_a_malformed_list_is_refused_whole(door: Served, body: bytes, code: str) -> None:
    response = door.http.post("/v1/records/list", content=body)
    assert response.status_code in (400, 413)
    assert response.json()["error"] == code


@pytest.mark.parametrize("item", ["", "0x", "zz", {}, {"raw": ""}, {"kind": "order"}])
def test_a_malformed_item_of_a_list_is_refused_alone(door: Served, item: Any) -> None:
    good = door.raw(door.rig.order(1, BUY, 617_000, 1))
    results = door.http.post("/v1/records/list", json={"records": [item, good]}).json()["results"]
    assert "error" in results[0]
    assert results[1]["outcome"] == "ACCEPTED"


UNSIGNED = b'{"kind":"clean","fields":{"slots":"0x0000000001"}}'
"""Nobody signs it, so it has no digest."""


@pytest.mark.parametrize("body", [b"", b"{}", b'{"kind":"order","fields":{"x":1}}', b'{"kind":"consume"}', UNSIGNED])
def test_a_malformed_digest_request_is_refused(door: Served, body: bytes) -> None:
    response = door.http.post("/v1/digest", content=body)
    assert response.status_code in (400, 403)
    assert response.json()["error"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/account/x", 400, "malformed"),
        ("/v1/account/-1", 400, "malformed"),
        ("/v1/account/99999999999999999999999", 400, "malformed"),
        ("/v1/account/77", 404, "no_account"),
        ("/v1/orders/x", 400, "malformed"),
        ("/v1/withdrawals/%C2%B2", 400, "malformed"),
        ("/v1/book/x", 400, "malformed"),
        ("/v1/book/9", 404, "no_market"),
        ("/v1/book/63", 404, "no_market"),
        ("/v1/book/64", 400, "malformed"),
        ("/v1/book/0?depth=-1", 400, "malformed"),
        ("/v1/book/0?depth=1001", 400, "malformed"),
        ("/v1/trades/0?limit=all", 400, "malformed"),
        ("/v1/trades/5", 404, "no_market"),
        ("/v1/nothing", 404, "no_such_path"),
        ("/v1/records", 405, "wrong_method"),
    ],
)
def test_a_malformed_question_is_refused(door: Served, path: str, status: int, code: str) -> None:
    response = door.http.get(path)
    assert response.status_code == status
    assert response.json()["error"] == code


def test_questions_about_an_account_without_history_are_answered(door: Served) -> None:
    assert door.http.get("/v1/orders/77").json() == {"account": 77, "orders": []}
    assert door.http.get("/v1/withdrawals/77").json() == {"account": 77, "withdrawals": []}


def test_who_gives_up_waiting_does_not_take_away_the_reply_that_the_sequencer_gives(door: Served) -> None:
    reply = door.sequencer.submit([door.rig.checked(make("clean", pack_slots(1)))])
    assert not reply.cancel()
    assert isinstance(reply.result(10)[0], Refused)


def test_what_waits_is_bounded_in_records_so_that_long_lists_are_told_the_door_is_busy(rig: Rig) -> None:
    waiting = Sequencer(rig.core, lambda batch: None, lambda error: None)
    listed = [rig.checked(rig.order(1, BUY, 617_000, 1))] * 1_000
    replies = [waiting.submit(listed) for _ in range(WAITING_RECORDS // len(listed))]
    with pytest.raises(Refused, match="waiting"):
        waiting.submit(listed)
    waiting.start()
    assert [len(each.result(60)) for each in replies] == [len(listed)] * len(replies)
    assert len(waiting.submit(listed).result(60)) == len(listed)
    waiting.close()


def test_a_refusal_that_everybody_gets_keeps_nothing_of_the_requests_it_answered(served: Served) -> None:
    refusal = Refused(503, "l1_moved", "L1 has other blocks")
    served.sequencer.stop(refusal)
    for number in range(3):
        reply = served.post(served.rig.order(1, BUY, 617_000, 1, client_id=number))
        assert (reply.status_code, reply.json()["error"]) == (503, "l1_moved")
    assert refusal.__traceback__ is None


def test_nothing_is_acknowledged_once_the_disk_fails(rig: Rig) -> None:
    served = Served(rig)
    rig.log.close()
    assert served.post(rig.order(1, BUY, 617_000, 1)).status_code == 503
    assert served.post(rig.order(1, BUY, 617_000, 1)).status_code == 503
    served.close()
    assert served.failures


def test_the_documented_endpoints_are_those_served(door: Served) -> None:
    text = (Path(__file__).parents[2] / "docs" / "operator.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(?:GET|POST) (/v1/\S+?)`", text, re.MULTILINE))
    served = {route.path for route in door.api.app().routes if isinstance(route, Route)}
    assert documented == served
