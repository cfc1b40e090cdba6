"""CANCEL_ALL: of all orders, and of those before a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import rlp

from tallystick.records.codec import BY_NAME, Record
from tallystick.records.signing import make, sign
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    ACCOUNT_DEAD_BEFORE,
    BUY,
    FLAG_IOC,
    FLAG_TRIGGER_ABOVE,
    MAX_ACCOUNT,
    NONCE_JUMP_WORDS,
    NONCE_WORD_BITS,
    SCOPE_CANCEL,
    SCOPE_PLACE,
    SELL,
    WIND_DOWN_MS,
)
from tallystick.testing.ledger.look import book, parked, position, word
from tallystick.testing.scenarios.orders.many_orders import place
from tallystick.testing.world import World, address, key

ACCEPTED = Outcome.ACCEPTED
LARGEST = (1 << 62) - 1
BOTH_WAYS = pytest.mark.parametrize("way", [World.send, World.force], ids=["sequenced", "through L1"])
Way = Callable[[World, Record | bytes], Outcome]


def cancel_before(world: World, sequence: int, account: int = 1, way: Way = World.send) -> Outcome:
    values = {"account": account, "nonce": world.next_nonce(account), "sequence": sequence}
    return way(world, world.signed("cancel_before", world.owners[account], **values))


def dead_before(world: World, account: int = 1) -> int:
    return word(world.state.accounts, account, ACCOUNT_DEAD_BEFORE)


def now(world: World) -> int:
    """Return the number of what happened last."""
    return world.state.registers.record_count + world.state.registers.message_cursor


def sequences(world: World, side: int = SELL) -> list[int]:
    return [each.sequence for each in book(world.state, 0, side)]


def approve(world: World, slot: int, scope: int, expiry_ms: int = 0) -> None:
    robot = int.from_bytes(address(f"robot {slot}"), "big")
    values = {"slot": slot, "key": robot, "scope": scope, "expiry_ms": expiry_ms}
    record = world.signed("approve_agent", "alice", account=1, nonce=world.next_nonce(1), **values)
    assert world.send(record) is ACCEPTED


# All


def test_it_kills_what_was_placed_before_and_nothing_after(market: World) -> None:
    market.order(1, 0, SELL, 1000, 5)
    market.order(2, 0, SELL, 1000, 5)
    assert market.cancel_all(1) is ACCEPTED
    market.order(1, 0, SELL, 1000, 3)
    assert market.order(3, 0, BUY, 1000, 20, flags=FLAG_IOC) is Outcome.UNFILLED
    assert [(v[2], v[5]) for name, v in market.events if name == "fill"] == [(5, 2), (3, 1)]
    assert book(market.state, 0, SELL) == []


def test_an_agent_needs_the_scope_to_cancel(market: World) -> None:
    """I13."""
    for slot, scope in ((1, SCOPE_PLACE), (2, SCOPE_CANCEL)):
        approve(market, slot, scope)
        for kind in ("cancel_all", "cancel_before"):
            values = {"account": 1, "agent": slot, "nonce": market.next_nonce(1)}
            outcome = market.send(market.signed(kind, f"robot {slot}", **values))
            assert outcome is (ACCEPTED if scope == SCOPE_CANCEL else Outcome.AGENT_SCOPE)


def test_nobody_else_can(market: World) -> None:
    record = market.signed("cancel_all", "bob", account=1, nonce=market.next_nonce(1))
    assert market.send(record) is Outcome.NOT_AUTHORISED


# Before a number


@BOTH_WAYS
def test_an_order_with_a_smaller_number_dies_and_the_one_that_is_named_lives(market: World, way: Way) -> None:
    market.order(2, 0, SELL, 1000, 16)
    for lots in (1, 2, 4):
        market.order(1, 0, SELL, 1000, lots)
    first, second = sequences(market)[1:3]
    assert cancel_before(market, second, way=way) is ACCEPTED
    assert dead_before(market) == second > first
    market.order(1, 0, SELL, 1000, 8)
    assert market.order(3, 0, BUY, 1000, 31, flags=FLAG_IOC) is Outcome.UNFILLED
    assert [(v[2], v[5]) for name, v in market.events if name == "fill"] == [(16, 2), (2, 1), (4, 1), (8, 1)]


@BOTH_WAYS
def test_a_number_that_is_too_small_revives_nothing_and_one_too_large_kills_nothing_to_come(
    market: World, way: Way
) -> None:
    market.order(1, 0, SELL, 1000, 1)
    assert cancel_before(market, 0, way=way) is ACCEPTED
    assert dead_before(market) == 0
    assert market.cancel_all(1) is ACCEPTED
    dead = dead_before(market)
    for number in (0, dead - 1, dead):
        assert cancel_before(market, number, way=way) is ACCEPTED
        assert dead_before(market) == dead
    market.order(1, 0, SELL, 1000, 2)
    assert cancel_before(market, dead + 1, way=way) is ACCEPTED
    assert dead_before(market) == dead + 1
    for beyond in (0, 1, LARGEST):
        market.order(1, 0, SELL, 1000, 4)
        number = LARGEST if beyond == LARGEST else now(market) + 1 + beyond
        assert cancel_before(market, number, way=way) is ACCEPTED
        assert now(market) - 1 <= dead_before(market) <= now(market)
        assert max(sequences(market)) < dead_before(market)
    market.order(1, 0, SELL, 1000, 8)
    assert market.order(3, 0, BUY, 1000, 99, flags=FLAG_IOC) is Outcome.UNFILLED
    assert position(market.state, 3, 0) == 8
    told = [values for name, values in market.events if name == "cancelled_all"]
    assert told[-1] == (1, dead_before(market))


def test_all_orders_of_a_bulk_have_one_number_and_die_together(market: World) -> None:
    market.bulk(1, [place(each, SELL, 1000 + each, 1) for each in range(3)], [])
    (number,) = set(sequences(market))
    assert cancel_before(market, number) is ACCEPTED
    market.order(2, 0, BUY, 1000, 1)
    assert position(market.state, 2, 0) == 1
    assert cancel_before(market, number + 1) is ACCEPTED
    market.order(2, 0, BUY, 1002, 3, flags=FLAG_IOC)
    assert position(market.state, 2, 0) == 1


def test_an_order_whose_older_partner_is_before_the_number_dies_once_that_one_has_left(market: World) -> None:
    market.order(1, 0, SELL, 1005, 1, client_id=5)
    maker = book(market.state, 0, SELL)[0]
    more = {"flags": FLAG_TRIGGER_ABOVE, "client_id": 6, "pair": 5, "pair_slot": maker.slot}
    assert market.conditional(1, 0, BUY, 1020, 1, 1010, **more) is ACCEPTED
    waiting = parked(market.state, 0)[0]
    assert cancel_before(market, waiting.sequence) is ACCEPTED
    assert market.clean(waiting.slot) is Outcome.NOT_DEAD
    assert market.clean(maker.slot) is ACCEPTED
    assert market.clean(waiting.slot) is ACCEPTED


def test_it_is_taken_in_a_wind_down(market: World) -> None:
    market.order(1, 0, SELL, 1000, 1)
    market.later(WIND_DOWN_MS)
    market.settle_account(2)
    assert market.order(1, 0, SELL, 1000, 1) is Outcome.WINDING_DOWN
    assert cancel_before(market, LARGEST) is ACCEPTED
    assert dead_before(market) > sequences(market)[0]


@BOTH_WAYS
def test_each_rejection_comes_before_those_that_are_checked_after_it(market: World, way: Way) -> None:
    """Each record has the fault that is named and as many later ones as one record can have."""
    approve(market, 1, SCOPE_PLACE, expiry_ms=int(market.state.registers.clock_ms))
    approve(market, 2, SCOPE_PLACE)
    approve(market, 3, SCOPE_CANCEL)
    far = (NONCE_JUMP_WORDS + 1) * NONCE_WORD_BITS

    def record(by: str, **values: int) -> Record:
        return market.signed("cancel_before", by, **{"account": 1, "nonce": far, "sequence": LARGEST, **values})

    def raw(*items: Any) -> bytes:
        return bytes([BY_NAME["cancel_before"].number]) + bytes(rlp.encode(list(items)))

    def numbers(sequence: bytes) -> tuple[bytes, ...]:
        return MAX_ACCOUNT.to_bytes(4, "big"), b"", b"", sequence, bytes(64)

    unsigned = make("cancel_before", account=MAX_ACCOUNT, nonce=far)
    foreign = sign(make("cancel_before", account=1, nonce=0), bytes(32), key("alice"))
    before = dead_before(market)
    for wrong, outcome in (
        (raw(*numbers(b"\x40" + bytes(7))[:4]), Outcome.MALFORMED),
        (raw(*numbers(b"\0")), Outcome.MALFORMED),
        (raw(*numbers(b"\x40" + bytes(7))), Outcome.OUT_OF_RANGE),
        (Record(kind=unsigned.kind, values=unsigned.values, signature=bytes(64)), Outcome.BAD_SIGNATURE),
        (record("alice", account=MAX_ACCOUNT), Outcome.NO_ACCOUNT),
        (record("bob"), Outcome.NOT_AUTHORISED),
        (foreign, Outcome.NOT_AUTHORISED),
        (record("alice", agent=1), Outcome.NOT_AUTHORISED),
        (record("robot 1", agent=1), Outcome.AGENT_EXPIRED),
        (record("robot 2", agent=2), Outcome.AGENT_SCOPE),
        (record("robot 3", agent=3), Outcome.NONCE_RANGE),
        (record("alice"), Outcome.NONCE_RANGE),
        (record("alice", nonce=0), Outcome.NONCE_USED),
    ):
        assert way(market, wrong) is outcome
        assert dead_before(market) == before
    assert way(market, record("robot 3", agent=3, nonce=market.next_nonce(1))) is ACCEPTED
    assert dead_before(market) > before
