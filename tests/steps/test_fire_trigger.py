"""FIRE_TRIGGER: orders that wait for a mark, and pairs of which one cancels the other (I20)."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    FLAG_FOK,
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_TRIGGER_ABOVE,
    PAGE_SLOTS,
)
from tallystick.testing.ledger.look import book, check_book, parked, position
from tallystick.testing.world import World, address

BUY, SELL = 0, 1
ABOVE = FLAG_TRIGGER_ABOVE
DIRECTIONS = pytest.mark.parametrize("away", [1, -1], ids=["above", "below"])


def wait_for(world: World, account: int, side: int, trigger: int, **more: int) -> int:
    """Park a limit order at its trigger, and return where it is."""
    values = {"price": trigger, "lots": 1, **more}
    flags = values.pop("flags", 0) | (ABOVE if trigger > 1000 else 0)
    price, lots = values.pop("price"), values.pop("lots")
    assert world.conditional(account, 0, side, price, lots, trigger, flags=flags, **values) is Outcome.ACCEPTED
    return newest(world)


def newest(world: World) -> int:
    return next(values[2] for name, values in reversed(world.events) if name in ("parked", "rested"))


def fired(world: World) -> list[int]:
    """Return the client ids that fired, in their order."""
    return [values[1] for name, values in world.events if name == "fired"]


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
        (FLAG_FOK, Outcome.NOT_FILLABLE),
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


def test_triggers_wait_while_prices_are_stale_and_while_only_makers_may_come(market: World) -> None:
    wait_for(market, 1, BUY, 1005, client_id=7)
    market.later(60_001)
    assert market.conditional(1, 0, BUY, 900, 1, 1010, flags=ABOVE) is Outcome.STALE_INDEX
    market.report(0, 1005)
    assert market.conditional(1, 0, BUY, 900, 1, 1010, flags=ABOVE) is Outcome.ACCEPTED
    assert fired(market) == []
    market.later(59_999)
    market.report(0, 1005)
    assert fired(market) == []
    market.later(1)
    market.report(0, 1005)
    assert fired(market) == [7]


def test_a_trigger_of_one_market_knows_no_other(market: World) -> None:
    market.list_market(1)
    market.report(1, 1000)
    wait_for(market, 1, BUY, 1005)
    market.report(1, 1005)
    assert fired(market) == []


def bracket(world: World) -> tuple[int, int]:
    """Buy 5 lots for account 2, with a take-profit and a stop; return where they are."""
    world.order(1, 0, SELL, 1000, 5)
    world.order(2, 0, BUY, 1000, 5)
    flags = FLAG_MARKET | FLAG_REDUCE_ONLY
    profit = wait_for(world, 2, SELL, 1010, price=0, lots=5, flags=flags, client_id=1)
    stop = wait_for(world, 2, SELL, 990, price=0, lots=5, flags=flags, client_id=2, pair=1, pair_slot=profit)
    return profit, stop


@DIRECTIONS
def test_when_one_of_a_pair_fires_the_other_is_dead(market: World, away: int) -> None:
    profit, stop = bracket(market)
    for slot in (profit, stop):
        assert market.clean(slot) is Outcome.NOT_DEAD
    market.report(0, 1000 + 10 * away)
    assert fired(market) == [1 if away > 0 else 2]
    assert market.clean(stop if away > 0 else profit) is Outcome.ACCEPTED
    assert parked(market.state, 0) == []


@DIRECTIONS
def test_the_dead_one_of_a_pair_does_not_fire(market: World, away: int) -> None:
    bracket(market)
    market.report(0, 1000 + 10 * away)
    market.report(0, 1000 - 10 * away)
    assert fired(market) == [1 if away > 0 else 2]
    assert parked(market.state, 0) == []


@pytest.mark.parametrize("taken", [1, 5])
def test_a_quote_that_fills_in_any_part_kills_its_stop(market: World, taken: int) -> None:
    assert market.conditional(1, 0, SELL, 1002, 5, 0, flags=FLAG_POST_ONLY, client_id=1) is Outcome.ACCEPTED
    quote = newest(market)
    stop = wait_for(market, 1, SELL, 990, client_id=2, pair=1, pair_slot=quote)
    market.order(2, 0, BUY, 1002, taken, flags=FLAG_IOC)
    assert market.clean(stop) is Outcome.ACCEPTED
    assert [order.remaining_lots for order in book(market.state, 0, SELL)] == ([4] if taken == 1 else [])
    if taken == 1:
        assert market.clean(quote) is Outcome.NOT_DEAD


def test_cancelling_one_of_a_pair_kills_the_other(market: World) -> None:
    profit, stop = bracket(market)
    assert market.cancel(2, 2, stop) is Outcome.ACCEPTED
    market.report(0, 1010)
    assert (fired(market), parked(market.state, 0)) == ([], [])
    assert market.clean(profit) is Outcome.NO_SUCH_ORDER


def test_another_order_in_the_place_of_a_partner_is_none(market: World) -> None:
    profit, stop = bracket(market)
    market.cancel(2, 1, profit)
    again = wait_for(market, 2, SELL, 1010, client_id=1)
    assert again != profit or market.clean(stop) is Outcome.ACCEPTED
    assert market.clean(again) is Outcome.NOT_DEAD


def test_a_pair_needs_a_living_single_order_of_the_account(market: World) -> None:
    profit, stop = bracket(market)
    single = wait_for(market, 2, SELL, 1020, client_id=4)
    for account, pair, slot in ((2, 1, profit), (2, 4, stop), (2, 5, single), (1, 4, single), (2, 4, 64 * 999)):
        refused = market.conditional(account, 0, SELL, 980, 1, 980, pair=pair, pair_slot=slot)
        assert refused is Outcome.NO_SUCH_ORDER
    assert market.conditional(2, 0, SELL, 980, 1, 980, pair=4, pair_slot=single) is Outcome.ACCEPTED


def test_an_order_that_takes_has_no_pair(market: World) -> None:
    slot = wait_for(market, 2, SELL, 1020, client_id=4)
    for flags in (0, FLAG_IOC, FLAG_MARKET):
        assert market.conditional(2, 0, BUY, 900, 1, 0, flags=flags, pair=4, pair_slot=slot) is Outcome.BAD_FLAGS


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
