"""Margin over tiers, maker rebates, and the cap on open interest, in MATCH_MAKER and REST_ORDER."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.machine.arith import ppm_down
from tallystick.machine.market.margin import initial_margin, maintenance_margin
from tallystick.rollup.invariants import broken
from tallystick.schema.names import Outcome
from tallystick.state.layout import BUY, FLAG_IOC, MARKET_OPEN_INTEREST_LOTS, PPM, SELL
from tallystick.state.ordinals import MarketId
from tallystick.state.quantities import Ppm, Units
from tallystick.state.state import State
from tallystick.testing.byhand import write_rules
from tallystick.testing.exact import margin
from tallystick.testing.ledger.look import cash, position, word
from tallystick.testing.world import World

PPMS = st.integers(0, PPM)


@pytest.fixture
def venue(unreplayed: World) -> Iterator[World]:
    yield unreplayed
    assert broken(unreplayed.state) == ()


@given(
    notional=st.one_of(st.integers(0, (1 << 54) - 1), st.integers(0, 400_000_000)),
    begins=st.tuples(st.integers(0, (1 << 32) - 1), st.integers(0, (1 << 32) - 1)),
    near=st.tuples(st.integers(0, 300), st.integers(0, 300)),
    close=st.booleans(),
    fractions=st.tuples(PPMS, PPMS, PPMS),
)
def test_margin_is_the_sum_over_the_tiers_rounded_up(
    notional: int,
    begins: tuple[int, int],
    near: tuple[int, int],
    close: bool,
    fractions: tuple[int, int, int],
) -> None:
    """I3, I4."""
    second, third = sorted(near if close else begins)
    first_ppm, second_ppm, third_ppm = fractions
    state = State()
    state.make_room()
    rules = {"tier2_from_millions": second, "tier3_from_millions": third}
    for kind in ("initial", "maintenance"):
        rules |= {f"{kind}_ppm": first_ppm, f"{kind}2_ppm": second_ppm, f"{kind}3_ppm": third_ppm}
    write_rules(state, 5, rules)
    tiers = [(0, first_ppm)]
    if second:
        tiers.append((second * PPM, second_ppm))
    if third > second > 0:
        tiers.append((third * PPM, third_ppm))
    exact = margin(notional, tuple(tiers))
    risk = state.risk.open(0)
    assert maintenance_margin(state.risk.words, risk, MarketId(5), Units(notional)) == ceil(exact)
    assert initial_margin(state.risk.words, risk, MarketId(5), Units(notional)) == ceil(exact) < 1 << 55


@given(amount=st.integers(0, (1 << 54) - 1), ppm=PPMS)
def test_a_share_rounded_down_is_the_floor_of_the_exact_one(amount: int, ppm: int) -> None:
    assert ppm_down(Units(amount), Ppm(ppm)) == amount * ppm // PPM


@pytest.mark.parametrize(
    ("lots", "units"),
    [(100, 500_000), (101, 510_000), (250, 2_000_000), (251, 2_040_000)],
)
def test_a_position_needs_the_initial_margin_of_its_tiers_to_the_unit(venue: World, lots: int, units: int) -> None:
    write_rules(venue.state, 0, {"taker_fee_ppm": 0, "tier2_from_millions": 10, "tier3_from_millions": 25})
    write_rules(venue.state, 0, {"initial2_ppm": 100_000, "initial3_ppm": 400_000})
    venue.deposit("dave", 4, units - 1)
    venue.order(1, 0, SELL, 1000, lots)
    assert venue.order(4, 0, BUY, 1000, lots, flags=FLAG_IOC) is Outcome.MARGIN
    venue.deposit("dave", 4, 1)
    assert venue.order(4, 0, BUY, 1000, lots, flags=FLAG_IOC) is Outcome.ACCEPTED


@pytest.mark.parametrize(("lots", "paid"), [(1, 10), (3, 30), (7, 70)])
def test_a_rebate_comes_out_of_the_takers_fee(venue: World, lots: int, paid: int) -> None:
    """I1."""
    write_rules(venue.state, 0, {"taker_fee_ppm": 250, "maker_fee_ppm": 0, "rebate_ppm": 100})
    before = cash(venue.state, 1)
    venue.order(1, 0, SELL, 1000, lots)
    assert venue.order(2, 0, BUY, 1000, lots) is Outcome.ACCEPTED
    assert cash(venue.state, 1) - before - lots * 100_000 == paid
    assert venue.state.registers.fees_units == lots * 15


def test_a_rebate_is_rounded_down_and_never_more_than_the_fee(venue: World) -> None:
    """I1."""
    write_rules(venue.state, 0, {"multiplier": 1, "taker_fee_ppm": 300, "maker_fee_ppm": 0, "rebate_ppm": 300})
    before = cash(venue.state, 1)
    venue.order(1, 0, SELL, 999, 7)
    assert venue.order(2, 0, BUY, 999, 7) is Outcome.ACCEPTED
    assert cash(venue.state, 1) - before - 7 * 999 == 2
    assert venue.state.registers.fees_units == 1


def test_open_interest_grows_to_the_cap_and_no_lot_beyond(venue: World) -> None:
    write_rules(venue.state, 0, {"max_open_interest_lots": 10})
    venue.order(1, 0, SELL, 1000, 11)
    assert venue.order(2, 0, BUY, 1000, 11) is Outcome.OPEN_INTEREST
    assert position(venue.state, 2, 0) == position(venue.state, 1, 0) == 0
    assert venue.order(2, 0, BUY, 1000, 10) is Outcome.ACCEPTED
    assert venue.order(3, 0, BUY, 1000, 1) is Outcome.OPEN_INTEREST
    assert word(venue.state.markets, 0, MARKET_OPEN_INTEREST_LOTS) == 10


def test_what_does_not_grow_open_interest_trades_above_the_cap(venue: World) -> None:
    venue.order(1, 0, SELL, 1000, 10)
    venue.order(2, 0, BUY, 1000, 10)
    write_rules(venue.state, 0, {"max_open_interest_lots": 5})
    venue.order(2, 0, SELL, 1000, 8)
    assert venue.order(3, 0, BUY, 1000, 4) is Outcome.ACCEPTED
    assert venue.order(1, 0, BUY, 1000, 4) is Outcome.ACCEPTED
    assert word(venue.state.markets, 0, MARKET_OPEN_INTEREST_LOTS) == 6
    assert venue.order(1, 0, SELL, 1000, 1) is Outcome.ACCEPTED
    assert venue.order(3, 0, BUY, 1000, 1) is Outcome.OPEN_INTEREST
