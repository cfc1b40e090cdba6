"""UPDATE_MARK: premiums, sampled as the book's distance from the index for as long as it lasts, and what an hour of them costs."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.machine.market.instrument import hourly_rate
from tallystick.machine.steps.update_mark import premium
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    FUNDING_RATE_PPM,
    KIND_DATED,
    PRICE_PREMIUM_MS,
    PRICE_PREMIUM_SUM_PPM,
)
from tallystick.state.quantities import Ppm
from tallystick.testing import exact
from tallystick.testing.ledger.ledger_market import Market
from tallystick.testing.ledger.ledger_price import commit
from tallystick.testing.ledger.look import book, cash, funding_index, word
from tallystick.testing.world import World

BUY, SELL = 0, 1
HOUR = 3_600_000
BOUND = 12_500
"""Half of the maintenance fraction, in millionths."""


def open_with(world: World, **rules: int) -> None:
    world.list_market(0, taker_fee_ppm=0, maker_fee_ppm=0, **rules)
    world.report(0, 1000)
    for account, name in enumerate(("alice", "bob", "carol"), start=1):
        world.deposit(name, account, 10**9)


def sampled(world: World) -> tuple[int, int]:
    return word(world.state.prices, 0, PRICE_PREMIUM_SUM_PPM), word(world.state.prices, 0, PRICE_PREMIUM_MS)


def sample(world: World, times: int = 1, ms: int = 10_000) -> None:
    for _ in range(times):
        world.later(ms)
        world.report(0, 1000)


@pytest.mark.parametrize(
    ("index", "bid", "ask", "expected"),
    [
        (1000, 1000, 1000, 0),
        (1000, 1010, 1020, 10_000),
        (1000, 990, 1010, 0),
        (1000, 980, 990, -10_000),
        (7, 8, 9, 142_857),
        (7, 5, 6, -142_857),
        ((1 << 24) - 1, 1, 2, -999_999),
    ],
)
def test_a_premium_is_how_far_the_book_is_beyond_the_index(index: int, bid: int, ask: int, expected: int) -> None:
    assert premium(index, bid, ask) == expected == exact.rounded_to_zero(exact.premium(index, bid, ask) * 10**6)


@settings(max_examples=200, deadline=None)
@given(st.integers(-(2**44), 2**44), st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_rate_stays_within_its_bounds(average: int, one: int, other: int) -> None:
    """I17."""
    initial, maintenance = max(one, other), min(one, other)
    rate = hourly_rate(Ppm(average), Ppm(initial), Ppm(maintenance))
    most = min(FUNDING_RATE_PPM, initial - maintenance)
    assert -most <= rate <= most


def test_a_sample_counts_for_the_time_since_the_last_one_but_for_no_more_than_ten_seconds(world: World) -> None:
    """I17."""
    open_with(world)
    world.order(3, 0, BUY, 1010, 1)
    world.order(3, 0, SELL, 1011, 1)
    # The first index found no book.
    assert sampled(world) == (0, 10_000)
    for ms, counted in ((5_000, 5_000), (29_000, 10_000), (4_999, 0), (1, 5_000)):
        before = sampled(world)
        sample(world, ms=ms)
        assert sampled(world) == (before[0] + 10_000 * counted, before[1] + counted)


@pytest.mark.parametrize("sides", [(BUY,), (SELL,)])
def test_a_side_without_a_price_is_a_premium_of_nothing_for_its_time(world: World, sides: tuple[int, ...]) -> None:
    open_with(world)
    for side in sides:
        world.order(3, 0, side, 1010 if side == BUY else 990, 1)
    sample(world, 3)
    assert sampled(world) == (0, 40_000)


@pytest.mark.parametrize("sign", [-1, 1])
def test_no_sample_counts_for_more_than_the_bound_of_the_basis(world: World, sign: int) -> None:
    """I17. One of 720 of an hour moves its rate by 1/720 of that at most."""
    open_with(world, band_ppm=8_000)
    world.order(3, 0, BUY, 1011 if sign > 0 else 988, 1)
    world.order(3, 0, SELL, 1012 if sign > 0 else 989, 1)
    before = sampled(world)
    sample(world)
    assert sampled(world) == (before[0] + sign * 8_000 * 10_000, before[1] + 10_000)


def test_a_future_that_expires_has_no_funding(world: World) -> None:
    world.list_market(0, kind=KIND_DATED, expiry_ms=world.time * 1000 + 10**9)
    for _ in range(3):
        world.later(HOUR)
        assert world.report(0, 1000) is Outcome.ACCEPTED
    assert funding_index(world.state, 0) == 0
    assert sampled(world) == (0, 0)


def test_an_hour_above_the_index_costs_the_longs_what_the_shorts_get(world: World) -> None:
    """I17."""
    open_with(world)
    world.order(1, 0, BUY, 1000, 10)
    world.order(2, 0, SELL, 1000, 10)
    world.order(3, 0, BUY, 1010, 1, client_id=1)
    bid = next(v[2] for name, v in reversed(world.events) if name == "rested")
    world.order(3, 0, SELL, 1012, 1, client_id=2)
    sample(world, 9)
    assert sampled(world) == (90_000 * 10_000, 100_000)
    world.later(HOUR)
    world.report(0, 1000)
    # (9,000 - 500) / 8 of an index of 1,000 ticks.
    assert funding_index(world.state, 0) == 1062 * 1000
    # The first sample behind the hour has found a bid from before a halt, and taken it out.
    assert sampled(world) == (0, 10_000)
    assert world.cancel(3, 1, bid) is Outcome.NO_SUCH_ORDER
    paid = funding_index(world.state, 0) * 10 * 100 // 10**6
    cash_before = cash(world.state, 1), cash(world.state, 2)
    world.order(2, 0, BUY, 1000, 10)
    world.order(1, 0, SELL, 1000, 10)
    assert cash(world.state, 1) == cash_before[0] + 1_000_000 - paid
    assert cash(world.state, 2) == cash_before[1] - 1_000_000 + paid


def test_X03_an_order_that_nobody_can_fill_sets_no_rate(world: World) -> None:
    """Its account has taken out what stood behind it: no lot of it is worth more than none."""
    open_with(world)
    for account in (4, 5):
        world.deposit("ghost", account, 10**6)
        assert world.order(account, 0, account - 4, 1010 + account, 1) is Outcome.ACCEPTED
        assert world.withdraw(account, 10**6) is Outcome.ACCEPTED
    sample(world, 6)
    assert sampled(world) == (0, 70_000)
    assert book(world.state, 0, BUY) == []


@pytest.mark.parametrize("seed", range(3))
def test_funding_by_chance_is_the_ledgers(world: World, seed: int) -> None:
    """I17."""
    chance = random.Random(seed)
    open_with(world)
    ledger = Market(100, 50_000, 25_000, 0, 0, 1_000_000)
    ledger.reports = dict.fromkeys(range(3), (int(world.state.registers.clock_ms), 1000))

    def best() -> tuple[int | None, int | None]:
        bids, asks = (book(world.state, 0, side) for side in (BUY, SELL))
        return bids[0].price_ticks if bids else None, asks[0].price_ticks if asks else None

    assert commit(ledger, 3, int(world.state.registers.clock_ms), best)
    for _ in range(25):
        ms = chance.choice((1_000, 5_000, 20_000, 1_700_000, 2 * HOUR))
        if ms > 30_000:
            for account in (1, 2, 3):
                world.cancel_all(account)
        world.later(ms)
        world.order(chance.randint(1, 3), 0, chance.randint(0, 1), 1000 + chance.randint(-9, 9), chance.randint(1, 6))
        price = 1000 + chance.randint(-2, 2)
        for signer in range(3):
            assert world.prices({0: price}, signer) is Outcome.ACCEPTED
            ledger.reports[signer] = (int(world.state.registers.clock_ms), price)
            commit(ledger, 3, int(world.state.registers.clock_ms), best)
        assert funding_index(world.state, 0) == ledger.funding * 10**6
