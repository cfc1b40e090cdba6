"""SCAN_MAKER: a fill-or-kill order fills wholly or not at all."""

from __future__ import annotations

import random

import pytest

from tallystick.machine import engine
from tallystick.schema.names import Outcome, Phase
from tallystick.state.layout import FLAG_FOK, FLAG_POST_ONLY, FLAG_REDUCE_ONLY, FLAG_STP_BOTH, FLAG_STP_TAKER
from tallystick.testing.ledger.look import book, position
from tallystick.testing.world import World

BUY, SELL = 0, 1
SIDES = pytest.mark.parametrize("side", [BUY, SELL])


def worse(side: int, ticks: int) -> int:
    """Return a price this much worse than the mark for a taker of a side."""
    return 1000 + (ticks if side == BUY else -ticks)


@SIDES
@pytest.mark.parametrize("lots", [1, 5, 6, 12])
def test_it_fills_wholly_when_the_crossing_makers_have_the_lots(market: World, side: int, lots: int) -> None:
    for ticks, size in ((0, 5), (0, 1), (2, 6)):
        market.order(1, 0, 1 - side, worse(side, ticks), size)
    assert market.order(2, 0, side, worse(side, 2), lots, flags=FLAG_FOK) is Outcome.ACCEPTED
    assert abs(position(market.state, 2, 0)) == lots
    assert sum(order.remaining_lots for order in book(market.state, 0, 1 - side)) == 12 - lots


@SIDES
@pytest.mark.parametrize(("ticks", "lots"), [(2, 13), (1, 7), (-1, 1)])
def test_it_changes_nothing_when_they_have_one_lot_too_few(market: World, side: int, ticks: int, lots: int) -> None:
    for away, size in ((0, 5), (0, 1), (2, 6)):
        market.order(1, 0, 1 - side, worse(side, away), size)
    before = book(market.state, 0, 1 - side)
    assert market.order(2, 0, side, worse(side, ticks), lots, flags=FLAG_FOK) is Outcome.NOT_FILLABLE
    assert book(market.state, 0, 1 - side) == before
    assert book(market.state, 0, side) == []
    assert position(market.state, 2, 0) == 0


@SIDES
def test_an_empty_side_fills_nothing(market: World, side: int) -> None:
    assert market.order(2, 0, side, 1000, 1, flags=FLAG_FOK) is Outcome.NOT_FILLABLE


@SIDES
def test_the_scan_finds_every_price_below_each_occupancy_word(market: World, side: int) -> None:
    chance = random.Random(side)
    prices = {chance.choice([chance.randint(1, 2**24 - 1), chance.randint(900, 1100), 65_536, 256]) for _ in range(20)}
    prices |= {255, 256, 257, 511, 512, 65_535, 65_537}
    lots = 0
    for price in sorted(prices):
        lots += market.order(1, 0, 1 - side, price, 1) is Outcome.ACCEPTED
    assert lots > 10
    bound = 2**24 - 1 if side == BUY else 1
    assert market.order(2, 0, side, bound, lots + 1, flags=FLAG_FOK) is Outcome.NOT_FILLABLE
    assert len(book(market.state, 0, 1 - side)) == lots
    assert position(market.state, 2, 0) == 0


@SIDES
def test_the_scan_goes_through_every_page_of_a_price(market: World, side: int) -> None:
    for _ in range(130):
        market.order(1, 0, 1 - side, 1000, 1)
    for order in book(market.state, 0, 1 - side)[60:70]:
        market.cancel(1, order.client_id, order.slot)
    assert market.order(2, 0, side, 1000, 121, flags=FLAG_FOK) is Outcome.NOT_FILLABLE
    assert len(book(market.state, 0, 1 - side)) == 120
    assert market.order(2, 0, side, 1000, 120, flags=FLAG_FOK) is Outcome.ACCEPTED
    assert abs(position(market.state, 2, 0)) == 120


@SIDES
def test_dead_makers_do_not_count(market: World, side: int) -> None:
    market.order(1, 0, 1 - side, 1000, 5)
    market.cancel_all(1)
    market.order(3, 0, 1 - side, 1000, 4)
    assert market.order(2, 0, side, 1000, 5, flags=FLAG_FOK) is Outcome.NOT_FILLABLE
    assert market.order(2, 0, side, 1000, 4, flags=FLAG_FOK) is Outcome.ACCEPTED


@SIDES
@pytest.mark.parametrize("flag", [0, FLAG_STP_TAKER, FLAG_STP_BOTH])
def test_own_orders_do_not_count_and_may_be_in_the_way(market: World, side: int, flag: int) -> None:
    market.order(1, 0, 1 - side, 1000, 1)
    market.order(2, 0, 1 - side, 1000, 5)
    market.order(3, 0, 1 - side, 1000, 5)
    assert market.order(2, 0, side, 1000, 7, flags=FLAG_FOK | flag) is Outcome.NOT_FILLABLE
    expected = Outcome.NOT_FILLABLE if flag else Outcome.ACCEPTED
    assert market.order(2, 0, side, 1000, 6, flags=FLAG_FOK | flag) is expected
    assert len(book(market.state, 0, 1 - side)) == (3 if flag else 0)


@SIDES
def test_a_reduce_only_maker_offers_its_position(market: World, side: int) -> None:
    market.order(1, 0, 1 - side, 1000, 5)
    market.order(2, 0, side, 1000, 5)
    market.order(2, 0, 1 - side, 1000, 9, flags=FLAG_REDUCE_ONLY)
    market.order(1, 0, side, 999 if side == BUY else 1001, 1)
    market.order(2, 0, 1 - side, 999 if side == BUY else 1001, 1)
    assert market.order(3, 0, side, 1000, 6, flags=FLAG_FOK) is Outcome.NOT_FILLABLE
    assert market.order(3, 0, side, 1000, 4, flags=FLAG_FOK) is Outcome.ACCEPTED


@SIDES
def test_a_reduce_only_taker_asks_for_no_more_than_its_position(market: World, side: int) -> None:
    market.order(1, 0, side, 1000, 20)
    assert market.order(2, 0, 1 - side, 1000, 9, flags=FLAG_FOK | FLAG_REDUCE_ONLY) is Outcome.NOTHING_TO_REDUCE
    assert market.order(2, 0, 1 - side, 1000, 3) is Outcome.ACCEPTED
    market.order(1, 0, 1 - side, 1001 if side == BUY else 999, 3)
    bound = 1001 if side == BUY else 999
    assert market.order(2, 0, side, bound, 9, flags=FLAG_FOK | FLAG_REDUCE_ONLY) is Outcome.ACCEPTED
    assert position(market.state, 2, 0) == 0


def test_a_maker_that_fails_at_its_fill_leaves_the_order_part_filled(market: World) -> None:
    market.deposit("dave", 4, 6_000)
    market.order(1, 0, SELL, 1000, 3)
    assert market.order(4, 0, SELL, 1000, 1) is Outcome.ACCEPTED
    assert market.order(4, 0, SELL, 1000, 1) is Outcome.ACCEPTED
    assert market.order(2, 0, BUY, 1000, 5, flags=FLAG_FOK) is Outcome.UNFILLED
    assert position(market.state, 2, 0) == 4


def test_it_never_only_posts(market: World) -> None:
    assert market.order(2, 0, BUY, 1000, 1, flags=FLAG_FOK | FLAG_POST_ONLY) is Outcome.BAD_FLAGS


def test_the_plain_order_is_never_scanned(market: World) -> None:
    market.order(1, 0, SELL, 1000, 5)
    market.order(2, 0, BUY, 1000, 5)
    market.seal()
    machine = market.fresh()
    while not engine.halted(machine):
        assert machine.state.registers.phase != Phase.SCAN_MAKER
        engine.step(machine)
