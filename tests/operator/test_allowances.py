"""Who may send how much: by key, connection and address, in bytes and in steps, and that a flood keeps nobody else waiting."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest
from msgspec import structs

from tallystick.records.codec import encode
from tallystick.records.items import Item, pack_items
from tallystick.records.signing import make, sign
from tallystick.shapes.order_entry import packed_request
from tallystick.shapes.submitting import Answer, Refusal
from tallystick.state.layout import ITEM_CANCEL
from tallystick.testing.handclock import HandClock
from tallystick.testing.world import key
from tallystick_operator.gateway import frontdesk
from tallystick_operator.gateway.parcels import Frame, checked_frame
from tallystick_operator.intake import allowances
from tallystick_operator.intake.allowances import BURST_SECONDS, Meters, address_of, steps_of
from tallystick_operator.intake.door import Checked, Refused, check_signature
from tallystick_operator.rates import ORDINARY, Allowances, Rate, allowances_of
from tests.operator.rig import Rig
from tests.operator.test_api import Served
from tests.operator.test_desk import Gateway

BUY = 0
WIDE = Rate(steps=10**9, bytes=10**12)
HERE, THERE = "10.0.0.1", "10.0.0.2"


ORDINARILY = allowances_of(ORDINARY)


def only(**narrow: Rate) -> Allowances:
    """Return the ordinary allowances but for some."""
    return structs.replace(ORDINARILY, **narrow)


def meters(clock: HandClock, **narrow: Rate) -> Meters:
    wide = {"account": WIDE, "connection": WIDE, "address": WIDE}
    return Meters(Allowances(**wide | narrow), clock.monotonic)


@pytest.mark.parametrize("what", ["steps", "bytes"])
@pytest.mark.parametrize("whose", ["connection", "address"])
def test_in_the_long_run_so_much_passes_as_the_rate_says(whose: str, what: str) -> None:
    clock = HandClock()
    rate = Rate(steps=100, bytes=10**9) if what == "steps" else Rate(steps=10**9, bytes=100)
    met = meters(clock, **{whose: rate})
    passed = 0
    for _ in range(10_000):
        clock.passed += 0.001
        passed += 10 * (met.arrived(1, HERE, 10, 10) is None)
    assert passed == pytest.approx(100 * (10 + BURST_SECONDS), abs=20)


def test_who_waits_as_long_as_it_was_told_may_send_and_no_sooner() -> None:
    clock = HandClock()
    met = meters(clock, connection=Rate(steps=10, bytes=10**9))
    assert met.arrived(1, HERE, 1, 25) is None, "nothing is too large to pass"
    refused = met.arrived(1, HERE, 1)
    assert refused and (refused.status, refused.code, refused.field) == (429, "rate_limited", "connection")
    assert refused.retry_after_ms == 500
    clock.passed += 0.499
    assert met.arrived(1, HERE, 1)
    clock.passed += 0.002
    assert met.arrived(1, HERE, 1) is None
    assert met.arrived(2, HERE, 1) is None, "another connection was never in debt"


def test_one_address_is_no_more_with_many_connections() -> None:
    clock = HandClock()
    met = meters(clock, address=Rate(steps=10, bytes=10**9))
    refused = [met.arrived(number, HERE, 1) for number in range(30)]
    assert [each is None for each in refused] == [True] * 21 + [False] * 9
    assert refused[-1] and refused[-1].field == "address"
    assert met.arrived(99, THERE, 1) is None


def signed(rig: Rig, name: str, account: int, nonce: int, items: int = 0) -> Checked:
    values = {"account": account, "nonce": nonce}
    if items:
        record = make("bulk", pack_items([Item(what=ITEM_CANCEL, client_id=at + 1) for at in range(items)]), **values)
    else:
        record = make("cancel", client_id=1, **values)
    return check_signature(sign(record, rig.core.domain, key(name)), rig.core.domain)


def let_in(met: Meters, checked: Checked, connection: int, address: str) -> Refused | None:
    return met.signed(checked.signer, steps_of(checked.record), len(checked.data), connection, address)


def test_a_key_has_its_own_allowance_whatever_account_it_names(rig: Rig) -> None:
    clock = HandClock()
    met = meters(clock, account=Rate(steps=1, bytes=10**9))
    taken = [let_in(met, signed(rig, "mallory", 1, at), 1, HERE) for at in range(5)]
    assert [each is None for each in taken] == [True] * 3 + [False] * 2
    assert taken[-1] and taken[-1].field == "account"
    assert let_in(met, signed(rig, "alice", 1, 0), 1, HERE) is None, "nobody uses up another's by naming it"
    assert let_in(met, signed(rig, "mallory", 2, 9), 2, THERE), "nor gets a new one under another number"


def test_a_key_is_held_to_its_bytes_as_to_its_steps(rig: Rig) -> None:
    size = len(signed(rig, "alice", 1, 0).data)
    met = meters(HandClock(), account=Rate(steps=10**9, bytes=size))
    assert [let_in(met, signed(rig, "alice", 1, at), 1, HERE) is None for at in range(4)] == [True] * 3 + [False]


def test_each_item_of_a_bulk_is_a_step_of_its_key_its_connection_and_its_address(rig: Rig) -> None:
    bulk = signed(rig, "alice", 1, 0, items=20)
    assert steps_of(bulk.record) == 21 and steps_of(signed(rig, "alice", 1, 1).record) == 1
    for whose in ("account", "connection", "address"):
        met = meters(HandClock(), **{whose: Rate(steps=10, bytes=10**9)})
        assert met.arrived(1, HERE, 1) is None and let_in(met, bulk, 1, HERE) is None
        refused = met.arrived(1, HERE, 1) or let_in(met, bulk, 1, HERE)
        assert refused and refused.field == whose


def test_false_signatures_cut_off_their_connection_before_their_address_and_cost_no_more_recoveries(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = Gateway(rig)
    assert gateway.desk.connected(1, HERE) and gateway.desk.connected(2, HERE) and gateway.desk.connected(3, THERE)
    looked: list[bytes] = []

    def look(data: bytes, domain: bytes) -> tuple[Frame, int]:
        looked.append(data)
        return checked_frame(data, domain)

    monkeypatch.setattr(frontdesk, "checked_frame", look)
    false = gateway.order(client_id=1)[:-64] + b"\xff" * 64
    most = allowances.RUBBISH_ALLOWED
    for connection in (1, 2):
        gateway.desk.take(connection, b"".join(packed_request(at, false) for at in range(1_000)))
        while gateway.desk.has_work:
            gateway.work(8)
            for number in gateway.desk.unwanted():
                gateway.desk.gone(number)
    each = most // allowances.CONNECTIONS_PART
    assert 2 * each <= len(looked) <= 2 * (each + 8), "what waited of them was never looked at"
    assert gateway.desk.connected(4, HERE), "two connections of four are not all that an address may have"
    assert gateway.desk.meters.spent(HERE) is None and gateway.desk.meters.spent(THERE) is None


def test_what_is_kept_is_bounded_whoever_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowances, "MOST_KEPT", 50)
    clock = HandClock()
    met = meters(clock)
    for number in range(1_000):
        met.arrived(number, f"10.0.{number % 256}.{number // 256}", 1)
        met.spoilt(number, f"10.1.{number % 256}.{number // 256}")
        clock.passed += 0.001
    tables = (met._connections, met._addresses, met._spoilt_connections, met._spoilt_addresses)
    assert all(len(each) <= 50 for each in tables if each is not None)


def test_behind_a_proxy_on_this_machine_the_address_is_the_one_that_it_has_written_down() -> None:
    assert address_of("127.0.0.1", "6.6.6.6, 10.0.0.7") == "10.0.0.7"
    assert address_of("127.0.0.1", "") == "127.0.0.1"
    assert address_of("10.0.0.9", "1.2.3.4") == "10.0.0.9", "a stranger's word for it is nothing"


def waits_of_the_quiet_one(rig: Rig, given: Allowances | None) -> tuple[list[int], list[str]]:
    """Have alice send ten thousand orders a second for two seconds, and bob one in each hundredth, through one gateway that
    checks four thousand; return after how many hundredths bob was answered each time, and what alice was told.
    """
    gateway = Gateway(rig)
    gateway.desk = frontdesk.Desk(rig.core.domain, gateway.clock, given)
    assert gateway.desk.connected(1, HERE) and gateway.desk.connected(2, THERE)
    orders = [encode(rig.order(1, BUY, 600_000, 1, client_id=1 + at % 400)) for at in range(100)]
    quiet = encode(rig.order(2, BUY, 500_000, 1, client_id=1))
    sent_at: dict[int, int] = {}
    waits: list[int] = []
    for moment in range(200):
        gateway.desk.take(1, b"".join(packed_request(100 * moment + at, each) for at, each in enumerate(orders)))
        gateway.desk.take(2, packed_request(moment, quiet))
        sent_at[moment] = moment
        gateway.work(40)
        gateway.sequence()
        for reply in gateway.heard.pop(2, []):
            assert isinstance(reply.body, Answer) or reply.body.error == "busy"
            waits.append(1_000 if isinstance(reply.body, Refusal) else moment - sent_at[reply.number])
        gateway.clock.passed += 0.01
    return waits, gateway.errors(1)


def test_one_account_that_floods_does_not_keep_others_waiting(rig: Rig) -> None:
    narrow = only(account=Rate(steps=1_000, bytes=10**6), connection=Rate(steps=1_000, bytes=10**6))
    waits, told = waits_of_the_quiet_one(rig, narrow)
    assert len(waits) == 200 and max(waits[60:]) <= 2, "once its burst is over, others wait for one message at most"
    assert set(told) <= {"ACCEPTED", "rate_limited", "busy"} and told.count("rate_limited") > 10_000


def test_without_limits_it_would(rig: Rig) -> None:
    waits, _ = waits_of_the_quiet_one(rig, None)
    assert max(waits[60:]) > 20


def ask(served: Served, path: str, **more: Any) -> httpx.Response:
    return httpx.request("POST" if more else "GET", served.server.url + path, **more)


def test_over_http_a_limit_is_429_with_the_time_to_wait_in_the_header_and_the_body(rig: Rig) -> None:
    served = Served(rig, allowances=only(address=Rate(steps=2, bytes=10**6)))
    try:
        replies = [ask(served, "/v1/info") for _ in range(8)]
        assert [each.status_code for each in replies] == [200] * 5 + [429] * 3
        refusal = replies[-1].json()
        assert refusal["error"] == "rate_limited" and refusal["field"] == "address"
        assert 0 < refusal["retry_after_ms"] <= 1_000 * int(replies[-1].headers["Retry-After"])
        assert ask(served, "/v1/health").status_code == 200, "who looks whether it is alive is never refused"
        assert 'tallystick_operator_rate_limited_total{limit="address"} 3.0' in ask(served, "/v1/metrics").text
    finally:
        served.close()


def test_over_http_bytes_count_and_each_record_of_a_list(rig: Rig) -> None:
    for rate in (Rate(steps=10**6, bytes=100), Rate(steps=5, bytes=10**9)):
        served = Served(rig, allowances=only(address=rate))
        try:
            listed = {"records": ["0x7f"] * 60}
            assert ask(served, "/v1/records/list", json=listed).status_code == 200
            assert ask(served, "/v1/records/list", json=listed).status_code == 429
        finally:
            served.close()


def test_over_http_one_keys_limit_is_told_in_its_place_of_a_list_and_another_keys_records_run(rig: Rig) -> None:
    served = Served(rig, allowances=only(account=Rate(steps=1, bytes=10**6)))
    try:
        mine = ["0x" + encode(rig.order(1, BUY, 600_000, 1, client_id=at)).hex() for at in range(1, 6)]
        other = "0x" + encode(rig.order(2, BUY, 500_000, 1, client_id=9)).hex()
        results = ask(served, "/v1/records/list", json={"records": [*mine, other]}).json()["results"]
        assert [each.get("error", "") for each in results] == ["", "", "", "rate_limited", "rate_limited", ""]
    finally:
        served.close()


def test_over_http_a_flood_of_false_signatures_is_refused_before_any_more_is_recovered(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowances, "RUBBISH_ALLOWED", 40)
    served = Served(rig)
    try:
        order = rig.order(1, BUY, 600_000, 1)
        false = {"records": ["0x" + encode(replace(order, signature=b"\xff" * 64)).hex()] * 60}
        assert {each["error"] for each in ask(served, "/v1/records/list", json=false).json()["results"]} == {
            "bad_signature"
        }
        looked: list[object] = []
        monkeypatch.setattr("tallystick_operator.api.api.check_submission", lambda *given: looked.append(given))
        refused = ask(served, "/v1/records/list", json=false)
        assert refused.status_code == 429 and "good signature" in refused.json()["message"] and not looked
        assert ask(served, "/v1/info").status_code == 200, "who reads is not meant"
    finally:
        served.close()


def test_a_refusal_says_the_same_over_either_door() -> None:
    refused = Refused(429, "rate_limited", "too much", "account", retry_after_ms=7)
    assert refused.shape == Refusal(error="rate_limited", message="too much", field="account", retry_after_ms=7)
