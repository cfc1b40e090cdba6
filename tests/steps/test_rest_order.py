"""REST_ORDER."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.cells import set_account_orders
from tallystick.state.layout import ACCOUNT_ORDERS, FLAG_IOC, MAX_ORDERS, MAX_PAGES, ORDERS_MOST, PAGE_SLOTS
from tallystick.state.ordinals import AccountId
from tallystick.testing.ledger.look import book, check_book, word
from tallystick.testing.world import World

BUY, SELL = 0, 1


@pytest.mark.parametrize("side", [BUY, SELL])
def test_an_order_beyond_its_accounts_margin_is_rejected_and_at_it_rests(market: World, side: int) -> None:
    """I3."""
    market.deposit("dave", 4, 50_000)
    assert market.order(4, 0, side, 1000, 11) is Outcome.MARGIN
    assert book(market.state, 0, side) == []
    assert market.order(4, 0, side, 1000, 10) is Outcome.ACCEPTED


def test_the_margin_of_an_order_is_taken_at_its_own_price_rounded_up(market: World) -> None:
    market.list_market(1, multiplier=1, initial_ppm=30_000, maintenance_ppm=15_000)
    market.report(1, 1000)
    # 3 percent of 101 ticks are 3.03 units.
    market.deposit("dave", 4, 3)
    assert market.order(4, 1, BUY, 101, 1) is Outcome.MARGIN
    market.deposit("dave", 4, 1)
    assert market.order(4, 1, BUY, 101, 1) is Outcome.ACCEPTED


def test_open_orders_are_measured_one_by_one(market: World) -> None:
    market.deposit("dave", 4, 50_000)
    assert market.order(4, 0, BUY, 1000, 10) is Outcome.ACCEPTED
    assert market.order(4, 0, BUY, 1000, 10) is Outcome.ACCEPTED


def test_an_order_that_only_reduces_rests_without_margin(market: World) -> None:
    market.deposit("dave", 4, 60_500)
    market.order(1, 0, SELL, 1000, 10)
    market.order(4, 0, BUY, 1000, 10)
    market.report(0, 960)
    assert market.order(4, 0, SELL, 2000, 10) is Outcome.ACCEPTED
    assert market.order(4, 0, SELL, 2000, 11) is Outcome.MARGIN
    assert market.order(4, 0, BUY, 900, 1) is Outcome.MARGIN


def test_an_account_whose_position_slots_are_all_taken_may_not_rest_in_another_market(
    market: World,
) -> None:
    for number in range(1, 17):
        market.list_market(number)
        market.report(number, 1000)
        market.order(2, number, SELL, 1000, 1)
        market.order(1, number, BUY, 1000, 1)
    assert market.order(1, 0, BUY, 1000, 1) is Outcome.MARGIN
    assert market.order(1, 16, BUY, 1000, 1) is Outcome.ACCEPTED


def test_orders_of_one_price_share_a_page_until_it_is_full(market: World) -> None:
    for client_id in range(PAGE_SLOTS + 1):
        market.order(1, 0, BUY, 900, 1, client_id=client_id)
    slots = [order.slot for order in book(market.state, 0, BUY)]
    assert slots == [*range(1 << 6, 2 << 6), 2 << 6]
    assert market.state.registers.page_count == 2


def test_orders_of_different_prices_and_sides_have_pages_of_their_own(market: World) -> None:
    market.order(1, 0, BUY, 900, 1)
    market.order(1, 0, BUY, 901, 1)
    market.order(1, 0, SELL, 1900, 1)
    assert market.state.registers.page_count == 3


def test_a_slot_is_not_used_again_before_its_page_is_freed(market: World) -> None:
    """I7."""
    market.order(1, 0, BUY, 900, 1, client_id=1)
    market.order(2, 0, BUY, 900, 1, client_id=2)
    market.cancel(1, 1, 1 << 6)
    market.order(1, 0, BUY, 900, 1, client_id=3)
    found = [(order.client_id, order.slot) for order in book(market.state, 0, BUY)]
    assert found == [(2, 1 << 6 | 1), (3, 1 << 6 | 2)]


def test_freed_pages_are_used_again_the_newest_first(market: World) -> None:
    """I6."""
    for price in (900, 901, 902):
        market.order(1, 0, BUY, price, 1, client_id=price)
    market.cancel(1, 900, 1 << 6)
    market.cancel(1, 902, 3 << 6)
    assert market.state.registers.free_page == 3
    market.order(1, 0, BUY, 905, 1)
    market.order(1, 0, BUY, 906, 1)
    market.order(1, 0, BUY, 907, 1)
    slots = {order.price_ticks: order.slot >> 6 for order in book(market.state, 0, BUY)}
    assert slots == {901: 2, 905: 3, 906: 1, 907: 4}


def test_a_book_out_of_pages_is_full_and_its_last_page_is_used(unreplayed: World) -> None:
    world = unreplayed
    world.state.registers.page_count = MAX_PAGES - 1
    assert world.order(1, 0, BUY, 900, 1, client_id=1) is Outcome.ACCEPTED
    (order,) = book(world.state, 0, BUY)
    assert order.slot == MAX_PAGES << 6
    assert world.order(1, 0, BUY, 901, 1) is Outcome.BOOK_FULL
    assert world.order(1, 0, BUY, 900, 1) is Outcome.ACCEPTED
    assert world.cancel(1, 1, order.slot) is Outcome.ACCEPTED


def test_a_full_book_is_found_before_missing_margin(unreplayed: World) -> None:
    world = unreplayed
    world.deposit("dave", 4, 1)
    world.state.registers.page_count = MAX_PAGES
    assert world.order(4, 0, BUY, 900, 1) is Outcome.BOOK_FULL
    world.state.registers.page_count = 0
    assert world.order(4, 0, BUY, 900, 1) is Outcome.MARGIN


@pytest.mark.parametrize("trigger", [0, 990])
def test_an_account_has_so_many_orders_dead_or_alive_and_no_more(unreplayed: World, trigger: int) -> None:
    world = unreplayed

    def rest(client_id: int) -> Outcome:
        flags = {"trigger": trigger, "client_id": client_id}
        return world.conditional(1, 0, SELL, 1010, 1, **flags)

    set_account_orders(world.state.accounts.words, world.state.accounts.open(AccountId(1)), MAX_ORDERS - 2)
    assert rest(1) is rest(2) is Outcome.ACCEPTED
    world.cancel_all(1)
    for price in (1010, 1011):
        assert world.order(1, 0, SELL, price, 1) is Outcome.TOO_MANY_ORDERS
    assert world.order(2, 0, SELL, 1010, 1) is Outcome.ACCEPTED
    assert world.cancel(1, 1, 1 << 6) is Outcome.ACCEPTED
    counted = word(world.state.accounts, 1, ACCOUNT_ORDERS)
    assert (counted, world.state.registers.orders_total) == (MAX_ORDERS - 1, 2)
    assert rest(3) is Outcome.ACCEPTED
    assert rest(4) is Outcome.TOO_MANY_ORDERS


def test_the_books_hold_so_many_orders_in_all_and_no_more(unreplayed: World) -> None:
    world = unreplayed
    world.state.registers.orders_total = ORDERS_MOST - 1
    assert world.order(1, 0, BUY, 990, 1, client_id=1) is Outcome.ACCEPTED
    assert world.order(2, 0, BUY, 990, 1) is Outcome.BOOK_FULL
    assert world.order(2, 0, SELL, 990, 1) is Outcome.ACCEPTED
    assert world.order(2, 0, BUY, 990, 1) is Outcome.ACCEPTED


def test_an_account_with_too_many_orders_is_told_before_its_pair_and_its_margin_are_looked_at(
    unreplayed: World,
) -> None:
    world = unreplayed
    world.deposit("dave", 4, 1)
    account = world.state.accounts.open(AccountId(4))
    set_account_orders(world.state.accounts.words, account, MAX_ORDERS)
    refused = world.conditional(4, 0, SELL, 990, 1, 990, pair=7, pair_slot=64)
    assert refused is Outcome.TOO_MANY_ORDERS
    world.state.registers.orders_total = ORDERS_MOST
    assert world.order(4, 0, BUY, 900, 1) is Outcome.BOOK_FULL


def test_every_way_out_of_the_book_counts_an_order_off(market: World) -> None:
    for client_id, way in enumerate(("cancelled", "filled", "own", "dead", "cleaned", "stays")):
        lives = {"expiry_ms": market.state.registers.clock_ms + 1} if way in ("dead", "cleaned") else {}
        price = {"cleaned": 1010, "stays": 1011, "own": 1001}.get(way, 1000)
        market.order(1, 0, SELL, price, 1, client_id=client_id, **lives)
    assert (word(market.state.accounts, 1, ACCOUNT_ORDERS), market.state.registers.orders_total) == (6, 6)
    market.cancel(1, 0, 1 << 6)
    market.clock(ahead_ms=1)
    market.order(2, 0, BUY, 1000, 2, flags=FLAG_IOC)
    market.order(1, 0, BUY, 1001, 1, flags=FLAG_IOC)
    market.clean(*[order.slot for order in book(market.state, 0, SELL)])
    assert [order.client_id for order in book(market.state, 0, SELL)] == [5]
    check_book(market.state, [0])


def test_a_rejected_order_leaves_no_trace_in_the_book(market: World) -> None:
    market.deposit("dave", 4, 1)
    before = market.state.commit()
    accounts = market.state.accounts.pack(4)
    assert market.order(4, 0, BUY, 900, 1) is Outcome.MARGIN
    # All that changed is the nonce.
    assert market.state.accounts.pack(4)[:28] == accounts[:28]
    assert market.state.registers.page_count == 0
    assert market.state.commit() != before
    check_book(market.state, [0])
