"""SAMPLE_FUNDING."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.machine.steps.sample_funding import hourly_rate, premium
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    FUNDING_RATE_PPM,
    KIND_DATED,
    PRICE_PREMIUM_COUNT,
    PRICE_PREMIUM_SUM_PPM,
)
from tallystick.testing.ledger.ledger_market import Market
from tallystick.testing.ledger.ledger_price import commit
from tallystick.testing.ledger.look import book, cash, funding_index, word
from tallystick.testing.world import World

BUY, SELL = 0, 1
HOUR = 3_600_000


def open_with(world: World, **rules: int) -> None:
    world.list_market(0, taker_fee_ppm=0, maker_fee_ppm=0, **rules)
    world.report(0, 1000)
    for account, name in enumerate(("alice", "bob", "carol"), start=1):
        world.deposit(name, account, 10**9)


def test_a_premium_is_how_far_the_book_is_beyond_the_index() -> None:
    assert premium(1000, 0, 0) == 0
    assert premium(1000, 1010, 1020) == 10_000
    assert premium(1000, 990, 1010) == 0
    assert premium(1000, 980, 990) == -10_000
    assert premium(7, 8, 0) == 142_857
    assert premium(7, 5, 6) == -142_857


@settings(max_examples=200, deadline=None)
@given(st.integers(-(2**44), 2**44), st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_rate_stays_within_its_bounds(average: int, one: int, other: int) -> None:
    """I17."""
    initial, maintenance = max(one, other), min(one, other)
    rate = hourly_rate(average, initial, maintenance)
    most = min(FUNDING_RATE_PPM, initial - maintenance)
    assert -most <= rate <= most


def test_every_minute_is_sampled_once(world: World) -> None:
    open_with(world)
    world.order(3, 0, BUY, 1010, 1)
    for ms in (0, 100, 60_000, 0, 60_000):
        world.later(ms)
        world.report(0, 1000)
    # The first report came before the bid, two more in minutes of their own after it.
    assert word(world.state.prices, 0, PRICE_PREMIUM_COUNT) == 3
    assert word(world.state.prices, 0, PRICE_PREMIUM_SUM_PPM) == 20_000


def test_a_future_that_expires_has_no_funding(world: World) -> None:
    world.list_market(0, kind=KIND_DATED, expiry_ms=world.time * 1000 + 10**9)
    for _ in range(3):
        world.later(HOUR)
        assert world.report(0, 1000) is Outcome.ACCEPTED
    assert funding_index(world.state, 0) == word(world.state.prices, 0, PRICE_PREMIUM_COUNT) == 0


def test_an_hour_above_the_index_costs_the_longs_what_the_shorts_get(world: World) -> None:
    """I17."""
    open_with(world)
    world.order(1, 0, BUY, 1000, 10)
    world.order(2, 0, SELL, 1000, 10)
    world.order(3, 0, BUY, 1010, 1, client_id=1)
    world.later(HOUR)
    world.report(0, 1000)
    before = funding_index(world.state, 0)
    world.later(HOUR)
    world.report(0, 1000)
    # (10,000 - 500) / 8 of an index of 1,000 ticks.
    assert funding_index(world.state, 0) - before == 1187 * 1000
    slot = next(v[2] for name, v in reversed(world.events) if name == "rested")
    world.cancel(3, 1, slot)
    world.reopen(0, 1000)
    paid = funding_index(world.state, 0) * 10 * 100 // 10**6
    cash_before = cash(world.state, 1), cash(world.state, 2)
    world.order(2, 0, BUY, 1000, 10)
    world.order(1, 0, SELL, 1000, 10)
    assert cash(world.state, 1) == cash_before[0] + 1_000_000 - paid
    assert cash(world.state, 2) == cash_before[1] - 1_000_000 + paid


@pytest.mark.parametrize("seed", range(3))
def test_funding_by_chance_is_the_ledgers(world: World, seed: int) -> None:
    """I17."""
    chance = random.Random(seed)
    open_with(world)
    ledger = Market(100, 50_000, 25_000, 0, 0, 1_000_000)
    ledger.reports = dict.fromkeys(range(3), 1000)
    assert commit(ledger, 3, world.state.registers.clock_ms, None, None)
    for _ in range(25):
        world.later(chance.choice((999, 60_000, 1_700_000, 2 * HOUR)))
        world.order(chance.randint(1, 3), 0, chance.randint(0, 1), 1000 + chance.randint(-60, 60), chance.randint(1, 6))
        bids, asks = book(world.state, 0, BUY), book(world.state, 0, SELL)
        best = (bids[0].price_ticks if bids else None, asks[0].price_ticks if asks else None)
        price = 1000 + chance.randint(-30, 30)
        assert world.report(0, price) is Outcome.ACCEPTED
        ledger.reports = dict.fromkeys(range(3), price)
        assert commit(ledger, 3, world.state.registers.clock_ms, *best)
        assert funding_index(world.state, 0) == ledger.funding * 10**6
