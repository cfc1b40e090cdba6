"""BLOCK_TRADE."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.schema.names import Outcome
from tallystick.state.cells import set_account_cash_units
from tallystick.state.layout import (
    BLOCK_MAKER_REDUCES,
    BLOCK_TAKER_REDUCES,
    FLAG_IOC,
    KIND_DATED,
    MARKET_NET_LOTS,
    MARKET_OPEN_INTEREST_LOTS,
    MAX_CASH_UNITS,
    MAX_POSITIONS,
    STALE_MS,
)
from tallystick.state.ordinals import AccountId
from tallystick.state.quantities import Units
from tallystick.testing.ledger.look import book, cash, position, word
from tallystick.testing.world import START, World
from tests.steps.conftest import MARK, RICH

settings.register_profile("blocks", max_examples=60, deadline=None, derandomize=False)
BLOCKS = settings.get_profile("blocks")
ACCEPTED = Outcome.ACCEPTED
BUY, SELL = 0, 1
NOW = START * 1000
LOT = 100_000
"""Units: what a lot is worth at the mark."""
AGENT = 2
PEOPLE: Final = MappingProxyType({1: "alice", 2: "bob", 3: "carol"})


def blocks(world: World) -> list[tuple[int, ...]]:
    """Return every block trade: market, price, lots, the taker's side, taker, maker."""
    return [values for name, values in world.events if name == "block"]


# The trade


def test_the_maker_trades_with_the_taker_at_the_offers_price_and_each_pays_its_fee(market: World) -> None:
    """I1, I3."""
    assert market.block(1, 2, BUY, 1010, 10) is ACCEPTED
    assert (position(market.state, 1, 0), position(market.state, 2, 0)) == (10, -10)
    quote = 10 * 1010 * 100
    assert cash(market.state, 1) == RICH - quote - quote * 100 // 1_000_000
    assert cash(market.state, 2) == RICH + quote - quote * 500 // 1_000_000
    assert market.state.registers.fees_units == quote * 600 // 1_000_000
    assert word(market.state.markets, 0, MARKET_OPEN_INTEREST_LOTS) == 10
    assert word(market.state.markets, 0, MARKET_NET_LOTS) == 0
    assert blocks(market) == [(0, 1010, 10, SELL, 2, 1)]


def test_nothing_meets_the_book(market: World) -> None:
    market.order(3, 0, SELL, 990, 5)
    market.order(3, 0, BUY, 980, 5)
    assert market.block(1, 2, BUY, 1010, 10) is ACCEPTED
    assert [order.remaining_lots for side in (BUY, SELL) for order in book(market.state, 0, side)] == [5, 5]
    assert position(market.state, 3, 0) == 0


def test_a_maker_with_a_rebate_is_paid_for_it(market: World) -> None:
    market.list_market(1, maker_fee_ppm=0, rebate_ppm=300)
    market.report(1, MARK)
    assert market.block(1, 2, SELL, MARK, 10, market=1) is ACCEPTED
    quote = 10 * LOT
    assert cash(market.state, 1) == RICH + quote + quote * 300 // 1_000_000
    assert market.state.registers.fees_units == quote * 200 // 1_000_000


# What is traded: in CHECK order


def test_faults_of_a_trade_are_found_one_behind_the_other(market: World) -> None:
    market.list_market(1, kind=KIND_DATED, expiry_ms=NOW + 1)
    market.list_market(2)
    market.list_by_record(3)
    market.clock(ahead_ms=1)
    faults = {"market": 9, "price_ticks": 0, "lots": 1_000_001, "expiry_ms": NOW + 1, "reduces": 3}
    mended: list[tuple[dict[str, int], Outcome]] = [
        ({}, Outcome.NO_MARKET),
        ({"market": 1}, Outcome.MARKET_EXPIRED),
        ({"market": 3}, Outcome.NOT_LIVE),
        ({"market": 2}, Outcome.NO_MARK),
        ({"market": 0}, Outcome.OUT_OF_RANGE),
        ({"price_ticks": MARK}, Outcome.TOO_LARGE),
        ({"lots": 1_000_000}, Outcome.EXPIRED),
        ({"expiry_ms": NOW + STALE_MS + 3}, Outcome.STALE_INDEX),
    ]
    market.later(STALE_MS + 1)
    for mend, expected in mended:
        faults |= mend
        record = market.accepted(market.signed("block_trade", "alice", account=1, nonce=60, **faults), 2)
        assert market.send(record) is expected
    market.report(0, MARK)
    record = market.accepted(market.signed("block_trade", "alice", account=1, nonce=60, **faults), 2)
    assert market.send(record) is Outcome.NOTHING_TO_REDUCE
    record = market.accepted(market.signed("block_trade", "alice", account=1, nonce=60, **faults | {"reduces": 0}), 2)
    assert market.send(record) is Outcome.MARGIN


@pytest.mark.parametrize(("lots", "price"), [(0, MARK), (1, 0)])
def test_a_trade_of_nothing_or_for_nothing_is_out_of_range(market: World, lots: int, price: int) -> None:
    assert market.block(1, 2, BUY, price, lots) is Outcome.OUT_OF_RANGE


def test_the_largest_number_of_lots_is_too_large_and_overflows_nothing(market: World) -> None:
    assert market.block(1, 2, BUY, (1 << 24) - 1, (1 << 62) - 1) is Outcome.TOO_LARGE


def test_an_offer_ends_at_its_expiry_not_before(market: World) -> None:
    records = [market.accepted(market.offer(1, 0, BUY, MARK, 10, expiry_ms=NOW + 5), 2) for _ in range(2)]
    market.clock(ahead_ms=4)
    assert market.send(records[0]) is ACCEPTED
    market.clock(ahead_ms=5)
    assert market.send(records[1]) is Outcome.EXPIRED


def test_a_dated_future_ends_at_its_expiry_not_before(market: World) -> None:
    market.list_market(1, kind=KIND_DATED, expiry_ms=NOW + 5)
    market.report(1, MARK)
    market.clock(ahead_ms=4)
    assert market.block(1, 2, BUY, MARK, 10, market=1) is ACCEPTED
    market.clock(ahead_ms=5)
    assert market.block(1, 2, BUY, MARK, 10, market=1) is Outcome.MARKET_EXPIRED
    market.report(1, MARK)
    assert market.block(1, 2, BUY, MARK, 10, market=1) is Outcome.NO_MARKET


def test_an_index_is_stale_a_millisecond_after_its_minute(market: World) -> None:
    """I19."""
    market.later(STALE_MS)
    assert market.block(1, 2, BUY, MARK, 10) is ACCEPTED
    market.later(1)
    assert market.block(1, 2, BUY, MARK, 10) is Outcome.STALE_INDEX
    assert market.block(1, 2, SELL, MARK, 10) is Outcome.STALE_INDEX


@pytest.mark.parametrize(
    ("reduces", "lots", "outcome"),
    [
        (0, 11, ACCEPTED),
        (BLOCK_MAKER_REDUCES, 10, ACCEPTED),
        (BLOCK_MAKER_REDUCES, 11, Outcome.NOTHING_TO_REDUCE),
        (BLOCK_TAKER_REDUCES, 7, ACCEPTED),
        (BLOCK_TAKER_REDUCES, 8, Outcome.NOTHING_TO_REDUCE),
        (BLOCK_MAKER_REDUCES | BLOCK_TAKER_REDUCES, 7, ACCEPTED),
        (BLOCK_MAKER_REDUCES | BLOCK_TAKER_REDUCES, 8, Outcome.NOTHING_TO_REDUCE),
    ],
)
def test_a_side_that_must_only_reduce_trades_no_more_than_its_position(
    market: World, reduces: int, lots: int, outcome: Outcome
) -> None:
    assert market.block(1, 2, BUY, MARK, 7) is ACCEPTED
    assert market.block(1, 3, BUY, MARK, 3) is ACCEPTED
    assert market.block(1, 2, SELL, MARK, lots, reduces=reduces) is outcome


@pytest.mark.parametrize("reduces", [BLOCK_MAKER_REDUCES, BLOCK_TAKER_REDUCES])
def test_a_side_without_a_position_or_on_its_side_has_nothing_to_reduce(market: World, reduces: int) -> None:
    assert market.block(1, 2, BUY, MARK, 1, reduces=reduces) is Outcome.NOTHING_TO_REDUCE
    assert market.block(1, 2, BUY, MARK, 10) is ACCEPTED
    assert market.block(1, 2, BUY, MARK, 1, reduces=reduces) is Outcome.NOTHING_TO_REDUCE


@pytest.mark.parametrize("poor", [1, 2])
def test_a_seventeenth_position_has_no_slot_and_nothing_is_traded(market: World, poor: int) -> None:
    for number in range(1, MAX_POSITIONS + 1):
        market.list_market(number)
        market.report(number, MARK)
        assert market.block(poor, 3, BUY, MARK, 1, market=number) is ACCEPTED
    before = market.state.registers.fees_units
    assert market.block(1, 2, BUY, MARK, 1) is Outcome.NO_POSITION_SLOT
    assert [position(market.state, each, 0) for each in (1, 2)] == [0, 0]
    assert market.state.registers.fees_units == before


@pytest.mark.parametrize("full", [1, 2])
def test_no_position_grows_beyond_the_largest(market: World, full: int) -> None:
    market.list_market(1, max_lots=10)
    market.report(1, MARK)
    side = BUY if full == 1 else SELL
    assert market.block(full, 3, BUY, MARK, 10, market=1) is ACCEPTED
    assert market.block(1, 2, side, MARK, 1, market=1) is Outcome.POSITION_LIMIT
    assert market.block(1, 2, 1 - side, MARK, 10, market=1) is ACCEPTED


@pytest.mark.parametrize("rich", [1, 2])
def test_no_cash_grows_beyond_its_bound(unreplayed: World, rich: int) -> None:
    world = unreplayed
    accounts = world.state.accounts
    set_account_cash_units(accounts.words, accounts.open(AccountId(rich)), Units(MAX_CASH_UNITS - LOT))
    side = SELL if rich == 1 else BUY
    assert world.block(1, 2, side, MARK, 2) is Outcome.POSITION_LIMIT
    assert world.block(1, 2, side, MARK, 1) is ACCEPTED


@pytest.mark.parametrize("poor", [1, 2])
def test_either_side_needs_its_initial_margin(market: World, poor: int) -> None:
    """I3."""
    fee = 10 if poor == 1 else 50
    assert market.withdraw(poor, RICH - 5_000 - fee + 1) is ACCEPTED
    assert market.block(1, 2, BUY, MARK, 1) is Outcome.MARGIN
    assert (position(market.state, 1, 0), position(market.state, 2, 0)) == (0, 0)
    assert cash(market.state, 3 - poor) == RICH
    assert market.deposit(PEOPLE[poor], poor, 1) is ACCEPTED
    assert market.block(1, 2, BUY, MARK, 1) is ACCEPTED


def test_a_price_that_takes_a_sides_margin_away_is_refused_and_one_that_only_reduces_is_not(market: World) -> None:
    """I3."""
    market.withdraw(1, RICH - 15_100)
    assert market.block(1, 2, BUY, MARK, 3) is ACCEPTED
    market.report(0, MARK - 45)
    assert market.block(1, 3, SELL, MARK - 56, 1) is Outcome.MARGIN
    assert market.block(1, 3, BUY, MARK - 45, 1) is Outcome.MARGIN
    assert market.block(1, 3, SELL, MARK - 45, 1) is ACCEPTED


def test_open_interest_does_not_grow_beyond_its_cap(market: World) -> None:
    market.list_market(1, max_open_interest_lots=10)
    market.report(1, MARK)
    assert market.block(1, 2, BUY, MARK, 10, market=1) is ACCEPTED
    fees = market.state.registers.fees_units
    assert market.block(3, 2, BUY, MARK, 1, market=1) is Outcome.OPEN_INTEREST
    assert (position(market.state, 3, 1), position(market.state, 2, 1)) == (0, -10)
    assert (cash(market.state, 3), market.state.registers.fees_units) == (RICH, fees)
    assert market.block(3, 1, BUY, MARK, 4, market=1) is ACCEPTED


def test_funding_is_settled_on_both_sides(market: World) -> None:
    """I1."""
    assert market.block(1, 2, BUY, MARK, 10) is ACCEPTED
    market.order(3, 0, BUY, MARK + 5, 10)
    market.order(3, 0, SELL, MARK + 6, 10)
    for _ in range(62):
        market.later(60_000)
        market.report(0, MARK)
    held = [cash(market.state, each) for each in (1, 2)]
    assert market.block(1, 2, SELL, MARK, 10) is ACCEPTED
    paid = [cash(market.state, each) - before for each, before in zip((1, 2), held, strict=True)]
    assert paid[0] < 10 * LOT - 100
    assert paid[1] > -10 * LOT - 500
    assert position(market.state, 1, 0) == position(market.state, 2, 0) == 0


# Properties


def opened(funds: tuple[int, ...], rules: dict[str, int]) -> World:
    """Return a world with market 1 of these rules, and accounts 1, 2, 3 with these funds."""
    world = World()
    world.clock()
    world.list_market(1, max_lots=80, rebate_ppm=300, **rules)
    world.report(1, MARK)
    for account, amount in enumerate(funds, start=1):
        world.deposit(PEOPLE[account], account, amount)
    return world


def by_the_book(world: World, maker: int, taker: int, side: int, price: int, lots: int) -> tuple[Outcome, Outcome]:
    """Rest the maker's order, let the taker's take it, and leave the book empty."""
    rested = world.order(maker, 1, side, price, lots)
    filled = world.order(taker, 1, 1 - side, price, lots, flags=FLAG_IOC)
    world.cancel_all(maker)
    for order in book(world.state, 1, side):
        world.clean(order.slot)
    return rested, filled


TRADES = st.lists(
    st.tuples(
        st.sampled_from(((1, 2), (2, 3), (3, 1), (2, 1))),
        st.integers(BUY, SELL),
        st.integers(900, 1100),
        st.integers(1, 80),
        st.sampled_from((0, 0, 0, 20, -20)),
    ),
    min_size=1,
    max_size=12,
)


@BLOCKS
@given(trades=TRADES, funds=st.tuples(*(st.integers(50_000, 2_000_000) for _ in range(3))), cap=st.integers(20, 200))
def test_a_block_trade_is_the_fill_the_book_would_have_made(
    trades: list[tuple[tuple[int, int], int, int, int, int]], funds: tuple[int, ...], cap: int
) -> None:
    """I1, I3: in a twin world one order rests and another takes it. A rejection changes no cell."""
    rules = {"max_open_interest_lots": cap, "surcharge_from_units": 10**5, "surcharge_to_units": 10**8}
    one, other = opened(funds, rules), opened(funds, rules)
    price = MARK
    for (maker, taker), side, at, lots, move in trades:
        price += move
        one.report(1, price)
        other.report(1, price)
        before = one.state.commit()
        outcome = one.block(maker, taker, side, at, lots, market=1)
        rested, filled = by_the_book(other, maker, taker, side, at, lots)
        if outcome is not ACCEPTED:
            assert one.state.commit() == before
            assert filled is not ACCEPTED
        elif rested is not ACCEPTED:
            return  # an order may rest only with margin of its own, so the worlds part here
        else:
            assert filled is ACCEPTED
        for account in PEOPLE:
            assert position(one.state, account, 1) == position(other.state, account, 1)
            assert cash(one.state, account) == cash(other.state, account)
        assert one.state.registers.fees_units == other.state.registers.fees_units
        assert word(one.state.markets, 1, MARKET_NET_LOTS) == 0


def test_random_block_trades_end_the_same_on_the_deployed_bytecode(market: World) -> None:
    for number in range(20):
        maker, taker = 1 + number % 3, 1 + (number + 1) % 3
        market.block(maker, taker, number % 2, MARK + number * 7 % 50, 1 + number * 13 % 900, reduces=number % 4)
