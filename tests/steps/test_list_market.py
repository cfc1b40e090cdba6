"""LIST_MARKET."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    MARKET_MAKER_PPM,
    MARKET_MAX_LOTS,
    MARKET_STATUS,
    MARKET_TAKER_PPM,
    MAX_EXPOSURE,
    RISK_RISKMARKET_INITIAL_PPM,
    RISK_RISKMARKET_MAINTENANCE_PPM,
    RISK_RISKMARKET_MULTIPLIER,
    RISK_RISKMARKET_WORDS,
)
from tallystick.testing.look import mark, word
from tallystick.testing.world import World


@pytest.mark.parametrize("market", [0, 1, 63])
def test_a_listed_market_carries_its_rules_and_has_no_mark(world: World, market: int) -> None:
    assert world.list_market(market) is Outcome.ACCEPTED
    rules = [
        word(world.state.markets, market, field)
        for field in (MARKET_STATUS, MARKET_TAKER_PPM, MARKET_MAKER_PPM, MARKET_MAX_LOTS)
    ]
    assert rules == [1, 500, 100, 1_000_000]
    risk = [
        word(world.state.risk, 0, market * RISK_RISKMARKET_WORDS + field)
        for field in (
            RISK_RISKMARKET_MULTIPLIER,
            RISK_RISKMARKET_INITIAL_PPM,
            RISK_RISKMARKET_MAINTENANCE_PPM,
        )
    ]
    assert risk == [100, 50_000, 25_000]
    assert mark(world.state, market) == 0


def test_a_listed_market_never_changes(world: World) -> None:
    """I14."""
    world.list_market(0)
    before = world.state.markets.pack(0)
    assert world.list_market(0, taker_ppm=1) is Outcome.MARKET_EXISTS
    assert world.list_market(0, multiplier=0) is Outcome.MARKET_EXISTS
    assert world.state.markets.pack(0) == before


@pytest.mark.parametrize(
    "bad",
    [
        {"multiplier": 0},
        {"max_lots": 0},
        {"multiplier": 1, "max_lots": MAX_EXPOSURE + 1},
        {"multiplier": 3, "max_lots": MAX_EXPOSURE // 3 + 1},
        {"multiplier": 2**32 - 1, "max_lots": 1},
        {"max_lots": 2**62 - 1},
        {"maintenance_ppm": 0},
        {"maintenance_ppm": 50_001},
        {"initial_ppm": 0, "maintenance_ppm": 0},
    ],
    ids=str,
)
def test_rules_that_could_overflow_or_never_liquidate_are_bad_parameters(world: World, bad: dict[str, int]) -> None:
    """I4."""
    assert world.list_market(0, **bad) is Outcome.BAD_PARAMETERS
    assert word(world.state.markets, 0, MARKET_STATUS) == 0


@pytest.mark.parametrize(
    "good",
    [
        {"multiplier": 1, "max_lots": MAX_EXPOSURE},
        {"multiplier": MAX_EXPOSURE, "max_lots": 1},
        {"multiplier": 3, "max_lots": MAX_EXPOSURE // 3},
        {"initial_ppm": 1_000_000, "maintenance_ppm": 1_000_000},
        {"initial_ppm": 1, "maintenance_ppm": 1},
        {"taker_ppm": 0, "maker_ppm": 0},
        {"taker_ppm": 1_000_000, "maker_ppm": 1_000_000},
    ],
    ids=str,
)
def test_rules_at_their_limits_are_accepted(world: World, good: dict[str, int]) -> None:
    assert world.list_market(0, **good) is Outcome.ACCEPTED
