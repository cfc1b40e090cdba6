"""What a dated future settles at: the mean of the index over its last half hour, each as long as it stood."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.schema.names import Outcome
from tallystick.state.cells import risk_market_index_ms
from tallystick.state.layout import (
    BRAKED_UP,
    HOUR_MS,
    KIND_DATED,
    LONG_SILENCE_MS,
    MARKET_STATUS,
    SETTLE_WINDOW_MS,
)
from tallystick.state.ordinals import MarketId
from tallystick.testing.ledger.look import brakes, index, margin_index, mark, position, word
from tallystick.testing.world import World
from tests.steps.conftest import check_replay, open_market

FUTURE = 1
PRICE = 20_000
BUY, SELL = 0, 1
MINUTE_MS = 60_000


def listed(world: World, ahead_ms: int = HOUR_MS, **rules: int) -> int:
    """List the future with its price, and return when it expires."""
    expiry = world.state.registers.clock_ms + ahead_ms
    world.list_market(FUTURE, kind=KIND_DATED, expiry_ms=expiry, **rules)
    world.report(FUTURE, PRICE)
    return expiry


def report_at(world: World, time_ms: int, price: int) -> None:
    """Report a price whose time is that, or as soon behind it as the signers may."""
    world.later(max(0, time_ms - world.state.registers.clock_ms))
    world.report(FUTURE, price)


def is_settled(world: World) -> bool:
    return word(world.state.markets, FUTURE, MARKET_STATUS) == 2


def mean(steps: list[tuple[int, int]]) -> Fraction:
    """Reckon it apart: what stood for how many milliseconds."""
    assert sum(ms for _, ms in steps) == SETTLE_WINDOW_MS
    return Fraction(sum(price * ms for price, ms in steps), SETTLE_WINDOW_MS)


def test_it_settles_at_the_exact_mean_to_the_floor(market: World) -> None:
    """I24."""
    expiry = listed(market)
    begin = expiry - SETTLE_WINDOW_MS
    report_at(market, begin + 7, 20_001)
    report_at(market, begin + 600_013, 19_000)
    report_at(market, expiry - 1, 30_000)
    assert not is_settled(market)
    report_at(market, expiry + 5, 777)
    expected = mean([(PRICE, 7), (20_001, 600_006), (19_000, 1_199_986), (30_000, 1)])
    assert expected.denominator > 1
    assert is_settled(market)
    assert mark(market.state, FUTURE) == margin_index(market.state, FUTURE) == floor(expected)


def test_what_stood_before_the_window_or_behind_the_expiry_does_not_count(market: World) -> None:
    expiry = listed(market)
    report_at(market, expiry - SETTLE_WINDOW_MS - 5_000, 5_000)
    report_at(market, expiry - SETTLE_WINDOW_MS, PRICE)
    report_at(market, expiry + HOUR_MS, 90_000)
    assert mark(market.state, FUTURE) == PRICE


def test_what_a_brake_held_last_is_free_once_the_market_has_settled(market: World) -> None:
    expiry = listed(market)
    report_at(market, expiry - SETTLE_WINDOW_MS - 5_000, 25_000)
    assert brakes(market.state, FUTURE)[3] == BRAKED_UP
    report_at(market, expiry, 25_000)
    assert is_settled(market)
    assert brakes(market.state, FUTURE)[3] == 0


def test_a_settled_market_has_no_index_that_could_grow_stale(market: World) -> None:
    expiry = listed(market)
    risk = market.state.risk
    assert risk_market_index_ms(risk.words, risk.open(0), MarketId(FUTURE)) != 0
    report_at(market, expiry, PRICE)
    assert is_settled(market)
    assert risk_market_index_ms(risk.words, risk.open(0), MarketId(FUTURE)) == 0


@pytest.mark.parametrize("silence_ms", [LONG_SILENCE_MS + 1, SETTLE_WINDOW_MS])
def test_an_index_stands_until_the_next_whatever_the_gap(market: World, silence_ms: int) -> None:
    """Else who keeps reports back would choose the minutes that count."""
    expiry = listed(market)
    report_at(market, expiry - silence_ms, 20_100)
    report_at(market, expiry, 30_000)
    assert mark(market.state, FUTURE) == floor(mean([(PRICE, SETTLE_WINDOW_MS - silence_ms), (20_100, silence_ms)]))


def test_the_first_index_of_all_counts_for_what_was_before_it(market: World) -> None:
    expiry = market.state.registers.clock_ms + HOUR_MS
    market.list_market(FUTURE, kind=KIND_DATED, expiry_ms=expiry)
    report_at(market, expiry - MINUTE_MS, 900)
    report_at(market, expiry + 1, 2_700)
    assert mark(market.state, FUTURE) == 900
    assert is_settled(market)


def test_a_future_whose_first_index_comes_behind_its_expiry_settles_at_it(market: World) -> None:
    expiry = market.state.registers.clock_ms + 1_000
    market.list_market(FUTURE, kind=KIND_DATED, expiry_ms=expiry)
    report_at(market, expiry + HOUR_MS, 1)
    assert (is_settled(market), mark(market.state, FUTURE)) == (True, 1)


def test_X05_an_expiry_moved_by_the_last_samples_pays_for_a_thirtieth_only(market: World) -> None:
    """A quarter's jump in the last minute moves what it settles at by a 120th, and not by a quarter."""
    expiry = listed(market)
    report_at(market, expiry - MINUTE_MS, PRICE * 3 // 4)
    report_at(market, expiry, PRICE // 2)
    assert PRICE - mark(market.state, FUTURE) == PRICE // 4 // 30 + 1


def test_X05_who_keeps_reports_back_until_a_price_suits_settles_at_the_one_that_stood(market: World) -> None:
    expiry = listed(market)
    report_at(market, expiry - MINUTE_MS, PRICE)
    report_at(market, expiry + 4 * HOUR_MS, PRICE * 5 // 4)
    assert mark(market.state, FUTURE) == PRICE


def test_margins_follow_what_it_would_settle_at_and_the_basis_fades(market: World) -> None:
    """Within the window index and mark come together, and neither jumps when it settles."""
    expiry = listed(market)
    market.order(1, FUTURE, BUY, PRICE + 100, 1)
    market.order(2, FUTURE, SELL, PRICE + 120, 1)
    for _ in range(15):
        market.later(10_000)
        market.report(FUTURE, PRICE)
    report_at(market, expiry - SETTLE_WINDOW_MS, PRICE)
    apart = mark(market.state, FUTURE) - PRICE
    assert apart > 50
    report_at(market, expiry - SETTLE_WINDOW_MS // 2, PRICE)
    assert 0 < mark(market.state, FUTURE) - PRICE <= 110 // 2
    report_at(market, expiry - SETTLE_WINDOW_MS // 4, PRICE)
    assert 0 < mark(market.state, FUTURE) - PRICE <= 110 // 4
    report_at(market, expiry - SETTLE_WINDOW_MS // 8, 24_000)
    expected = floor(mean([(PRICE, SETTLE_WINDOW_MS * 7 // 8), (24_000, SETTLE_WINDOW_MS // 8)]))
    assert (index(market.state, FUTURE), margin_index(market.state, FUTURE)) == (24_000, expected)
    report_at(market, expiry, 1)
    assert mark(market.state, FUTURE) == expected


def test_nobody_is_liquidated_by_a_dip_that_what_it_settles_at_does_not_see(market: World) -> None:
    expiry = listed(market, LONG_SILENCE_MS)
    market.deposit("dave", 4, 60_000_000)
    market.order(1, FUTURE, SELL, PRICE, 500)
    assert market.order(4, FUTURE, BUY, PRICE, 500) is Outcome.ACCEPTED
    assert position(market.state, 4, FUTURE) == 500
    report_at(market, expiry - MINUTE_MS, PRICE * 9 // 10)
    assert market.liquidate(4, FUTURE) is Outcome.HEALTHY


@given(
    times=st.lists(st.integers(-40, 39), min_size=1, max_size=8),
    prices=st.lists(st.integers(1, (1 << 24) - 1), min_size=9, max_size=9),
)
@settings(max_examples=12, deadline=None)
def test_any_sequence_of_indices_gives_the_mean_of_their_time(times: list[int], prices: list[int]) -> None:
    """I24."""
    world = World()
    world.clock()
    open_market(world)
    expiry = world.state.registers.clock_ms + HOUR_MS
    world.list_market(FUTURE, kind=KIND_DATED, expiry_ms=expiry)
    reported: list[tuple[int, int]] = []
    moments = sorted({expiry - 20 * MINUTE_MS + each * 29_989 for each in times})
    for time, price in zip([each for each in moments if each < expiry], prices, strict=False):
        report_at(world, time, price)
        reported.append((time, price))
    report_at(world, expiry, prices[-1])
    if not reported:
        reported = [(expiry, prices[-1])]
    begin = expiry - SETTLE_WINDOW_MS
    starts = [0, *(time for time, _ in reported[1:])]
    whole = [
        price * max(0, until - max(since, begin))
        for (_, price), since, until in zip(reported, starts, [*starts[1:], expiry], strict=True)
    ]
    assert mark(world.state, FUTURE) == floor(Fraction(sum(whole), SETTLE_WINDOW_MS))
    check_replay(world)
