"""QUOTE: the price with which each side of a book holds what a sample asks for."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    BRAKE_MS,
    BRAKE_WINDOW_MS,
    FLAG_REDUCE_ONLY,
    PAGE_SLOTS,
    PRICE_PREMIUM_MS,
    PRICE_PREMIUM_SUM_PPM,
    PRICE_QUOTED,
    PRICE_SAMPLE_MS,
    QUOTERS,
    REPORT_AGE_MS,
    SAMPLE_MS,
    SAMPLE_WORK,
    STALE_MS,
)
from tallystick.testing.byhand import write_rules
from tallystick.testing.ledger.look import book, word
from tallystick.testing.world import World
from tests.steps.conftest import MARK

BUY, SELL = 0, 1
ACCEPTED = Outcome.ACCEPTED
WIDTH = 12
"""Half of 2.5 % of the index, in ticks, down."""
OPPOSITE = 100
"""The first of those who quote on the other side, each time another one."""
SIDES = pytest.mark.parametrize("side", [BUY, SELL])


def near(side: int, ticks: int) -> int:
    """Return the price that is so many ticks better than the index for who takes it."""
    return MARK + ticks if side == BUY else MARK - ticks


def rest(world: World, side: int, *orders: tuple[int, int, int], **more: int) -> list[int]:
    """Rest orders of (account, lots, ticks better than the index) and return where they are."""
    slots = []
    for account, lots, ticks in orders:
        if account not in world.owners:
            world.deposit(f"trader {account}", account, 10**9)
        assert world.order(account, 0, side, near(side, ticks), lots, **more) is ACCEPTED
        slots.append(next(values[2] for name, values in reversed(world.events) if name == "rested"))
    return slots


def found(world: World, side: int, lots: int) -> int:
    """Sample for so many lots, with as many on the other side at the collar's edge; return how much better the price is.

    None is 0: then the premium is nothing.
    """
    write_rules(world.state, 0, {"quote_lots": lots})
    rest(world, 1 - side, (OPPOSITE + lots, max(lots, 1), -WIDTH))
    world.later(10_000)
    fields = PRICE_PREMIUM_SUM_PPM, PRICE_PREMIUM_MS
    before = [word(world.state.prices, 0, each) for each in fields]
    assert world.report(0, MARK) is ACCEPTED
    summed, counted = (word(world.state.prices, 0, each) - was for each, was in zip(fields, before, strict=True))
    assert counted == 10_000
    assert not any(word(world.state.prices, 0, PRICE_QUOTED + place) for place in range(QUOTERS))
    return abs(summed) // counted // 1000


def left(world: World, side: int) -> list[int]:
    """Return whose orders rest on a side, the best first."""
    return [order.account for order in book(world.state, 0, side)]


@SIDES
@pytest.mark.parametrize(("wanted", "price"), [(0, 9), (1, 9), (4, 9), (5, 7), (7, 7), (8, 5), (10, 5), (11, 0)])
def test_the_price_is_that_of_the_order_with_which_there_are_enough_lots(
    unreplayed: World, side: int, wanted: int, price: int
) -> None:
    rest(unreplayed, side, (1, 4, 9), (2, 3, 7), (3, 3, 5))
    assert found(unreplayed, side, wanted) == price
    assert left(unreplayed, side) == [1, 2, 3]


@SIDES
def test_small_orders_do_not_count_and_a_price_that_holds_too_little_is_passed_over(
    unreplayed: World, side: int
) -> None:
    """Less than a sixteenth, rounded up."""
    rest(unreplayed, side, (1, 2, 11), (1, 2, 10), (2, 2, 10), (3, 33, 8))
    assert found(unreplayed, side, 33) == 8
    assert left(unreplayed, side) == [1, 1, 2, 3]


@SIDES
def test_nothing_is_looked_at_of_a_price_that_holds_too_little(unreplayed: World, side: int) -> None:
    """What is dead there stays where it is, at no work."""
    rest(unreplayed, side, (1, 2, 11), (2, 33, 8))
    assert unreplayed.cancel_all(1) is ACCEPTED
    assert found(unreplayed, side, 33) == 8
    assert left(unreplayed, side) == [1, 2]


@SIDES
def test_less_than_a_sixteenth_does_not_count_however_many_there_are(unreplayed: World, side: int) -> None:
    """Of 33 lots a sixteenth is three, rounded up; 17 accounts have two each."""
    rest(unreplayed, side, *((account, 2, 11) for account in range(11, 28)), (3, 33, 8))
    assert found(unreplayed, side, 33) == 8


@SIDES
def test_prices_that_hold_too_little_cost_the_sample_no_work_for_their_orders(unreplayed: World, side: int) -> None:
    """Of 480 lots a sixteenth is 30: ten prices with 29 orders of a lot are passed over, and what is behind them found."""
    for ticks in range(2, 12):
        rest(unreplayed, side, *[(1, 1, ticks)] * 29)
    rest(unreplayed, side, (3, 480, 1))
    assert found(unreplayed, side, 480) == 1


@SIDES
def test_an_account_counts_once_with_the_first_of_its_orders_that_does(unreplayed: World, side: int) -> None:
    rest(unreplayed, side, (1, 1, 11), (2, 1, 11), (1, 16, 9), (1, 16, 8), (2, 16, 6))
    assert found(unreplayed, side, 32) == 6


@SIDES
def test_sixteen_accounts_suffice(unreplayed: World, side: int) -> None:
    rest(unreplayed, side, *((account, 2, 11 - account // 4) for account in range(11, 11 + QUOTERS)))
    last = 11 - (10 + QUOTERS) // 4
    assert found(unreplayed, side, 2 * QUOTERS) == last
    assert found(unreplayed, side, 2 * QUOTERS - 1) == last
    assert found(unreplayed, side, 2 * QUOTERS + 1) == 0


@SIDES
def test_dead_orders_are_taken_out(unreplayed: World, side: int) -> None:
    rest(unreplayed, side, (1, 5, 9), (2, 5, 9), (1, 5, 8), (3, 5, 7))
    assert unreplayed.cancel_all(1) is ACCEPTED
    assert found(unreplayed, side, 10) == 7
    assert left(unreplayed, side) == [2, 3]


@SIDES
def test_orders_that_their_account_carries_no_more_are_taken_out(unreplayed: World, side: int) -> None:
    unreplayed.deposit("dave", 4, 10**6)
    rest(unreplayed, side, (4, 5, 9), (2, 5, 9), (4, 5, 8), (3, 5, 7))
    assert unreplayed.withdraw(4, 10**6) is ACCEPTED
    assert found(unreplayed, side, 10) == 7
    assert left(unreplayed, side) == [2, 3]


def test_a_sample_measures_with_the_mark_that_follows_the_new_index(market: World) -> None:
    """What its account does not carry at the price of before, and does at the new one, stays."""
    market.deposit("dave", 4, 60_000)
    assert market.order(1, 0, SELL, MARK, 10) is ACCEPTED
    assert market.order(4, 0, BUY, MARK, 10) is ACCEPTED
    assert market.order(4, 0, BUY, MARK - 10, 1) is ACCEPTED
    market.later(10_000)
    market.report(0, MARK)
    market.later(1_000)
    market.report(0, MARK - 10)
    assert left(market, BUY) == [4], "no sample is due"
    market.later(REPORT_AGE_MS + 5_000)
    market.report(0, MARK)
    assert word(market.state.prices, 0, PRICE_SAMPLE_MS) == market.state.registers.clock_ms
    assert left(market, BUY) == [4]


@SIDES
def test_what_is_too_dear_for_its_owner_is_taken_out_and_what_nobody_may_take_ends_the_side(
    unreplayed: World, side: int
) -> None:
    """A tick beyond the collar; behind that edge nothing is looked at, so nothing is taken out."""
    unreplayed.deposit("dave", 4, 10**6)
    rest(unreplayed, side, (1, 5, WIDTH + 1), (2, 5, 11), (3, 5, -WIDTH), (4, 5, -WIDTH - 1))
    assert unreplayed.withdraw(4, 10**6) is ACCEPTED
    write_rules(unreplayed.state, 0, {"quote_lots": 11})
    unreplayed.later(10_000)
    unreplayed.report(0, MARK)
    assert left(unreplayed, side) == [2, 3, 4]
    assert found(unreplayed, side, 11) == 0
    assert left(unreplayed, side) == [2, 3, 4]
    assert found(unreplayed, side, 5) == 11


@SIDES
def test_a_quote_from_before_a_halt_is_taken_out_where_its_owner_would_not_give_it_any_more(
    unreplayed: World, side: int
) -> None:
    rest(unreplayed, side, (1, 5, 1), (2, 5, 0), (3, 5, -1))
    unreplayed.later(STALE_MS + 1)
    unreplayed.report(0, MARK)
    assert left(unreplayed, side) == [2, 3]
    rest(unreplayed, side, (1, 5, 1))
    assert found(unreplayed, side, 5) == 1
    assert left(unreplayed, side) == [1, 2, 3]


@SIDES
def test_an_order_that_only_reduces_counts_for_what_it_may_still_reduce(unreplayed: World, side: int) -> None:
    rest(unreplayed, 1 - side, (1, 9, 0))
    assert unreplayed.order(2, 0, side, MARK, 9) is ACCEPTED
    rest(unreplayed, side, (1, 9, 9), flags=FLAG_REDUCE_ONLY)
    assert unreplayed.block(1, 2, side, MARK, 6) is ACCEPTED, "what it rests with is more than it holds now"
    rest(unreplayed, side, (3, 6, 7), (2, 1, 5))
    assert found(unreplayed, side, 3) == 9
    assert found(unreplayed, side, 9) == 7
    assert found(unreplayed, side, 10) == 5
    rest(unreplayed, side, (4, 49, 4))
    assert found(unreplayed, side, 49) == 4
    assert left(unreplayed, side) == [1, 3, 2, 4]


@SIDES
def test_of_an_order_that_only_reduces_no_more_counts_than_is_left_of_it(unreplayed: World, side: int) -> None:
    """Of a position of nine lots three may be closed by it."""
    rest(unreplayed, 1 - side, (1, 9, 0))
    assert unreplayed.order(2, 0, side, MARK, 9) is ACCEPTED
    rest(unreplayed, side, (1, 3, 9), flags=FLAG_REDUCE_ONLY)
    rest(unreplayed, side, (3, 6, 7))
    assert found(unreplayed, side, 3) == 9
    assert found(unreplayed, side, 4) == 7


@SIDES
def test_the_work_of_a_side_is_bounded(unreplayed: World, side: int) -> None:
    """Each price and each order is one of it; there are enough small orders, over several pages, to hide one of size."""
    rest(unreplayed, side, *([(1, 1, 9)] * (SAMPLE_WORK - 3)), (2, 17, 8))
    assert found(unreplayed, side, 17) == 8
    rest(unreplayed, side, (3, 1, 9))
    assert found(unreplayed, side, 17) == 0
    assert len(left(unreplayed, side)) == SAMPLE_WORK - 1


@SIDES
def test_a_page_that_was_cancelled_empty_is_one_more(unreplayed: World, side: int) -> None:
    slots = rest(unreplayed, side, *([(1, 1, 9)] * (2 * PAGE_SLOTS)), *([(3, 17, 9)] * 2))
    for slot in slots[PAGE_SLOTS : 2 * PAGE_SLOTS]:
        assert unreplayed.cancel(1, 0, slot) is ACCEPTED
    assert found(unreplayed, side, 17) == 9


@SIDES
def test_behind_the_last_order_of_a_price_that_is_taken_out_the_next_one_comes(market: World, side: int) -> None:
    """Over two pages, whose chain is free then."""
    market.deposit("dave", 4, 10**7)
    for _ in range(PAGE_SLOTS + 1):
        assert market.order(4, 0, side, near(side, 9), 1) is ACCEPTED
    rest(market, side, (2, 1, 7))
    assert market.withdraw(4, 10**7) is ACCEPTED
    market.later(10_000)
    assert market.report(0, MARK) is ACCEPTED
    assert left(market, side) == [2]


@SIDES
def test_X03_a_quote_that_would_pass_its_accounts_largest_position_is_taken_out(unreplayed: World, side: int) -> None:
    """Who takes it gets nothing; one that reduces, or still fits, is as good as any."""
    write_rules(unreplayed.state, 0, {"max_lots": 10})
    rest(unreplayed, side, (1, 6, 0))
    rest(unreplayed, 1 - side, (4, 6, 0))
    rest(unreplayed, side, (1, 5, 9), (1, 4, 8), (3, 5, 7))
    rest(unreplayed, 1 - side, (1, 10, -10))
    assert found(unreplayed, side, 4) == 8
    assert left(unreplayed, side) == [1, 3]
    assert left(unreplayed, 1 - side).count(1) == 1


@SIDES
def test_X03_a_quote_that_its_accounts_margin_would_not_bear_whole_is_taken_out(unreplayed: World, side: int) -> None:
    """Each in the first tier, position and order are carried; one position of both is not."""
    write_rules(unreplayed.state, 0, {"tier2_from_millions": 10, "initial2_ppm": 500_000, "maintenance2_ppm": 25_000})
    unreplayed.deposit("dave", 4, 1_500_000)
    rest(unreplayed, 1 - side, (1, 90, 0))
    assert unreplayed.order(4, 0, side, MARK, 90) is ACCEPTED
    rest(unreplayed, side, (4, 90, 5), (2, 90, 4))
    assert found(unreplayed, side, 90) == 4
    assert left(unreplayed, side) == [2]


@SIDES
def test_X03_a_quote_of_who_gained_by_a_jump_does_not_count_before_the_brake_is_over(world: World, side: int) -> None:
    """It stays where it is: the brake holds it for seconds."""
    world.list_market(0, quote_lots=10)
    world.report(0, MARK)
    jumped = MARK - 20 if side == BUY else MARK + 20
    rest(world, side, (1, 10, 0))
    rest(world, 1 - side, (2, 10, 0))
    world.later(BRAKE_WINDOW_MS)
    world.report(0, jumped)
    world.deposit("trader 3", 3, 10**9)
    for account, quoted, ticks in ((2, side, 5), (3, 1 - side, 6)):
        assert world.order(account, 0, quoted, jumped + (ticks if side == BUY else -ticks), 10) is ACCEPTED
    sums = []
    for ms in (SAMPLE_MS, SAMPLE_MS, BRAKE_MS):
        world.later(ms)
        world.report(0, jumped)
        sums.append(word(world.state.prices, 0, PRICE_PREMIUM_SUM_PPM))
        assert left(world, side) == [2]
    assert sums[:2] == [0, 0]
    assert sums[2] != 0


@SIDES
def test_a_quote_that_has_nothing_left_to_reduce_is_taken_out(market: World, side: int) -> None:
    """Else as many of them as a side is looked through for hide what is behind, and nobody can take them."""
    rest(market, 1 - side, (1, 1, 0))
    rest(market, side, (2, 1, 0))
    rest(market, side, (1, 1, 9), flags=FLAG_REDUCE_ONLY)
    rest(market, side, (3, 1, 8))
    assert market.block(1, 2, side, MARK, 1) is ACCEPTED
    market.later(10_000)
    market.report(0, MARK)
    assert left(market, side) == [3]
