"""LIST_MARKET."""

from __future__ import annotations

import pytest

from tallystick.errors import BadInput
from tallystick.schema.market_rules import RULES
from tallystick.schema.names import Outcome
from tallystick.state import layout
from tallystick.state.layout import (
    BUY,
    KIND_DATED,
    LIST_DELAY_MS,
    MARKET_EXPIRY_MS,
    MARKET_KIND,
    MARKET_LIVE_MS,
    MARKET_MAKER_FEE_PPM,
    MARKET_MAX_LOTS,
    MARKET_STATUS,
    MARKET_TAKER_FEE_PPM,
    MAX_EXPOSURE,
    MAX_OPEN_EXPOSURE,
    MAX_OPEN_INTEREST_LOTS,
    MIN_INITIAL_PPM,
    MIN_MAINTENANCE_PPM,
    RISK_RISKMARKET_INITIAL_PPM,
    RISK_RISKMARKET_MAINTENANCE_PPM,
    RISK_RISKMARKET_MULTIPLIER_UNITS,
    RISK_RISKMARKET_WORDS,
)
from tallystick.testing.ledger.look import mark, word
from tallystick.testing.world import World
from tests.steps.conftest import RICH

TIERS = {
    "tier2_from_millions": 3,
    "initial2_ppm": 60_000,
    "maintenance2_ppm": 30_000,
    "tier3_from_millions": 4,
    "initial3_ppm": 80_000,
    "maintenance3_ppm": 40_000,
}
NO_THIRD = {"tier3_from_millions": 0, "initial3_ppm": 0, "maintenance3_ppm": 0}


def test_a_dated_future_keeps_its_expiry_which_lies_behind_its_first_order(world: World) -> None:
    live = world.state.registers.clock_ms + LIST_DELAY_MS
    assert world.list_by_record(0, kind=KIND_DATED, expiry_ms=live) is Outcome.BAD_PARAMETERS
    assert world.list_by_record(0, kind=KIND_DATED, expiry_ms=live + 1) is Outcome.ACCEPTED
    assert word(world.state.markets, 0, MARKET_KIND) == KIND_DATED
    assert word(world.state.markets, 0, MARKET_EXPIRY_MS) == live + 1


def test_X12_a_listed_market_takes_prices_at_once_and_orders_three_weeks_later(world: World) -> None:
    """Whoever does not trust it has left by then, as before a change of rules."""
    world.deposit("alice", 1, RICH)
    assert world.list_by_record(1) is Outcome.ACCEPTED
    assert word(world.state.markets, 1, MARKET_LIVE_MS) == world.state.registers.clock_ms + LIST_DELAY_MS
    assert world.report(1, 1000) is Outcome.ACCEPTED
    assert world.order(1, 1, BUY, 1000, 1) is Outcome.NOT_LIVE
    world.later(LIST_DELAY_MS - 1)
    world.reopen(1, 1000)
    live = word(world.state.markets, 1, MARKET_LIVE_MS)
    assert world.state.registers.clock_ms >= live
    assert world.order(1, 1, BUY, 1000, 1) is Outcome.ACCEPTED


@pytest.mark.parametrize(
    "margins",
    [
        {"initial_ppm": MIN_INITIAL_PPM - 1, "maintenance_ppm": MIN_MAINTENANCE_PPM},
        {"initial_ppm": MIN_INITIAL_PPM, "maintenance_ppm": MIN_MAINTENANCE_PPM - 1},
        {"initial_ppm": 30_000, "maintenance_ppm": 20_001},
    ],
)
def test_X12_no_market_has_margins_below_the_least(world: World, margins: dict[str, int]) -> None:
    """Neither by a listing, nor by a change, nor in a genesis."""
    assert world.list_by_record(0, **margins) is Outcome.BAD_PARAMETERS
    world.list_market(0)
    assert world.change_market(0, 1, **margins) is Outcome.BAD_PARAMETERS
    with pytest.raises(BadInput, match="cannot stand together"):
        world.list_market(1, **margins)


def test_a_market_takes_orders_from_its_time_on_and_no_millisecond_before(world: World) -> None:
    world.deposit("alice", 1, RICH)
    world.list_by_record(1)
    world.later(LIST_DELAY_MS - 1_000)
    world.report(1, 1000, (0, 1, 2))
    live = word(world.state.markets, 1, MARKET_LIVE_MS)
    world.later(live - 1 - world.state.registers.clock_ms)
    assert world.order(1, 1, BUY, 1000, 1) is Outcome.NOT_LIVE
    world.later(1)
    assert world.order(1, 1, BUY, 1000, 1) is Outcome.ACCEPTED


def test_X12_a_market_of_the_genesis_takes_orders_at_once(world: World) -> None:
    world.list_market(0)
    assert word(world.state.markets, 0, MARKET_LIVE_MS) == 0
    world.report(0, 1000)
    world.deposit("alice", 1, RICH)
    assert world.order(1, 0, BUY, 1000, 1) is Outcome.ACCEPTED
    assert world.list_by_record(0) is Outcome.MARKET_EXISTS


def test_every_rule_is_kept_where_the_specification_says(world: World) -> None:
    """A listing of 21 different numbers, read back field by field."""
    values = {
        "initial_ppm": 20_001,
        "initial2_ppm": 20_002,
        "initial3_ppm": 20_003,
        "maintenance_ppm": 10_001,
        "maintenance2_ppm": 10_002,
        "maintenance3_ppm": 10_003,
        "tier2_from_millions": 7,
        "tier3_from_millions": 8,
        "taker_fee_ppm": 20,
        "maker_fee_ppm": 11,
        "rebate_ppm": 12,
        "liquidation_fee_ppm": 13,
        "max_lots": 900,
        "max_open_interest_lots": 1000,
        "insurance_lots": 14,
        "surcharge_from_units": 15,
        "surcharge_to_units": 16,
        "fund_units": 19,
        "band_ppm": 17,
        "quote_lots": 18,
        "min_order_units": 21,
    }
    assert set(values) == set(RULES)
    assert world.list_by_record(5, **values) is Outcome.ACCEPTED
    for name, value in values.items():
        in_market = getattr(layout, f"MARKET_{name.upper()}", None)
        if in_market is not None:
            assert word(world.state.markets, 5, in_market) == value, name
        else:
            in_risk = getattr(layout, f"RISK_RISKMARKET_{name.upper()}")
            assert word(world.state.risk, 0, 5 * RISK_RISKMARKET_WORDS + in_risk) == value, name


@pytest.mark.parametrize("market", [0, 1, 63])
def test_a_listed_market_carries_its_rules_and_has_no_mark(world: World, market: int) -> None:
    assert world.list_by_record(market) is Outcome.ACCEPTED
    rules = [
        word(world.state.markets, market, field)
        for field in (MARKET_STATUS, MARKET_TAKER_FEE_PPM, MARKET_MAKER_FEE_PPM, MARKET_MAX_LOTS)
    ]
    assert rules == [1, 500, 100, 1_000_000]
    risk = [
        word(world.state.risk, 0, market * RISK_RISKMARKET_WORDS + field)
        for field in (
            RISK_RISKMARKET_MULTIPLIER_UNITS,
            RISK_RISKMARKET_INITIAL_PPM,
            RISK_RISKMARKET_MAINTENANCE_PPM,
        )
    ]
    assert risk == [100, 50_000, 25_000]
    assert mark(world.state, market) == 0


def test_a_listed_market_never_changes(world: World) -> None:
    """I14."""
    world.list_by_record(0)
    before = world.state.markets.pack(0)
    assert world.list_by_record(0, taker_fee_ppm=1) is Outcome.MARKET_EXISTS
    assert world.list_by_record(0, multiplier=0) is Outcome.MARKET_EXISTS
    assert world.state.markets.pack(0) == before


@pytest.mark.parametrize(
    "bad",
    [
        {"expiry_ms": 1},
        {"kind": KIND_DATED},
        {"initial2_ppm": 60_000},
        {"maintenance3_ppm": 1},
        {**TIERS, "initial2_ppm": 49_999},
        {**TIERS, "maintenance2_ppm": 24_999},
        {**TIERS, "maintenance2_ppm": 40_001},
        {**TIERS, "tier3_from_millions": 0},
        {**TIERS, "tier3_from_millions": 3},
        {**TIERS, "initial3_ppm": 59_999},
        {**TIERS, "maintenance3_ppm": 53_334},
        {**TIERS, **NO_THIRD, "maintenance2_ppm": 40_001},
        {"max_open_interest_lots": 0},
        {"multiplier": 1, "max_open_interest_lots": MAX_OPEN_INTEREST_LOTS + 1},
        {"multiplier": 3, "max_open_interest_lots": MAX_OPEN_EXPOSURE // 3 + 1},
        {"insurance_lots": 1_000_001},
        {"surcharge_from_units": 5, "surcharge_to_units": 5},
        {"surcharge_to_units": 5},
        {"band_ppm": 0},
        {"band_ppm": 12_501},
        {**TIERS, "band_ppm": 12_501},
        {"rebate_ppm": 501},
        {"multiplier": 0},
        {"max_lots": 0},
        {"multiplier": 1, "max_lots": MAX_EXPOSURE + 1},
        {"multiplier": 3, "max_lots": MAX_EXPOSURE // 3 + 1},
        {"multiplier": 2**32 - 1, "max_lots": 1},
        {"max_lots": 2**62 - 1},
        {"maintenance_ppm": 0},
        {"maintenance_ppm": 33_334},
        {"maintenance_ppm": MIN_MAINTENANCE_PPM - 1},
        {"initial_ppm": MIN_INITIAL_PPM - 1, "maintenance_ppm": MIN_MAINTENANCE_PPM},
        {"initial_ppm": 0, "maintenance_ppm": 0},
    ],
    ids=str,
)
def test_rules_that_could_overflow_or_never_liquidate_are_bad_parameters(world: World, bad: dict[str, int]) -> None:
    """I4."""
    assert world.list_by_record(0, **bad) is Outcome.BAD_PARAMETERS
    assert word(world.state.markets, 0, MARKET_STATUS) == 0


@pytest.mark.parametrize(
    "good",
    [
        {"multiplier": 1, "max_lots": MAX_EXPOSURE},
        {"multiplier": MAX_EXPOSURE, "max_lots": 1},
        {"multiplier": 3, "max_lots": MAX_EXPOSURE // 3},
        {"initial_ppm": 1_000_000, "maintenance_ppm": 666_666},
        {"initial_ppm": MIN_INITIAL_PPM, "maintenance_ppm": MIN_MAINTENANCE_PPM},
        {"initial_ppm": 30_000, "maintenance_ppm": 20_000},
        {"taker_fee_ppm": 0, "maker_fee_ppm": 0},
        TIERS,
        {**TIERS, **NO_THIRD},
        {"band_ppm": 12_500},
        {"rebate_ppm": 500, "insurance_lots": 1_000_000, "surcharge_from_units": 1, "surcharge_to_units": 2},
        {"multiplier": 2, "max_open_interest_lots": MAX_OPEN_INTEREST_LOTS},
        {"taker_fee_ppm": 1_000_000, "maker_fee_ppm": 1_000_000},
    ],
    ids=str,
)
def test_rules_at_their_limits_are_accepted(world: World, good: dict[str, int]) -> None:
    assert world.list_by_record(0, **good) is Outcome.ACCEPTED
