"""The stream over real sockets: both ways to it, who is dropped and why, and what is sequenced when a connection ends."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tallystick.records.codec import encode
from tallystick.shapes.routes import POLL
from tallystick.shapes.streaming import STREAM, BookPart, Denied, Hello, Poll, Push, Wanted
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.trader.stream.copies import BookCopy
from tallystick.transport import OperatorRefused, Transport
from tallystick_operator.push.sessions import SLOW, TOO_MANY, Limits
from tests.operator.listeners import cancel_all, login_of
from tests.operator.rig import Rig
from tests.operator.test_api import Served

BUY, SELL = 0, 1
LIMITS = Limits(per_address=4, queued_characters=30_000)


@pytest.fixture
def served(rig: Rig) -> Iterator[Served]:
    served = Served(rig, LIMITS)
    yield served
    served.close()
    assert not served.failures


def opened(served: Served, **options: Any) -> ClientConnection:
    url = served.server.url.replace("http", "ws") + STREAM
    found: ClientConnection = connect(url, compression=None, proxy=None, **options)
    return found


def told(connection: ClientConnection) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(connection.recv(timeout=10))
    return found


def answer(connection: ClientConnection, kind: str = "denied") -> dict[str, Any]:
    while (found := told(connection))["type"] != kind:
        continue
    return found


def hello(connection: ClientConnection) -> Hello:
    return msgspec.json.decode(connection.recv(timeout=10), type=Hello)


def open_account(served: Served, connection: ClientConnection, account: int, who: str) -> None:
    greeted = hello(connection)
    challenge = bytes.fromhex(greeted.challenge[2:])
    request = login_of(served.rig, account, who).open(challenge, greeted.clock_ms, 1)
    connection.send(msgspec.json.encode(request).decode())
    assert told(connection) == {"type": "done", "id": 1, "resumed": False}


def until(found: Callable[[], Any], seconds: float = 10.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return value


def test_a_book_comes_whole_and_then_what_changes_of_it(served: Served) -> None:
    with opened(served) as connection:
        assert told(connection)["type"] == "hello"
        connection.send('{"op":"subscribe","id":7,"channel":"book","market":0}')
        assert told(connection) == {"type": "done", "id": 7, "resumed": False}
        first = told(connection)
        assert (first["snapshot"], first["data"]["asks"], first["data"]["checksum"]) == (True, [], 0)
        served.post(served.rig.order(1, SELL, 618_010, 5, client_id=7))
        then = told(connection)
        assert (then["snapshot"], then["previous"], then["epoch"]) == (False, first["sequence"], first["epoch"])
        assert then["data"]["asks"] == [{"price_ticks": 618_010, "lots": 5, "orders": 1}]
        served.post(served.rig.order(2, BUY, 618_010, 5))
        assert told(connection)["data"]["asks"] == [{"price_ticks": 618_010, "lots": 0, "orders": 0}]


def test_who_comes_back_gets_what_is_missing_or_a_snapshot_and_is_told_which(served: Served) -> None:
    with opened(served) as connection:
        hello(connection)
        connection.send('{"op":"subscribe","channel":"book","market":0}')
        told(connection)
        first = told(connection)
    served.post(served.rig.order(1, SELL, 618_010, 5, client_id=7))
    time.sleep(0.1)
    served.post(served.rig.order(1, SELL, 618_020, 5, client_id=8))
    time.sleep(0.1)
    asked = {"op": "subscribe", "channel": "book", "market": 0, "epoch": first["epoch"], "sequence": first["sequence"]}
    with opened(served) as connection:
        hello(connection)
        connection.send(json.dumps(asked))
        assert told(connection)["resumed"]
        missed = [told(connection), told(connection)]
        assert [each["snapshot"] for each in missed] == [False, False]
        assert missed[0]["previous"] == first["sequence"] and missed[1]["previous"] == missed[0]["sequence"]
        for other in ({"epoch": "another"}, {"sequence": missed[1]["sequence"] + 1_000_000}):
            connection.send(json.dumps(asked | other))
            assert not told(connection)["resumed"]
            snapshot = told(connection)
            assert snapshot["snapshot"] and len(snapshot["data"]["asks"]) == 2


BAD: list[str | bytes] = [
    "{",
    "[" * 5_000,
    '{"op":"ping","id":' + "[" * 100 + "]" * 100 + "}",
    '{"op":"ping","id":NaN}',
    '{"op":"ping","id":Infinity}',
    '{"op":"ping","id":1,"id":2}',
    '{"op":"ping","id":"٣"}',
    '{"op":"ping","id":٣}',
    '{"op":"ping","id":-1}',
    '{"op":"ping","id":' + "9" * 400 + "}",
    '{"op":"ping","id":1.5}',
    '{"op":"ping","id":true}',
    '{"op":"ping","more":1}',
    '{"op":"none"}',
    '{"id":1}',
    "[]",
    "null",
    "",
    '"subscribe"',
    '{"op":"subscribe","channel":"none"}',
    '{"op":"subscribe","channel":"book"}',
    '{"op":"subscribe","channel":"book","market":-1}',
    '{"op":"subscribe","channel":"book","market":64}',
    '{"op":"subscribe","channel":"book","market":0,"account":1}',
    '{"op":"subscribe","channel":"clock","market":0}',
    '{"op":"subscribe","channel":"orders","account":4294967296}',
    '{"op":"subscribe","channel":"orders","account":1}',
    '{"op":"open","account":1,"until_ms":1,"signature":"0x' + "١" * 128 + '"}',
    '{"op":"open","account":1,"until_ms":1,"signature":"0x' + "00" * 64 + '"}',
    '{"op":"open","account":-1,"until_ms":1,"signature":""}',
    '{"op":"open","account":1,"agent":16,"until_ms":1,"signature":""}',
    '{"op":"open","account":1,"until_ms":-5,"signature":""}',
    '{"op":"arm","account":1,"record":"0x00"}',
    '{"op":"ping","id":1,"x":"' + "y" * 20_000 + '"}',
    '{"op":"ping","id":"\\ud800"}',
    b"\x00\xff",
    b'{"op":"ping"}',
]


def test_whatever_is_sent_gets_the_same_kind_of_error_and_nothing_is_lost_by_it(served: Served) -> None:
    with opened(served) as connection:
        hello(connection)
        connection.send('{"op":"subscribe","channel":"book","market":0}')
        told(connection)
        assert told(connection)["snapshot"]
        for bad in BAD:
            connection.send(bad)
            denied = told(connection)
            assert set(denied) == {"type", *Denied.__struct_fields__} and denied["type"] == "denied", bad
            assert denied["error"] and denied["message"], bad
        served.post(served.rig.order(1, SELL, 618_010, 5))
        assert told(connection)["data"]["asks"][0]["lots"] == 5


def test_a_frame_that_is_much_too_long_ends_its_connection_and_no_other(served: Served) -> None:
    with opened(served) as other, opened(served) as connection:
        hello(other)
        hello(connection)
        connection.send("x" * (2 << 20))
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=10)
        other.send('{"op":"ping","id":5}')
        assert told(other) == {"type": "done", "id": 5, "resumed": False}


def test_ten_thousand_subscriptions_are_as_many_as_a_connection_may_have(served: Served) -> None:
    with opened(served) as other, opened(served) as connection:
        hello(other)
        hello(connection)
        for at in range(300):
            connection.send(json.dumps({"op": "subscribe", "id": at, "channel": "book", "market": at % 64}))
        answers = {"done": 0, "denied": 0}
        while sum(answers.values()) < 300:
            found = told(connection)
            if found["type"] in answers:
                answers[found["type"]] += 1
        assert answers["done"] + answers["denied"] == 300
        for _ in range(10_000 - 300):
            connection.send('{"op":"subscribe","channel":"clock"}')
        begun = time.monotonic()
        other.send('{"op":"ping","id":5}')
        while told(other) != {"type": "done", "id": 5, "resumed": False}:
            continue
        assert time.monotonic() - begun < 5.0, "nobody else waits for it"
        connection.socket.close()


def test_a_slow_reader_is_dropped_and_told_so_and_nobody_waits_for_it(served: Served) -> None:
    served.server._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8_192)
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
    small.connect(("127.0.0.1", served.server.port))
    with opened(served) as quick, opened(served, sock=small, max_queue=1) as slow:
        for each in (quick, slow):
            hello(each)
            each.send('{"op":"subscribe","channel":"feed"}')
            assert answer(each, "push")["snapshot"]
        longest = 0.0
        for at in range(0, 400, 10):
            orders = [served.rig.order(1, BUY, 617_000, 1, client_id=at + each + 1) for each in range(10)]
            begun = time.monotonic()
            served.http.post("/v1/records/list", {"records": [served.raw(each) for each in orders]})
            longest = max(longest, time.monotonic() - begun)
            while answer(quick, "push")["data"]["latest"] < newest(served):
                continue
        assert longest < 2.0
        code = until_closed(slow)
        assert code in (SLOW, None), "the frame that says why may be lost with what was not read"
        quick.send('{"op":"ping","id":5}')
        assert answer(quick, "done")
        assert measured(served, "stream_dropped_total") == 1
        assert measured(served, "stream_connections") == 1


def measured(served: Served, name: str) -> float:
    """Return what the operator's metrics say."""
    lines = served.http.get("/v1/metrics").content.decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"tallystick_operator_{name} "))


def until_closed(connection: ClientConnection) -> int | None:
    """Read on until the other side has ended it; return its code, if it came through."""
    try:
        while True:
            connection.recv(timeout=10)
    except ConnectionClosed as ended:
        return ended.rcvd.code if ended.rcvd else None


def newest(served: Served) -> int:
    found: int = served.http.get("/v1/info").json()["sequence"]
    return found


def test_more_connections_than_an_address_may_have_are_told_so(served: Served) -> None:
    with ExitStack() as kept:
        for _ in range(LIMITS.per_address):
            hello(kept.enter_context(opened(served)))
        with opened(served) as one_more:
            assert until_closed(one_more) == TOO_MANY

    def again() -> bool:
        with opened(served) as connection:
            try:
                return bool(connection.recv(timeout=10))
            except ConnectionClosed:
                return False

    until(again)


def test_what_was_handed_over_is_sequenced_when_the_connection_is_lost(served: Served) -> None:
    rig = served.rig
    served.post(rig.order(1, SELL, 618_010, 5, client_id=7))
    with opened(served) as connection:
        open_account(served, connection, 1, "alice")
        record = "0x" + encode(cancel_all(rig, 1, "alice", rig.next_nonce(1))).hex()
        connection.send(json.dumps({"op": "arm", "id": 2, "account": 1, "record": record}))
        assert told(connection) == {"type": "done", "id": 2, "resumed": False}
        assert not served.http.get("/v1/orders/1").json()["orders"][0]["dead"]
        connection.socket.close()
    until(lambda: served.http.get("/v1/orders/1").json()["orders"][0]["dead"])
    until(lambda: measured(served, "stream_cancels_total") == 1)


def test_what_was_handed_over_is_sequenced_when_the_operator_is_stopped(rig: Rig) -> None:
    served = Served(rig)
    served.post(rig.order(1, SELL, 618_010, 5, client_id=7))
    with opened(served) as connection:
        open_account(served, connection, 1, "alice")
        record = "0x" + encode(cancel_all(rig, 1, "alice", rig.next_nonce(1))).hex()
        connection.send(json.dumps({"op": "arm", "id": 2, "account": 1, "record": record}))
        told(connection)
        served.close()
    events = rig.core.executor.read_model.history.after(0)
    assert [each.name for each in events if each.name == "cancelled_all"] == ["cancelled_all"]
    assert not served.failures


def test_polls_tell_the_same_as_a_connection(served: Served) -> None:
    rig = served.rig
    copy = BookCopy()
    channels = [Wanted(channel="book", market=MarketId(0)), Wanted(channel="trades", market=MarketId(0))]
    with Transport(served.server.url) as transport:
        answered = transport.ask(POLL, Poll(channels=channels))
        assert [(each.channel, each.snapshot) for each in answered.each()] == [("book", True), ("trades", True)]
        for at in range(5):
            served.post(rig.order(1, SELL, 618_010 + at, 5))
            asked = Poll(channels=channels, epoch=answered.epoch, sequence=answered.sequence, wait_ms=5_000)
            answered = transport.ask(POLL, asked)
            (push,) = answered.each()
            assert not push.snapshot
        whole = transport.ask(POLL, Poll(channels=channels)).each()[0]
        copy.take(msgspec.json.decode(whole.data, type=BookPart), snapshot=True)
        assert len(copy.asks) == 5
        begun = time.monotonic()
        idle = transport.ask(
            POLL, Poll(channels=channels, epoch=answered.epoch, sequence=answered.sequence, wait_ms=300)
        )
        assert not idle.messages and time.monotonic() - begun >= 0.3


def test_polls_are_refused_what_they_may_not_have(served: Served) -> None:
    rig = served.rig
    orders = [Wanted(channel="orders", account=AccountId(1))]
    own = login_of(rig, 1, "alice").opening(rig.core.clock.now_ms())
    foreign = login_of(rig, 1, "bob").opening(rig.core.clock.now_ms())
    refusals: list[tuple[Poll, str]] = [
        (Poll(channels=orders), "not_open"),
        (Poll(channels=orders, opening=foreign), "not_authorised"),
        (Poll(channels=[Wanted(channel="book", market=MarketId(9))]), "no_market"),
        (Poll(channels=[Wanted(channel="book")]), "malformed"),
        (Poll(channels=orders, wait_ms=30_001), "malformed"),
        (Poll(channels=orders * 300), "too_large"),
    ]
    with Transport(served.server.url) as transport:
        for poll, code in refusals:
            with pytest.raises(OperatorRefused) as refused:
                transport.ask(POLL, poll)
            assert refused.value.code == code
        assert transport.ask(POLL, Poll(channels=orders, opening=own)).each()[0].snapshot


def test_every_push_says_which_channel_and_where_it_stands(served: Served) -> None:
    with opened(served) as connection:
        hello(connection)
        for name in ("clock", "feed"):
            connection.send(json.dumps({"op": "subscribe", "channel": name}))
        found = [answer(connection, "push") for _ in range(2)]
        for each in found:
            push = msgspec.json.decode(json.dumps(each), type=Push)
            assert push.snapshot and push.market is None and push.account is None
