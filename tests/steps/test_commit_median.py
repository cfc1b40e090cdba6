"""COMMIT_MEDIAN."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.machine.steps.commit_median import lower_median
from tallystick.schema.names import Outcome
from tallystick.state.layout import PRICE_INDEX_MS, PRICE_RESUMED_MS
from tallystick.testing.ledger.look import index, mark, word
from tallystick.testing.world import START, World

settings.register_profile("median", max_examples=100, deadline=None, derandomize=False)
MEDIAN = settings.get_profile("median")


def send(world: World, reports: dict[int, int], number: int = 1) -> Outcome:
    outcome = Outcome.ACCEPTED
    for signer, price in reports.items():
        record = world.signed(
            "report_price",
            f"signer {signer}",
            signer=signer,
            round=number,
            price_ticks=price,
            time_ms=START * 1000,
        )
        outcome = world.send(record)
    return outcome


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


def test_a_report_far_from_the_median_does_not_count(world: World) -> None:
    world.list_market(0)
    assert send(world, {0: 1000, 1: 1100, 2: 1101}) is Outcome.ACCEPTED
    assert index(world.state, 0) == 1100
    assert send(world, {0: 1000, 1: 1000, 2: 1101}, number=2) is Outcome.DEVIATING
    assert index(world.state, 0) == 1100
    assert send(world, {3: 900}, number=2) is Outcome.ACCEPTED
    assert index(world.state, 0) == 1000


def test_an_index_after_a_stale_time_says_when_prices_came_back(world: World) -> None:
    world.list_market(0)
    world.report(0, 1000)
    world.time += 60
    world.clock()
    world.report(0, 1000)
    assert word(world.state.prices, 0, PRICE_RESUMED_MS) == 0
    world.time += 61
    world.clock()
    world.report(0, 1000)
    assert word(world.state.prices, 0, PRICE_RESUMED_MS) == world.state.registers.clock_ms
    assert word(world.state.prices, 0, PRICE_INDEX_MS) == world.state.registers.clock_ms


def test_only_the_reported_market_is_marked(world: World) -> None:
    world.list_market(0)
    world.list_market(1)
    world.report(1, 500)
    assert (mark(world.state, 0), mark(world.state, 1)) == (0, 500)


@MEDIAN
@given(st.lists(st.integers(1, 2**24 - 1), min_size=1, max_size=16))
def test_the_lower_median_is_a_price_with_half_on_either_side(prices: list[int]) -> None:
    """I15."""
    median = lower_median(prices)
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
    assert min(honest) <= lower_median(honest + liars) <= max(honest)
