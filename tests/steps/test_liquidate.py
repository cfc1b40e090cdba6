"""LIQUIDATE, and how MATCH_MAKER fills its order (I18)."""

from __future__ import annotations

import pytest

from tallystick.rollup.invariants import broken
from tallystick.schema.names import Outcome
from tallystick.state.layout import BUY, SELL
from tallystick.state.ordinals import NEVER, AccountId, MarketId
from tallystick.testing.ledger.look import cash, position
from tallystick.testing.scenarios.orders.closed_out import BOB, CRASHED, FALLEN, FUND, near_expiry, troubled
from tallystick.testing.scenarios.scene import Scene

DAVE = 4


@pytest.fixture
def scene() -> Scene:
    return Scene()


def fills(scene: Scene) -> list[tuple[int, int]]:
    """Return every fill as (price, lots)."""
    return [(values[1], values[2]) for name, values in scene.events if name == "fill"]


def test_a_market_that_is_not_listed_has_nothing_to_liquidate(scene: Scene) -> None:
    troubled(scene)
    assert scene.liquidate(BOB, 1) is Outcome.NO_MARKET
    assert scene.liquidate(BOB, 63) is Outcome.NO_MARKET


def test_an_account_without_a_position_has_none_to_liquidate(scene: Scene) -> None:
    troubled(scene)
    assert scene.liquidate(DAVE, 0) is Outcome.NO_POSITION
    assert scene.liquidate((1 << 32) - 1, 0) is Outcome.NO_POSITION
    assert scene.liquidate(FUND, 0) is Outcome.NO_POSITION


@pytest.mark.parametrize(("short_of", "outcome"), [(0, Outcome.HEALTHY), (1, Outcome.UNFILLED)])
def test_an_account_is_healthy_at_its_maintenance_margin_and_not_a_unit_below(
    scene: Scene, short_of: int, outcome: Outcome
) -> None:
    """I16."""
    troubled(scene, 1000)
    scene.report(0, 964)
    # Worth 600,000 less 360,000 against 241,000: 1,000 are missing.
    scene.deposit("bob", BOB, 1_000 - short_of)
    assert scene.liquidate(BOB, 0) is outcome
    assert broken(scene.state) == ()


def test_an_account_worth_nothing_goes_to_the_book_and_one_worth_less_does_not(scene: Scene) -> None:
    troubled(scene, 940)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    scene.report(0, CRASHED)
    scene.order(DAVE, 0, BUY, 1000, 100)
    assert scene.liquidate(BOB, 0) is Outcome.BANKRUPT
    assert position(scene.state, BOB, 0) == 100


@pytest.mark.parametrize("side", [BUY, SELL])
def test_the_fewest_sufficient_lots_are_closed_at_the_mark_or_better(scene: Scene, side: int) -> None:
    """I16: each of the long's lots frees 2,400 of margin and costs 480 at most, and 40,000 are missing."""
    troubled(scene, side=side)
    mark = FALLEN if side == BUY else 2000 - FALLEN
    lots = 21 if side == BUY else 29
    scene.order(DAVE, 0, side, mark, 100)
    assert scene.liquidate(BOB, 0) is Outcome.ACCEPTED
    assert fills(scene)[-1] == (mark, lots)
    assert abs(position(scene.state, BOB, 0)) == 100 - lots
    assert scene.liquidate(BOB, 0) is Outcome.HEALTHY
    assert broken(scene.state) == ()


@pytest.mark.parametrize(("bid", "filled"), [(955, False), (956, True), (957, True)])
def test_nothing_is_sold_below_what_brings_the_margin_back(scene: Scene, bid: int, filled: bool) -> None:
    """I16: 40,000 are missing, of which 21 lots stand for 8,400: 4 ticks. The value and the fee would yield more."""
    troubled(scene)
    scene.order(DAVE, 0, BUY, bid, 100)
    assert scene.liquidate(BOB, 0) is (Outcome.ACCEPTED if filled else Outcome.UNFILLED)
    assert position(scene.state, BOB, 0) == (79 if filled else 100)
    assert scene.liquidate(BOB, 0) is (Outcome.HEALTHY if filled else Outcome.UNFILLED)


@pytest.mark.parametrize(
    ("price", "fee_ppm", "limit"),
    [(963, 5_000, 962), (960, 5_000, 956), (960, 2_000, 959), (950, 5_000, 946), (941, 5_000, 940), (940, 5_000, 940)],
)
def test_the_limit_yields_what_is_missing_what_is_left_and_the_fee_whichever_is_least(
    scene: Scene, price: int, fee_ppm: int, limit: int
) -> None:
    """I16: little next to the maintenance margin and at no value, most in between: up to the market's fee."""
    troubled(scene, 1000)
    scene.rule(0, liquidation_fee_ppm=fee_ppm)
    scene.report(0, price)
    scene.order(DAVE, 0, BUY, limit - 1, 100)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    scene.order(DAVE, 0, BUY, limit, 100)
    assert scene.liquidate(BOB, 0) is Outcome.ACCEPTED
    assert fills(scene)[-1][0] == limit


@pytest.mark.parametrize(("left_ms", "outcome"), [(1, Outcome.ACCEPTED), (0, Outcome.UNFILLED)])
def test_what_rests_in_the_book_of_a_future_is_met_until_it_expires(
    scene: Scene, left_ms: int, outcome: Outcome
) -> None:
    """The price it settles at comes a moment later; until then who owes is due as before."""
    near_expiry(scene, left_ms)
    assert scene.liquidate(BOB, 0) is outcome
    assert bool(fills(scene)[2:]) == (outcome is Outcome.ACCEPTED)
    assert scene.state.registers.tried_account == (0 if outcome is Outcome.ACCEPTED else BOB)


@pytest.mark.parametrize(("ask", "outcome"), [(1046, Outcome.UNFILLED), (1045, Outcome.ACCEPTED)])
def test_a_short_is_bought_back_up_to_its_limit(scene: Scene, ask: int, outcome: Outcome) -> None:
    """I16: 29 lots suffice, and half a per cent of them is 15,080."""
    troubled(scene, side=SELL)
    scene.order(DAVE, 0, SELL, ask, 100)
    assert scene.liquidate(BOB, 0) is outcome


@pytest.mark.parametrize(
    ("bid", "fee"), [(956, 0), (957, 2_100), (958, 4_200), (959, 6_300), (960, 8_400), (970, 10_185)]
)
def test_the_fund_gets_the_improvement_over_the_limit_up_to_the_markets_share(scene: Scene, bid: int, fee: int) -> None:
    """I1: 21 lots of 100 units a tick, half a per cent at most, rounded down."""
    troubled(scene)
    scene.order(DAVE, 0, BUY, bid, 100)
    before = cash(scene.state, BOB)
    assert scene.liquidate(BOB, 0) is Outcome.ACCEPTED
    assert cash(scene.state, FUND) == fee
    assert cash(scene.state, BOB) == before + 2_100 * bid - fee
    assert scene.state.registers.fees_units == 0
    assert broken(scene.state) == ()


def test_a_liquidation_pays_no_rebate_and_no_taker_fee_and_the_maker_its_fee(scene: Scene) -> None:
    """I1."""
    scene.trading("alice", taker_fee_ppm=500, maker_fee_ppm=100, rebate_ppm=50)
    scene.deposit("bob", BOB, 605_000)
    scene.deposit("dave", DAVE, 10**12)
    scene.order(1, 0, SELL, 1000, 100)
    assert scene.order(BOB, 0, BUY, 1000, 100) is Outcome.ACCEPTED
    scene.report(0, FALLEN)
    scene.order(DAVE, 0, BUY, 960, 100)
    fees = scene.state.registers.fees_units
    assert scene.liquidate(BOB, 0) is Outcome.ACCEPTED
    (_, lots) = fills(scene)[-1]
    assert scene.state.registers.fees_units - fees == lots * 96_000 // 10_000 + (lots * 96_000 % 10_000 > 0)
    assert cash(scene.state, FUND) == 0
    assert broken(scene.state) == ()


def test_what_nobody_takes_stays_and_later_bids_take_it(scene: Scene) -> None:
    troubled(scene)
    scene.order(DAVE, 0, BUY, 959, 5)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    assert position(scene.state, BOB, 0) == 95
    scene.order(DAVE, 0, BUY, 959, 95)
    assert scene.liquidate(BOB, 0) is Outcome.ACCEPTED


def test_the_accounts_own_bids_leave_the_book_first(scene: Scene) -> None:
    troubled(scene, 1000)
    scene.order(BOB, 0, BUY, 959, 1)
    scene.report(0, FALLEN)
    scene.order(DAVE, 0, BUY, 957, 100)
    assert scene.liquidate(BOB, 0) is Outcome.ACCEPTED
    assert [price for price, _ in fills(scene)[2:]] == [957]


def test_every_end_but_accepted_counts_as_tried(scene: Scene) -> None:
    troubled(scene)
    registers = scene.state.registers
    assert scene.liquidate(1, 0) is Outcome.HEALTHY
    assert (registers.tried_account, registers.tried_ms) == (AccountId(0), NEVER)
    scene.order(DAVE, 0, BUY, FALLEN, 5)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    assert (registers.tried_account, registers.tried_market, registers.tried_ms) == (
        AccountId(BOB),
        MarketId(0),
        registers.clock_ms,
    )
    since = registers.tried_ms
    scene.clock(ahead_ms=500)
    scene.order(DAVE, 0, BUY, FALLEN, 100)
    assert scene.liquidate(BOB, 0) is Outcome.ACCEPTED
    assert registers.tried_ms == since
