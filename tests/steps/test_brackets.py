"""Pairs of which one cancels the other, and what a fill of one takes off the other (I20)."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    BRAKE_MS,
    BRAKE_WINDOW_MS,
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
)
from tallystick.testing.ledger.look import book, check_book, parked, position
from tallystick.testing.world import World
from tests.steps.waiting import BUY, DIRECTIONS, SELL, bracket, fired, newest, wait_for


@DIRECTIONS
@pytest.mark.parametrize(("bid", "left"), [(0, [5]), (1, [4]), (4, [1]), (5, [5]), (9, [5])])
def test_what_one_of_a_pair_fills_when_it_fires_the_other_loses(
    market: World, away: int, bid: int, left: list[int]
) -> None:
    profit, stop = bracket(market)
    for slot in (profit, stop):
        assert market.clean(slot) is Outcome.NOT_DEAD
    if bid:
        market.order(3, 0, BUY, 1000 + 10 * away, bid)
    market.report(0, 1000 + 10 * away)
    other = stop if away > 0 else profit
    assert fired(market) == [1 if away > 0 else 2]
    assert [(each.slot, each.remaining_lots) for each in parked(market.state, 0)] == [(other, left[0])]
    assert market.clean(other) is (Outcome.NOT_DEAD if bid < 5 else Outcome.ACCEPTED)


@DIRECTIONS
@pytest.mark.parametrize("bid", [2, 5])
def test_both_of_a_bracket_close_the_position_once(market: World, away: int, bid: int) -> None:
    bracket(market)
    for price in (1000 + 10 * away, 1000 - 10 * away):
        market.order(3, 0, BUY, price, bid)
        market.report(0, price)
    assert fired(market) == ([1, 2] if away > 0 else [2, 1])[: 1 if bid == 5 else 2]
    assert position(market.state, 2, 0) == max(0, 5 - 2 * bid)
    assert parked(market.state, 0) == []


@pytest.mark.parametrize(
    ("taken", "lots", "left"),
    [(1, 5, 4), (4, 5, 1), (1, 2, 1), (2, 2, 0), (3, 2, 0), (5, 5, 0), (5, 9, 0)],
)
def test_a_quotes_fill_is_taken_off_its_stop_which_dies_when_no_more_is_left(
    market: World, taken: int, lots: int, left: int
) -> None:
    assert market.conditional(1, 0, SELL, 1002, 5, 0, flags=FLAG_POST_ONLY, client_id=1) is Outcome.ACCEPTED
    quote = newest(market)
    stop = wait_for(market, 1, SELL, 990, lots=lots, client_id=2, pair=1, pair_slot=quote)
    market.order(2, 0, BUY, 1002, taken, flags=FLAG_IOC)
    if taken < 5:
        assert market.clean(quote) is Outcome.NOT_DEAD
    if left:
        assert [each.remaining_lots for each in parked(market.state, 0)] == [left]
        assert market.clean(stop) is Outcome.NOT_DEAD
        assert market.cancel(1, 1, quote) is Outcome.ACCEPTED
    assert market.clean(stop) is Outcome.ACCEPTED
    check_book(market.state, [0])


def test_a_quote_whose_stop_has_died_goes_on_alone_and_finds_another_pair(market: World) -> None:
    assert market.conditional(1, 0, SELL, 1002, 5, 0, flags=FLAG_POST_ONLY, client_id=1) is Outcome.ACCEPTED
    quote = newest(market)
    wait_for(market, 1, SELL, 990, client_id=2, pair=1, pair_slot=quote)
    market.order(2, 0, BUY, 1002, 2, flags=FLAG_IOC)
    wait_for(market, 1, SELL, 990, lots=3, client_id=3, pair=1, pair_slot=quote)
    market.order(2, 0, BUY, 1002, 1, flags=FLAG_IOC)
    assert [(each.client_id, each.remaining_lots) for each in parked(market.state, 0)] == [(2, 1), (3, 2)]


@pytest.mark.parametrize("taken", [0, 2])
def test_what_a_fired_order_rests_with_is_paired_again_whatever_it_is_called(market: World, taken: int) -> None:
    single = wait_for(market, 2, SELL, 1020, lots=5, client_id=7)
    wait_for(market, 2, SELL, 990, price=988, lots=5, client_id=7, pair=7, pair_slot=single)
    if taken:
        market.order(3, 0, BUY, 988, taken)
    market.report(0, 990)
    resting = book(market.state, 0, SELL)
    assert [(each.price_ticks, each.remaining_lots) for each in resting] == [(988, 5 - taken)]
    assert [each.remaining_lots for each in parked(market.state, 0)] == [5 - taken]
    market.order(3, 0, BUY, 988, 1)
    assert [each.remaining_lots for each in parked(market.state, 0)] == [4 - taken]
    assert market.cancel(2, 7, single) is Outcome.ACCEPTED
    assert market.clean(resting[0].slot) is Outcome.ACCEPTED


def test_a_fired_order_that_has_filled_as_much_as_its_pair_had_rests_alone(market: World) -> None:
    profit = wait_for(market, 2, SELL, 1020, lots=2, client_id=1)
    wait_for(market, 2, SELL, 990, price=988, lots=5, client_id=2, pair=1, pair_slot=profit)
    market.order(3, 0, BUY, 988, 2)
    market.report(0, 990)
    resting = book(market.state, 0, SELL)
    assert [each.remaining_lots for each in resting] == [3]
    assert market.clean(profit) is Outcome.ACCEPTED
    assert market.clean(resting[0].slot) is Outcome.NOT_DEAD


def test_a_fired_order_that_takes_its_own_pair_out_of_the_book_rests_alone(market: World) -> None:
    assert market.conditional(2, 0, BUY, 995, 5, 0, flags=FLAG_POST_ONLY, client_id=1) is Outcome.ACCEPTED
    quote = newest(market)
    wait_for(market, 2, SELL, 990, price=988, lots=5, client_id=2, pair=1, pair_slot=quote)
    market.report(0, 990)
    resting = book(market.state, 0, SELL)
    assert (book(market.state, 0, BUY), [each.remaining_lots for each in resting]) == ([], [5])
    assert market.clean(resting[0].slot) is Outcome.NOT_DEAD


def test_the_pair_of_one_that_is_refused_when_it_fires_goes_on_alone(market: World) -> None:
    profit = wait_for(market, 2, SELL, 1020, lots=2, client_id=1)
    wait_for(market, 2, SELL, 990, lots=2, flags=FLAG_REDUCE_ONLY, client_id=2, pair=1, pair_slot=profit)
    market.report(0, 990)
    assert fired(market) == [2]
    assert [each.slot for each in parked(market.state, 0)] == [profit]
    assert market.clean(profit) is Outcome.NOT_DEAD


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


def winning(world: World) -> tuple[int, int]:
    """Let account 2 win five lots with a quote that takes the profit and a stop that is its pair; return where they are."""
    world.order(3, 0, SELL, 1000, 5)
    world.order(2, 0, BUY, 1000, 5)
    assert world.order(2, 0, SELL, 1040, 5, flags=FLAG_REDUCE_ONLY, client_id=1) is Outcome.ACCEPTED
    profit = newest(world)
    flags = FLAG_MARKET | FLAG_REDUCE_ONLY
    return profit, wait_for(world, 2, SELL, 980, price=0, flags=flags, lots=5, client_id=2, pair=1, pair_slot=profit)


def test_the_stop_of_a_profit_that_a_brake_holds_goes_on_when_somebody_meets_it(market: World) -> None:
    """Else a lot bid in the right moment would take a winner's stop out of the book."""
    profit, stop = winning(market)
    market.later(BRAKE_WINDOW_MS)
    market.report(0, 1035)
    assert market.order(3, 0, BUY, 1040, 1, flags=FLAG_IOC) is Outcome.UNFILLED
    assert market.clean(profit) is Outcome.NO_SUCH_ORDER
    assert market.clean(stop) is Outcome.NOT_DEAD
    market.later(BRAKE_MS)
    market.order(1, 0, BUY, 979, 5)
    market.land(0, 979)
    assert position(market.state, 2, 0) == 0


def test_the_stop_of_a_profit_that_a_jump_leaves_behind_goes_on(market: World) -> None:
    """The quote is beyond the collar, to its own loss, so that a sample takes it out unfilled."""
    profit, stop = winning(market)
    for _ in range(2):
        market.later(BRAKE_WINDOW_MS)
        market.report(0, 1060)
    assert market.clean(profit) is Outcome.NO_SUCH_ORDER
    assert market.clean(stop) is Outcome.NOT_DEAD


def test_who_is_cleaned_for_want_of_margin_leaves_its_pair_where_it_is(market: World) -> None:
    market.deposit("dave", 4, 50_000)
    assert market.order(4, 0, SELL, 1002, 5, client_id=1) is Outcome.ACCEPTED
    quote = newest(market)
    other = wait_for(market, 4, SELL, 990, lots=5, client_id=2, pair=1, pair_slot=quote)
    assert market.withdraw(4, 49_000) is Outcome.ACCEPTED
    assert market.clean(quote) is Outcome.ACCEPTED
    assert [each.pair_slot for each in parked(market.state, 0)] == [0]
    market.deposit("dave", 4, 50_000)
    assert market.clean(other) is Outcome.NOT_DEAD
