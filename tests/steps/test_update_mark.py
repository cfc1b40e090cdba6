"""UPDATE_MARK."""

from __future__ import annotations

import random

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.layout import MOVE_MS, PRICE_BASIS_PPM
from tallystick.testing.ledger.ledger_market import Market
from tallystick.testing.ledger.ledger_price import commit
from tallystick.testing.ledger.look import book, index, mark, surcharge, word
from tallystick.testing.world import World

BUY, SELL = 0, 1
RULES = {"taker_fee_ppm": 0, "maker_fee_ppm": 0}


def open_with(world: World, **rules: int) -> World:
    world.list_market(0, **RULES, **rules)
    world.report(0, 1000)
    for account, name in enumerate(("alice", "bob"), start=1):
        world.deposit(name, account, 10**9)
    return world


def later(world: World, ms: int) -> None:
    world.seal()
    clock = world.state.registers.clock_ms + ms
    world.time = clock // 1000
    world.clock(ahead_ms=clock % 1000)


@pytest.mark.parametrize("sides", [(), (BUY,), (SELL,)])
def test_without_two_sides_the_index_is_the_mark(world: World, sides: tuple[int, ...]) -> None:
    open_with(world)
    for side in sides:
        world.order(1, 0, side, 1050, 1)
    later(world, 10_000)
    world.report(0, 1010)
    assert mark(world.state, 0) == index(world.state, 0) == 1010


def test_the_mark_follows_the_books_usual_distance_from_the_index(world: World) -> None:
    open_with(world)
    world.order(1, 0, BUY, 1019, 1)
    world.order(1, 0, SELL, 1021, 1)
    world.report(0, 1000)
    assert mark(world.state, 0) == 1000
    later(world, 75_000)
    world.report(0, 1000)
    # Half of the averaging time has passed: half of the distance.
    assert word(world.state.prices, 0, PRICE_BASIS_PPM) == 10_000_000
    assert mark(world.state, 0) == 1010


def test_a_book_far_away_moves_the_mark_to_the_band_and_not_beyond(world: World) -> None:
    """I16."""
    open_with(world, band_ppm=20_000)
    world.order(1, 0, BUY, 2000, 1)
    world.order(1, 0, SELL, 2001, 1)
    later(world, 500_000)
    world.report(0, 1000)
    assert mark(world.state, 0) == 1020


def test_a_second_moves_the_mark_no_further_than_its_bound(world: World) -> None:
    """I16."""
    open_with(world, move_ppm=50_000)
    marks = []
    for _ in range(3):
        later(world, MOVE_MS)
        world.report(0, 5000)
        marks.append(mark(world.state, 0))
    assert marks == [1050, 1102, 1157]
    later(world, MOVE_MS)
    world.report(0, 1)
    assert mark(world.state, 0) == 1100


def test_many_rounds_and_reports_within_a_second_move_the_mark_no_further_than_one(world: World) -> None:
    """I16. The mark may come back meanwhile, to where it was and as far to the other side."""
    open_with(world, move_ppm=10_000)
    later(world, MOVE_MS)
    marks = []
    for price in (5000, 5000, 5000, 1, 1, 5000):
        world.report(0, price)
        marks.append(mark(world.state, 0))
        later(world, 100)
    assert marks == [1010, 1010, 1010, 990, 990, 1010]
    later(world, MOVE_MS - 600 - 1)
    world.report(0, 5000)
    assert mark(world.state, 0) == 1010
    later(world, 1)
    world.report(0, 5000)
    assert mark(world.state, 0) == 1020


def test_a_bound_below_a_tick_still_lets_the_mark_move_by_one(world: World) -> None:
    """I16."""
    world.list_market(0, move_ppm=1)
    for price in (10, 12, 12, 1, 1, 1):
        world.report(0, price)
        later(world, MOVE_MS)
    assert mark(world.state, 0) == 9


def test_open_interest_adds_to_the_initial_margin_between_its_bounds(world: World) -> None:
    open_with(world, surcharge_from_units=1_000_000, surcharge_to_units=3_000_000)
    found = []
    for _ in range(4):
        world.order(1, 0, BUY, 1000, 10)
        world.order(2, 0, SELL, 1000, 10)
        world.report(0, 1000)
        found.append(surcharge(world.state, 0))
    assert found == [0, 475_000, 950_000, 950_000]


@pytest.mark.parametrize("seed", range(4))
def test_index_mark_and_surcharge_by_chance_are_the_ledgers(world: World, seed: int) -> None:
    chance = random.Random(seed)
    open_with(world, band_ppm=30_000, move_ppm=40_000, surcharge_from_units=400_000, surcharge_to_units=2_000_000)
    ledger = Market(100, 50_000, 25_000, 0, 0, 1_000_000, band_ppm=30_000, move_ppm=40_000)
    ledger.surcharge = (400_000, 2_000_000)
    ledger.reports = dict.fromkeys(range(3), 1000)
    assert commit(ledger, 3, world.state.registers.clock_ms, None, None)
    for _ in range(25):
        later(world, chance.choice((0, 1, 999, 7_000, 61_000, 200_000)))
        for side in (BUY, SELL):
            price = 1000 + chance.randint(-5, 40)
            world.order(chance.randint(1, 2), 0, side, price, chance.randint(1, 6))
        price = 1000 + chance.randint(-30, 30)
        ledger.open_interest = abs(sum(s for s in _sizes(world) if s > 0))
        bids, asks = book(world.state, 0, BUY), book(world.state, 0, SELL)
        best = (bids[0].price_ticks if bids else None, asks[0].price_ticks if asks else None)
        assert world.report(0, price) is Outcome.ACCEPTED
        ledger.reports = dict.fromkeys(range(3), price)
        assert commit(ledger, 3, world.state.registers.clock_ms, *best)
        state = world.state
        found = (index(state, 0), mark(state, 0), surcharge(state, 0), word(state.prices, 0, PRICE_BASIS_PPM))
        assert found == (ledger.index, ledger.mark, ledger.surcharge_ppm, ledger.basis)


def _sizes(world: World) -> list[int]:
    from tallystick.testing.ledger.look import position

    return [position(world.state, account, 0) for account in (1, 2)]
