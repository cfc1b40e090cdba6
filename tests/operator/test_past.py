"""What the API tells of the past: orders by client id, fills, funding, agents, and the feed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tallystick.machine.machine import Event
from tallystick.records.items import pack_items
from tallystick.records.signing import make, sign
from tallystick.shapes.progress import Feed
from tallystick.shapes.routes import FEED
from tallystick.state.layout import CHANGE_DELAY_MS, FLAG_IOC, FLAG_POST_ONLY, FLAG_REDUCE_ONLY, SETTLE_WAIT_MS
from tallystick.state.ordinals import AccountId, UnixMs, UnixSeconds
from tallystick.testing.scenarios.orders.many_orders import cancel, place
from tallystick.testing.world import START, address, key
from tallystick.transport import Transport
from tallystick_operator.sequencer import recent as history
from tallystick_operator.sequencer.recent import History
from tests.operator.rig import MakeRig, Rig
from tests.operator.test_api import Served

BUY, SELL = 0, 1


@pytest.fixture
def served(rig: Rig) -> Iterator[Served]:
    served = Served(rig)
    yield served
    served.close()
    assert not served.failures


def get(served: Served, path: str) -> Any:
    reply = served.http.get(path)
    assert reply.status_code == 200, reply.content
    return reply.json()


def order(served: Served, account: int, client_id: int) -> tuple[str, int, int, str]:
    found = get(served, f"/v1/order/{account}/{client_id}")
    return found["status"], found["filled_lots"], found["remaining_lots"], found["outcome"]


def test_an_order_is_found_by_its_client_id_through_its_whole_life(served: Served) -> None:
    rig = served.rig
    served.post(rig.order(1, SELL, 618_010, 5, client_id=7))
    assert order(served, 1, 7) == ("open", 0, 5, "ACCEPTED")
    served.post(rig.order(2, BUY, 618_010, 2, client_id=8))
    assert order(served, 1, 7) == ("open", 2, 3, "ACCEPTED")
    assert order(served, 2, 8) == ("filled", 2, 0, "ACCEPTED")
    served.post(rig.order(2, BUY, 618_010, 9, client_id=9, flags=FLAG_IOC))
    assert order(served, 1, 7) == ("filled", 5, 0, "ACCEPTED")
    assert order(served, 2, 9) == ("cancelled", 3, 0, "UNFILLED")
    served.post(rig.order(2, BUY, 618_010, 9, client_id=10, flags=FLAG_IOC))
    assert order(served, 2, 10) == ("rejected", 0, 0, "UNFILLED")
    served.post(rig.order(1, BUY, 617_000, 1, client_id=11))
    assert order(served, 1, 11) == ("open", 0, 1, "ACCEPTED")
    served.post(rig.signed("cancel", "alice", account=1, nonce=rig.next_nonce(1), client_id=11))
    assert order(served, 1, 11) == ("cancelled", 0, 0, "ACCEPTED")
    known = get(served, "/v1/history/1")["orders"]
    assert [(each["price_ticks"], each["status"]) for each in known] == [(617_000, "cancelled"), (618_010, "filled")]
    assert len(get(served, "/v1/history/2?limit=1")["orders"]) == 1


def test_orders_that_rest_only_in_part_or_were_never_accepted_say_so(served: Served) -> None:
    rig = served.rig
    served.post(rig.order(1, SELL, 618_010, 3, client_id=1))
    served.post(rig.order(2, BUY, 618_010, 1, client_id=2, flags=FLAG_POST_ONLY))
    assert order(served, 2, 2) == ("rejected", 0, 0, "WOULD_CROSS")
    served.post(rig.order(2, BUY, 618_010, 3, client_id=3))
    served.post(rig.order(2, SELL, 618_500, 5, client_id=4, flags=FLAG_REDUCE_ONLY))
    assert order(served, 2, 4) == ("open", 0, 3, "ACCEPTED")
    served.post(rig.order(1, BUY, 618_500, 3, client_id=5))
    assert order(served, 2, 4) == ("filled", 3, 0, "ACCEPTED")


def test_the_orders_of_a_bulk_are_found_by_their_client_ids(served: Served) -> None:
    rig = served.rig
    items = pack_items([place(21, BUY, 617_000, 1), place(22, BUY, 617_001, 2), cancel(21), cancel(99)])
    values = {"account": 1, "agent": 0, "nonce": rig.next_nonce(1), "expiry_ms": 0}
    served.post(sign(make("bulk", items, **values), rig.core.domain, key("alice")))
    # The order under 21 did not rest before the bulk, so the bulk's cancel does not find it.
    assert order(served, 1, 21) == ("open", 0, 1, "ACCEPTED")
    assert order(served, 1, 22) == ("open", 0, 2, "ACCEPTED")


def test_fills_are_told_to_either_side_from_its_own(served: Served) -> None:
    rig = served.rig
    served.post(rig.order(1, SELL, 618_010, 5, client_id=7))
    served.post(rig.order(2, BUY, 618_010, 2, client_id=8))
    maker = get(served, "/v1/fills/1")["fills"]
    taker = get(served, "/v1/fills/2")["fills"]
    assert [(each["role"], each["side"], each["lots"], each["client_id"]) for each in maker] == [("maker", 1, 2, 7)]
    assert [(each["role"], each["side"], each["lots"], each["client_id"]) for each in taker] == [("taker", 0, 2, 8)]
    sequence = taker[0]["sequence"]
    assert get(served, "/v1/trades/0")["trades"][0]["sequence"] == sequence
    served.post(rig.order(2, BUY, 618_010, 1))
    assert [each["lots"] for each in get(served, f"/v1/fills/2?after={sequence}")["fills"]] == [1]
    assert [each["lots"] for each in get(served, "/v1/fills/2?limit=1")["fills"]] == [1]


def test_what_was_answered_is_seen_by_the_next_question(served: Served) -> None:
    for at in range(20):
        served.post(served.rig.order(1, BUY, 617_000 - at, 1, client_id=at))
        assert order(served, 1, at)[0] == "open"
        assert len(get(served, "/v1/orders/1")["orders"]) == at + 1


def test_the_feed_numbers_every_event_without_a_gap(served: Served) -> None:
    rig = served.rig
    book = get(served, "/v1/book/0")
    assert book["sequence"] == get(served, "/v1/info")["sequence"]
    served.post(rig.order(1, SELL, 618_010, 5, client_id=7))
    served.post(rig.order(2, BUY, 618_010, 2, client_id=8))
    feed = get(served, f"/v1/feed?after={book['sequence']}")
    names = ["order", "rested", "outcome", "order", "fill", "outcome"]
    assert [each["event"] for each in feed["events"] if each["values"].get("outcome") != "clock"] == names
    first = book["sequence"] + 1
    assert [each["sequence"] for each in feed["events"]] == list(range(first, first + len(names)))
    assert feed["next"] == feed["latest"] == first + len(names) - 1
    fill = next(each for each in feed["events"] if each["event"] == "fill")
    assert (fill["values"]["taker"], fill["values"]["maker"], fill["values"]["lots"]) == (2, 1, 2)
    assert feed["events"][-1]["values"] == {"outcome": "ACCEPTED"}
    part = get(served, f"/v1/feed?after={book['sequence']}&limit=2")
    assert ([each["event"] for each in part["events"]], part["next"]) == (["order", "rested"], first + 1)
    mine = get(served, f"/v1/feed?after={book['sequence']}&account=1")["events"]
    assert [each["event"] for each in mine] == ["order", "rested", "fill"]
    assert get(served, f"/v1/feed?after={book['sequence']}&market=5")["events"] == []


def test_a_poll_waits_for_what_concerns_it(served: Served) -> None:
    rig = served.rig
    found: list[Feed] = []
    start = get(served, "/v1/info")["sequence"]

    def poll() -> None:
        with Transport(served.server.url) as transport:
            found.append(transport.ask(FEED, after=start, account=1, wait_ms=10_000))

    waiting = threading.Thread(target=poll)
    waiting.start()
    served.post(rig.order(2, BUY, 617_000, 1))
    time.sleep(0.1)
    assert not found
    served.post(rig.order(1, BUY, 617_001, 1))
    waiting.join(timeout=8)
    assert found[0].events[0].event == "order"
    before = time.monotonic()
    assert get(served, "/v1/feed?wait_ms=120")["events"] == []
    assert time.monotonic() - before >= 0.1


def test_an_operator_that_stops_answers_who_waits(rig: Rig) -> None:
    served = Served(rig)
    found: list[Feed] = []

    def poll() -> None:
        with Transport(served.server.url) as transport:
            found.append(transport.ask(FEED, wait_ms=30_000))

    waiting = threading.Thread(target=poll)
    waiting.start()
    time.sleep(0.2)
    before = time.monotonic()
    served.close()
    waiting.join(timeout=8)
    assert time.monotonic() - before < 4
    assert found[0].events == []


def test_the_feed_has_the_same_numbers_after_a_restart(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.set_up()
    rig.accept(rig.order(1, SELL, 618_010, 5, client_id=7))
    rig.accept(rig.order(2, BUY, 618_010, 2))
    before = rig.core.executor.read_model.history.after(0)
    rig.log.close()
    assert rig.open().executor.read_model.history.after(0) == before
    assert rig.core.executor.read_model.history.orders(AccountId(1))[0].remaining_lots == 3


def test_funding_is_told_by_the_hour(served: Served) -> None:
    rig = served.rig
    assert get(served, "/v1/funding/0") == {"market": 0, "series": 0, "funding": []}
    for number, seconds in ((2, 60), (3, 3_700)):
        rig.seconds = seconds
        rig.core.clock.observe(UnixSeconds(int(rig.core.clock.now_ms() // 1000 + 3_700 * (number - 2) + 60)))
        for signer in range(3):
            served.post(rig.report(signer, 618_000))
    hours = get(served, "/v1/funding/0")["funding"]
    assert [(each["index_ticks"], each["rate_ppm"] > 0) for each in hours] == [(618_000, True)]
    market = get(served, "/v1/markets")["markets"][0]
    assert market["funding_index"] == hours[0]["funding_index"]
    assert (market["index_ticks"], market["status"]) == (618_000, "live")


def test_agents_are_listed_until_they_are_revoked(served: Served) -> None:
    rig = served.rig
    assert get(served, "/v1/agents/1") == {"account": 1, "agents": []}
    agent = int.from_bytes(address("agent"), "big")
    for slot, scope, expiry in ((1, 3, 0), (2, 1, rig.core.clock.now_ms() + 1_000), (3, 2, 0)):
        values = {"slot": slot, "key": agent, "scope": scope, "expiry_ms": expiry}
        served.post(rig.signed("approve_agent", "alice", account=1, nonce=rig.next_nonce(1), **values))
    served.post(rig.signed("approve_agent", "alice", account=1, nonce=rig.next_nonce(1), slot=3, key=0, scope=3))
    rig.seconds += 2
    served.post(rig.order(2, BUY, 617_000, 1))
    found = get(served, "/v1/agents/1")["agents"]
    assert [(each["slot"], each["scope"], each["expired"]) for each in found] == [
        (1, "both", False),
        (2, "place", True),
    ]
    assert found[0]["address"] == "0x" + address("agent").hex()


def test_a_proposed_change_is_shown_with_its_market(served: Served) -> None:
    rig = served.rig
    rules = get(served, "/v1/markets")["markets"][0]["rules"]
    served.post(rig.signed("change_market", "governance", market=0, change=1, **{**rules, "taker_fee_ppm": 123}))
    change = get(served, "/v1/markets")["markets"][0]["change"]
    assert (change["proposed"], change["rules"]["taker_fee_ppm"]) == (1, 123)
    assert change["effective_ms"] > rig.core.clock.now_ms()
    assert served.post(make("apply_change", pending=0)).json()["error"] == "too_early"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/order/1/x", 400, "malformed"),
        ("/v1/order/x/1", 400, "malformed"),
        ("/v1/order/1/99999999999999999999", 400, "malformed"),
        ("/v1/order/1/424242", 404, "no_such_order"),
        ("/v1/order/77/1", 404, "no_such_order"),
        ("/v1/history/-1", 400, "malformed"),
        ("/v1/history/1?limit=1001", 400, "malformed"),
        ("/v1/fills/x", 400, "malformed"),
        ("/v1/fills/1?after=x", 400, "malformed"),
        ("/v1/funding/x", 400, "malformed"),
        ("/v1/funding/63", 404, "no_market"),
        ("/v1/funding/64", 400, "malformed"),
        ("/v1/agents/x", 400, "malformed"),
        ("/v1/feed?after=x", 400, "malformed"),
        ("/v1/feed?after=999999999", 409, "ahead"),
        ("/v1/feed?limit=0", 400, "malformed"),
        ("/v1/feed?wait_ms=30001", 400, "malformed"),
        ("/v1/feed?market=64", 400, "malformed"),
        ("/v1/feed?account=-1", 400, "malformed"),
    ],
)
def test_a_malformed_question_about_the_past_is_refused(served: Served, path: str, status: int, code: str) -> None:
    reply = served.http.get(path)
    assert (reply.status_code, reply.json()["error"]) == (status, code)
    assert reply.json()["message"]


def test_who_asks_for_events_that_are_forgotten_is_told(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    known = served.rig.core.executor.read_model.history
    events = known.after(0)
    monkeypatch.setattr(known, "_events", type(known._events)(events[3:], maxlen=history.EVENTS_KEPT))
    reply = served.http.get("/v1/feed?after=1")
    assert (reply.status_code, reply.json()["error"]) == (410, "gone")
    assert get(served, "/v1/feed?after=3")["events"][0]["sequence"] == 4


def test_events_that_nobody_outside_needs_are_passed_over() -> None:
    told = History({})
    unknown: Event = ("item", (1,))
    told.take(unknown, 1, UnixMs(1))
    assert told.sequence == 0
    assert told.after(0) == []
    assert told.oldest == 1


def test_a_settled_market_says_so_and_its_positions_turn_into_cash(served: Served) -> None:
    rig = served.rig

    def report(price: int) -> None:
        for signer in range(3):
            assert served.post(rig.report(signer, price, market=3)).status_code == 200

    report(500)
    served.post(rig.order(1, BUY, 500, 4, market=3))
    served.post(rig.order(2, SELL, 500, 4, market=3))
    settle = make("settle_position", account=1, market=3)
    assert served.post(settle).json()["error"] == "not_settled"
    rig.seconds += 20
    report(510)
    listed = get(served, "/v1/markets")["markets"]
    assert {each["market"]: each["status"] for each in listed}[3] == "settled"
    assert served.post(settle).json()["error"] == "too_early"
    rig.seconds += SETTLE_WAIT_MS / 1_000 + 1
    rig.core.clock.observe(UnixSeconds(START + int(rig.seconds)))
    served.post(rig.order(1, BUY, 617_000, 1))
    assert served.post(settle).json()["outcome"] == "ACCEPTED"
    assert get(served, "/v1/account/1")["positions"] == []
    rig.seconds += 2
    again = served.post(settle)
    assert (again.status_code, again.json()["error"]) == (404, "no_position")
    start = get(served, "/v1/info")["sequence"]
    served.post(make("settle_position", account=2, market=3))
    events = get(served, f"/v1/feed?after={start}&account=2")["events"]
    assert [(each["event"], each["values"]["price_ticks"]) for each in events] == [("settlement", 500)]


def test_a_change_of_rules_is_put_in_force_by_anybody_when_its_time_has_come(served: Served) -> None:
    rig = served.rig
    rules = get(served, "/v1/markets")["markets"][0]["rules"]
    served.post(rig.signed("change_market", "governance", market=0, change=1, **{**rules, "taker_fee_ppm": 123}))
    rig.seconds += CHANGE_DELAY_MS / 1_000 + 1
    rig.core.clock.observe(UnixSeconds(START + int(rig.seconds)))
    served.post(rig.order(1, BUY, 617_000, 1))
    assert served.post(make("apply_change", pending=0)).json()["outcome"] == "ACCEPTED"
    market = get(served, "/v1/markets")["markets"][0]
    assert (market["taker_fee_ppm"], market["change"]) == (123, {"proposed": 1, "effective_ms": 0, "rules": {}})
