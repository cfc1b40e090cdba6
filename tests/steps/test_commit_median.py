"""COMMIT_MEDIAN."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.machine.steps.commit_median import nth
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    LONG_SILENCE_MS,
    PRICE_INDEX_MS,
    PRICE_RESUMED_MS,
    REPORT_AGE_MS,
    REPORT_AHEAD_MS,
    STALE_MS,
)
from tallystick.testing.ledger.look import index, mark, word
from tallystick.testing.world import World

settings.register_profile("median", max_examples=100, deadline=None, derandomize=False)
MEDIAN = settings.get_profile("median")


def send(world: World, reports: dict[int, int], ahead: int = 0) -> Outcome:
    outcome = Outcome.ACCEPTED
    for signer, price in reports.items():
        outcome = world.prices({0: price}, signer, ahead)
    return outcome


def index_ms(world: World) -> int:
    """Return the index's time, from the clock on."""
    return word(world.state.prices, 0, PRICE_INDEX_MS) - world.state.registers.clock_ms


@pytest.mark.parametrize(
    ("reports", "median"),
    [
        ({0: 1000, 1: 1020, 2: 1030}, 1020),
        ({4: 1000, 2: 1000, 0: 1030}, 1000),
        ({0: 1000, 1: 1020, 2: 1030, 3: 1040}, 1020),
        ({0: 1040, 1: 1030, 2: 1020, 3: 1010, 4: 1050}, 1030),
        ({0: 2**24 - 2, 1: 2**24 - 1, 2: 2**24 - 1}, 2**24 - 1),
    ],
)
def test_a_quorum_makes_the_lower_median_the_index(world: World, reports: dict[int, int], median: int) -> None:
    world.list_market(0)
    assert send(world, reports) is Outcome.ACCEPTED
    assert index(world.state, 0) == mark(world.state, 0) == median


def test_a_report_after_the_quorum_moves_the_index_again(world: World) -> None:
    world.list_market(0)
    send(world, {0: 1010, 1: 1020, 2: 1030})
    send(world, {3: 1040})
    assert index(world.state, 0) == 1020
    send(world, {4: 1050})
    assert index(world.state, 0) == 1030


def test_the_order_of_the_reports_does_not_matter() -> None:
    """I15."""
    found = set()
    for order in list(permutations(enumerate((1010, 1020, 1030, 1040, 1050))))[::7]:
        world = World()
        world.clock()
        world.list_market(0)
        send(world, dict(order))
        found.add(index(world.state, 0))
    assert found == {1030}


@pytest.mark.parametrize("lie", [1, 900, 999, 1001, 1003, 1100, 2**24 - 1])
@pytest.mark.parametrize("liar", [0, 1, 2])
def test_X07_one_liar_among_exactly_three_neither_stops_the_index_nor_moves_it_out_of_two_honest_prices(
    world: World, lie: int, liar: int
) -> None:
    """I15. No report is passed over for its price: the others would be too few."""
    world.list_market(0)
    world.report(0, 500)
    world.later(STALE_MS)
    prices = [1000, 1002]
    prices.insert(liar, lie)
    assert send(world, dict(enumerate(prices))) is Outcome.ACCEPTED
    assert 1000 <= index(world.state, 0) <= 1002
    assert index_ms(world) == 0


def test_X07_one_price_signer_halts_no_market_however_new_its_reports_are(world: World) -> None:
    """I15. Whose times are ahead of everybody's neither discards the others' reports nor makes the index newer."""
    world.list_market(0)
    for price in range(1000, 1040, 4):
        for ahead in (REPORT_AHEAD_MS, REPORT_AHEAD_MS + 1):
            world.prices({0: 1}, 4, ahead)
        assert send(world, {0: price, 1: price + 1, 2: price + 2}) is Outcome.ACCEPTED
        assert price <= index(world.state, 0) <= price + 2
        assert index_ms(world) == 0
        world.later(3_000)


def test_X07_the_price_signer_who_is_newer_than_a_forced_report_is_passed_over_alone(world: World) -> None:
    """I15. Together with the sequencer it would else keep every index that came through L1 from being made."""
    world.list_market(0)
    queued = world.time
    world.later(600_000)
    assert world.prices({0: 1}, 4) is Outcome.ACCEPTED
    records = [world.reported({0: 1000 + i}, i, queued * 1000) for i in range(3)]
    world.seal()
    world.time, later = queued, world.time
    assert world.force(*records) is Outcome.ACCEPTED
    world.time = later
    assert index(world.state, 0) == 1001
    assert word(world.state.prices, 0, PRICE_INDEX_MS) == queued * 1000


def test_prices_signed_further_apart_than_their_age_never_meet_in_a_median(world: World) -> None:
    """I15. Through L1 both would be fresh: a dip of a minute ago, signed by one, is no part of the current index."""
    world.list_market(0)
    world.time += 100
    for age, met in ((REPORT_AGE_MS + 1, 1010), (REPORT_AGE_MS, 1000)):
        now = world.time * 1000
        records = [world.reported({0: 500}, 3, now - age)]
        records += [world.reported({0: 1000 + 10 * i}, i, now) for i in range(3)]
        assert world.force(*records) is Outcome.ACCEPTED
        assert index(world.state, 0) == met
        world.time += 100


def test_fewer_than_a_quorum_of_fresh_reports_move_nothing(world: World) -> None:
    world.list_market(0)
    world.report(0, 1000)
    world.later(REPORT_AGE_MS + 1)
    assert send(world, {0: 900, 1: 900}) is Outcome.ACCEPTED
    assert (index(world.state, 0), index_ms(world)) == (1000, -REPORT_AGE_MS - 1)
    assert send(world, {4: 900}) is Outcome.ACCEPTED
    assert (index(world.state, 0), index_ms(world)) == (900, 0)


def test_reports_as_old_as_they_may_be_still_make_the_index_with_a_new_one(world: World) -> None:
    world.list_market(0)
    send(world, {0: 1000, 1: 1010})
    world.later(REPORT_AGE_MS)
    assert send(world, {2: 1020}) is Outcome.ACCEPTED
    assert (index(world.state, 0), index_ms(world)) == (1010, -REPORT_AGE_MS)


def test_the_index_is_as_old_as_the_quorum_th_newest_report_but_never_beyond_the_clock_nor_older_than_it_was(
    world: World,
) -> None:
    world.list_market(0)
    for signer, ahead in ((0, -9), (1, -7), (2, -8)):
        world.prices({0: 1000}, signer, ahead)
    assert index_ms(world) == -9
    world.prices({0: 1000}, 3, -1)
    assert index_ms(world) == -8
    for signer in range(3):
        world.prices({0: 1000}, signer, REPORT_AHEAD_MS)
    assert index_ms(world) == 0
    world.later(2_000)
    world.prices({0: 1000}, 4, -9_000)
    assert index_ms(world) == 0, "the other three are ahead of the clock"


def test_reports_that_come_late_through_l1_make_no_index_older_than_it_was(world: World) -> None:
    world.list_market(0)
    queued = world.time
    world.later(4_000)
    send(world, {0: 1000, 1: 1000, 2: 1000})
    before = word(world.state.prices, 0, PRICE_INDEX_MS)
    world.later(10_000)
    send(world, {0: 900, 1: 900})
    world.seal()
    world.time = queued
    assert world.force(*(world.reported({0: 800}, signer, queued * 1000) for signer in (3, 4))) is Outcome.ACCEPTED
    assert (index(world.state, 0), word(world.state.prices, 0, PRICE_INDEX_MS)) == (800, before)


@pytest.mark.parametrize(
    ("silence", "is_long"), [(STALE_MS + 1, False), (LONG_SILENCE_MS, False), (LONG_SILENCE_MS + 1, True)]
)
def test_an_index_after_a_long_silence_says_when_prices_came_back(world: World, silence: int, is_long: bool) -> None:
    world.list_market(0)
    world.report(0, 1000)
    world.later(silence)
    world.report(0, 1000)
    assert word(world.state.prices, 0, PRICE_RESUMED_MS) == (world.state.registers.clock_ms if is_long else 0)
    assert index_ms(world) == 0


def test_only_the_reported_market_is_marked(world: World) -> None:
    world.list_market(0)
    world.list_market(1)
    world.report(1, 500)
    assert (mark(world.state, 0), mark(world.state, 1)) == (0, 500)


@MEDIAN
@given(st.lists(st.integers(1, 2**24 - 1), min_size=1, max_size=16))
def test_the_lower_median_is_a_price_with_half_on_either_side(prices: list[int]) -> None:
    """I15."""
    median = nth(prices, (len(prices) - 1) // 2)
    assert median in prices
    assert 2 * sum(price <= median for price in prices) >= len(prices)
    assert 2 * sum(price >= median for price in prices) > len(prices)


@MEDIAN
@given(
    st.lists(st.integers(100, 200), min_size=3, max_size=8),
    st.lists(st.integers(1, 2**24 - 1), max_size=2),
)
def test_a_minority_of_liars_cannot_push_the_median_out_of_the_honest_range(
    honest: list[int], liars: list[int]
) -> None:
    """I15."""
    prices = honest + liars
    assert min(honest) <= nth(prices, (len(prices) - 1) // 2) <= max(honest)
