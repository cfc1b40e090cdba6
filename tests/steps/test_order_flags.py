"""Orders with flags, from PLACE_ORDER to the book."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_NONE,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_STP_BOTH,
    FLAG_STP_TAKER,
)
from tallystick.testing.byhand import write_rules
from tallystick.testing.ledger.look import book, position
from tallystick.testing.scenarios.orders.many_orders import place
from tallystick.testing.world import World

BUY, SELL = 0, 1
SIDES = pytest.mark.parametrize("side", [BUY, SELL])


@pytest.mark.parametrize(
    "flags",
    [FLAG_POST_ONLY | FLAG_IOC, FLAG_POST_ONLY | FLAG_MARKET, FLAG_STP_TAKER | FLAG_STP_BOTH],
)
def test_flags_that_contradict_each_other_are_refused(market: World, flags: int) -> None:
    assert market.order(1, 0, BUY, 1000, 1, flags=flags) is Outcome.BAD_FLAGS


@pytest.mark.parametrize("flags", [FLAG_NONE, FLAG_NONE | FLAG_IOC, FLAG_NONE | FLAG_MARKET])
def test_a_flag_that_is_none_is_refused_in_a_record_a_bulk_and_behind_a_trigger(market: World, flags: int) -> None:
    assert market.order(1, 0, BUY, 1000, 1, flags=flags) is Outcome.BAD_FLAGS
    assert market.conditional(1, 0, BUY, 900, 1, 900, flags=flags) is Outcome.BAD_FLAGS
    market.bulk(1, [place(1, BUY, 900, 1, flags)], [])
    ends = [values[0] for name, values in market.events if name == "outcome"]
    assert ends[-2:] == [Outcome.BAD_FLAGS, Outcome.ACCEPTED]
    assert book(market.state, 0, BUY) == []


@SIDES
def test_a_post_only_order_rests_or_is_cancelled(market: World, side: int) -> None:
    market.order(1, 0, 1 - side, 1000, 5)
    assert market.order(2, 0, side, 1000, 5, flags=FLAG_POST_ONLY) is Outcome.WOULD_CROSS
    away = -1 if side == BUY else 1
    assert market.order(2, 0, side, 1000 + away, 5, flags=FLAG_POST_ONLY) is Outcome.ACCEPTED
    assert position(market.state, 2, 0) == 0
    assert len(book(market.state, 0, side)) == 1


@SIDES
def test_a_reduce_only_taker_closes_and_does_not_turn_round(market: World, side: int) -> None:
    market.order(1, 0, 1 - side, 1000, 5)
    market.order(2, 0, side, 1000, 5)
    held = position(market.state, 2, 0)
    market.order(1, 0, side, 1000, 50)
    assert market.order(2, 0, 1 - side, 1000, 9, flags=FLAG_REDUCE_ONLY) is Outcome.ACCEPTED
    assert abs(held) == 5
    assert position(market.state, 2, 0) == 0
    assert market.order(2, 0, 1 - side, 1000, 9, flags=FLAG_REDUCE_ONLY) is Outcome.NOTHING_TO_REDUCE


@SIDES
def test_a_resting_reduce_only_order_shrinks_with_its_position(market: World, side: int) -> None:
    market.order(1, 0, 1 - side, 1000, 5)
    market.order(2, 0, side, 1000, 5)
    assert market.order(2, 0, 1 - side, 1000, 9, flags=FLAG_REDUCE_ONLY) is Outcome.ACCEPTED
    (resting,) = book(market.state, 0, 1 - side)
    assert resting.remaining_lots == 5
    market.order(3, 0, side, 990 if side == SELL else 1010, 3)
    assert abs(position(market.state, 2, 0)) == 2
    # The position is closed elsewhere: the rest of the order has nothing left to reduce.
    market.order(1, 0, side, 1000, 1)
    market.order(2, 0, 1 - side, 1000, 2, flags=FLAG_IOC)
    assert market.order(3, 0, side, 1000, 9, flags=FLAG_IOC) is Outcome.UNFILLED
    assert position(market.state, 2, 0) == 0


@SIDES
def test_a_resting_reduce_only_order_fills_no_more_than_is_left_of_its_position(market: World, side: int) -> None:
    market.order(1, 0, 1 - side, 1000, 9)
    market.order(2, 0, side, 1000, 9)
    assert market.order(2, 0, 1 - side, 1000, 9, flags=FLAG_REDUCE_ONLY) is Outcome.ACCEPTED
    assert market.block(1, 2, side, 1000, 6) is Outcome.ACCEPTED
    market.order(3, 0, side, 1000, 9, flags=FLAG_IOC)
    assert (position(market.state, 2, 0), abs(position(market.state, 3, 0))) == (0, 3)


@SIDES
@pytest.mark.parametrize(
    ("flag", "outcome", "maker_stays"),
    [
        (0, Outcome.ACCEPTED, False),
        (FLAG_STP_TAKER, Outcome.SELF_TRADE, True),
        (FLAG_STP_BOTH, Outcome.SELF_TRADE, False),
    ],
)
def test_meeting_an_own_order_cancels_whom_the_flags_say(
    market: World, side: int, flag: int, outcome: Outcome, maker_stays: bool
) -> None:
    market.order(1, 0, side, 1000, 5)
    assert market.order(1, 0, 1 - side, 1000, 5, flags=flag) is outcome
    assert (len(book(market.state, 0, side)) == 1) is maker_stays
    assert position(market.state, 1, 0) == 0


@SIDES
@pytest.mark.parametrize(
    ("band", "maintenance", "reach"),
    [(5_000, 25_000, 12), (10_000, 25_000, 20), (12_500, 25_000, 25), (50_000, 25_000, 25), (1, 12_000, 10)],
    ids=["half the maintenance", "twice the band", "all of it", "a band that counts no further", "a hundredth"],
)
def test_a_market_order_reaches_so_far_from_the_mark(
    unreplayed: World, band: int, maintenance: int, reach: int, side: int
) -> None:
    """The index is ahead of the mark, so that the collar is no nearer than the bound."""
    world = unreplayed
    ahead = 1 if side == BUY else -1
    write_rules(world.state, 0, {"band_ppm": band, "maintenance_ppm": maintenance, "index_ticks": 1000 + 15 * ahead})
    assert world.order(1, 0, 1 - side, 1000 + reach * ahead, 1) is Outcome.ACCEPTED
    assert world.order(3, 0, 1 - side, 1000 + (reach + 1) * ahead, 1) is Outcome.ACCEPTED
    assert world.order(2, 0, side, 0, 2, flags=FLAG_MARKET) is Outcome.UNFILLED
    assert position(world.state, 2, 0) == ahead
    assert len(book(world.state, 0, 1 - side)) == 1


@pytest.mark.parametrize(("side", "price"), [(BUY, (1 << 24) - 1), (SELL, 1)])
def test_a_market_orders_bound_stays_within_the_book(world: World, side: int, price: int) -> None:
    world.list_market(0, multiplier=1)
    world.report(0, price)
    for account, name in ((1, "alice"), (2, "bob")):
        world.deposit(name, account, 10**9)
    world.order(1, 0, 1 - side, price, 1)
    assert world.order(2, 0, side, 0, 1, flags=FLAG_MARKET) is Outcome.ACCEPTED


def test_a_market_order_may_name_its_own_bound(market: World) -> None:
    market.order(1, 0, SELL, 1001, 1)
    assert market.order(2, 0, BUY, 1000, 1, flags=FLAG_MARKET) is Outcome.UNFILLED
    assert market.order(2, 0, BUY, 1001, 1, flags=FLAG_MARKET) is Outcome.ACCEPTED
