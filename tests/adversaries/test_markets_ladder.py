"""The ladder, attacked: a fund emptied at a constant index, shields, dust that outranks, nominees that hide."""

from __future__ import annotations

import pytest

from tallystick.rollup.invariants import broken
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    ADL_DELAY_MS,
    ADL_NEXT_MS,
    BUY,
    FLAG_IOC,
    SELL,
    STALE_MS,
)
from tallystick.state.ordinals import Number
from tallystick.testing.byhand import hold, write_rules
from tallystick.testing.ledger.look import cash, position
from tallystick.testing.scenarios.orders.closed_out import BEATEN, BOB, CRASHED, FUND, RULES, troubled
from tallystick.testing.scenarios.scene import Scene

ACCEPTED = Outcome.ACCEPTED
ALICE, CAROL, DAVE, ERIN = 1, 3, 4, 5


def wait(scene: Scene, ms: int) -> None:
    scene.clock(ahead_ms=scene.state.registers.clock_ms - scene.time * 1000 + ms)


def worth(scene: Scene, account: Number, price: int) -> int:
    return cash(scene.state, account) + position(scene.state, account, 0) * price * 100


def most_taken(scene: Scene, account: int) -> int:
    """Have the fund take over as much as it does, trying from the whole position down."""
    for lots in range(abs(position(scene.state, account, 0)), 0, -1):
        if scene.take_over(account, 0, lots) is ACCEPTED:
            return lots
    return 0


@pytest.mark.parametrize("side", [BUY, SELL])
def test_X02_the_fund_loses_nothing_at_a_constant_index_whoever_buys_it_out(side: int) -> None:
    """Dave owns the account that fails, and waits alone in the book for what the fund sells."""
    scene = Scene()
    troubled(scene, BEATEN, insurance_lots=100, fund=10**7, side=side)
    index = BEATEN if side == BUY else 2000 - BEATEN
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    assert most_taken(scene, BOB) > 0
    assert worth(scene, FUND, index) > 10**7
    for _ in range(20):
        write_rules(scene.state, 0, {"fund_ms": scene.state.registers.clock_ms - 10**7})
        for away in range(9, -1, -1):
            assert scene.order(DAVE, 0, side, index - away if side == BUY else index + away, 10) is ACCEPTED
            sold = scene.liquidate(FUND, 0)
            scene.cancel_all(DAVE)
            if sold is not Outcome.UNFILLED:
                break
    assert position(scene.state, FUND, 0) == 0
    assert cash(scene.state, FUND) >= 10**7
    assert broken(scene.state) == ()


def test_X02_no_more_is_taken_over_than_suffices_and_nothing_before_the_book_was_asked() -> None:
    scene = Scene()
    troubled(scene, BEATEN, insurance_lots=100, fund=10**9)
    assert scene.take_over(BOB, 0, 1) is Outcome.BOOK_FIRST
    scene.order(DAVE, 0, BUY, BEATEN, 100)
    assert scene.liquidate(BOB, 0) is ACCEPTED
    assert scene.take_over(BOB, 0, 1) is Outcome.HEALTHY
    scene.cancel_all(DAVE)
    scene.report(0, 930)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    before = position(scene.state, BOB, 0)
    assert 0 < most_taken(scene, BOB) < before
    assert scene.liquidate(BOB, 0) is Outcome.HEALTHY


def test_X02_a_straddle_through_a_gap_is_paid_by_its_winner_and_not_by_the_fund() -> None:
    """Carol and bob are one hand; the fund bears a tenth, and she is deleveraged for the rest."""
    scene = Scene()
    scene.trading("alice", **RULES, insurance_lots=1_000)
    scene.deposit("bob", BOB, 600_000)
    scene.deposit("carol", CAROL, 600_000)
    scene.endow(10**6)
    scene.order(CAROL, 0, SELL, 1000, 100)
    assert scene.order(BOB, 0, BUY, 1000, 100) is ACCEPTED
    scene.report(0, 800)
    most_taken(scene, BOB)
    assert worth(scene, FUND, 800) >= 9 * 10**5
    while position(scene.state, BOB, 0) and scene.nominate(BOB, 0, CAROL) is ACCEPTED:
        wait(scene, ADL_DELAY_MS)
        assert scene.deleverage(BOB) is ACCEPTED
    assert position(scene.state, BOB, 0) == 0
    assert worth(scene, BOB, 800) + worth(scene, CAROL, 800) <= 1_200_000 + 10**5
    assert broken(scene.state) == ()


@pytest.mark.parametrize("silence_ms", [STALE_MS + 1, 2 * STALE_MS, 3_600_000])
def test_X04_one_lot_in_a_market_that_blinks_is_no_shield_in_the_others(silence_ms: int) -> None:
    scene = Scene()
    troubled(scene, 1000, insurance_lots=100, fund=10**7)
    scene.open_market(1, 1000, **RULES)
    scene.order(ALICE, 1, SELL, 1000, 1)
    assert scene.order(BOB, 1, BUY, 1000, 1) is ACCEPTED
    while silence_ms > 0:
        scene.later(min(silence_ms, STALE_MS // 2))
        scene.report(0, BEATEN)
        silence_ms -= STALE_MS // 2
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    assert scene.take_over(BOB, 0, 1) is ACCEPTED
    scene.report(1, 1000)
    scene.report(0, BEATEN)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    scene.report(0, CRASHED)
    assert scene.nominate(BOB, 0, ALICE) is Outcome.INSURANCE_FIRST


def test_X10_dust_does_not_outrank_who_has_most_of_it() -> None:
    """Carol keeps a lot in each of several accounts at the highest leverage there is, and forty in her own."""
    scene = Scene()
    troubled(scene, CRASHED)
    hold(scene.state, ALICE, 0, -60, 2_000_000)
    for dust in (ERIN, ERIN + 1):
        hold(scene.state, dust, 0, -1, 2_000)
        assert scene.nominate(BOB, 0, dust) is (ACCEPTED if dust == ERIN else Outcome.OUTRANKED)
    hold(scene.state, ERIN, 0, -1, 60_000)
    assert scene.nominate(BOB, 0, ALICE) is ACCEPTED
    assert scene.nominate(BOB, 0, ERIN) is Outcome.OUTRANKED


def test_X10_a_candidate_that_cannot_bear_all_bears_what_it_can() -> None:
    """Who takes money out until a unit is missing for all of it would else take nothing."""
    scene = Scene()
    troubled(scene, CRASHED)
    hold(scene.state, CAROL, 0, -40, 39_999)
    assert scene.nominate(BOB, 0, CAROL) is ACCEPTED
    wait(scene, ADL_DELAY_MS)
    assert scene.deleverage(BOB) is ACCEPTED
    assert position(scene.state, BOB, 0) == 61


def test_X14_a_bid_of_one_lot_blocks_neither_takeover_nor_deleveraging() -> None:
    scene = Scene()
    troubled(scene, 1000, insurance_lots=10, fund=10**7)
    scene.land(0, BEATEN)
    scene.order(DAVE, 0, BUY, BEATEN - 1, 1)
    scene.order(DAVE, 0, BUY, BEATEN - 4, 1)
    assert scene.liquidate(BOB, 0) is Outcome.UNFILLED
    assert scene.take_over(BOB, 0, 10) is ACCEPTED
    scene.order(DAVE, 0, BUY, BEATEN - 4, 1)
    assert scene.nominate(BOB, 0, ALICE) is ACCEPTED


def test_X14_a_nominee_that_hides_does_not_put_the_deleveraging_off() -> None:
    """Carol is named again and again, and buys her lots back each time the delay is over."""
    scene = Scene()
    troubled(scene, 1000)
    scene.land(0, CRASHED)
    scene.nominate(BOB, 0, CAROL)
    wait(scene, ADL_DELAY_MS)
    scene.order(DAVE, 0, SELL, CRASHED, 40)
    assert scene.order(CAROL, 0, BUY, CRASHED, 40, flags=FLAG_IOC) is ACCEPTED
    assert scene.deleverage(BOB) is Outcome.NOT_ELIGIBLE
    assert scene.nominate(BOB, 0, ALICE) is ACCEPTED
    assert scene.deleverage(BOB) is ACCEPTED
    assert position(scene.state, BOB, 0) == 40
    assert scene.nominate(BOB, 0, DAVE) is ACCEPTED
    wait(scene, ADL_NEXT_MS)
    assert scene.deleverage(BOB) is ACCEPTED
    assert position(scene.state, BOB, 0) == 0


def test_X14_small_positions_in_other_markets_do_not_put_the_deleveraging_off() -> None:
    """Bob has friends nominated for a lot in each of three other markets, for as long as the nomination runs."""
    scene = Scene()
    scene.trading("alice", **RULES)
    scene.deposit("bob", BOB, 700_000)
    for market in range(4):
        if market:
            scene.open_market(market, 1000, **RULES)
        scene.order(ALICE, market, SELL, 1000, 1 if market else 100)
        assert scene.order(BOB, market, BUY, 1000, 1 if market else 100) is ACCEPTED
    scene.report(0, 900)
    assert scene.nominate(BOB, 1, ALICE) is ACCEPTED
    assert scene.nominate(BOB, 0, ALICE) is ACCEPTED
    begun = scene.state.registers.clock_ms
    while scene.state.registers.clock_ms - begun < ADL_DELAY_MS:
        for market in (1, 2, 3):
            assert scene.nominate(BOB, market, ALICE) is Outcome.OUTRANKED
        assert scene.deleverage(BOB) is Outcome.TOO_EARLY
        wait(scene, 1_000)
    assert scene.deleverage(BOB) is ACCEPTED
    assert position(scene.state, BOB, 0) == 0
