"""What a gateway decides: order, limits, refusals at once, and one reply to every request. No socket is in it."""

from __future__ import annotations

import random
from collections import deque

import pytest

from tallystick.errors import BadInput
from tallystick.records.codec import encode
from tallystick.shapes.order_entry import Reply, packed_request, replies, requests
from tallystick.shapes.submitting import Answer, Refusal
from tallystick.testing.handclock import HandClock
from tallystick_operator.gateway import frontdesk as desks
from tallystick_operator.gateway.frontdesk import Desk
from tallystick_operator.gateway.parcels import Pieces, answered, packed, unframed, unpacked_batch
from tallystick_operator.intake import allowances
from tests.operator.rig import Rig

BUY = 0
HERE = "10.0.0.1"


class Gateway:
    """A desk between clients and a core, driven by hand."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.clock = HandClock()
        self.desk = Desk(rig.core.domain, self.clock)
        self.sent: deque[bytes] = deque()
        self.heard: dict[int, list[Reply]] = {}

    def order(self, **more: int) -> bytes:
        return encode(self.rig.order(1, BUY, 600_000, 1, **more))

    def work(self, most: int = 32) -> None:
        batch = self.desk.work(most)
        if batch:
            self.sent += Pieces().add(batch)
        self.tell()

    def sequence(self) -> None:
        """Have the core run every batch that was sent, and tell the desk."""
        while self.sent:
            batch = unpacked_batch(self.sent.popleft())
            results = self.rig.core.process([unframed(each) for each in batch.frames])
            for message in Pieces().add(packed(answered(batch.number, results))):
                self.desk.heard(message)
        self.tell()

    def tell(self) -> None:
        for number, message in self.desk.outgoing():
            self.heard.setdefault(number, []).extend(replies(message))

    def errors(self, connection: int) -> list[str]:
        bodies = [each.body for each in self.heard.get(connection, [])]
        return [each.error if isinstance(each, Refusal) else each.outcome for each in bodies]


@pytest.fixture
def gateway(rig: Rig) -> Gateway:
    made = Gateway(rig)
    assert made.desk.connected(1, HERE) and made.desk.connected(2, HERE)
    return made


def ask(*data: bytes, first: int = 0) -> bytes:
    return b"".join(packed_request(first + number, each) for number, each in enumerate(data))


def test_requests_read_back_as_they_were_packed_and_torn_ones_are_none() -> None:
    message = ask(b"\x02abc", b"", b"\x03" * 300, first=(1 << 32) - 3)
    assert [len(data) for _, data in requests(message)] == [4, 0, 300]
    assert requests(message)[0] == ((1 << 32) - 3, b"\x02abc")
    for cut in (3, 7, len(message) - 1):
        with pytest.raises(BadInput):
            requests(message[:cut])


def test_the_records_of_a_connection_are_sequenced_in_their_order_and_answered_in_one_message(gateway: Gateway) -> None:
    gateway.desk.take(1, ask(*(gateway.order(client_id=at) for at in (1, 2, 3))))
    gateway.desk.take(2, ask(gateway.order(client_id=4), first=9))
    gateway.work()
    assert gateway.heard == {}
    gateway.sequence()
    answers = [each.body for each in gateway.heard[1]]
    assert [each.number for each in gateway.heard[1]] == [0, 1, 2] and [each.number for each in gateway.heard[2]] == [9]
    assert all(isinstance(each, Answer) and each.accepted for each in answers)
    assert [order.client_id for order in gateway.rig.core.executor.read_model.orders.values()] == [1, 2, 3, 4]
    assert gateway.desk.idle


def test_what_is_refused_at_the_door_never_reaches_the_sequencer(gateway: Gateway) -> None:
    good = gateway.order(client_id=1)
    gateway.desk.take(1, ask(b"\x7f", good[:-1], good[:-64] + b"\xff" * 64, encode(gateway.rig.report(0, 5))[:1]))
    gateway.work()
    assert not gateway.sent
    assert gateway.errors(1) == ["unknown_record", "malformed", "bad_signature", "malformed"]


def test_what_a_refused_record_is_told_by_the_sequencer_is_told_the_client(gateway: Gateway) -> None:
    order = gateway.order(client_id=1)
    gateway.desk.take(1, ask(order, order, encode(gateway.rig.signed("cancel_all", "mallory", account=1, nonce=99))))
    gateway.work()
    gateway.sequence()
    assert gateway.errors(1) == ["ACCEPTED", "ACCEPTED", "not_authorised"]
    assert gateway.heard[1][1].body.repeated  # type: ignore[union-attr]


def test_more_than_may_wait_is_refused_at_once_and_what_waits_is_not(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "MOST_WAITING", 3)
    gateway.desk.take(1, ask(*(gateway.order(client_id=at) for at in range(1, 6))))
    gateway.tell()
    assert [(each.number, each.body.error) for each in gateway.heard[1]] == [(3, "busy"), (4, "busy")]  # type: ignore[union-attr]
    gateway.work()
    gateway.sequence()
    assert gateway.errors(1)[2:] == ["ACCEPTED"] * 3


def test_one_connection_does_not_take_the_place_of_all(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "MOST_OF_A_CONNECTION", 2)
    gateway.desk.take(1, ask(*(gateway.order(client_id=at) for at in range(1, 5))))
    gateway.desk.take(2, ask(gateway.order(client_id=9)))
    gateway.work()
    gateway.sequence()
    assert gateway.errors(1) == ["busy", "busy", "ACCEPTED", "ACCEPTED"] and gateway.errors(2) == ["ACCEPTED"]


def test_no_more_are_with_the_sequencer_than_may_be(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "MOST_FLYING", 2)
    gateway.desk.take(1, ask(*(gateway.order(client_id=at) for at in range(1, 6))))
    gateway.work()
    gateway.work()
    assert len(gateway.sent) == 1 and not gateway.desk.has_work
    for _ in range(3):
        gateway.sequence()
        gateway.work()
    assert gateway.errors(1) == ["ACCEPTED"] * 5


def test_an_address_that_sends_rubbish_is_sent_away_until_some_time_has_gone_by(gateway: Gateway) -> None:
    desk = gateway.desk
    assert desk.connected(3, "10.0.0.2")
    desk.take(1, ask(*[b"\x7f"] * (allowances.RUBBISH_ALLOWED + 1)))
    gateway.work(1_000)
    assert desk.unwanted() == [1, 2] and desk.unwanted() == []
    for number in (1, 2):
        desk.gone(number)
    assert not desk.connected(4, HERE)
    assert desk.connected(5, "10.0.0.2")
    gateway.clock.passed += 2 / allowances.RUBBISH_A_SECOND
    assert desk.connected(6, HERE)


def test_connections_are_bounded_by_address_and_in_all(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "MOST_OF_AN_ADDRESS", 2)
    monkeypatch.setattr(desks, "MOST_CONNECTIONS", 3)
    assert not gateway.desk.connected(3, HERE)
    assert gateway.desk.connected(4, "10.0.0.2")
    assert not gateway.desk.connected(5, "10.0.0.3")
    gateway.desk.gone(1)
    assert gateway.desk.connected(6, HERE)


def test_addresses_that_are_gone_and_quiet_are_forgotten(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowances, "MOST_KEPT", 10)
    for number in range(100):
        assert gateway.desk.connected(10 + number, f"10.1.0.{number}")
        gateway.desk.take(10 + number, ask(b"\x7f"))
        gateway.work()
        gateway.desk.gone(10 + number)
        gateway.clock.passed += 1
    assert len(gateway.desk._addresses) <= 10 and len(gateway.desk.meters._spoilt_addresses) <= 10


def test_who_is_gone_is_told_nothing_and_what_was_with_the_sequencer_has_run(gateway: Gateway) -> None:
    gateway.desk.take(1, ask(gateway.order(client_id=1), gateway.order(client_id=2)))
    gateway.work(1)
    gateway.desk.gone(1)
    gateway.work()
    gateway.sequence()
    assert gateway.heard == {} and gateway.desk.idle
    assert [order.client_id for order in gateway.rig.core.executor.read_model.orders.values()] == [1]
    assert not gateway.desk.take(1, ask(gateway.order(client_id=3)))


def test_a_gateway_that_closes_answers_what_is_under_way_and_refuses_the_rest(gateway: Gateway) -> None:
    gateway.desk.take(1, ask(gateway.order(client_id=1)))
    gateway.work()
    gateway.desk.closing = True
    gateway.desk.take(1, ask(gateway.order(client_id=2), first=1))
    assert not gateway.desk.connected(9, HERE)
    gateway.sequence()
    assert gateway.errors(1) == ["closing", "ACCEPTED"]


@pytest.mark.parametrize("seed", range(4))
def test_ten_times_more_than_it_can_take_each_request_has_one_reply_and_memory_is_bounded(
    gateway: Gateway, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "MOST_WAITING", 20)
    monkeypatch.setattr(desks, "MOST_FLYING", 12)
    monkeypatch.setattr(desks, "MOST_OF_A_CONNECTION", 16)
    chance = random.Random(seed)
    order = gateway.order(client_id=1)
    asked = {1: 0, 2: 0}
    for _ in range(60):
        for connection in (1, 2):
            count = chance.randint(0, 40)
            assert gateway.desk.take(connection, ask(*[order] * count, first=asked[connection]))
            asked[connection] += count
        gateway.work(4)
        if chance.random() < 0.5:
            gateway.sequence()
        assert len(gateway.desk._waiting) <= 20 and gateway.desk._records_flying <= 12
        assert sum(len(each) for each in gateway.desk._flying.values()) <= 12
    while not gateway.desk.idle:
        gateway.work()
        gateway.sequence()
    for connection, count in asked.items():
        assert sorted(each.number for each in gateway.heard[connection]) == list(range(count))
        assert set(gateway.errors(connection)) == {"ACCEPTED", "busy"}
    record_count = gateway.rig.core.executor.state.registers.record_count
    numbers = {each.body.record_number for each in gateway.heard[1] + gateway.heard[2] if isinstance(each.body, Answer)}
    assert len(numbers) == 1 and max(numbers) < record_count, "one record, however often it was sent"
