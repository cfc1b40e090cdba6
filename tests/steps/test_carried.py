"""Whether an account carries an order: what REST_ORDER, CLEAN_ORDER and whoever only posts ask of it alike (I3)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    BRAKE_WINDOW_MS,
    FLAG_MARKET,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_TRIGGER_ABOVE,
    KIND_DATED,
    MAX_PRICE_TICKS,
    STALE_MS,
)
from tallystick.testing.byhand import write_rules
from tallystick.testing.ledger.look import book, parked, position
from tallystick.testing.world import World, ordinary_rules
from tests.steps.conftest import MARK

BUY, SELL = 0, 1
ACCEPTED, MARGIN = Outcome.ACCEPTED, Outcome.MARGIN
SIDES = pytest.mark.parametrize("side", [BUY, SELL])
LOTS = 10
"""Ten lots are worth 1,000,000 units at the index, 1,000 a tick, and need 50,000."""


def dearer(side: int, ticks: int, around: int = MARK) -> int:
    """Return the price that is so many ticks worse for who is on this side."""
    return around + ticks if side == BUY else around - ticks


def needs(world: World, units: int, rest: Callable[[], Outcome]) -> bool:
    """Whether account 4 may rest an order with so many units and not with one less."""
    world.deposit("dave", 4, units - 1)
    if rest() is not MARGIN:
        return False
    world.deposit("dave", 4, 1)
    return rest() is ACCEPTED


@pytest.mark.parametrize(
    ("side", "ticks", "units"),
    [
        (BUY, 10, 60_500),
        (SELL, 10, 59_500),
        (BUY, 0, 50_000),
        (SELL, 0, 50_000),
        (BUY, -10, 49_500),
        (SELL, -10, 50_500),
    ],
)
def test_an_order_asks_for_its_margin_and_for_what_it_loses_against_the_index(
    market: World, side: int, ticks: int, units: int
) -> None:
    assert needs(market, units, lambda: market.order(4, 0, side, dearer(side, ticks), LOTS))


@SIDES
def test_what_only_reduces_asks_for_nothing_and_reduce_only_is_enough_with_any_position(
    market: World, side: int
) -> None:
    market.deposit("dave", 4, 60_500)
    market.order(1, 0, side, MARK, LOTS)
    market.order(4, 0, 1 - side, MARK, LOTS)
    away = dearer(side, -100)
    assert market.order(4, 0, side, away, LOTS) is ACCEPTED
    assert market.order(4, 0, side, away, LOTS + 1) is MARGIN
    assert market.order(4, 0, side, away, 1_000, flags=FLAG_REDUCE_ONLY) is ACCEPTED
    waits = {
        "trigger": dearer(1 - side, 50),
        "flags": FLAG_REDUCE_ONLY | (FLAG_TRIGGER_ABOVE if side == SELL else 0),
    }
    assert market.conditional(4, 0, 1 - side, MARK, 1_000, **waits) is MARGIN


@SIDES
@pytest.mark.parametrize(
    ("limit", "ticks", "margins"),
    [(None, (25, 24), (51_750, 48_300)), (10, (10, 10), (51_000, 49_000)), (-5, (0, 0), (50_250, 49_750))],
)
def test_a_parked_order_asks_for_the_worst_it_may_fire_at_and_for_its_loss_from_its_trigger(
    market: World, side: int, limit: int | None, ticks: tuple[int, int], margins: tuple[int, int]
) -> None:
    """A stop of ten lots: at 1,010 above, or at 990 below, without a limit as far as half of the mark's leeway."""
    trigger = dearer(side, 10)
    price = 0 if limit is None else dearer(side, limit, trigger)
    flags = (FLAG_MARKET if limit is None else 0) | (FLAG_TRIGGER_ABOVE if side == BUY else 0)

    def stop() -> Outcome:
        return market.conditional(4, 0, side, price, LOTS, trigger, flags=flags)

    assert needs(market, margins[side] + 1_000 * ticks[side], stop)


@pytest.mark.parametrize(
    ("side", "trigger", "flags", "units"),
    [
        (BUY, MAX_PRICE_TICKS, FLAG_TRIGGER_ABOVE, 838_860_750 // 10),
        (SELL, 1, 0, 5),
        (SELL, 2, 0, 10),
        (BUY, 40, 0, 40 * 5 + 5 + 100),
    ],
)
def test_the_worst_price_of_a_stop_without_a_limit_is_a_price(
    market: World, side: int, trigger: int, flags: int, units: int
) -> None:
    """One lot: no price beyond the last, none below the first, and what the leeway moves is whole ticks."""
    assert needs(market, units, lambda: market.conditional(4, 0, side, 0, 1, trigger, flags=flags | FLAG_MARKET))


def test_a_market_order_parked_without_a_price_is_not_free(market: World) -> None:
    """X01: parked at no price it would wait at no margin, of any size."""
    market.deposit("dave", 4, 50_000)
    assert market.conditional(4, 0, BUY, 0, 1_000, 990, flags=FLAG_MARKET) is MARGIN
    assert parked(market.state, 0) == []


@SIDES
def test_an_order_is_measured_at_the_worse_of_mark_and_index_and_its_loss_at_the_index(
    unreplayed: World, side: int
) -> None:
    world = unreplayed
    world.deposit("dave", 4, 60_500)
    world.order(1, 0, 1 - side, MARK, LOTS)
    world.order(4, 0, side, MARK, LOTS)
    write_rules(world.state, 0, {"mark_ticks": dearer(side, 10)})
    # The mark is to the position's good: it counts for nothing, and what rests at the index loses nothing.
    assert needs(world, 40_000, lambda: world.order(4, 0, side, MARK, LOTS))


def spent(world: World, side: int) -> list[int]:
    """Let account 4 rest two orders of which it can fill one, and have the first filled; return where the other rests."""
    world.deposit("dave", 4, 50_100)
    for ticks in (0, -1):
        assert world.order(4, 0, side, dearer(side, ticks), LOTS) is ACCEPTED
    assert world.order(2, 0, 1 - side, MARK, LOTS) is ACCEPTED
    return [order.slot for order in book(world.state, 0, side)]


@SIDES
@pytest.mark.parametrize("lacks", [0, 1])
def test_an_order_that_is_carried_no_more_is_cleaned_away_and_one_that_is_stays(
    market: World, side: int, lacks: int
) -> None:
    (slot,) = spent(market, side)
    market.deposit("dave", 4, {BUY: 49_950, SELL: 50_050}[side] - lacks)
    assert market.clean(slot) is (ACCEPTED if lacks else Outcome.NOT_DEAD)
    assert len(book(market.state, 0, side)) == 1 - lacks


@SIDES
def test_nothing_is_cleaned_for_want_of_margin_while_the_index_is_stale(market: World, side: int) -> None:
    """The stale margin would empty a book of all that lives in it."""
    (slot,) = spent(market, side)
    market.later(STALE_MS + 1)
    assert market.clean(slot) is Outcome.NOT_DEAD
    market.report(0, MARK)
    # The sample of the book has taken it out by now.
    assert market.clean(slot) is Outcome.NO_SUCH_ORDER


def test_what_is_parked_is_cleaned_away_alike(market: World) -> None:
    market.deposit("dave", 4, 72_300)
    assert market.conditional(4, 0, SELL, 0, LOTS, 990, flags=FLAG_MARKET) is ACCEPTED
    (stop,) = parked(market.state, 0)
    assert market.clean(stop.slot) is Outcome.NOT_DEAD
    assert market.withdraw(4, 1) is ACCEPTED
    assert market.clean(stop.slot) is ACCEPTED
    assert parked(market.state, 0) == []


def test_every_order_of_a_market_that_is_not_live_is_cleaned_away(market: World) -> None:
    expiry = market.state.registers.clock_ms + 20_000
    market.list_market(1, **ordinary_rules(kind=KIND_DATED, expiry_ms=expiry))
    market.report(1, MARK)
    market.order(1, 1, BUY, 990, 1)
    market.order(1, 0, BUY, 990, 1)
    live, other = (book(market.state, number, BUY)[0].slot for number in (1, 0))
    assert market.clean(live) is Outcome.NOT_DEAD
    market.later(25_000)
    assert market.clean(live) is Outcome.NOT_DEAD
    market.report(1, MARK)
    assert market.clean(live, other) is Outcome.NOT_DEAD
    assert (book(market.state, 1, BUY), len(book(market.state, 0, BUY))) == ([], 1)


@SIDES
def test_a_post_only_order_takes_out_who_is_not_carried_and_goes_on(market: World, side: int) -> None:
    spent(market, side)
    price = dearer(side, -1)
    assert market.order(2, 0, 1 - side, price, 1, flags=FLAG_POST_ONLY) is ACCEPTED
    assert book(market.state, 0, side) == []
    assert [order.account for order in book(market.state, 0, 1 - side)] == [2]


@SIDES
def test_a_post_only_order_would_cross_the_first_that_is_carried(market: World, side: int) -> None:
    spent(market, side)
    price = dearer(side, -1)
    market.order(1, 0, side, price, 1)
    assert market.order(2, 0, 1 - side, price, 1, flags=FLAG_POST_ONLY) is Outcome.WOULD_CROSS
    assert [order.account for order in book(market.state, 0, side)] == [1]


@SIDES
def test_X14_a_quote_that_is_nobodys_to_take_keeps_nobody_from_quoting(market: World, side: int) -> None:
    """It has nothing left to reduce, or a brake holds its account's position, which has gained by a jump."""
    market.order(1, 0, 1 - side, MARK, 1)
    market.order(2, 0, side, MARK, 1)
    price = dearer(side, 10)
    assert market.order(1, 0, side, price, 1, flags=FLAG_REDUCE_ONLY) is ACCEPTED
    assert market.block(1, 2, side, MARK, 1) is ACCEPTED
    assert market.order(3, 0, 1 - side, MARK, 1, flags=FLAG_POST_ONLY) is ACCEPTED
    market.cancel_all(3)

    market.order(1, 0, 1 - side, MARK, 1)
    market.order(2, 0, side, MARK, 1)
    market.later(BRAKE_WINDOW_MS)
    jumped = dearer(side, -20)
    market.report(0, jumped)
    assert market.order(1, 0, side, jumped, 1) is ACCEPTED
    assert market.order(3, 0, 1 - side, jumped, 1, flags=FLAG_POST_ONLY) is ACCEPTED
    assert position(market.state, 3, 0) == 0
    assert [order.account for order in book(market.state, 0, side)] == []
