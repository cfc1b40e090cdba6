"""The stream without a socket: who may read what, and what is sequenced when a connection ends."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from eth_account import Account

from tallystick.errors import DataMismatch
from tallystick.records.codec import encode
from tallystick.records.openings import OpenStream
from tallystick.records.signing import domain_separator, make, recover, sign
from tallystick.shapes.streaming import Open
from tallystick.state.layout import NONCE_WORD_BITS
from tallystick.state.ordinals import AccountId, UnixMs, UnixSeconds
from tallystick.testing.world import START, address, key
from tallystick.trader.stream.listening import Login, Of
from tallystick_operator.intake.door import Refused, check_signature
from tallystick_operator.push.grants import GIVE_UP_SECONDS, LONGEST_MS, Cancels
from tallystick_operator.push.sessions import SLOW
from tests.operator.listeners import OPERATOR, Listener, Replied, cancel_all, hub_of, listening, login_of, settled, turn
from tests.operator.rig import ENDS_MS, Rig

BUY, SELL = 0, 1


def test_the_typed_data_of_an_opening_is_what_its_signature_signs() -> None:
    rollup = "0x" + address("rollup").hex()
    wanted = OpenStream(
        account=AccountId(7), agent=3, until_ms=UnixMs(5_000), operator=OPERATOR, challenge=bytes(range(32))
    )
    domain = domain_separator(1337, rollup)
    signed = Account.sign_typed_data(key("alice"), full_message=wanted.typed_data(1337, rollup))
    assert bytes(signed.message_hash) == wanted.digest(domain)
    signature = bytes.fromhex(wanted.signature(domain, key("alice"))[2:])
    assert recover(wanted.digest(domain), signature) == address("alice")


def opening(rig: Rig, listener: Listener, **changes: Any) -> Open:
    """Return the right request to open account 1, or one that is wrong in some place."""
    assert listener.session is not None
    values: dict[str, Any] = {
        "account": AccountId(1),
        "agent": 0,
        "until_ms": rig.core.clock.now_ms() + 60_000,
        "operator": OPERATOR,
        "challenge": listener.session.challenge,
    }
    values |= {name: value for name, value in changes.items() if name in values}
    domain = changes.get("domain", rig.core.domain)
    signature = OpenStream(**values).signature(domain, changes.get("by", key("alice")))
    return Open(account=values["account"], agent=values["agent"], until_ms=values["until_ms"], signature=signature)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, None),
        ({"by": key("bob")}, "not_authorised"),
        ({"account": AccountId(2)}, "not_authorised"),
        ({"account": AccountId(77)}, "not_authorised"),
        ({"agent": 1}, "not_authorised"),
        ({"operator": bytes(20)}, "not_authorised"),
        ({"challenge": bytes(32)}, "not_authorised"),
        ({"domain": bytes(32)}, "not_authorised"),
        ({"until_ms": START * 1_000}, "expired"),
        ({"until_ms": START * 1_000 + 2 * LONGEST_MS}, "out_of_range"),
        ({"agent": 16}, "malformed"),
    ],
)
def test_an_account_is_opened_by_its_owners_signature_for_this_connection_alone(
    rig: Rig, changes: dict[str, Any], error: str | None
) -> None:
    listener = listening(rig)
    assert listener.session is not None
    request = opening(rig, listener, **changes)
    listener.hub.hear(listener.session, msgspec.json.encode(request).decode())
    listener.hub.hear(
        listener.session, json.dumps({"op": "subscribe", "channel": "orders", "account": request.account})
    )
    settled(rig, listener.hub, listener)
    assert listener.denied == ([] if error is None else [error, "not_open"])
    assert (request.account in listener.session.opened) == (error is None)


def test_a_record_opens_nothing_and_an_opening_is_no_record(rig: Rig) -> None:
    listener = listening(rig)
    assert listener.session is not None
    record = cancel_all(rig, 1, "alice", rig.next_nonce(1))
    request = opening(rig, listener)
    forged = msgspec.structs.replace(request, signature="0x" + record.signature.hex())
    listener.hub.hear(listener.session, msgspec.json.encode(forged).decode())
    settled(rig, listener.hub, listener)
    assert listener.denied == ["not_authorised"]


def approve(rig: Rig, slot: int, who: str, **more: int) -> None:
    values = {"account": 1, "nonce": rig.next_nonce(1), "slot": slot, "key": int.from_bytes(address(who), "big")}
    rig.accept(rig.signed("approve_agent", "alice", **values, **{"scope": 3, **more}))


def test_an_agent_opens_its_account_until_it_is_revoked_or_its_time_is_over(rig: Rig) -> None:
    approve(rig, 2, "robot")
    approve(rig, 3, "other", expiry_ms=START * 1_000 + 20_000)
    hub = hub_of(rig)
    robots = [
        Listener(hub, [Of("orders", 1), Of("clock")], login_of(rig, 1, who, agent))
        for who, agent in (("robot", 2), ("other", 3))
    ]
    for each in robots:
        each.connect()
    settled(rig, hub, *robots)
    assert [each.denied for each in robots] == [[], []]
    rig.seconds += 25
    settled(rig, hub, *robots)
    assert [each.denied for each in robots] == [[], ["not_authorised"]]
    approve(rig, 2, "nobody")
    rig.accept(rig.order(1, BUY, 617_000, 1))
    settled(rig, hub, *robots)
    assert robots[0].denied == ["not_authorised"]
    told = len([push for push in robots[0].pushes if push.channel == "orders"])
    rig.accept(rig.order(1, BUY, 617_000, 1))
    settled(rig, hub, *robots)
    assert len([push for push in robots[0].pushes if push.channel == "orders"]) == told
    assert robots[0].pushes[-1].channel == "clock", "the rest goes on"


@pytest.mark.parametrize("hours", [11.5, 13])
def test_what_was_opened_for_a_time_is_opened_again_by_a_client_that_goes_on(rig: Rig, hours: float) -> None:
    listener = listening(rig, Of("orders", 1), login=login_of(rig, 1, "alice"))
    listener.tracker.arm(cancel_all(rig, 1, "alice", rig.next_nonce(1)))
    listener.read()
    settled(rig, listener.hub, listener)
    rig.core.clock.observe(UnixSeconds(START + int(hours * 3_600)))
    settled(rig, listener.hub, listener)
    assert not listener.problems
    assert listener.session is not None and listener.session.opened[AccountId(1)].until_ms > rig.core.clock.now_ms()
    assert ("orders", 1) in listener.session.subscribed and listener.session.armed


def test_a_client_takes_no_other_operator_for_its_own(rig: Rig) -> None:
    login = login_of(rig, 1, "alice")
    other = Login(account=login.account, key=login.key, domain=login.domain, operator=bytes(20))
    listener = Listener(hub_of(rig), [Of("orders", 1)], other)
    with pytest.raises(DataMismatch):
        listener.connect()


# When a connection ends


def armed(rig: Rig, record: Any) -> Listener:
    listener = Listener(hub_of(rig), [Of("orders", 1)], login_of(rig, 1, "alice"))
    listener.tracker.arm(record)
    listener.connect()
    settled(rig, listener.hub, listener)
    return listener


def ended(rig: Rig) -> list[str]:
    events = rig.core.executor.read_model.history.after(0)
    return [each.name for each in events if each.name in ("cancelled_all", "dead_man")]


@pytest.mark.parametrize("kind", ["cancel_all", "cancel_before", "dead_man"])
def test_the_record_that_was_handed_over_is_sequenced_once_the_connection_is_lost(rig: Rig, kind: str) -> None:
    more = {"dead_man": {"time_ms": ENDS_MS}, "cancel_before": {"sequence": 1 << 40}}.get(kind, {})
    values: dict[str, int] = {"account": 1, "nonce": rig.next_nonce(1), **more}
    listener = armed(rig, sign(make(kind, **values), rig.core.domain, key("alice")))
    assert not listener.problems and not ended(rig)
    listener.disconnect()
    turn(rig, listener.hub)
    turn(rig, listener.hub)
    assert ended(rig) == ["dead_man" if kind == "dead_man" else "cancelled_all"]
    assert (listener.hub.cancels.sequenced, len(listener.hub.cancels)) == (1, 0)


def test_what_was_taken_back_is_not_sequenced(rig: Rig) -> None:
    listener = armed(rig, cancel_all(rig, 1, "alice", rig.next_nonce(1)))
    listener.tracker.arm(None)
    listener.read()
    settled(rig, listener.hub, listener)
    listener.disconnect()
    turn(rig, listener.hub)
    assert not ended(rig) and not listener.problems


def test_a_dropped_reader_is_one_whose_connection_was_lost(rig: Rig) -> None:
    listener = armed(rig, cancel_all(rig, 1, "alice", rig.next_nonce(1)))
    assert listener.session is not None
    listener.session.close(SLOW, "slow")
    listener.disconnect()
    turn(rig, listener.hub)
    assert ended(rig) == ["cancelled_all"]


@pytest.mark.parametrize(
    ("kind", "by", "account", "error"),
    [
        ("cancel_all", "bob", 1, "not_authorised"),
        ("cancel_all", "bob", 2, "malformed"),
        ("withdraw", "alice", 1, "unknown_record"),
        ("cancel", "alice", 1, "unknown_record"),
    ],
)
def test_a_record_that_could_not_or_must_not_be_sequenced_is_not_taken(
    rig: Rig, kind: str, by: str, account: int, error: str
) -> None:
    listener = armed(rig, sign(make(kind, account=account, nonce=0), rig.core.domain, key(by)))
    assert listener.denied == [error]
    listener.disconnect()
    turn(rig, listener.hub)
    assert not ended(rig)


def test_a_record_is_armed_for_an_open_account_only(rig: Rig) -> None:
    listener = listening(rig)
    assert listener.session is not None
    record = "0x" + encode(cancel_all(rig, 1, "alice", rig.next_nonce(1))).hex()
    listener.hub.hear(listener.session, json.dumps({"op": "arm", "account": 1, "record": record}))
    settled(rig, listener.hub, listener)
    assert listener.denied == ["not_open"]


def test_who_uses_up_the_nonce_of_what_was_handed_over_is_told_that_nothing_would_be_cancelled(rig: Rig) -> None:
    nonce = rig.next_nonce(1)
    listener = armed(rig, cancel_all(rig, 1, "alice", nonce))
    rig.accept(rig.order(1, BUY, 617_000, 1, nonce=nonce + 2 * NONCE_WORD_BITS))
    settled(rig, listener.hub, listener)
    assert listener.denied == ["disarmed"]
    assert "arm another record" in listener.problems[0].denied.message
    listener.disconnect()
    turn(rig, listener.hub)
    assert not ended(rig)


def test_a_cancel_that_nobody_can_take_just_now_is_tried_again_and_given_up_some_time(rig: Rig) -> None:
    checked = check_signature(cancel_all(rig, 1, "alice", 5), rig.core.domain)
    tried: list[float] = []
    cancels = Cancels()

    def busy(now: float) -> Any:
        def submit(records: Any) -> Any:
            tried.append(now)
            if len(tried) % 2:
                raise Refused(503, "busy", "busy")
            return Replied([Refused(503, "l1_behind", "behind")])

        return submit

    cancels.add(checked, 0.0)
    for tick in range(40):
        cancels.step(busy(tick / 10), tick / 10)
    assert tried == [0.0, 1.0, 2.0, 3.0]
    cancels.step(busy(GIVE_UP_SECONDS), GIVE_UP_SECONDS)
    assert (len(cancels), cancels.given_up) == (0, 1)
    cancels.add(checked, 0.0)
    cancels.step(lambda records: Replied([Refused(409, "nonce_used", "used")]), 0.0)
    assert (len(cancels), cancels.given_up) == (0, 2)
