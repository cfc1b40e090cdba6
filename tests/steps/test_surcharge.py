"""What open interest asks of what is added to it, and what positions have cost: in fills, block trades and at rest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tallystick.machine.market.funds import fund_of
from tallystick.rollup.invariants import broken
from tallystick.schema.names import Outcome
from tallystick.state.layout import ADL_DELAY_MS, BUY, FLAG_IOC, SELL
from tallystick.state.ordinals import MarketId
from tallystick.testing.byhand import write_rules
from tallystick.testing.ledger.look import books, position
from tallystick.testing.scenarios.orders.closed_out import BOB, CRASHED, FALLEN, troubled
from tallystick.testing.scenarios.scene import Scene
from tallystick.testing.world import World

ALICE, CAROL, DAVE = 1, 3, 4
RULES = {"taker_fee_ppm": 0, "maker_fee_ppm": 0, "surcharge_from_units": 10**6, "surcharge_to_units": 3 * 10**6}
"""A lot is worth 100,000 units: from 10 lots on, and from 30 lots all of the notional."""
AT_TWENTY = 20 * 47_500
"""What 20 lots are asked for when they are all there is: half of what 5 % leave, of 2,000,000 units."""


@pytest.fixture
def venue(unreplayed: World) -> Iterator[World]:
    write_rules(unreplayed.state, 0, RULES)
    yield unreplayed
    assert broken(unreplayed.state) == ()


def meet(venue: World, buyer: int, seller: int, lots: int, price: int = 1000) -> Outcome:
    venue.order(seller, 0, SELL, price, lots)
    return venue.order(buyer, 0, BUY, price, lots)


def cost(world: World, account: int) -> int:
    return books(world.state, account)[0][0]


def extra(world: World, account: int) -> int:
    return books(world.state, account)[0][1]


@pytest.mark.parametrize(
    ("lots", "needs"),
    [(10, 50_000), (11, 55_000 + 26_125 * 2), (20, 100_000 + AT_TWENTY), (30, 3_000_000), (31, 3_100_000)],
)
def test_a_fill_needs_what_open_interest_with_it_asks_to_the_unit(venue: World, lots: int, needs: int) -> None:
    """I3."""
    venue.deposit("dave", DAVE, needs - 1)
    venue.order(ALICE, 0, SELL, 1000, lots)
    assert venue.order(DAVE, 0, BUY, 1000, lots, flags=FLAG_IOC) is Outcome.MARGIN
    venue.deposit("dave", DAVE, 1)
    assert venue.order(DAVE, 0, BUY, 1000, lots, flags=FLAG_IOC) is Outcome.ACCEPTED
    assert extra(venue, DAVE) == extra(venue, ALICE) == needs - 5_000 * lots


@pytest.mark.parametrize("lots", [10, 20, 30])
def test_an_order_that_rests_needs_what_its_fill_would_be_asked_for(venue: World, lots: int) -> None:
    asked = {10: 0, 20: AT_TWENTY, 30: 30 * 95_000}[lots]
    needs = lots * 999 * 5 + asked
    venue.deposit("dave", DAVE, needs - 1)
    assert venue.order(DAVE, 0, BUY, 999, lots) is Outcome.MARGIN
    venue.deposit("dave", DAVE, 1)
    assert venue.order(DAVE, 0, BUY, 999, lots) is Outcome.ACCEPTED


def test_what_was_asked_for_a_position_stays_as_long_as_it_does(venue: World) -> None:
    """Of what an account may withdraw, too: its own margin is below the share of the notional that stays in any case."""
    stays = 100_000 + AT_TWENTY
    venue.deposit("dave", DAVE, stays + 7)
    assert meet(venue, DAVE, ALICE, 20) is Outcome.ACCEPTED
    assert venue.withdraw(DAVE, 8) is Outcome.NOT_WITHDRAWABLE
    assert venue.withdraw(DAVE, 7) is Outcome.ACCEPTED


def test_a_maker_that_cannot_bear_its_surcharge_leaves_the_book_and_the_taker_goes_on(venue: World) -> None:
    venue.deposit("dave", DAVE, 60_000)
    assert venue.order(DAVE, 0, SELL, 1000, 10) is Outcome.ACCEPTED
    assert venue.block(3, 2, SELL, 1000, 20) is Outcome.ACCEPTED
    venue.order(3, 0, SELL, 1002, 10)
    assert venue.order(2, 0, BUY, 1002, 10) is Outcome.ACCEPTED
    assert (position(venue.state, DAVE, 0), position(venue.state, 3, 0)) == (0, -30)


def test_who_comes_first_pays_nothing_for_who_comes_later(venue: World) -> None:
    meet(venue, 1, 2, 10)
    meet(venue, 3, 2, 20)
    venue.report(0, 1000)
    assert (extra(venue, 1), extra(venue, 3)) == (0, 20 * 95_000)


def test_a_position_handed_on_is_asked_again_though_open_interest_stays(venue: World) -> None:
    meet(venue, 1, 2, 20)
    assert meet(venue, 3, 1, 20) is Outcome.ACCEPTED
    assert extra(venue, 3) == AT_TWENTY
    assert books(venue.state, 1) == {}


def test_a_reduced_position_keeps_the_share_of_what_was_asked_rounded_up(venue: World) -> None:
    meet(venue, 1, 2, 11)
    meet(venue, 1, 2, 10)
    asked = extra(venue, 1)
    assert asked == 11 * 4_750 + 10 * 52_250
    assert meet(venue, 2, 1, 2) is Outcome.ACCEPTED
    assert extra(venue, 1) == -(-asked * 19 // 21) == extra(venue, 2)
    assert asked * 19 % 21
    meet(venue, 2, 1, 19)
    assert books(venue.state, 1) == books(venue.state, 2) == {}


def test_a_position_turned_round_is_asked_for_its_new_lots_alone(venue: World) -> None:
    meet(venue, 1, 2, 20)
    meet(venue, 3, 1, 40)
    # Account 1 is 20 short now, open interest 40.
    assert extra(venue, 1) == 20 * 95_000
    assert extra(venue, 3) == 40 * 95_000


def test_what_was_asked_stays_while_open_interest_falls_and_leaves_with_the_lots(venue: World) -> None:
    meet(venue, 1, 2, 20)
    meet(venue, 3, 2, 20)
    meet(venue, 2, 3, 20)
    assert extra(venue, 1) == AT_TWENTY


def test_a_block_trade_is_asked_like_a_fill_in_the_book(venue: World) -> None:
    venue.deposit("dave", DAVE, 100_000 + AT_TWENTY - 1)
    assert venue.block(ALICE, DAVE, SELL, 1000, 20) is Outcome.MARGIN
    assert venue.block(DAVE, ALICE, BUY, 1000, 20) is Outcome.MARGIN
    venue.deposit("dave", DAVE, 1)
    assert venue.block(ALICE, DAVE, SELL, 1000, 20) is Outcome.ACCEPTED
    assert extra(venue, DAVE) == extra(venue, ALICE) == AT_TWENTY
    assert (cost(venue, DAVE), cost(venue, ALICE)) == (2_000_000, -2_000_000)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_position_has_cost_what_was_paid_for_its_lots(venue: World, side: int) -> None:
    write_rules(venue.state, 0, {"surcharge_from_units": 0, "surcharge_to_units": 0})
    sign = 1 if side == BUY else -1
    for price, lots in ((1000, 7), (1003, 4)):
        assert venue.block(1, 2, side, price, lots) is Outcome.ACCEPTED
    assert cost(venue, 1) == sign * (700_000 + 401_200) == -cost(venue, 2)
    # A part of it goes with the lots that go, whatever they bring; the rest is cut towards nothing.
    assert venue.block(1, 2, 1 - side, 1009, 4) is Outcome.ACCEPTED
    assert cost(venue, 1) == sign * (1_101_200 * 7 // 11)
    assert 1_101_200 * 7 % 11
    assert venue.block(1, 3, 1 - side, 990, 10) is Outcome.ACCEPTED
    assert cost(venue, 1) == -sign * 297_000
    assert venue.block(1, 3, side, 1000, 3) is Outcome.ACCEPTED
    assert books(venue.state, 1) == {}


def test_fees_and_funding_are_no_cost(venue: World) -> None:
    write_rules(venue.state, 0, {"taker_fee_ppm": 500, "maker_fee_ppm": 100, "funding_index_ppm": 3_000_000})
    meet(venue, 1, 2, 5)
    assert (cost(venue, 1), cost(venue, 2)) == (500_000, -500_000)


def test_what_the_fund_takes_over_has_cost_it_the_quote_and_is_asked_for_nothing() -> None:
    scene = Scene()
    troubled(scene, CRASHED, insurance_lots=100, fund=10**7)
    scene.rule(0, surcharge_from_units=1, surcharge_to_units=2)
    assert scene.take_over(BOB, 0, 100) is Outcome.ACCEPTED
    # Bob had 600,000 and bought for 10,000,000: his zero price leaves him nothing.
    assert books(scene.state, fund_of(MarketId(0))) == {0: (9_400_000, 0)}
    assert books(scene.state, BOB) == {}


def test_who_is_deleveraged_keeps_the_share_of_cost_and_of_what_was_asked() -> None:
    scene = Scene()
    troubled(scene, 1000)
    scene.rule(0, surcharge_from_units=1, surcharge_to_units=2)
    assert meet(scene, DAVE, ALICE, 40) is Outcome.ACCEPTED
    scene.report(0, CRASHED)
    (paid, asked) = books(scene.state, ALICE)[0]
    assert (paid, asked) == (-10_000_000, 40 * 95_000)
    scene.order(BOB, 0, SELL, 950, 1)
    assert scene.nominate(BOB, 0, ALICE) is Outcome.ACCEPTED
    scene.clock(ahead_ms=ADL_DELAY_MS)
    assert scene.deleverage(BOB) is Outcome.ACCEPTED
    assert books(scene.state, BOB) == books(scene.state, ALICE) == {}


@pytest.mark.parametrize(("units", "outcome"), [(0, Outcome.ACCEPTED), (-1, Outcome.UNFILLED)])
def test_who_takes_up_a_liquidation_is_asked_and_who_is_liquidated_is_not(units: int, outcome: Outcome) -> None:
    scene = Scene()
    troubled(scene)
    scene.rule(0, surcharge_from_units=1, surcharge_to_units=2)
    # 21 lots at 960, with the fees of nobody: all of their notional, and the initial margin is part of it.
    scene.deposit("erin", 5, 21 * 96_000 + units)
    assert scene.order(5, 0, BUY, FALLEN, 21) is (Outcome.ACCEPTED if units == 0 else Outcome.MARGIN)
    assert scene.liquidate(BOB, 0) is outcome
    assert books(scene.state, BOB)[0][1] == 0
