"""Positions that their accounts cannot carry: to the book, to the insurance fund, to the other side."""

from __future__ import annotations

from tallystick.schema.names import Outcome
from tallystick.state.layout import ADL_DELAY_MS, ADL_LAPSE_MS, BUY, SELL, STALE_MS
from tallystick.testing.byhand import hold
from tallystick.testing.scenarios.scene import Scene

ACCEPTED = Outcome.ACCEPTED
BOB = 2
RULES = {"taker_fee_ppm": 0, "maker_fee_ppm": 0, "liquidation_fee_ppm": 5_000}
FALLEN = 960
"""Bob, 100 lots long from 1000, is worth 200,000 units here and must hold 240,000."""
CRASHED = 930
"""Here he is worth 100,000 less than nothing."""


def troubled(scene: Scene, price: int = FALLEN, *, insurance_lots: int = 0, fund: int = 0, side: int = BUY) -> None:
    """Let bob hold 100 lots against alice's 60 and carol's 40, and the price turn against him."""
    scene.trading("alice", **RULES, insurance_lots=insurance_lots)
    for number, name, cash in ((BOB, "bob", 600_000), (3, "carol", 300_000), (4, "dave", 10**12)):
        scene.deposit(name, number, cash)
    if fund:
        scene.endow(fund)
    scene.order(1, 0, 1 - side, 1000, 60)
    scene.order(3, 0, 1 - side, 1000, 40)
    assert scene.order(BOB, 0, side, 1000, 100) is ACCEPTED
    if price != 1000:
        scene.report(0, price if side == BUY else 2000 - price)


def liquidations(scene: Scene) -> None:
    """A long that nobody, some and enough buyers meet, and what cannot be liquidated."""
    troubled(scene, 1000)
    assert scene.liquidate(BOB, 0) is Outcome.HEALTHY
    scene.report(0, FALLEN)
    assert scene.liquidate(BOB, 1) is Outcome.NO_MARKET
    assert scene.liquidate(4, 0) is Outcome.NO_POSITION
    assert scene.liquidate(1, 0) is Outcome.HEALTHY
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    scene.order(4, 0, BUY, 939, 100)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    scene.order(4, 0, BUY, 942, 3)
    scene.order(BOB, 0, BUY, 950, 1)
    scene.order(4, 0, BUY, 955, 10)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    scene.order(4, 0, BUY, 960, 100)
    assert scene.liquidate(BOB, 0) is ACCEPTED
    assert scene.liquidate(BOB, 0) is Outcome.HEALTHY
    scene.report(0, 900)
    assert scene.liquidate(BOB, 0) is Outcome.BANKRUPT


def worth_nothing(scene: Scene) -> None:
    """An account of which no part of the position suffices: all of it is offered."""
    troubled(scene, 940)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    scene.order(4, 0, BUY, 940, 99)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    scene.order(4, 0, BUY, 940, 1)
    assert scene.liquidate(BOB, 0) is ACCEPTED


def liquidated_short(scene: Scene) -> None:
    """A short that is bought back."""
    troubled(scene, side=SELL)
    scene.order(4, 0, SELL, 1070, 100)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    scene.order(4, 0, SELL, 1041, 100)
    assert scene.liquidate(BOB, 0) is ACCEPTED


def take_overs(scene: Scene) -> None:
    """The fund takes what its cap leaves room for, and unwinds it within the band."""
    troubled(scene, 1000, insurance_lots=130, fund=10**7)
    assert scene.take_over(BOB, 0) is Outcome.HEALTHY
    assert scene.take_over(0, 0) is Outcome.HEALTHY
    scene.report(0, FALLEN)
    assert scene.take_over(BOB, 1) is Outcome.NO_MARKET
    assert scene.take_over(4, 0) is Outcome.NO_POSITION
    scene.order(4, 0, BUY, 941, 1)
    assert scene.take_over(BOB, 0) is Outcome.BOOK_CROSSES
    scene.report(0, CRASHED)
    assert scene.take_over(BOB, 0) is ACCEPTED
    assert scene.liquidate(0, 0) is Outcome.UNFILLED
    scene.order(4, 0, BUY, 830, 10)
    scene.order(4, 0, BUY, 931, 70)
    assert scene.liquidate(0, 0) is Outcome.UNFILLED
    assert scene.liquidate(0, 1) is Outcome.NO_MARKET
    scene.order(4, 0, BUY, 931, 70)
    assert scene.liquidate(0, 0) is ACCEPTED
    assert scene.liquidate(0, 0) is Outcome.NO_POSITION


def fund_limits(scene: Scene) -> None:
    """A fund that takes a part, and is full then."""
    troubled(scene, CRASHED, insurance_lots=30, fund=10**6)
    assert scene.take_over(BOB, 0) is ACCEPTED
    assert scene.take_over(BOB, 0) is Outcome.INSURANCE_LIMIT


def fund_changes_sides(scene: Scene) -> None:
    """A long fund takes a short over; it is unwound at a price near the bottom of the range."""
    troubled(scene, CRASHED, insurance_lots=100, fund=10**6)
    assert scene.take_over(BOB, 0) is ACCEPTED
    scene.report(0, 1490)
    assert scene.take_over(3, 0) is ACCEPTED
    scene.report(0, 10)
    scene.order(4, 0, BUY, 9, 5)
    assert scene.liquidate(0, 0) is Outcome.UNFILLED


def poor_fund(scene: Scene) -> None:
    """A fund that cannot carry what it may take."""
    troubled(scene, CRASHED, insurance_lots=100, fund=100_000)
    assert scene.take_over(BOB, 0) is Outcome.INSURANCE_LIMIT


def fund_takes_a_short(scene: Scene) -> None:
    """A short is taken over and unwound, its market's price near the top of the range."""
    troubled(scene, insurance_lots=100, fund=10**7, side=SELL)
    assert scene.take_over(BOB, 0) is ACCEPTED
    scene.order(4, 0, SELL, 1144, 60)
    scene.order(4, 0, SELL, 1145, 60)
    assert scene.liquidate(0, 0) is Outcome.UNFILLED
    scene.report(0, (1 << 24) - 1)
    assert scene.liquidate(0, 0) is ACCEPTED


def deleveraging(scene: Scene) -> None:
    """Two candidates for one position, the one leveraged more comes first."""
    troubled(scene, 1000)
    assert scene.nominate(BOB, 0, 1) is Outcome.HEALTHY
    assert scene.nominate(0, 0, 1) is Outcome.HEALTHY
    assert scene.deleverage(BOB) is Outcome.NO_NOMINATION
    scene.report(0, CRASHED)
    assert scene.nominate(BOB, 1, 1) is Outcome.NO_MARKET
    assert scene.nominate(4, 0, 1) is Outcome.NO_POSITION
    for candidate in (0, BOB, 4, 5):
        assert scene.nominate(BOB, 0, candidate) is Outcome.NOT_ELIGIBLE
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    assert scene.nominate(BOB, 0, 3) is ACCEPTED
    assert scene.nominate(BOB, 0, 1) is Outcome.OUTRANKED
    assert scene.nominate(BOB, 0, 3) is Outcome.OUTRANKED
    assert scene.deleverage(BOB) is Outcome.TOO_EARLY
    scene.clock(ahead_ms=ADL_DELAY_MS)
    assert scene.nominate(BOB, 0, 3) is Outcome.OUTRANKED
    assert scene.deleverage(BOB) is ACCEPTED
    assert scene.deleverage(BOB) is Outcome.NO_NOMINATION
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    scene.clock(ahead_ms=2 * ADL_DELAY_MS)
    assert scene.deleverage(BOB) is ACCEPTED
    assert scene.nominate(BOB, 0, 1) is Outcome.NO_POSITION


def deleveraging_comes_last(scene: Scene) -> None:
    """The book goes first, also when somebody bids while a nomination stands."""
    troubled(scene)
    scene.order(4, 0, BUY, 941, 1, client_id=1)
    assert scene.nominate(BOB, 0, 1) is Outcome.BOOK_CROSSES
    scene.cancel(4, 1, scene.last_slot())
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    scene.clock(ahead_ms=ADL_DELAY_MS)
    scene.order(4, 0, BUY, 941, 1, client_id=1)
    assert scene.deleverage(BOB) is Outcome.BOOK_CROSSES


def deleveraging_meets_the_fund(scene: Scene) -> None:
    """A fund that can take over when the nominee's turn has come."""
    troubled(scene)
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    scene.clock(ahead_ms=ADL_DELAY_MS)
    scene.rule(0, insurance_lots=100)
    scene.endow(10**7)
    assert scene.nominate(BOB, 0, 1) is Outcome.INSURANCE_FIRST
    assert scene.deleverage(BOB) is Outcome.INSURANCE_FIRST


def nominations_end(scene: Scene) -> None:
    """Nominations that lapse, are overtaken by the mark, or whose nominee or account closes first."""
    troubled(scene)
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    scene.clock(ahead_ms=ADL_LAPSE_MS)
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    scene.report(0, 1000)
    scene.clock(ahead_ms=ADL_LAPSE_MS + ADL_DELAY_MS)
    assert scene.deleverage(BOB) is Outcome.HEALTHY
    scene.report(0, FALLEN)
    assert scene.nominate(BOB, 0, 3) is ACCEPTED
    scene.order(4, 0, SELL, 960, 40)
    assert scene.order(3, 0, BUY, 960, 40) is ACCEPTED
    assert scene.nominate(BOB, 0, 4) is ACCEPTED
    scene.order(1, 0, SELL, 960, 40)
    assert scene.order(4, 0, BUY, 960, 40) is ACCEPTED
    scene.clock(ahead_ms=ADL_LAPSE_MS + 2 * ADL_DELAY_MS)
    assert scene.deleverage(BOB) is Outcome.NOT_ELIGIBLE
    scene.report(0, FALLEN)
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    scene.clock(ahead_ms=2 * ADL_LAPSE_MS + 2 * ADL_DELAY_MS)
    assert scene.deleverage(BOB) is Outcome.EXPIRED
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    scene.order(BOB, 0, SELL, 960, 100)
    assert scene.order(1, 0, BUY, 960, 100) is ACCEPTED
    scene.clock(ahead_ms=2 * ADL_LAPSE_MS + 3 * ADL_DELAY_MS)
    assert scene.deleverage(BOB) is Outcome.NO_POSITION


def nomination_in_a_settled_market(scene: Scene) -> None:
    """A market that is no longer live when the nominee's turn comes."""
    troubled(scene)
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    scene.rule(0, status=2)
    scene.clock(ahead_ms=ADL_DELAY_MS)
    assert scene.deleverage(BOB) is Outcome.NO_MARKET


def nominations_wait_for_prices(scene: Scene) -> None:
    """Prices that stop, and come back, before the nominee's turn has come."""
    troubled(scene)
    scene.later(STALE_MS)
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    scene.later(ADL_DELAY_MS)
    assert scene.deleverage(BOB) is Outcome.STALE_INDEX
    scene.report(0, FALLEN)
    for _ in range(5):
        scene.later(STALE_MS)
        scene.report(0, FALLEN)
    scene.later(STALE_MS)
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    scene.later(1)
    scene.report(0, FALLEN)
    scene.later(ADL_DELAY_MS)
    assert scene.deleverage(BOB) is Outcome.LIQUIDATIONS_WAIT


def nomination_elsewhere(scene: Scene) -> None:
    """An account in trouble in two markets: one nomination at a time."""
    scene.trading("alice", **RULES)
    scene.open_market(1, 1000, **RULES)
    scene.deposit("bob", BOB, 1_200_000)
    for market in (0, 1):
        scene.order(1, market, SELL, 1000, 100)
        assert scene.order(BOB, market, BUY, 1000, 100) is ACCEPTED
    scene.report(0, FALLEN)
    scene.report(1, FALLEN)
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    assert scene.nominate(BOB, 1, 1) is Outcome.OUTRANKED
    scene.clock(ahead_ms=ADL_DELAY_MS)
    assert scene.deleverage(BOB) is ACCEPTED
    assert scene.liquidate(BOB, 1) is Outcome.UNFILLED


def largest_positions(scene: Scene) -> None:
    """The largest position at the highest price, worth nothing, less, and as much less as the machine knows."""
    scene.trading("alice", multiplier=1, max_lots=1 << 30, insurance_lots=1 << 30, maintenance_ppm=1, initial_ppm=1)
    scene.report(0, (1 << 24) - 1)
    scene.finish()
    for number, value in ((1, 0), (2, -(1 << 58)), (3, -(1 << 60) + (1 << 54)), (0, 1 << 59), (4, 1 << 60)):
        hold(scene.state, number, 0, {0: 0, 4: -(1 << 30)}.get(number, 1 << 30), value)
    scene.rule(0, open_interest_lots=3 << 30)
    assert scene.liquidate(1, 0) is Outcome.UNFILLED
    assert scene.take_over(3, 0) is Outcome.INSURANCE_LIMIT
    assert scene.take_over(2, 0) is ACCEPTED
    assert scene.take_over(1, 0) is Outcome.INSURANCE_LIMIT
    assert scene.liquidate(0, 0) is Outcome.UNFILLED
    assert scene.nominate(3, 0, 4) is ACCEPTED
    scene.clock(ahead_ms=ADL_DELAY_MS)
    assert scene.deleverage(3) is ACCEPTED


SCENARIOS = (
    liquidations,
    worth_nothing,
    liquidated_short,
    take_overs,
    fund_limits,
    fund_changes_sides,
    poor_fund,
    fund_takes_a_short,
    deleveraging,
    deleveraging_comes_last,
    deleveraging_meets_the_fund,
    nominations_end,
    nomination_in_a_settled_market,
    nominations_wait_for_prices,
    nomination_elsewhere,
    largest_positions,
)
