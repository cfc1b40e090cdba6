"""The collar: no fill further from the index than half the maintenance fraction, to the harm of either side (I22)."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.cells import set_account_cash_units, set_risk_market_mark_ticks
from tallystick.state.layout import (
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_STP_TAKER,
    KIND_DATED,
)
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.state.quantities import Ticks, Units
from tallystick.testing.ledger.look import book, parked, position
from tallystick.testing.world import World
from tests.steps.conftest import MARK
from tests.steps.waiting import BUY, SELL, fired, wait_for

ACCEPTED = Outcome.ACCEPTED
WIDTH = 12
"""Half of 2.5 % of the index, in ticks, down."""
STOP = FLAG_MARKET | FLAG_REDUCE_ONLY
SIDES = pytest.mark.parametrize("side", [BUY, SELL])


def dearer(side: int, ticks: int, middle: int = MARK) -> int:
    """Return the price that is so many ticks worse than the index for who is on this side."""
    return middle + ticks if side == BUY else middle - ticks


def held(world: World, *accounts: int) -> list[int]:
    return [position(world.state, account, 0) for account in accounts]


@SIDES
@pytest.mark.parametrize("flags", [0, FLAG_IOC, FLAG_MARKET, FLAG_REDUCE_ONLY])
def test_a_taker_fills_at_the_collars_edge_and_ends_a_tick_beyond_whatever_its_flags(
    market: World, side: int, flags: int
) -> None:
    market.block(2, 3, 1 - side, MARK, 9)
    market.order(1, 0, 1 - side, dearer(side, WIDTH), 2)
    market.order(1, 0, 1 - side, dearer(side, WIDTH + 1), 2)
    before = held(market, 2)[0]
    assert market.order(2, 0, side, dearer(side, WIDTH + 1), 5, flags=flags) is Outcome.UNFILLED
    assert held(market, 2)[0] - before == (2 if side == BUY else -2)
    assert len(book(market.state, 0, 1 - side)) == 1
    assert book(market.state, 0, side) == []


@SIDES
def test_a_post_only_order_that_crosses_beyond_the_collar_would_cross(market: World, side: int) -> None:
    market.order(1, 0, 1 - side, dearer(side, WIDTH + 1), 2)
    assert market.order(2, 0, side, dearer(side, WIDTH + 1), 1, flags=FLAG_POST_ONLY) is Outcome.WOULD_CROSS
    assert len(book(market.state, 0, 1 - side)) == 1


@SIDES
@pytest.mark.parametrize("flags", [0, FLAG_POST_ONLY])
def test_a_maker_beyond_the_collar_to_its_own_harm_is_taken_out_unfilled(market: World, side: int, flags: int) -> None:
    """It may have been there before the index moved; who meets it goes on to the next."""
    market.order(1, 0, 1 - side, dearer(1 - side, WIDTH + 1), 2)
    market.order(1, 0, 1 - side, dearer(1 - side, WIDTH), 2)
    outcome = market.order(2, 0, side, dearer(1 - side, WIDTH), 1, flags=flags)
    assert outcome is (Outcome.WOULD_CROSS if flags else ACCEPTED)
    assert held(market, 1)[0] == (0 if flags else 1 if side == SELL else -1)
    assert [order.price_ticks for order in book(market.state, 0, 1 - side)] == [dearer(1 - side, WIDTH)]


@SIDES
def test_the_collar_follows_the_index_and_is_a_tick_at_least(world: World, side: int) -> None:
    world.list_market(0)
    for account, name in enumerate(("alice", "bob"), start=1):
        world.deposit(name, account, 10**9)
    for index, width in ((79, 1), (159, 1), (160, 2), (239, 2), (240, 3)):
        world.land(0, index)
        world.order(1, 0, 1 - side, dearer(side, width + 1, index), 1)
        assert world.order(2, 0, side, dearer(side, width + 1, index), 1) is Outcome.UNFILLED
        world.cancel_all(1)
        world.order(1, 0, 1 - side, dearer(side, width, index), 1)
        assert world.order(2, 0, side, dearer(side, width + 1, index), 1) is ACCEPTED
        world.later(1_000)


@SIDES
@pytest.mark.parametrize("dated", [False, True])
def test_a_perpetuals_collar_lies_around_its_index_and_a_dated_futures_around_its_mark(
    unreplayed: World, side: int, dated: bool
) -> None:
    world = unreplayed
    number = 0
    if dated:
        number = 1
        world.list_market(1, kind=KIND_DATED, expiry_ms=world.state.registers.clock_ms + 10**6)
        world.report(1, MARK)
    # The mark is away from the index to the harm of this side, by less than the collar.
    mark = dearer(side, 8)
    set_risk_market_mark_ticks(world.state.risk.words, world.state.risk.open(0), MarketId(number), Ticks(mark))
    edge = dearer(side, WIDTH, mark if dated else MARK)
    world.order(1, number, 1 - side, edge, 1)
    world.order(1, number, 1 - side, dearer(side, 1, edge), 1)
    assert world.order(2, number, side, dearer(side, 1, edge), 2) is Outcome.UNFILLED
    assert abs(position(world.state, 2, number)) == 1


@SIDES
def test_an_own_order_and_a_dead_one_beyond_the_collar_are_met_as_anywhere(market: World, side: int) -> None:
    far = dearer(side, WIDTH + 1)
    market.order(2, 0, 1 - side, far, 1)
    assert market.order(2, 0, side, far, 1, flags=FLAG_STP_TAKER) is Outcome.SELF_TRADE
    market.cancel_all(2)
    assert market.order(2, 0, side, far, 1, flags=FLAG_IOC) is Outcome.UNFILLED
    assert book(market.state, 0, 1 - side) == []


@SIDES
@pytest.mark.parametrize(("edge", "beyond"), [(WIDTH, WIDTH + 1), (-WIDTH, -WIDTH - 1)])
def test_a_block_trade_keeps_to_the_collar_on_both_sides(market: World, side: int, edge: int, beyond: int) -> None:
    assert market.block(1, 2, side, MARK + beyond, 1) is Outcome.UNFILLED
    assert market.block(1, 2, side, MARK + edge, 1) is ACCEPTED
    # Nor are two who only reduce free of it while there are prices, through L1 either.
    record = market.accepted(market.offer(1, 0, 1 - side, MARK + beyond, 1), 2)
    assert market.force(record) is Outcome.UNFILLED
    assert market.force(market.accepted(market.offer(1, 0, 1 - side, MARK + edge, 1), 2)) is ACCEPTED
    assert held(market, 1, 2) == [0, 0]


# Orders that fire


def stopped(world: World, flags: int = STOP, price: int = 0, lots: int = 3) -> None:
    """Give bob three lots and an order that sells them when the mark has fallen, with bids far below it alone."""
    world.order(1, 0, SELL, MARK, 3)
    world.order(2, 0, BUY, MARK, 3)
    wait_for(world, 2, SELL, 995, price=price, lots=lots, flags=flags, client_id=5)
    world.order(3, 0, BUY, 995 - WIDTH, 1)
    world.order(3, 0, BUY, 995 - WIDTH - 1, 5)


def test_a_stop_waits_behind_the_collar_as_it_was_and_is_filled_when_the_index_has_followed(market: World) -> None:
    stopped(market)
    before = parked(market.state, 0)[0]
    market.order(3, 0, SELL, 1010, 1)
    market.report(0, 995)
    after = parked(market.state, 0)[0]
    assert (after.remaining_lots, after.sequence, after.flags) == (2, before.sequence, before.flags)
    assert (after.trigger_ticks, after.price_ticks) == (before.trigger_ticks, before.price_ticks)
    assert held(market, 2) == [2]
    market.report(0, 994)
    assert (held(market, 2), parked(market.state, 0)) == ([0], [])


@pytest.mark.parametrize(
    ("flags", "price"), [(FLAG_MARKET, 0), (STOP, 900), (FLAG_REDUCE_ONLY, 900), (FLAG_REDUCE_ONLY | FLAG_IOC, 900)]
)
def test_another_order_that_fires_ends_there(market: World, flags: int, price: int) -> None:
    stopped(market, flags, price)
    market.report(0, 995)
    assert (held(market, 2), parked(market.state, 0), book(market.state, 0, SELL)) == ([2], [], [])


def test_a_stop_that_nothing_crosses_ends_and_the_next_ones_turn_comes(market: World) -> None:
    stopped(market, lots=1)
    wait_for(market, 2, SELL, 995, price=0, lots=2, flags=STOP, client_id=6)
    market.cancel_all(3)
    market.report(0, 995)
    assert (fired(market), parked(market.state, 0)) == ([5, 6], [])


def test_a_report_fires_no_more_of_a_book_whose_stop_waits_behind_the_collar(market: World) -> None:
    stopped(market, lots=2)
    wait_for(market, 2, SELL, 995, price=0, lots=1, flags=STOP, client_id=6)
    wait_for(market, 3, BUY, 995, price=900, client_id=7)
    market.report(0, 995, (0, 1))
    assert fired(market) == [5, 7]
    assert [order.client_id for order in parked(market.state, 0)] == [6, 5]


# Liquidations


@SIDES
def test_who_is_liquidated_meets_no_maker_that_is_beyond_the_collar(unreplayed: World, side: int) -> None:
    """The limit of who is liquidated is never further away than the collar: half of its maintenance margin at most."""
    world = unreplayed
    world.block(2, 3, side, MARK, 10)
    world.order(1, 0, side, dearer(side, WIDTH + 1), 4)
    world.order(1, 0, side, MARK, 10)
    accounts = world.state.accounts
    # Worth 24,000, a thousand less than it must keep.
    set_account_cash_units(
        accounts.words, accounts.known(AccountId(2)), Units(24_000 + dearer(1 - side, 10 * MARK * 100, 0))
    )
    assert world.liquidate(2, 0) is ACCEPTED
    fills = [(values[1], values[4]) for name, values in world.events if name == "fill"]
    assert [price for price, _ in fills] == [MARK]
    assert [each.price_ticks for each in book(world.state, 0, side)] == [MARK]
