"""Orders with flags, from PLACE_ORDER to the book."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.cells import set_market_band_ppm
from tallystick.state.layout import (
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_STP_BOTH,
    FLAG_STP_TAKER,
)
from tallystick.testing.ledger.look import book, position
from tallystick.testing.world import World

BUY, SELL = 0, 1
SIDES = pytest.mark.parametrize("side", [BUY, SELL])


@pytest.mark.parametrize(
    "flags",
    [FLAG_POST_ONLY | FLAG_IOC, FLAG_POST_ONLY | FLAG_MARKET, FLAG_STP_TAKER | FLAG_STP_BOTH],
)
def test_flags_that_contradict_each_other_are_refused(market: World, flags: int) -> None:
    assert market.order(1, 0, BUY, 1000, 1, flags=flags) is Outcome.BAD_FLAGS


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


@pytest.mark.parametrize(
    ("band", "side", "reach"),
    [(0, SELL, 1), (50_000, BUY, 1050), (50_000, SELL, 950), (1_000_000, SELL, 1)],
)
def test_a_market_order_reaches_as_far_as_the_band(unreplayed: World, band: int, side: int, reach: int) -> None:
    world = unreplayed
    market = world.state.markets.open(0)
    set_market_band_ppm(world.state.markets.words, market, band)
    assert world.order(1, 0, 1 - side, reach, 1) is Outcome.ACCEPTED
    beyond = reach + (1 if side == BUY else -1)
    if beyond > 0:
        assert world.order(3, 0, 1 - side, beyond, 1) is Outcome.ACCEPTED
    assert world.order(2, 0, side, 0, 2, flags=FLAG_MARKET) is Outcome.UNFILLED
    assert abs(position(world.state, 2, 0)) == 1


def test_without_a_band_a_market_order_buys_at_any_price(unreplayed: World) -> None:
    world = unreplayed
    set_market_band_ppm(world.state.markets.words, world.state.markets.open(0), 0)
    world.order(1, 0, SELL, 7000, 1)
    assert world.order(2, 0, BUY, 0, 1, flags=FLAG_MARKET) is Outcome.ACCEPTED


def test_a_market_order_may_name_its_own_bound(market: World) -> None:
    market.order(1, 0, SELL, 1001, 1)
    assert market.order(2, 0, BUY, 1000, 1, flags=FLAG_MARKET) is Outcome.UNFILLED
    assert market.order(2, 0, BUY, 1001, 1, flags=FLAG_MARKET) is Outcome.ACCEPTED
