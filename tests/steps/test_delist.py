"""DELIST: a perpetual that governance lets expire."""

from __future__ import annotations

import pytest

from tallystick.records.signing import make
from tallystick.rollup.invariants import broken
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    DELIST_DELAY_MS,
    HOUR_MS,
    KIND_DATED,
    MARKET_EXPIRY_MS,
    MARKET_KIND,
    MARKET_STATUS,
    PRICE_PREMIUM_MS,
    SETTLE_WAIT_MS,
    SETTLE_WINDOW_MS,
)
from tallystick.testing.ledger.look import cash, funding_index, mark, word
from tallystick.testing.world import World

BUY, SELL = 0, 1


def delist(world: World, market: int = 0, by: str = "governance") -> Outcome:
    return world.send(world.signed("delist", by, market=market))


@pytest.fixture
def held(market: World) -> World:
    """Alice long 30, bob short 30 of a perpetual at 1000 with a premium sampled."""
    market.order(1, 0, BUY, 1000, 30)
    market.order(2, 0, SELL, 1000, 30)
    market.order(1, 0, BUY, 1010, 1)
    market.later(60_000)
    market.report(0, 1000)
    assert word(market.state.prices, 0, PRICE_PREMIUM_MS) > 0
    return market


def test_I14_only_governance_delists_and_a_market_once(held: World) -> None:
    """I14."""
    assert delist(held, by="mallory") is Outcome.NOT_AUTHORISED
    assert delist(held, 1) is Outcome.NO_MARKET
    assert delist(held) is Outcome.ACCEPTED
    expiry = held.state.registers.clock_ms + DELIST_DELAY_MS
    assert (word(held.state.markets, 0, MARKET_KIND), word(held.state.markets, 0, MARKET_EXPIRY_MS)) == (
        KIND_DATED,
        expiry,
    )
    held.later(1_000)
    assert delist(held) is Outcome.BAD_PARAMETERS
    assert word(held.state.markets, 0, MARKET_EXPIRY_MS) == expiry


def test_it_trades_on_until_it_expires_and_settles_at_the_mean_of_its_last_half_hour(held: World) -> None:
    assert delist(held) is Outcome.ACCEPTED
    assert held.order(1, 0, BUY, 1000, 1) is Outcome.ACCEPTED
    charged = funding_index(held.state, 0)
    before = {each: cash(held.state, each) for each in (1, 2)}
    held.later(DELIST_DELAY_MS - SETTLE_WINDOW_MS // 2)
    held.report(0, 1100)
    held.later(SETTLE_WINDOW_MS // 2)
    assert held.order(1, 0, BUY, 1000, 1) is Outcome.MARKET_EXPIRED
    held.report(0, 1)
    assert (word(held.state.markets, 0, MARKET_STATUS), mark(held.state, 0)) == (2, 1050)
    held.later(SETTLE_WAIT_MS)
    for account, size in ((1, 30), (2, -30)):
        assert held.send(make("settle_position", account=account, market=0)) is Outcome.ACCEPTED
        assert cash(held.state, account) == before[account] + size * 1050 * 100 - -(-size * 100 * charged // 1_000_000)
    assert delist(held) is Outcome.NO_MARKET
    assert broken(held.state) == ()


def test_funding_of_the_hour_is_charged_and_then_no_more(held: World) -> None:
    assert funding_index(held.state, 0) == 0
    assert delist(held) is Outcome.ACCEPTED
    charged = funding_index(held.state, 0)
    assert charged > 0
    assert word(held.state.prices, 0, PRICE_PREMIUM_MS) == 0
    for _ in range(3):
        held.later(HOUR_MS)
        held.report(0, 1000)
    assert (funding_index(held.state, 0), word(held.state.prices, 0, PRICE_PREMIUM_MS)) == (charged, 0)


def test_a_market_that_no_premium_was_sampled_of_is_delisted_as_well(market: World) -> None:
    market.list_market(1)
    assert delist(market, 1) is Outcome.ACCEPTED
    assert funding_index(market.state, 1) == 0
