"""What rests at a price, dead or alive, as its level counts it: every step that changes a rest keeps it (I6)."""

from __future__ import annotations

import pytest

from tallystick.records.items import ITEM_REPLACE, Item
from tallystick.schema.names import Outcome
from tallystick.state.layout import FLAG_MARKET, FLAG_POST_ONLY, FLAG_REDUCE_ONLY, FLAG_TRIGGER_ABOVE, LEVEL_LOTS
from tallystick.testing.ledger.look import book, check_book, parked, word
from tallystick.testing.world import World
from tests.steps.conftest import MARK

BUY, SELL = 0, 1
ACCEPTED = Outcome.ACCEPTED


def lots_at(world: World, side: int, price: int) -> int:
    return word(world.state.levels, side << 30 | price, LEVEL_LOTS)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_what_comes_to_rest_is_counted_and_what_is_filled_cancelled_or_cleaned_away_is_not(
    market: World, side: int
) -> None:
    for account, lots in ((1, 5), (2, 7), (1, 11)):
        market.order(account, 0, side, MARK, lots, client_id=lots)
    assert lots_at(market, side, MARK) == 23
    assert market.order(3, 0, 1 - side, MARK, 6) is ACCEPTED
    assert lots_at(market, side, MARK) == 17
    first, second = (order.slot for order in book(market.state, 0, side))
    assert market.cancel(2, 7, first) is ACCEPTED
    assert lots_at(market, side, MARK) == 11
    market.cancel_all(1)
    assert lots_at(market, side, MARK) == 11
    assert market.clean(second) is ACCEPTED
    assert (lots_at(market, side, MARK), book(market.state, 0, side)) == (0, [])


def test_a_taker_rests_with_what_is_left_of_it_and_takes_dead_makers_off_their_level(market: World) -> None:
    market.order(1, 0, SELL, MARK, 3)
    market.order(2, 0, SELL, MARK, 4)
    market.cancel_all(1)
    assert market.order(3, 0, BUY, MARK, 9) is ACCEPTED
    assert (lots_at(market, SELL, MARK), lots_at(market, BUY, MARK)) == (0, 5)


def test_a_replace_that_only_shrinks_takes_the_difference_off(market: World) -> None:
    market.order(1, 0, BUY, 990, 9, client_id=4)
    (order,) = book(market.state, 0, BUY)
    item = Item(what=ITEM_REPLACE, client_id=4, side=BUY, price_ticks=990, lots=2)
    assert market.bulk(1, [item], [order.slot]) is ACCEPTED
    assert lots_at(market, BUY, 990) == 2


@pytest.mark.parametrize(("filled", "left"), [(1, 2), (2, 1), (3, 3), (4, 3)])
def test_a_pair_that_shrinks_is_taken_off_its_level_and_one_that_dies_is_not(
    market: World, filled: int, left: int
) -> None:
    market.conditional(1, 0, SELL, 1002, 3, 0, flags=FLAG_POST_ONLY, client_id=1)
    (second,) = book(market.state, 0, SELL)
    flags = {"flags": FLAG_POST_ONLY, "client_id": 2, "pair": 1, "pair_slot": second.slot}
    assert market.conditional(1, 0, SELL, 1001, 5, 0, **flags) is ACCEPTED
    assert market.order(2, 0, BUY, 1001, filled) is ACCEPTED
    assert (lots_at(market, SELL, 1001), lots_at(market, SELL, 1002)) == (5 - filled, left)
    check_book(market.state, [0])


def test_two_of_a_pair_at_one_price_share_its_level(market: World) -> None:
    market.conditional(1, 0, SELL, 1001, 9, 0, flags=FLAG_POST_ONLY, client_id=1)
    (first,) = book(market.state, 0, SELL)
    flags = {"flags": FLAG_POST_ONLY, "client_id": 2, "pair": 1, "pair_slot": first.slot}
    assert market.conditional(1, 0, SELL, 1001, 5, 0, **flags) is ACCEPTED
    assert market.order(2, 0, BUY, 1001, 2) is ACCEPTED
    assert lots_at(market, SELL, 1001) == 10
    check_book(market.state, [0])


def test_what_is_parked_is_counted_nowhere_also_when_its_pair_fills_or_it_fires(market: World) -> None:
    market.order(1, 0, SELL, MARK, 9)
    market.order(2, 0, BUY, MARK, 9)
    stop = FLAG_MARKET | FLAG_REDUCE_ONLY
    market.conditional(2, 0, SELL, 1005, 9, 0, flags=FLAG_POST_ONLY, client_id=1)
    (profit,) = book(market.state, 0, SELL)
    flags = {"flags": stop, "client_id": 2, "pair": 1, "pair_slot": profit.slot}
    assert market.conditional(2, 0, SELL, 0, 9, 990, **flags) is ACCEPTED
    (waiting,) = parked(market.state, 0)
    parked_level = 5 << 30 | 990
    assert market.order(3, 0, BUY, 1005, 2) is ACCEPTED
    assert word(market.state.levels, parked_level, LEVEL_LOTS) == 0
    assert lots_at(market, SELL, 1005) == 7
    market.order(3, 0, BUY, 990, 3)
    market.report(0, 990, (0, 1, 2))
    # The stop has sold three lots, and is gone with what it could not: its pair rests with four.
    assert (parked(market.state, 0), lots_at(market, SELL, 1005)) == ([], 4)
    assert word(market.state.levels, parked_level, LEVEL_LOTS) == 0
    assert waiting.remaining_lots == 9


def test_what_fires_and_rests_is_counted_where_it_rests(market: World) -> None:
    assert market.conditional(1, 0, BUY, 1003, 6, 1005, flags=FLAG_TRIGGER_ABOVE) is ACCEPTED
    market.report(0, 1005)
    assert (parked(market.state, 0), lots_at(market, BUY, 1003)) == ([], 6)
