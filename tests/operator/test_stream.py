"""The stream without a socket: what moves by the clock alone, what a number means, and how much there may be."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import DataMismatch
from tallystick.shapes.streaming import Push
from tallystick.state.layout import FLAG_POST_ONLY
from tallystick.state.ordinals import UnixMs, UnixSeconds
from tallystick.testing.world import START
from tallystick.trader.stream.listening import Of
from tallystick_operator.push import mirror
from tallystick_operator.push.sessions import MAX_WAITING, TOO_MANY, TRY_AGAIN, Limits
from tallystick_operator.sequencer import recent
from tallystick_operator.sequencer.rewind import Fork
from tests.operator.listeners import Listener, hub_of, listening, login_of, settled, turn
from tests.operator.rig import ENDS_MS, MakeRig, Rig
from tests.operator.test_stream_grants import opening

BUY, SELL = 0, 1


def test_a_market_expires_and_stops_on_an_idle_exchange(rig: Rig) -> None:
    rig.accept(rig.report(0, 618_000, 3))
    rig.accept(rig.report(1, 618_000, 3))
    rig.accept(rig.report(2, 618_000, 3))
    rig.accept(rig.order(1, BUY, 617_000, 3, market=3))
    wanted = [Of("book", 3), Of("market", 3), Of("orders", 1), Of("clock"), Of("market", 0), Of("account", 1)]
    listener = listening(rig, *wanted, login=login_of(rig, 1, "alice"))
    records = rig.core.executor.state.registers.record_count
    assert listener.copy("book", 3).bids and not any(each.dead for each in listener.copy("orders", 1).by_slot.values())
    rig.seconds = 21
    settled(rig, listener.hub, listener)
    assert listener.copy("market", 3).value.status == "expired"
    assert not listener.copy("book", 3).bids
    assert all(each.dead for each in listener.copy("orders", 1).by_slot.values())
    assert listener.copy("clock").value.clock_ms >= ENDS_MS
    assert listener.copy("market", 0).value.status == "live"
    rig.core.clock.observe(UnixSeconds(START + 300))
    settled(rig, listener.hub, listener)
    assert listener.copy("market", 0).value.status == "halted"
    assert rig.core.executor.state.registers.record_count == records, "no record has come"


def test_orders_expire_and_a_dead_mans_die_on_an_idle_exchange(rig: Rig) -> None:
    now = rig.core.clock.now_ms()
    rig.accept(rig.order(1, BUY, 617_000, 3, expiry_ms=now + 5_000))
    rig.accept(rig.order(2, BUY, 617_000, 4))
    rig.accept(rig.signed("dead_man", "bob", account=2, nonce=rig.next_nonce(2), time_ms=now + 10_000))
    listener = listening(rig, Of("book", 0), Of("orders", 2), login=login_of(rig, 2, "bob"))
    records = rig.core.executor.state.registers.record_count
    assert listener.copy("book", 0).bids == {617_000: (7, 2)}
    rig.seconds = 6
    settled(rig, listener.hub, listener)
    assert listener.copy("book", 0).bids == {617_000: (4, 1)}
    rig.seconds = 11
    settled(rig, listener.hub, listener)
    assert listener.copy("book", 0).bids == {}
    assert all(each.dead for each in listener.copy("orders", 2).by_slot.values())
    assert rig.core.executor.state.registers.record_count == records


def test_a_switch_that_is_moved_on_in_time_kills_nothing(rig: Rig) -> None:
    rig.accept(rig.order(2, BUY, 617_000, 4))
    listener = listening(rig, Of("book", 0))
    for ahead in (5, 60):
        time_ms = rig.core.clock.now_ms() + ahead * 1_000
        rig.accept(rig.signed("dead_man", "bob", account=2, nonce=rig.next_nonce(2), time_ms=time_ms))
    rig.seconds += 8
    settled(rig, listener.hub, listener)
    assert listener.copy("book", 0).bids == {617_000: (4, 1)}


# What a number means


def test_another_history_is_another_epoch_and_begins_with_snapshots(rig: Rig) -> None:
    rig.core.seal_now()
    rig.post()
    listener = listening(rig, Of("book", 0), Of("feed"))
    rig.accept(rig.order(1, BUY, 617_000, 3))
    settled(rig, listener.hub, listener)
    before = listener.pushes[-1].epoch
    rig.core.turn(Fork(kept=1, messages=tuple(rig.messages), reason="any"))
    settled(rig, listener.hub, listener)
    anew = [push for push in listener.pushes if push.epoch != before]
    assert {push.channel: push.snapshot for push in anew[:2]} == {"book": True, "feed": True}
    assert not listener.copy("book", 0).bids


def test_a_restart_is_another_epoch_and_says_so_to_who_comes_back(rig: Rig) -> None:
    rig.accept(rig.order(1, BUY, 617_000, 3))
    listener = listening(rig, Of("book", 0))
    sequence, epoch = listener.pushes[-1].sequence, listener.pushes[-1].epoch
    listener.disconnect()
    rig.log.close()
    rig.open()
    rig.accept(rig.order(1, BUY, 616_000, 3))
    listener.hub = hub_of(rig, seed=1)
    listener.connect()
    settled(rig, listener.hub, listener)
    last = listener.pushes[-1]
    assert last.snapshot and last.epoch != epoch and sequence > 0
    assert listener.copy("book", 0).bids == {617_000: (3, 1), 616_000: (3, 1)}


def test_a_stream_that_has_missed_more_than_is_kept_begins_anew(
    make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "EVENTS_KEPT", 20)
    rig = make_rig()
    rig.set_up()
    listener = listening(rig, Of("book", 0), Of("feed"))
    for at in range(10):
        rig.accept(rig.order(1, BUY, 617_000 - at, 3))
    settled(rig, listener.hub, listener)
    assert len({push.epoch for push in listener.pushes}) == 2 and listener.pushes[-1].snapshot
    assert len(listener.copy("book", 0).bids) == 10


def test_who_finds_a_gap_asks_for_what_is_missing_and_gets_it(rig: Rig) -> None:
    listener = listening(rig, Of("book", 0), Of("trades", 0))
    assert listener.session is not None
    for at in range(5):
        rig.accept(rig.order(1, SELL, 618_010 + at, 2))
        turn(rig, listener.hub)
        if at % 2:
            assert listener.session.take() is not None, "lost on the way"
    listener.read()
    settled(rig, listener.hub, listener)
    assert listener.tracker.gaps == 1
    assert listener.copy("book", 0).asks == {618_010 + at: (2, 1) for at in range(5)}
    books = [push for push in listener.pushes if push.channel == "book"]
    assert [push.snapshot for push in books] == [True] + [False] * 5


def test_a_book_that_is_not_the_one_its_checksum_is_of_is_asked_for_anew(rig: Rig) -> None:
    listener = listening(rig, Of("book", 0))
    listener.copy("book", 0)._checksum += 1
    rig.accept(rig.order(1, SELL, 618_010, 2))
    settled(rig, listener.hub, listener)
    assert listener.tracker.gaps == 1 and listener.pushes[-1].snapshot
    assert listener.copy("book", 0).asks == {618_010: (2, 1)}


def test_a_message_that_comes_twice_is_taken_once(rig: Rig) -> None:
    listener = listening(rig, Of("trades", 0))
    assert listener.session is not None
    rig.accept(rig.order(1, SELL, 618_010, 2))
    rig.accept(rig.order(2, BUY, 618_010, 2))
    turn(rig, listener.hub)
    text = listener.session.take()
    assert text is not None
    assert [len(listener.tracker.heard(text)) for _ in range(2)] == [1, 0]
    assert len(listener.copy("trades", 0).newest) == 1


def test_one_encoding_serves_all_who_listen(rig: Rig) -> None:
    hub = hub_of(rig)
    listeners = [Listener(hub, [Of("book", 0)]) for _ in range(3)]
    for each in listeners:
        each.connect()
    settled(rig, hub, *listeners)
    rig.accept(rig.order(1, SELL, 618_010, 2))
    turn(rig, hub)
    texts = [each.session.take() for each in listeners if each.session is not None]
    assert texts[0] is not None and texts[0] is texts[1] and texts[1] is texts[2]


def test_the_work_of_a_look_is_that_of_what_has_changed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    for at in range(200):
        rig.accept(rig.order(1 + at % 2, BUY, 617_000 - at, 1))
    read: list[int] = []
    original = mirror.Mirror._read

    def counted(self: mirror.Mirror, core: Any, slot: int) -> Any:
        read.append(slot)
        return original(self, core, slot)

    monkeypatch.setattr(mirror.Mirror, "_read", counted)
    listener = listening(rig, Of("book", 0))
    assert len(read) == 200
    rig.accept(rig.order(1, BUY, 617_000, 1))
    settled(rig, listener.hub, listener)
    assert len(read) == 201


def test_a_large_book_is_read_in_parts_and_told_when_it_is_whole(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "SLOTS_A_LOOK", 10)
    for at in range(35):
        rig.accept(rig.order(1, BUY, 617_000 - at, 1))
    hub = hub_of(rig)
    listener = Listener(hub, [Of("book", 0)])
    listener.connect()
    for at in range(3):
        turn(rig, hub)
        listener.read()
        assert not listener.pushes
        rig.accept(rig.order(1, BUY, 610_000 - at, 1))
    settled(rig, hub, listener)
    assert len(listener.copy("book", 0).bids) == 38


# Limits


def test_no_more_connections_channels_and_accounts_are_had_than_there_may_be(rig: Rig) -> None:
    hub = hub_of(rig, Limits(connections=2, per_address=1, subscriptions=2, accounts=1, channels=3))
    hosts = ["one", "one", "two", "three"]
    listeners = [Listener(hub, [], host=host) for host in hosts]
    for each in listeners:
        each.connect()
    closed = [each.session.closed[0] if each.session and each.session.closed else None for each in listeners]
    assert closed == [None, TOO_MANY, None, TRY_AGAIN]
    for each in listeners[1], listeners[3]:
        each.disconnect()
    first, second = listeners[0], listeners[2]
    for of in (Of("clock"), Of("feed"), Of("book", 0)):
        first.tracker.want(of)
    first.read()
    settled(rig, hub, first)
    assert first.denied == ["too_many"]
    for of in (Of("book", 0), Of("book", 1)):
        second.tracker.want(of)
    second.read()
    settled(rig, hub, second)
    assert second.denied == ["busy"]
    first.disconnect()
    third = Listener(hub, [], host="three")
    third.connect()
    assert third.session is not None and third.session.closed is None


def test_a_channel_to_which_nobody_listens_is_kept_for_a_minute_and_no_longer(rig: Rig) -> None:
    listener = listening(rig, Of("book", 0))
    hub = listener.hub
    listener.disconnect()
    rig.seconds += 59
    turn(rig, hub)
    assert len(hub.board) == 1 and not hub.is_idle
    rig.seconds += 2
    turn(rig, hub)
    assert len(hub.board) == 0 and hub.is_idle


def test_requests_that_wait_for_the_state_are_carried_out_in_order_and_no_more_than_so_many_wait(rig: Rig) -> None:
    listener = listening(rig)
    assert listener.session is not None
    request = opening(rig, listener)
    listener.hub.hear(listener.session, msgspec.json.encode(request).decode())
    for at in range(MAX_WAITING + 5):
        listener.hub.hear(listener.session, json.dumps({"op": "ping", "id": at}))
    answers = []
    turn(rig, listener.hub)
    while (text := listener.session.take()) is not None:
        answers.append(json.loads(text))
    assert [each["type"] for each in answers[:5]] == ["denied"] * 5
    assert [each["id"] for each in answers[5:]] == [0, *range(MAX_WAITING)]


def test_who_asks_for_much_gets_it_as_it_reads(rig: Rig) -> None:
    for at in range(50):
        rig.accept(rig.order(1, BUY, 617_000 - at, 1))
    hub = hub_of(rig, Limits(queued_characters=3_000))
    listener = Listener(hub, [Of("book", 0)])
    listener.connect()
    settled(rig, hub, listener)
    assert listener.session is not None
    for at in range(100):
        hub.hear(listener.session, json.dumps({"op": "subscribe", "id": at, "channel": "book", "market": 0}))
    assert len(listener.session.requests) > 90 and listener.session.closed is None
    snapshots = 0
    for _ in range(100):
        while (text := listener.session.take()) is not None:
            snapshots += '"snapshot":true' in text
        turn(rig, hub)
    assert snapshots == 100


def test_what_is_no_market_or_account_is_said_and_may_come_to_be_one(rig: Rig) -> None:
    listener = listening(rig, Of("book", 9), Of("market", 9), Of("trades", 9))
    assert listener.denied == ["no_market"] * 3
    assert listener.session is not None and not listener.session.subscribed
    rig.seconds += 2
    turn(rig, listener.hub)
    assert len(listener.hub.board) == 0


def test_a_message_of_a_stream_is_read_as_it_was_written(rig: Rig) -> None:
    listener = listening(rig, Of("market", 0))
    (push,) = [each for each in listener.pushes if each.snapshot]
    assert msgspec.json.decode(msgspec.json.encode(push), type=Push) == push
    for bad in ("{}", "[", '{"type":"none"}', '{"type":"push"}', "[" * 9_999):
        with pytest.raises(DataMismatch):
            listener.tracker.heard(bad)


def test_an_order_dies_by_its_pair_though_that_came_and_went_between_two_looks(rig: Rig) -> None:
    rig.accept(rig.order(1, SELL, 618_020, 3, client_id=5))
    listener = listening(rig, Of("book", 0), Of("orders", 1), login=login_of(rig, 1, "alice"))
    values = {"account": 1, "market": 0, "side": SELL, "price_ticks": 618_010, "lots": 3, "client_id": 6, "pair": 5}
    values |= {"nonce": rig.next_nonce(1), "flags": FLAG_POST_ONLY}
    answer = rig.accept(rig.signed("conditional", "alice", **values))
    assert answer.outcome == "ACCEPTED"
    rig.accept(rig.order(2, BUY, 618_010, 3))
    settled(rig, listener.hub, listener)
    assert listener.copy("book", 0).asks == {}
    assert [each.dead for each in listener.copy("orders", 1).by_slot.values()] == [True]


NAMES = "op id channel market account epoch sequence until_ms signature agent record"
WORDS = st.sampled_from(
    [
        *NAMES.split(),
        *["subscribe", "unsubscribe", "open", "arm", "ping", "book", "orders", "clock", "0x", "9", "٣"],
        "",
        "\ud800",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.integers(0, 9) | st.floats() | WORDS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4))
REQUESTS = st.fixed_dictionaries(
    {"op": WORDS}, optional=dict.fromkeys(("id", "channel", "market", "account", "epoch", "sequence"), LEAVES)
)
FRAMES = st.text(max_size=200) | st.binary(max_size=50) | (VALUES | REQUESTS).map(json.dumps)


@settings(max_examples=300, deadline=None)
@given(frames=st.lists(FRAMES, max_size=12))
def test_whatever_a_connection_says_it_is_answered_and_goes_on(shared_rig: Rig, frames: list[str | bytes]) -> None:
    hub = hub_of(shared_rig)
    session = hub.session("host")
    hub.join(session, UnixMs(0))
    assert session.take() is not None
    for frame in [*frames, '{"op":"ping","id":7}']:
        hub.hear(session, frame)
    turn(shared_rig, hub)
    answers = []
    while (text := session.take()) is not None:
        answers.append(json.loads(text))
    assert session.closed is None and {"type": "done", "id": 7, "resumed": False} in answers
    assert len([each for each in answers if each["type"] != "push"]) == len(frames) + 1
