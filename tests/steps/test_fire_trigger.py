"""FIRE_TRIGGER: orders that wait for a mark (I20)."""

from __future__ import annotations

import pytest

from tallystick.machine.by_record import begin
from tallystick.machine.engine import advance
from tallystick.proof.tracer import Tracer
from tallystick.records.codec import encode
from tallystick.referee.runner import TwinRunner
from tallystick.schema.names import Outcome, Phase
from tallystick.state.layout import (
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    LONG_SILENCE_MS,
    PAGE_SLOTS,
    REPORT_AGE_MS,
    WORK,
)
from tallystick.testing.ledger.look import book, check_book, parked, position
from tallystick.testing.world import World, address
from tests.steps.waiting import ABOVE, BUY, DIRECTIONS, SELL, fired, wait_for


@DIRECTIONS
def test_it_waits_out_of_the_book_until_the_mark_is_there(market: World, away: int) -> None:
    wait_for(market, 1, BUY, 1000 + 5 * away, client_id=7)
    market.report(0, 1000 + 4 * away)
    assert (len(parked(market.state, 0)), fired(market)) == (1, [])
    market.report(0, 1000 + 5 * away)
    assert (parked(market.state, 0), fired(market)) == ([], [7])
    assert [order.price_ticks for order in book(market.state, 0, BUY)] == [1000 + 5 * away]
    check_book(market.state, [0])


@DIRECTIONS
def test_the_nearest_trigger_fires_first_and_the_oldest_of_one(market: World, away: int) -> None:
    for client_id, reach in ((1, 9), (2, 3), (3, 6), (4, 3), (5, 300), (6, 12)):
        wait_for(market, 1, BUY, 1000 + reach * away, client_id=client_id)
    market.report(0, 1000 + 9 * away)
    assert fired(market) == [2, 4, 3, 1]
    assert {order.client_id for order in parked(market.state, 0)} == {5, 6}


def test_the_books_come_one_after_the_other_sales_before_purchases(market: World) -> None:
    for client_id, side, reach in ((1, BUY, 2), (2, SELL, 9), (3, BUY, 1), (4, SELL, 5)):
        wait_for(market, 1, side, 1000 + reach, price=1000 if side == BUY else 1100, client_id=client_id)
        wait_for(market, 1, side, 1000 - reach, price=900 if side == BUY else 1100, client_id=10 + client_id)
    market.report(0, 1010)
    assert fired(market) == [4, 2, 3, 1]
    market.report(0, 990)
    assert fired(market)[4:] == [14, 12, 13, 11]
    assert (market.state.registers.firing_book, market.state.registers.resume) == (0, 0)


def test_those_above_come_before_those_below(market: World) -> None:
    market.later(60_001)
    market.report(0, 1000)
    wait_for(market, 1, BUY, 1005, client_id=1)
    market.report(0, 1010)
    assert market.conditional(1, 0, BUY, 900, 1, 1008, client_id=2) is Outcome.ACCEPTED
    for _ in range(2):
        market.later(30_000)
        market.report(0, 1006)
    assert fired(market) == [1, 2]


@DIRECTIONS
def test_a_trigger_that_is_due_is_refused(market: World, away: int) -> None:
    flags = ABOVE if away > 0 else 0
    for trigger in (1000, 1000 - away):
        assert market.conditional(1, 0, BUY, 900, 1, trigger, flags=flags) is Outcome.ALREADY_DUE
    assert market.conditional(1, 0, BUY, 900, 1, 1000 + away, flags=flags) is Outcome.ACCEPTED


def test_only_a_trigger_has_a_direction(market: World) -> None:
    assert market.conditional(1, 0, BUY, 900, 1, 0, flags=ABOVE) is Outcome.BAD_FLAGS
    assert market.conditional(1, 0, BUY, 900, 1, 0) is Outcome.ACCEPTED


def test_a_stop_loss_sells_at_the_market_when_the_mark_falls(market: World) -> None:
    market.order(1, 0, SELL, 1000, 3)
    market.order(2, 0, BUY, 1000, 3)
    wait_for(market, 2, SELL, 980, price=0, lots=9, flags=FLAG_MARKET | FLAG_REDUCE_ONLY)
    market.order(3, 0, BUY, 975, 9)
    market.report(0, 980)
    assert (position(market.state, 2, 0), position(market.state, 3, 0)) == (0, 3)


@pytest.mark.parametrize(
    ("flags", "outcome"),
    [
        (FLAG_IOC, Outcome.UNFILLED),
        (FLAG_REDUCE_ONLY, Outcome.NOTHING_TO_REDUCE),
        (FLAG_POST_ONLY, Outcome.WOULD_CROSS),
    ],
)
def test_a_fired_order_ends_like_any_other_and_the_next_one_follows(
    market: World, flags: int, outcome: Outcome
) -> None:
    market.order(2, 0, SELL, 1010, 1)
    wait_for(market, 1, BUY, 1005, price=1010 if flags == FLAG_POST_ONLY else 900, flags=flags)
    wait_for(market, 3, BUY, 1005, client_id=3)
    assert market.report(0, 1005) is Outcome.ACCEPTED
    ends = [values[0] for name, values in market.events if name == "outcome"]
    assert outcome in ends[-4:]
    assert [order.client_id for order in book(market.state, 0, BUY)] == [3]


def test_a_parked_order_is_cancelled_like_any_other(market: World) -> None:
    slot = wait_for(market, 1, BUY, 1010, client_id=7)
    assert market.cancel(1, 8, slot) is Outcome.NO_SUCH_ORDER
    assert market.cancel(2, 7, slot) is Outcome.NO_SUCH_ORDER
    assert market.cancel(1, 7, slot) is Outcome.ACCEPTED
    market.report(0, 1010)
    assert (parked(market.state, 0), fired(market)) == ([], [])


@pytest.mark.parametrize("way", ["expiry", "cancel_all", "dead_man"])
def test_a_dead_order_does_not_fire(market: World, way: str) -> None:
    now = market.state.registers.clock_ms
    slot = wait_for(market, 1, BUY, 1010, client_id=7, **({"expiry_ms": now + 500} if way == "expiry" else {}))
    if way == "cancel_all":
        market.cancel_all(1)
    elif way == "dead_man":
        market.dead_man(1, now + 500)
    market.clock(ahead_ms=600)
    market.report(0, 1010)
    assert (parked(market.state, 0), fired(market), book(market.state, 0, BUY)) == ([], [], [])
    assert market.clean(slot) is Outcome.NO_SUCH_ORDER


def test_parked_orders_fill_pages_and_give_them_back(market: World) -> None:
    slots = [wait_for(market, 1, BUY, 1010, client_id=i) for i in range(2 * PAGE_SLOTS + 3)]
    for i in range(PAGE_SLOTS - 1):
        assert market.cancel(1, i, slots[i]) is Outcome.ACCEPTED
    check_book(market.state, [0])
    market.report(0, 1010)
    assert fired(market) == list(range(PAGE_SLOTS - 1, 2 * PAGE_SLOTS + 3))
    check_book(market.state, [0])


def test_parking_asks_for_the_margin_of_a_resting_order(market: World) -> None:
    assert market.conditional(1, 0, BUY, 1010, 10**9, 1010, flags=ABOVE) is Outcome.TOO_LARGE
    poor = 9
    market.deposit("poor", poor, 1)
    assert market.conditional(poor, 0, BUY, 1010, 5, 1010, flags=ABOVE) is Outcome.MARGIN


def test_triggers_wait_while_prices_are_stale_and_fire_with_the_first_that_is_not(market: World) -> None:
    wait_for(market, 1, BUY, 1005, client_id=7)
    market.later(LONG_SILENCE_MS + 1)
    assert market.conditional(1, 0, BUY, 900, 1, 1010, flags=ABOVE) is Outcome.STALE_INDEX
    assert fired(market) == []
    market.report(0, 1005)
    assert fired(market) == [7]


@pytest.mark.parametrize(("left", "fire"), [(0, 0), (1, 0), (2, 1), (3, 2), (5, 2), (6, 2), (7, 2)])
def test_a_report_fires_as_many_as_its_work_is_left_for(unreplayed: World, left: int, fire: int) -> None:
    """To leave each of the four books behind takes work, too: one comes before that of the two orders."""
    world = unreplayed
    for client_id in (1, 2):
        wait_for(world, 1, BUY, 1005, client_id=client_id)
    world.later(REPORT_AGE_MS + 1)
    world.report(0, 1005, signers=(0, 1))
    begin(world.machine, encode(world.reported({0: 1005}, 2, int(world.state.registers.clock_ms))))
    registers = world.state.registers
    while registers.phase != Phase.FIRE_TRIGGER:
        advance(world.machine)
    assert registers.work == WORK
    registers.work = left
    tracer, referee = Tracer(world.machine), TwinRunner(world.published)
    while registers.phase != Phase.FETCH_RECORD:
        referee.check(tracer.prove(), world.published.batch_limit)
    assert (fired(world), registers.work) == ([1, 2][:fire], max(0, left - 6))
    assert (registers.pair_work, registers.resume, registers.outcome) == (0, 0, Outcome.ACCEPTED)
    assert len(parked(world.state, 0)) == 2 - fire, "with work of its own none that has fired is parked again"


def test_a_trigger_of_one_market_knows_no_other(market: World) -> None:
    market.list_market(1)
    market.report(1, 1000)
    wait_for(market, 1, BUY, 1005)
    market.report(1, 1005)
    assert fired(market) == []


def test_an_agent_that_may_place_may_place_it(market: World) -> None:
    for slot, scope, outcome in ((1, 1, Outcome.ACCEPTED), (2, 2, Outcome.AGENT_SCOPE)):
        name = f"agent {slot}"
        robot = int.from_bytes(address(name), "big")
        values = {"account": 1, "nonce": market.next_nonce(1), "slot": slot, "key": robot, "scope": scope}
        market.send(market.signed("approve_agent", "alice", **values))
        record = market.signed(
            "conditional",
            name,
            account=1,
            agent=slot,
            nonce=market.next_nonce(1),
            market=0,
            side=BUY,
            flags=ABOVE,
            price_ticks=1010,
            lots=1,
            trigger_ticks=1010,
        )
        assert market.send(record) is outcome


# Parked again
