"""UPDATE_MARK: the mark and the basis behind it."""

from __future__ import annotations

import random
from functools import partial

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.cells import set_price_basis_ppm
from tallystick.state.layout import (
    KIND_DATED,
    MAX_PRICE_TICKS,
    PRICE_BASIS_PPM,
    PRICE_INDEX_MS,
    PRICE_SAMPLE_MS,
    SAMPLE_MS,
    STALE_MS,
)
from tallystick.state.ordinals import MarketId
from tallystick.state.quantities import TickPpm
from tallystick.testing.byhand import write_rules
from tallystick.testing.ledger.ledger_market import Market
from tallystick.testing.ledger.ledger_price import commit
from tallystick.testing.ledger.look import book, index, mark, word
from tallystick.testing.world import World

BUY, SELL = 0, 1
RULES = {"taker_fee_ppm": 0, "maker_fee_ppm": 0}


def open_with(world: World, **rules: int) -> World:
    world.list_market(0, **RULES, **rules)
    world.report(0, 1000)
    for account, name in enumerate(("alice", "bob"), start=1):
        world.deposit(name, account, 10**9)
    return world


def basis(world: World) -> int:
    return word(world.state.prices, 0, PRICE_BASIS_PPM)


def sample(world: World, times: int = 1, price: int = 1000, ms: int = 10_000) -> list[int]:
    """Report a price so many times, and return the marks."""
    marks = []
    for _ in range(times):
        world.later(ms)
        world.report(0, price)
        marks.append(mark(world.state, 0))
    return marks


@pytest.mark.parametrize("sides", [(), (BUY,), (SELL,)])
def test_without_two_sides_the_index_is_the_mark(world: World, sides: tuple[int, ...]) -> None:
    open_with(world)
    for side in sides:
        world.order(1, 0, side, 1005, 1)
    assert sample(world, 3, 1010) == [1010] * 3
    assert index(world.state, 0) == 1010
    assert basis(world) == 0


def test_the_mark_follows_the_index_at_once_however_far_it_is(world: World) -> None:
    """I16."""
    open_with(world)
    assert [sample(world, 1, price)[0] for price in (5000, 1, MAX_PRICE_TICKS, 1000)] == [
        *(5000, 1, MAX_PRICE_TICKS, 1000)
    ]


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_mark_follows_the_books_usual_distance_from_the_index(world: World, sign: int) -> None:
    """Ten seconds are a fifteenth of the averaging time, rounded to zero at each sample."""
    open_with(world)
    world.order(1, 0, BUY, 1000 + sign * 10 - 1, 1)
    world.order(1, 0, SELL, 1000 + sign * 10 + 1, 1)
    expected, marks = 0, sample(world, 20)
    for found in marks:
        expected += (10_000_000 - expected) // 15
        assert found == 1000 + sign * (expected // 10**6)
    assert basis(world) == sign * expected
    assert marks[-1] == 1000 + sign * 7
    assert sample(world, 1, 2000) == [2000 + sign * 7]


def test_a_sample_counts_for_the_time_since_the_last_one_but_for_no_more_than_ten_seconds(world: World) -> None:
    open_with(world)
    sample(world)
    world.order(1, 0, BUY, 1009, 1)
    world.order(1, 0, SELL, 1011, 1)
    sample(world, ms=5_000)
    assert basis(world) == 10_000_000 * 5_000 // 150_000
    before = basis(world)
    sample(world, ms=25_000)
    assert basis(world) - before == (10_000_000 - before) * 10_000 // 150_000


def test_a_sample_is_taken_once_in_five_seconds_and_the_mark_follows_every_index(world: World) -> None:
    open_with(world)
    sample(world)
    world.order(1, 0, BUY, 1009, 1)
    world.order(1, 0, SELL, 1011, 1)
    taken = word(world.state.prices, 0, PRICE_SAMPLE_MS)
    for ms in (SAMPLE_MS - 1, 0):
        assert sample(world, 1, 1004, ms=ms) == [1004]
        assert (basis(world), word(world.state.prices, 0, PRICE_SAMPLE_MS)) == (0, taken)
    sample(world, 1, 1004, ms=1)
    assert basis(world) == 200_000
    assert word(world.state.prices, 0, PRICE_SAMPLE_MS) == taken + SAMPLE_MS == world.state.registers.clock_ms


@pytest.mark.parametrize(
    ("band", "sign", "end"), [(5_000, 1, 4), (5_000, -1, -4), (100_000, 1, 11), (100_000, -1, -11)]
)
def test_a_book_far_away_moves_the_mark_to_the_bound_and_not_beyond(
    unreplayed: World, band: int, sign: int, end: int
) -> None:
    """I16. The band, but at most half the maintenance fraction, which is as far as anybody may fill.

    A basis comes so near that a fifteenth of the rest is nothing.
    """
    world = unreplayed
    write_rules(world.state, 0, {"band_ppm": band})
    bid = 1011 if sign > 0 else 988
    world.order(1, 0, BUY, bid, 1)
    world.order(1, 0, SELL, bid + 1, 1)
    marks = sample(world, 240)
    assert all(abs(each - 1000) <= min(band, 12_500) / 1000 for each in marks)
    assert marks[-1] == 1000 + end


def test_a_basis_of_before_is_cut_to_what_the_index_and_the_rules_allow_now(unreplayed: World) -> None:
    """I16. The basis itself stays, and comes back with the index."""
    world = unreplayed
    set_price_basis_ppm(world.state.prices.words, world.state.prices.open(MarketId(0)), TickPpm(12 * 10**6))
    sample(world, 1, ms=1)
    assert mark(world.state, 0) == 1012
    sample(world, 1, 500, ms=1_000)
    assert (mark(world.state, 0), basis(world)) == (506, 12 * 10**6)
    write_rules(world.state, 0, {"band_ppm": 2_000})
    sample(world, 1, 1000, ms=1_000)
    assert mark(world.state, 0) == 1002


def test_in_a_settlement_window_the_basis_fades(world: World) -> None:
    """What settles has none."""
    expiry = world.state.registers.clock_ms + 1_800_000 + 400_000
    open_with(world, kind=KIND_DATED, expiry_ms=expiry)
    world.order(1, 0, BUY, 1011, 1)
    world.order(1, 0, SELL, 1012, 1)
    assert sample(world, 30)[-1] == 1010
    away = []
    while world.state.registers.clock_ms < expiry - 20_000:
        away += sample(world, 1, ms=20_000)
    assert away == sorted(away, reverse=True)
    assert away[-1] == 1000


@pytest.mark.parametrize("seed", range(3))
def test_index_mark_and_basis_by_chance_are_the_ledgers(world: World, seed: int) -> None:
    chance = random.Random(seed)
    open_with(world, band_ppm=8_000)
    ledger = Market(100, 50_000, 25_000, 0, 0, 1_000_000, band_ppm=8_000)
    ledger.reports = dict.fromkeys(range(3), (int(world.state.registers.clock_ms), 1000))

    def best() -> tuple[int | None, int | None]:
        bids, asks = (book(world.state, 0, side) for side in (BUY, SELL))
        return bids[0].price_ticks if bids else None, asks[0].price_ticks if asks else None

    assert commit(ledger, 3, int(world.state.registers.clock_ms), best)
    for _ in range(25):
        world.later(chance.choice((1_000, 4_999, 5_000, 7_000, 29_000)))
        for side in (BUY, SELL):
            price = 1000 + chance.randint(-3, 8)
            world.order(chance.randint(1, 2), 0, side, price, chance.randint(1, 6))
        price = 1000 + chance.randint(-2, 2)
        for signer in range(3):
            found = best()
            assert world.prices({0: price + signer % 2}, signer) is Outcome.ACCEPTED
            ledger.reports[signer] = (int(world.state.registers.clock_ms), price + signer % 2)
            commit(ledger, 3, int(world.state.registers.clock_ms), partial(next, iter([found])))
        state = world.state
        assert (index(state, 0), mark(state, 0), basis(world)) == (ledger.index, ledger.mark, ledger.basis)


def test_an_index_that_comes_late_through_l1_samples_no_book(market: World) -> None:
    """Who quotes could not follow it."""
    before = word(market.state.prices, 0, PRICE_SAMPLE_MS)
    signed_ms = market.state.registers.clock_ms + 2_000
    reports = [market.reported({0: 1000}, signer, signed_ms) for signer in range(3)]
    market.later(STALE_MS + 10_000)
    assert market.force(*reports) is Outcome.ACCEPTED
    assert word(market.state.prices, 0, PRICE_INDEX_MS) == signed_ms
    assert word(market.state.prices, 0, PRICE_SAMPLE_MS) == before
