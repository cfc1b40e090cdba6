"""COMMIT_MEDIAN."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.machine.steps.commit_median import lower_median
from tallystick.schema.names import Outcome
from tallystick.testing.look import mark
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
        ({0: 10, 1: 20, 2: 30}, 20),
        ({4: 10, 2: 10, 0: 30}, 10),
        ({0: 10, 1: 20, 2: 30, 3: 40}, 20),
        ({0: 40, 1: 30, 2: 20, 3: 10, 4: 50}, 30),
        ({0: 1, 1: 2**24 - 1, 2: 2**24 - 1}, 2**24 - 1),
    ],
)
def test_a_quorum_makes_the_lower_median_the_mark(world: World, reports: dict[int, int], median: int) -> None:
    world.list_market(0)
    assert send(world, reports) is Outcome.ACCEPTED
    assert mark(world.state, 0) == median


def test_a_report_after_the_quorum_moves_the_mark_again(world: World) -> None:
    world.list_market(0)
    send(world, {0: 10, 1: 20, 2: 30})
    send(world, {3: 40})
    assert mark(world.state, 0) == 20
    send(world, {4: 50})
    assert mark(world.state, 0) == 30


def test_the_order_of_the_reports_does_not_matter() -> None:
    """I15."""
    marks = set()
    for order in list(permutations(enumerate((10, 20, 30, 40, 50))))[::7]:
        world = World()
        world.clock()
        world.list_market(0)
        send(world, dict(order))
        marks.add(mark(world.state, 0))
    assert marks == {30}


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
