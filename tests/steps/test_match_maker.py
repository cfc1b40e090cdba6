"""MATCH_MAKER."""

from __future__ import annotations

import pytest

from tallystick.machine.engine import advance
from tallystick.machine.steps import fetch_record
from tallystick.records.codec import encode
from tallystick.schema.names import Outcome, Phase
from tallystick.state.layout import (
    MARKET_NET_LOTS,
    MARKET_OPEN_INTEREST_LOTS,
    MAX_CASH_UNITS,
    MESSAGE_FORCE_CANCEL_ALL,
    PAGE_SLOTS,
    WORK,
)
from tallystick.testing.ledger.look import book, cash, position, word
from tallystick.testing.world import START, World, address, message

NOW = START * 1000
RICH = 1_000_000_000
BUY, SELL, IOC = 0, 1, 1


def fills(world: World) -> list[tuple[int, int, int]]:
    """Return every fill as (price, lots, maker's client id)."""
    return [(v[1], v[2], v[7]) for name, v in world.events if name == "fill"]


def totals(world: World, market: int = 0) -> tuple[int, int]:
    markets = world.state.markets
    return (
        word(markets, market, MARKET_OPEN_INTEREST_LOTS),
        word(markets, market, MARKET_NET_LOTS),
    )


# Crossing


def test_an_ioc_order_on_an_empty_book_is_unfilled(market: World) -> None:
    assert market.order(1, 0, BUY, 1000, 5, flags=IOC) is Outcome.UNFILLED
    assert book(market.state, 0, BUY) == []


@pytest.mark.parametrize(
    ("side", "limit", "crosses"),
    [(BUY, 999, False), (BUY, 1000, True), (SELL, 1001, False), (SELL, 1000, True)],
)
def test_an_order_crosses_at_its_limit_and_not_a_tick_beyond(
    market: World, side: int, limit: int, crosses: bool
) -> None:
    market.order(1, 0, 1 - side, 1000, 5)
    outcome = market.order(2, 0, side, limit, 5, flags=IOC)
    assert outcome is (Outcome.ACCEPTED if crosses else Outcome.UNFILLED)
    assert len(fills(market)) == crosses


def test_what_an_ioc_order_does_not_fill_is_cancelled(market: World) -> None:
    market.order(1, 0, SELL, 1000, 5)
    assert market.order(2, 0, BUY, 1000, 8, flags=IOC) is Outcome.UNFILLED
    assert position(market.state, 2, 0) == 5
    assert book(market.state, 0, BUY) == book(market.state, 0, SELL) == []


def test_what_another_order_does_not_fill_rests_at_its_limit(market: World) -> None:
    market.order(1, 0, SELL, 1000, 5)
    assert market.order(2, 0, BUY, 1001, 8, client_id=4) is Outcome.ACCEPTED
    (order,) = book(market.state, 0, BUY)
    assert (order.price_ticks, order.remaining_lots, order.client_id) == (1001, 3, 4)


# Priority


@pytest.mark.parametrize(("side", "expected"), [(BUY, [990, 995, 1000]), (SELL, [1000, 995, 990])])
def test_the_best_price_trades_first_at_the_makers_price(market: World, side: int, expected: list[int]) -> None:
    """I7."""
    for price in (995, 1000, 990):
        market.order(1, 0, 1 - side, price, 1)
    limit = 1000 if side == BUY else 990
    assert market.order(2, 0, side, limit, 3) is Outcome.ACCEPTED
    assert [price for price, _, _ in fills(market)] == expected


def test_the_best_price_is_found_across_every_level_of_the_occupancy_words(market: World) -> None:
    """I7."""
    market.land(0, 1_048_576)
    prices = [1_048_576, 1_048_575, 1_048_320, 1_048_319, 1_049_000, 1_060_000, 1_036_000]
    for price in prices:
        assert market.order(1, 0, SELL, price, 1) is Outcome.ACCEPTED
    assert market.order(2, 0, BUY, 1_100_000, 7) is Outcome.ACCEPTED
    assert [price for price, _, _ in fills(market)] == sorted(prices)
    for price in prices:
        assert market.order(1, 0, BUY, price, 1) is Outcome.ACCEPTED
    assert market.order(2, 0, SELL, 1, 7) is Outcome.ACCEPTED
    assert [price for price, _, _ in fills(market)[7:]] == sorted(prices, reverse=True)


def test_at_one_price_the_oldest_order_trades_first_over_page_borders(market: World) -> None:
    """I7."""
    count = PAGE_SLOTS + 2
    for client_id in range(count):
        market.order(1, 0, SELL, 1000, 1, client_id=client_id)
    assert market.order(2, 0, BUY, 1000, count) is Outcome.ACCEPTED
    assert [client_id for _, _, client_id in fills(market)] == list(range(count))
    assert book(market.state, 0, SELL) == []


def test_a_partly_filled_maker_keeps_its_place(market: World) -> None:
    market.order(1, 0, SELL, 1000, 5, client_id=1)
    market.order(3, 0, SELL, 1000, 5, client_id=2)
    market.order(2, 0, BUY, 1000, 2)
    market.order(2, 0, BUY, 1000, 5)
    assert fills(market) == [(1000, 2, 1), (1000, 3, 1), (1000, 2, 2)]
    (order,) = book(market.state, 0, SELL)
    assert (order.client_id, order.remaining_lots) == (2, 3)


def test_a_page_cancelled_empty_between_others_is_dropped_on_the_way(market: World) -> None:
    for client_id in range(2 * PAGE_SLOTS + 1):
        market.order(1, 0, SELL, 1000, 1, client_id=client_id)
    orders = book(market.state, 0, SELL)
    for order in orders[PAGE_SLOTS : 2 * PAGE_SLOTS] + orders[:PAGE_SLOTS]:
        assert market.cancel(1, order.client_id, order.slot) is Outcome.ACCEPTED
    assert market.order(2, 0, BUY, 1000, 1) is Outcome.ACCEPTED
    assert fills(market) == [(1000, 1, 2 * PAGE_SLOTS)]
    assert book(market.state, 0, SELL) == []


# Work


@pytest.mark.parametrize(("left", "lots", "outcome"), [(0, 0, "WORK_LIMIT"), (2, 2, "WORK_LIMIT"), (3, 3, "ACCEPTED")])
def test_an_order_meets_as_many_makers_as_its_work_is_left_for(
    unreplayed: World, left: int, lots: int, outcome: str
) -> None:
    world = unreplayed
    for _ in range(3):
        world.order(1, 0, SELL, 1000, 1)
    record = world.signed(
        "order", "bob", account=2, nonce=world.next_nonce(2), market=0, side=BUY, price_ticks=1000, lots=3
    )
    fetch_record.begin_record(world.machine, encode(record))
    registers = world.state.registers
    assert registers.work == WORK
    registers.work = left
    while registers.phase != Phase.FETCH_RECORD:
        advance(world.machine)
    assert (Outcome(registers.outcome).name, position(world.state, 2, 0)) == (outcome, lots)
    assert (book(world.state, 0, BUY), len(book(world.state, 0, SELL))) == ([], 3 - lots)


# Makers that may not trade


def test_an_account_never_trades_with_itself_and_its_maker_is_cancelled(market: World) -> None:
    market.order(1, 0, SELL, 1000, 5, client_id=1)
    market.order(2, 0, SELL, 1000, 5, client_id=2)
    assert market.order(1, 0, BUY, 1000, 5) is Outcome.ACCEPTED
    assert fills(market) == [(1000, 5, 2)]
    assert position(market.state, 1, 0) == 5
    assert book(market.state, 0, SELL) == []


def test_a_maker_is_dead_at_its_expiry_and_alive_before(market: World) -> None:
    market.order(1, 0, SELL, 1000, 1, client_id=1, expiry_ms=NOW + 10)
    market.order(1, 0, SELL, 1000, 1, client_id=2, expiry_ms=NOW + 11)
    market.clock(ahead_ms=10)
    assert market.order(2, 0, BUY, 1000, 1) is Outcome.ACCEPTED
    assert fills(market) == [(1000, 1, 2)]
    assert book(market.state, 0, SELL) == []


def test_a_maker_cancelled_through_l1_is_dead(market: World) -> None:
    market.order(1, 0, SELL, 1000, 1, client_id=1)
    market.published.messages.append(message(MESSAGE_FORCE_CANCEL_ALL, address("alice"), 1, 0))
    market.deposit("bob", 2, 1)
    assert market.order(2, 0, BUY, 1000, 1, flags=IOC) is Outcome.UNFILLED
    assert fills(market) == []
    assert book(market.state, 0, SELL) == []


def test_a_maker_beyond_its_margin_leaves_the_book_and_the_next_one_trades(market: World) -> None:
    """I3."""
    market.deposit("dave", 4, 5000)
    market.order(4, 0, SELL, 1000, 1, client_id=1)
    market.order(1, 0, SELL, 1000, 1, client_id=2)
    # The fee of 10 units leaves dave below the 5,000 his position would need.
    assert market.order(2, 0, BUY, 1000, 1) is Outcome.ACCEPTED
    assert fills(market) == [(1000, 1, 2)]
    assert (cash(market.state, 4), position(market.state, 4, 0)) == (5000, 0)
    assert book(market.state, 0, SELL) == []


def test_a_maker_beyond_its_position_limit_leaves_the_book(market: World) -> None:
    market.list_market(1, max_lots=10)
    market.report(1, 1000)
    market.order(1, 1, SELL, 1000, 10, client_id=1)
    market.order(2, 1, BUY, 1000, 10)
    market.order(1, 1, SELL, 1000, 1, client_id=2)
    assert market.order(3, 1, BUY, 1000, 1, flags=IOC) is Outcome.UNFILLED
    assert position(market.state, 1, 1) == -10
    assert book(market.state, 1, SELL) == []


# Takers that may not trade


def test_a_taker_whose_position_slots_are_all_taken_is_rejected(market: World) -> None:
    for number in range(1, 17):
        market.list_market(number)
        market.report(number, 1000)
        market.order(2, number, SELL, 1000, 1)
    for number in range(1, 17):
        market.order(1, number, BUY, 1000, 1)
    market.order(3, 0, SELL, 1000, 1)
    assert market.order(1, 0, BUY, 1000, 1) is Outcome.NO_POSITION_SLOT
    assert market.order(1, 5, SELL, 1000, 1, client_id=8) is Outcome.ACCEPTED
    assert len(book(market.state, 0, SELL)) == 1
    market.order(2, 5, BUY, 1000, 1)
    assert position(market.state, 1, 5) == 0
    assert market.order(1, 0, BUY, 1000, 1) is Outcome.ACCEPTED


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_taker_beyond_the_largest_position_is_rejected_and_at_it_is_not(market: World, side: int) -> None:
    market.list_market(1, max_lots=10)
    market.report(1, 1000)
    for account in (2, 3):
        market.order(account, 1, 1 - side, 1000, 10)
    assert market.order(1, 1, side, 1000, 10) is Outcome.ACCEPTED
    assert market.order(1, 1, side, 1000, 1) is Outcome.POSITION_LIMIT
    assert abs(position(market.state, 1, 1)) == 10
    assert len(book(market.state, 1, 1 - side)) == 1


def test_a_taker_whose_cash_would_pass_its_limit_is_rejected_and_at_it_is_not(
    market: World,
) -> None:
    """I4."""
    # Selling one lot at 1000 brings 100,000 less a fee of 50.
    market.deposit("dave", 4, MAX_CASH_UNITS - 99_950)
    market.deposit("erin", 5, MAX_CASH_UNITS - 99_949)
    market.order(1, 0, BUY, 1000, 2)
    assert market.order(5, 0, SELL, 1000, 1) is Outcome.POSITION_LIMIT
    assert market.order(4, 0, SELL, 1000, 1) is Outcome.ACCEPTED
    assert cash(market.state, 4) == MAX_CASH_UNITS


def test_a_taker_below_its_initial_margin_is_rejected_and_at_it_is_not(market: World) -> None:
    """I3."""
    # One lot at the mark: 5,000 of margin and a fee of 50.
    market.deposit("dave", 4, 5049)
    market.deposit("erin", 5, 5050)
    market.order(1, 0, SELL, 1000, 2)
    assert market.order(4, 0, BUY, 1000, 1) is Outcome.MARGIN
    assert (cash(market.state, 4), position(market.state, 4, 0)) == (5049, 0)
    assert market.order(5, 0, BUY, 1000, 1) is Outcome.ACCEPTED
    assert position(market.state, 5, 0) == 1


def test_what_was_filled_before_a_rejection_stays(market: World) -> None:
    market.deposit("dave", 4, 15_000)
    market.order(1, 0, SELL, 1000, 2)
    market.order(3, 0, SELL, 1000, 5)
    assert market.order(4, 0, BUY, 1000, 7) is Outcome.MARGIN
    assert position(market.state, 4, 0) == 2
    assert book(market.state, 0, BUY) == []


def test_a_price_worse_than_the_mark_counts_against_the_margin(market: World) -> None:
    market.deposit("dave", 4, 5_000 + 51 + 1_199)
    market.order(1, 0, SELL, 1012, 2)
    # Paying 12 ticks over the mark loses 1,200 units at once.
    assert market.order(4, 0, BUY, 1012, 1) is Outcome.MARGIN
    market.deposit("dave", 4, 1)
    assert market.order(4, 0, BUY, 1012, 1) is Outcome.ACCEPTED


def losing(market: World, new_mark: int) -> None:
    """Make account 4 long 10 lots at 1000 with 60,000 of cash, then move the mark."""
    market.deposit("dave", 4, 60_000 + 500)
    market.order(1, 0, SELL, 1000, 10)
    market.order(4, 0, BUY, 1000, 10)
    market.report(0, new_mark)


def test_an_account_below_its_initial_margin_may_reduce_and_not_grow(market: World) -> None:
    """I3."""
    losing(market, 970)
    market.order(2, 0, SELL, 970, 1)
    market.order(3, 0, BUY, 970, 20)
    assert market.order(4, 0, BUY, 970, 1) is Outcome.MARGIN
    assert market.order(4, 0, SELL, 970, 4, flags=IOC) is Outcome.ACCEPTED
    assert position(market.state, 4, 0) == 6


def test_reducing_at_a_price_that_worsens_the_ratio_is_rejected(market: World) -> None:
    """I3."""
    losing(market, 950)
    market.order(3, 0, BUY, 939, 20)
    # Worth ten ticks a lot, it would lose eleven by each.
    assert market.order(4, 0, SELL, 939, 4, flags=IOC) is Outcome.MARGIN
    assert position(market.state, 4, 0) == 10


def test_turning_a_position_round_is_no_reduction(market: World) -> None:
    losing(market, 950)
    market.order(3, 0, BUY, 950, 20)
    assert market.order(4, 0, SELL, 950, 13, flags=IOC) is Outcome.MARGIN
    assert market.order(4, 0, SELL, 950, 10, flags=IOC) is Outcome.ACCEPTED


def test_a_bankrupt_account_cannot_close_at_the_mark(market: World) -> None:
    losing(market, 930)
    market.order(3, 0, BUY, 930, 20)
    assert market.order(4, 0, SELL, 930, 5, flags=IOC) is Outcome.MARGIN


# Money


def test_a_fill_moves_the_quote_and_takes_both_fees(market: World) -> None:
    """I1."""
    market.order(1, 0, SELL, 1010, 3)
    market.order(2, 0, BUY, 1200, 3)
    assert cash(market.state, 1) == RICH + 303_000 - 31
    assert cash(market.state, 2) == RICH - 303_000 - 152
    registers = market.state.registers
    assert registers.fees_units == 183
    assert registers.cash_units == 3 * RICH - 183


def test_fees_are_rounded_up_to_the_next_unit(market: World) -> None:
    """I1."""
    market.list_market(1, multiplier=1, taker_fee_ppm=1, maker_fee_ppm=1)
    market.report(1, 7)
    market.order(1, 1, SELL, 7, 1)
    market.order(2, 1, BUY, 7, 1)
    assert (cash(market.state, 1), cash(market.state, 2)) == (RICH + 7 - 1, RICH - 7 - 1)
    assert market.state.registers.fees_units == 2


def test_a_market_without_fees_takes_none(market: World) -> None:
    market.list_market(1, taker_fee_ppm=0, maker_fee_ppm=0)
    market.report(1, 7)
    market.order(1, 1, SELL, 7, 1)
    market.order(2, 1, BUY, 7, 1)
    assert market.state.registers.fees_units == 0


def test_open_interest_follows_positions_opened_moved_turned_and_closed(market: World) -> None:
    """I2."""

    def trade(seller: int, buyer: int, lots: int) -> tuple[int, int]:
        market.order(seller, 0, SELL, 1000, lots)
        market.order(buyer, 0, BUY, 1000, lots)
        return totals(market)

    assert trade(1, 2, 10) == (10, 0)
    assert trade(2, 3, 4) == (10, 0)
    assert trade(2, 1, 8) == (4, 0)
    assert trade(3, 1, 2) == (2, 0)
    assert [position(market.state, n, 0) for n in (1, 2, 3)] == [0, -2, 2]
    assert trade(3, 2, 2) == (0, 0)


def test_a_closed_position_leaves_its_slot_empty(market: World) -> None:
    market.list_market(5)
    market.report(5, 1000)
    market.order(1, 5, SELL, 1000, 1)
    market.order(2, 5, BUY, 1000, 1)
    market.order(2, 5, SELL, 1000, 1)
    market.order(1, 5, BUY, 1000, 1)
    packed = market.state.accounts.pack(1)
    assert not any(packed[76:])
