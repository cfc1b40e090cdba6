"""PLACE_ORDER."""

from __future__ import annotations

import pytest

from tallystick.machine.liveness import sequence
from tallystick.schema.names import Outcome
from tallystick.state.layout import FLAG_REDUCE_ONLY
from tallystick.testing.byhand import write_rules
from tallystick.testing.ledger.look import book
from tallystick.testing.scenarios.orders.many_orders import replace
from tallystick.testing.world import START, World

BUY, SELL = 0, 1
NOW = START * 1000
LIMIT = 1_000_000


def place(world: World, **values: int) -> Outcome:
    given = {"market": 0, "side": 0, "price": 900, "lots": 1, **values}
    return world.order(1, given.pop("market"), given.pop("side"), given.pop("price"), given.pop("lots"), **given)


def test_an_order_in_a_market_nobody_listed_is_rejected(market: World) -> None:
    assert place(market, market=1) is Outcome.NO_MARKET
    assert place(market, market=63) is Outcome.NO_MARKET


def test_an_order_in_a_market_without_a_mark_is_rejected(market: World) -> None:
    market.list_market(1)
    assert place(market, market=1) is Outcome.NO_MARK
    market.report(1, 5, signers=(0, 1))
    assert place(market, market=1) is Outcome.NO_MARK
    market.report(1, 5)
    assert place(market, market=1, price=5) is Outcome.ACCEPTED


@pytest.mark.parametrize("empty", [{"lots": 0}, {"price": 0}], ids=str)
def test_an_order_of_no_size_or_no_price_is_out_of_range(market: World, empty: dict[str, int]) -> None:
    assert place(market, **empty) is Outcome.OUT_OF_RANGE


def test_an_order_above_the_markets_largest_is_too_large_and_at_it_is_not(market: World) -> None:
    market.deposit("alice", 1, 10**12)
    assert place(market, lots=LIMIT + 1) is Outcome.TOO_LARGE
    assert place(market, lots=2**62 - 1) is Outcome.TOO_LARGE
    assert place(market, lots=LIMIT) is Outcome.ACCEPTED


def small(world: World) -> World:
    """Return a world whose market 0 takes no order of less than five lots at 1,000 ticks."""
    write_rules(world.state, 0, {"min_order_units": 500_000})
    return world


def test_an_order_worth_less_than_the_smallest_is_too_small_and_at_it_is_not(unreplayed: World) -> None:
    world = small(unreplayed)
    assert world.order(1, 0, BUY, 990, 4) is Outcome.TOO_SMALL
    assert world.conditional(1, 0, BUY, 990, 4, 950) is Outcome.TOO_SMALL
    assert world.order(1, 0, BUY, 990, 5) is Outcome.ACCEPTED
    assert world.order(1, 0, BUY, 1, 5) is Outcome.ACCEPTED, "it counts at the index"


def test_what_only_reduces_may_be_of_any_size_and_what_a_fill_leaves_as_well(unreplayed: World) -> None:
    world = small(unreplayed)
    assert world.order(1, 0, BUY, 1000, 6) is Outcome.ACCEPTED
    assert world.order(2, 0, SELL, 1000, 5) is Outcome.ACCEPTED
    assert [each.remaining_lots for each in book(world.state, 0, BUY)] == [1]
    assert world.order(2, 0, BUY, 990, 1, flags=FLAG_REDUCE_ONLY) is Outcome.ACCEPTED


def test_a_stop_that_fires_may_be_of_any_size(unreplayed: World) -> None:
    """It was large enough when it was placed, at a price that has fallen since."""
    world = small(unreplayed)
    assert world.conditional(1, 0, BUY, 990, 5, 995) is Outcome.ACCEPTED
    world.report(0, 994)
    assert [each.remaining_lots for each in book(world.state, 0, BUY)] == [5]


def test_no_replace_leaves_an_order_in_its_place_that_is_too_small(unreplayed: World) -> None:
    world = small(unreplayed)
    world.order(1, 0, BUY, 990, 9, client_id=1)
    slot = book(world.state, 0, BUY)[0].slot
    world.bulk(1, [replace(1, BUY, 990, 5)], [slot])
    assert [each.remaining_lots for each in book(world.state, 0, BUY)] == [5]
    world.bulk(1, [replace(1, BUY, 990, 4)], [slot])
    assert book(world.state, 0, BUY) == []


def test_an_order_that_ends_now_is_expired_and_a_millisecond_later_is_not(market: World) -> None:
    assert place(market, expiry_ms=1) is Outcome.EXPIRED
    assert place(market, expiry_ms=NOW) is Outcome.EXPIRED
    assert place(market, expiry_ms=NOW + 1) is Outcome.ACCEPTED
    assert place(market, expiry_ms=0) is Outcome.ACCEPTED


def test_the_rejections_come_in_the_order_of_the_checks(market: World) -> None:
    market.list_market(1)
    assert place(market, market=2, lots=0, price=0, expiry_ms=1) is Outcome.NO_MARKET
    assert place(market, market=1, lots=0, price=0, expiry_ms=1) is Outcome.NO_MARK
    assert place(market, price=0, lots=LIMIT + 1, expiry_ms=1) is Outcome.OUT_OF_RANGE
    assert place(market, lots=LIMIT + 1, expiry_ms=1) is Outcome.TOO_LARGE
    assert place(market, expiry_ms=1) is Outcome.EXPIRED


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("price", [1, 255, 256, 65_535, 65_536])
def test_an_accepted_order_rests_as_it_was_signed(market: World, side: int, price: int) -> None:
    # The lowest sell price and the highest buy price of the edge cases meet nothing: the book is empty.
    market.report(0, price)
    outcome = place(market, side=side, price=price, lots=3, client_id=77, expiry_ms=NOW + 9)
    assert outcome is Outcome.ACCEPTED
    (order,) = book(market.state, 0, side)
    assert (order.account, order.market, order.side, order.price_ticks) == (1, 0, side, price)
    assert (order.remaining_lots, order.client_id, order.expiry_ms) == (3, 77, NOW + 9)
    assert order.sequence == sequence(market.state.registers)
