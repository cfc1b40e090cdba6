"""Positions that their accounts cannot carry: to the book, and to the market's insurance fund."""

from __future__ import annotations

from tallystick.machine.market.funds import fund_of
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    ADL_DELAY_MS,
    BUY,
    KIND_DATED,
    LONG_SILENCE_MS,
    SELL,
    SETTLE_WINDOW_MS,
    SLICE_MS,
    STALE_MS,
    TRIED_MS,
)
from tallystick.state.ordinals import MarketId
from tallystick.testing.byhand import hold
from tallystick.testing.scenarios.scene import Scene

ACCEPTED = Outcome.ACCEPTED
BOB = 2
FUND = fund_of(MarketId(0))
RULES = {"taker_fee_ppm": 0, "maker_fee_ppm": 0, "liquidation_fee_ppm": 5_000}
FALLEN = 960
"""Bob, 100 lots long from 1000, is worth 200,000 units here and must hold 240,000."""
BEATEN = 950
"""Here he is worth 100,000 and must hold 237,500: 73 lots bring him back."""
CRASHED = 930
"""Here he is worth 100,000 less than nothing."""


def troubled(
    scene: Scene, price: int = FALLEN, *, insurance_lots: int = 0, fund: int = 0, side: int = BUY, **rules: int
) -> None:
    """Let bob hold 100 lots against alice's 60 and carol's 40, and the price turn against him."""
    scene.trading("alice", **RULES, insurance_lots=insurance_lots, **rules)
    for number, name, cash in ((BOB, "bob", 600_000), (3, "carol", 300_000), (4, "dave", 10**12)):
        scene.deposit(name, number, cash)
    if fund:
        scene.endow(fund)
    scene.order(1, 0, 1 - side, 1000, 60)
    scene.order(3, 0, 1 - side, 1000, 40)
    assert scene.order(BOB, 0, side, 1000, 100) is ACCEPTED
    if price != 1000:
        scene.report(0, price if side == BUY else 2000 - price)


def near_expiry(scene: Scene, left_ms: int) -> None:
    """Let a future that bob holds come near its expiry, with a bid in the book at what it will settle at."""
    expiry = scene.time * 1_000 + SETTLE_WINDOW_MS + 60_000
    troubled(scene, kind=KIND_DATED, expiry_ms=expiry)
    while expiry - scene.state.registers.clock_ms > 10_000:
        scene.later(min(expiry - 10_000 - scene.state.registers.clock_ms, LONG_SILENCE_MS))
        scene.report(0, FALLEN)
    scene.order(4, 0, BUY, FALLEN, 100)
    scene.later(10_000 - left_ms)


def liquidations_of_a_future(scene: Scene) -> None:
    """Nobody who rests in the book is met once it has expired; the ladder goes on without the book."""
    near_expiry(scene, 0)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    assert scene.state.registers.tried_account == BOB
    assert scene.report(0, FALLEN) is ACCEPTED
    assert scene.liquidate(BOB, 0) is Outcome.NO_MARKET


def liquidations(scene: Scene) -> None:
    """A long that nobody, some and enough buyers meet, and what cannot be liquidated."""
    troubled(scene, 1000)
    assert scene.liquidate(BOB, 0) is Outcome.HEALTHY
    scene.report(0, FALLEN)
    assert scene.liquidate(BOB, 1) is Outcome.NO_MARKET
    assert scene.liquidate(4, 0) is Outcome.NO_POSITION
    assert scene.liquidate(1, 0) is Outcome.HEALTHY
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    scene.order(4, 0, BUY, 955, 100)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    scene.order(4, 0, BUY, 957, 3)
    scene.order(BOB, 0, BUY, 958, 1)
    scene.order(4, 0, BUY, 959, 10)
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
    """The fund takes what suffices when the book has been asked, all of an account that owes, never more."""
    troubled(scene, 1000, insurance_lots=130, fund=10**7)
    assert scene.take_over(BOB, 0, 1) is Outcome.HEALTHY
    assert scene.take_over(FUND, 0, 1) is Outcome.HEALTHY
    scene.report(0, FALLEN)
    assert scene.take_over(BOB, 1, 1) is Outcome.NO_MARKET
    assert scene.take_over(4, 0, 1) is Outcome.NO_POSITION
    scene.liquidate(BOB, 0)
    assert scene.take_over(BOB, 0, 1) is Outcome.BOOK_FIRST
    scene.report(0, BEATEN)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    scene.clock(ahead_ms=TRIED_MS)
    assert scene.take_over(BOB, 0, 73) is Outcome.BOOK_FIRST
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    for lots in (0, 74):
        assert scene.take_over(BOB, 0, lots) is Outcome.INSURANCE_LIMIT
    assert scene.take_over(BOB, 0, 70) is ACCEPTED
    scene.report(0, CRASHED)
    assert scene.take_over(BOB, 0, 30) is ACCEPTED
    assert scene.take_over(BOB, 0, 1) is Outcome.NO_POSITION


def unwinding(scene: Scene) -> None:
    """A fund sells slice by slice, at the index, and worse than it while nobody comes, for half of what it has gained."""
    troubled(scene, BEATEN, insurance_lots=130, fund=10**7)
    scene.liquidate(BOB, 0)
    assert scene.take_over(BOB, 0, 73) is ACCEPTED
    assert scene.liquidate(FUND, 1) is Outcome.NO_MARKET
    assert scene.liquidate(FUND, 0) is Outcome.SLICE_WAITS
    scene.clock(ahead_ms=SLICE_MS)
    scene.order(4, 0, BUY, BEATEN - 2, 100)
    assert scene.liquidate(FUND, 0) is Outcome.UNFILLED
    scene.order(4, 0, BUY, BEATEN, 3)
    assert scene.liquidate(FUND, 0) is Outcome.UNFILLED
    assert scene.liquidate(FUND, 0) is Outcome.SLICE_WAITS
    for _ in range(16):
        scene.later(STALE_MS // 2)
        scene.report(0, BEATEN)
    for _ in range(2):
        assert scene.liquidate(FUND, 0) is ACCEPTED
        scene.later(STALE_MS // 2)
        scene.order(4, 0, BUY, BEATEN, 100)
    scene.later(STALE_MS // 2)
    assert scene.liquidate(FUND, 0) is Outcome.STALE_INDEX


def fund_limits(scene: Scene) -> None:
    """A fund that takes a part, and is full then."""
    troubled(scene, CRASHED, insurance_lots=30, fund=10**6)
    assert scene.take_over(BOB, 0, 31) is Outcome.INSURANCE_LIMIT
    assert scene.take_over(BOB, 0, 30) is ACCEPTED
    assert scene.take_over(BOB, 0, 1) is Outcome.INSURANCE_LIMIT


def fund_bears_a_tenth(scene: Scene) -> None:
    """A fund bears a tenth of what it is worth of who owes, as much again two minutes later, and all who do not owe."""
    troubled(scene, CRASHED, insurance_lots=100, fund=600_000)
    assert scene.take_over(BOB, 0, 61) is Outcome.INSURANCE_LIMIT
    assert scene.take_over(BOB, 0, 50) is ACCEPTED
    assert scene.take_over(BOB, 0, 11) is Outcome.INSURANCE_LIMIT
    assert scene.take_over(BOB, 0, 10) is ACCEPTED
    for _ in range(8):
        scene.later(STALE_MS // 2)
        scene.report(0, CRASHED)
    assert scene.take_over(BOB, 0, 40) is ACCEPTED


def fund_changes_sides(scene: Scene) -> None:
    """A long fund takes a short over; it is unwound at a price near the bottom of the range."""
    troubled(scene, CRASHED, insurance_lots=100, fund=10**8)
    assert scene.take_over(BOB, 0, 100) is ACCEPTED
    scene.report(0, 1490)
    assert scene.take_over(3, 0, 40) is ACCEPTED
    scene.report(0, 10)
    scene.order(4, 0, BUY, 10, 5)
    scene.clock(ahead_ms=SLICE_MS)
    assert scene.liquidate(FUND, 0) is Outcome.UNFILLED


def poor_fund(scene: Scene) -> None:
    """A fund that cannot carry what it may take."""
    troubled(scene, BEATEN, insurance_lots=100, fund=200_000)
    scene.liquidate(BOB, 0)
    assert scene.take_over(BOB, 0, 50) is Outcome.INSURANCE_LIMIT
    assert scene.take_over(BOB, 0, 40) is ACCEPTED


def fund_takes_a_short(scene: Scene) -> None:
    """A short is taken over and unwound, its market's price near the top of the range."""
    troubled(scene, BEATEN, insurance_lots=100, fund=10**14, side=SELL)
    scene.liquidate(BOB, 0)
    assert scene.take_over(BOB, 0, 60) is ACCEPTED
    scene.report(0, (1 << 24) - 1)
    scene.rule(0, mark_ticks=(1 << 24) - 1)
    scene.order(4, 0, SELL, (1 << 24) - 1, 60)
    scene.clock(ahead_ms=SLICE_MS)
    assert scene.liquidate(FUND, 0) is ACCEPTED


def largest_positions(scene: Scene) -> None:
    """The largest position at the highest price, worth nothing, less, and as much less as the machine knows."""
    scene.trading("alice", multiplier=1, max_lots=1 << 30, insurance_lots=1 << 30)
    scene.report(0, (1 << 24) - 1)
    scene.rule(0, mark_ticks=(1 << 24) - 1, maintenance_ppm=1, initial_ppm=1)
    scene.finish()
    for number, value in ((1, 0), (2, -(1 << 58)), (3, -(1 << 60) + (1 << 54)), (FUND, 1 << 59), (4, 1 << 60)):
        hold(scene.state, number, 0, {FUND: 0, 4: -(1 << 30)}.get(number, 1 << 30), value)
    scene.rule(0, open_interest_lots=3 << 30)
    assert scene.take_over(3, 0, 1 << 30) is Outcome.INSURANCE_LIMIT
    assert scene.take_over(2, 0, 1 << 27) is ACCEPTED
    assert scene.liquidate(1, 0) is Outcome.UNFILLED
    assert scene.take_over(1, 0, 1 << 30) is Outcome.INSURANCE_LIMIT
    assert scene.take_over(1, 0, 7 << 27) is ACCEPTED
    scene.clock(ahead_ms=SLICE_MS)
    assert scene.liquidate(FUND, 0) is Outcome.UNFILLED
    assert scene.nominate(3, 0, 4) is ACCEPTED
    scene.clock(ahead_ms=2 * ADL_DELAY_MS)
    assert scene.deleverage(3) is ACCEPTED


SCENARIOS = (
    liquidations,
    liquidations_of_a_future,
    worth_nothing,
    liquidated_short,
    take_overs,
    unwinding,
    fund_limits,
    fund_bears_a_tenth,
    fund_changes_sides,
    poor_fund,
    fund_takes_a_short,
    largest_positions,
)
