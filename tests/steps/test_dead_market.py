"""A market that has no signers any more: found dead, and settled a day later by the last index it had."""

from __future__ import annotations

import pytest

from tallystick.records.signing import make
from tallystick.rollup.invariants import broken
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    DEAD_MARKET_MS,
    DEAD_WAIT_MS,
    HOUR_MS,
    KIND_DATED,
    LIST_DELAY_MS,
    MARKET_DEAD_MS,
    MARKET_FUNDING_PART_PPM,
    MARKET_FUNDING_WHOLE_TICKS,
    MARKET_LIVE_MS,
    MARKET_NET_LOTS,
    MARKET_STATUS,
    PRICE_INDEX_MS,
    PRICE_PREMIUM_MS,
    SETTLE_WAIT_MS,
)
from tallystick.testing.ledger.look import cash, funding_index, margin_index, mark, position, word
from tallystick.testing.world import World

BUY, SELL = 0, 1
OTHER = 1
NOBODYS = 99
ACCEPTED = Outcome.ACCEPTED


def settle(world: World, account: int = NOBODYS, market: int = 0) -> Outcome:
    return world.send(make("settle_position", account=account, market=market))


def is_settled(world: World, market: int = 0) -> bool:
    return word(world.state.markets, market, MARKET_STATUS) == 2


@pytest.fixture
def held(market: World) -> World:
    """Alice long 30, bob short 30 of a perpetual at 1000, another market beside it, and a premium sampled."""
    market.list_market(OTHER)
    market.report(OTHER, 500)
    market.order(1, 0, BUY, 1000, 30)
    market.order(2, 0, SELL, 1000, 30)
    market.order(1, 0, BUY, 1010, 1)
    market.later(60_000)
    market.report(0, 1001)
    assert word(market.state.prices, 0, PRICE_PREMIUM_MS) > 0
    return market


def silence(world: World, ms: int) -> None:
    """Let market 0 have no index for so long, and the other one have one then."""
    last = world.state.registers.last_index_ms
    world.later(last + ms - world.state.registers.clock_ms)
    world.report(OTHER, 500)


def test_X13_a_dead_market_whose_signers_vanish_settles_at_its_last_index_and_nobody_is_stuck(held: World) -> None:
    silence(held, DEAD_MARKET_MS + 1)
    assert settle(held) is ACCEPTED
    assert settle(held) is Outcome.TOO_EARLY
    held.later(DEAD_WAIT_MS)
    before = {each: cash(held.state, each) for each in (1, 2)}
    assert settle(held) is ACCEPTED
    assert (is_settled(held), mark(held.state, 0)) == (True, 1001)
    charged = funding_index(held.state, 0)
    assert charged > 0, "what the hour had sampled"
    assert settle(held, 1) is Outcome.TOO_EARLY
    held.later(SETTLE_WAIT_MS)
    assert [settle(held, each) for each in (1, 2)] == [ACCEPTED, ACCEPTED]
    for account, size in ((1, 30), (2, -30)):
        owed = -(-size * 100 * charged // 1_000_000)
        assert cash(held.state, account) == before[account] + size * 1001 * 100 - owed
        assert position(held.state, account, 0) == 0
    totals = (MARKET_NET_LOTS, MARKET_FUNDING_WHOLE_TICKS, MARKET_FUNDING_PART_PPM)
    assert [word(held.state.markets, 0, each) for each in totals] == [0, 0, 0]
    assert broken(held.state) == ()
    assert held.withdraw(1, cash(held.state, 1) // 2) is ACCEPTED


def test_a_market_that_is_silent_for_three_days_is_not_dead_and_for_a_millisecond_more_it_is(held: World) -> None:
    silence(held, DEAD_MARKET_MS)
    assert settle(held) is Outcome.NOT_SETTLED
    held.later(1_000)
    held.report(OTHER, 500)
    assert settle(held) is ACCEPTED


def test_an_outage_of_the_whole_exchange_kills_nobodys_market(held: World) -> None:
    held.later(2 * DEAD_MARKET_MS)
    assert settle(held) is settle(held, market=OTHER) is Outcome.NOT_SETTLED


def test_a_market_without_any_index_is_not_dead(held: World) -> None:
    held.list_market(2)
    silence(held, DEAD_MARKET_MS + 1)
    assert settle(held, market=2) is settle(held, market=63) is Outcome.NOT_SETTLED


def test_a_day_is_a_day(held: World) -> None:
    silence(held, DEAD_MARKET_MS + 1)
    assert settle(held) is ACCEPTED
    held.later(DEAD_WAIT_MS - 1)
    assert settle(held) is Outcome.TOO_EARLY
    held.later(1)
    assert settle(held) is ACCEPTED
    assert is_settled(held)


def test_prices_that_come_back_make_it_live_and_another_death_begins_anew(held: World) -> None:
    silence(held, DEAD_MARKET_MS + 1)
    assert settle(held) is ACCEPTED
    held.later(DEAD_WAIT_MS)
    held.report(0, 1002)
    assert settle(held) is Outcome.NOT_SETTLED
    silence(held, DEAD_MARKET_MS + 1)
    assert settle(held) is ACCEPTED
    assert not is_settled(held)
    assert word(held.state.markets, 0, MARKET_DEAD_MS) == held.state.registers.clock_ms
    assert settle(held) is Outcome.TOO_EARLY


def test_an_index_signed_before_a_market_was_found_dead_makes_it_live_as_well(held: World) -> None:
    """Else another death would be no day long: `dead_ms` is behind such an index, though it was found of one before it."""
    silence(held, DEAD_MARKET_MS + 1)
    assert settle(held) is ACCEPTED
    for signer in range(3):
        assert held.prices({0: 1002}, signer, ahead_ms=-10_000) is ACCEPTED
    assert word(held.state.prices, 0, PRICE_INDEX_MS) < word(held.state.markets, 0, MARKET_DEAD_MS)
    silence(held, DEAD_MARKET_MS + 10_001)
    assert settle(held) is ACCEPTED
    assert not is_settled(held)
    assert settle(held) is Outcome.TOO_EARLY


def test_a_future_whose_signers_vanish_in_its_last_half_hour_settles_at_what_its_margins_followed(held: World) -> None:
    """The last index stands until the expiry. At it alone who was solvent all the time would owe, and nobody was closed before."""
    expiry = held.state.registers.clock_ms + HOUR_MS
    held.list_market(2, kind=KIND_DATED, expiry_ms=expiry)
    held.report(2, 20_000)
    held.later(expiry - 60_000 - held.state.registers.clock_ms)
    held.report(2, 14_600)
    expected = margin_index(held.state, 2)
    assert 19_800 < expected < 19_830
    silence(held, DEAD_MARKET_MS + HOUR_MS)
    assert settle(held, market=2) is ACCEPTED
    held.later(DEAD_WAIT_MS)
    assert settle(held, market=2) is ACCEPTED
    assert (is_settled(held, 2), mark(held.state, 2), margin_index(held.state, 2)) == (True, expected, expected)


def test_a_dated_future_that_has_expired_without_signers_settles_too(held: World) -> None:
    held.list_market(2, kind=KIND_DATED, expiry_ms=held.state.registers.clock_ms + 1_000)
    held.report(2, 777)
    silence(held, DEAD_MARKET_MS + 60_000)
    assert settle(held, market=2) is ACCEPTED
    held.later(DEAD_WAIT_MS)
    assert settle(held, market=2) is ACCEPTED
    assert (is_settled(held, 2), mark(held.state, 2)) == (True, 777)


def test_a_series_whose_first_index_was_the_last_ones_is_not_dead_before_it_has_been_live_for_days(
    held: World,
) -> None:
    """Old reports still count for some seconds; its own signers have until it is live, and three days, to begin."""
    silence(held, DEAD_MARKET_MS + 1)
    settle(held)
    held.later(DEAD_WAIT_MS)
    settle(held)
    held.later(SETTLE_WAIT_MS)
    for account in (1, 2):
        assert settle(held, account) is ACCEPTED
    assert held.list_by_record(0) is ACCEPTED
    held.report(0, 1001)
    first = word(held.state.prices, 0, PRICE_INDEX_MS)
    assert first < word(held.state.markets, 0, MARKET_LIVE_MS), "an index before the first order"
    silence(held, LIST_DELAY_MS + DEAD_MARKET_MS)
    assert settle(held) is Outcome.NOT_SETTLED
    held.later(1_000)
    held.report(OTHER, 500)
    assert settle(held) is ACCEPTED
    assert settle(held) is Outcome.TOO_EARLY, "found dead, and a day from now it settles"
