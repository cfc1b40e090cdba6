"""Positions that neither the book nor a fund takes up: to the other side."""

from __future__ import annotations

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    ADL_DELAY_MS,
    ADL_LAPSE_MS,
    ADL_NEXT_MS,
    BUY,
    LONG_SILENCE_MS,
    SELL,
    STALE_MS,
)
from tallystick.testing.byhand import hold
from tallystick.testing.scenarios.orders.closed_out import ACCEPTED, BEATEN, BOB, CRASHED, FUND, RULES, troubled
from tallystick.testing.scenarios.scene import Scene


def deleveraging(scene: Scene) -> None:
    """Two candidates for one position, the one leveraged more comes first; the second has a second's notice."""
    troubled(scene, 1000)
    assert scene.nominate(BOB, 0, 1) is Outcome.HEALTHY
    assert scene.nominate(FUND, 0, 1) is Outcome.NO_POSITION
    assert scene.deleverage(BOB) is Outcome.NO_NOMINATION
    scene.report(0, CRASHED)
    assert scene.nominate(BOB, 1, 1) is Outcome.NO_MARKET
    assert scene.nominate(4, 0, 1) is Outcome.NO_POSITION
    for candidate in (0, FUND, BOB, 4, 5):
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
    assert scene.deleverage(BOB) is Outcome.TOO_EARLY
    scene.clock(ahead_ms=ADL_DELAY_MS + ADL_NEXT_MS)
    assert scene.deleverage(BOB) is ACCEPTED
    assert scene.nominate(BOB, 0, 1) is Outcome.NO_POSITION


def deleveraging_comes_last(scene: Scene) -> None:
    """Of an account that does not owe the book is asked before each nomination, and before its turn."""
    troubled(scene, 1000)
    scene.land(0, BEATEN)
    assert scene.nominate(BOB, 0, 1) is Outcome.BOOK_FIRST
    scene.liquidate(BOB, 0)
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    scene.clock(ahead_ms=ADL_DELAY_MS)
    assert scene.deleverage(BOB) is Outcome.BOOK_FIRST
    scene.liquidate(BOB, 0)
    assert scene.deleverage(BOB) is ACCEPTED
    assert scene.nominate(BOB, 0, 3) is Outcome.BOOK_FIRST


def deleveraging_meets_the_fund(scene: Scene) -> None:
    """A fund that can take over when the nominee's turn has come."""
    troubled(scene, CRASHED)
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    scene.clock(ahead_ms=ADL_DELAY_MS)
    scene.rule(0, insurance_lots=100)
    scene.endow(10**7)
    assert scene.nominate(BOB, 0, 1) is Outcome.INSURANCE_FIRST
    assert scene.deleverage(BOB) is Outcome.INSURANCE_FIRST


def nominations_end(scene: Scene) -> None:
    """Nominations that lapse, are overtaken by the mark, or whose nominee or account closes first."""
    troubled(scene, CRASHED)
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    scene.clock(ahead_ms=ADL_LAPSE_MS)
    assert scene.deleverage(BOB) is Outcome.EXPIRED
    scene.report(0, CRASHED)
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    scene.report(0, 1000)
    scene.clock(ahead_ms=ADL_LAPSE_MS + ADL_DELAY_MS)
    assert scene.deleverage(BOB) is Outcome.HEALTHY
    scene.land(0, CRASHED)
    assert scene.nominate(BOB, 0, 3) is Outcome.OUTRANKED
    scene.order(4, 0, SELL, CRASHED, 60)
    assert scene.order(1, 0, BUY, CRASHED, 60) is ACCEPTED
    assert scene.deleverage(BOB) is Outcome.NOT_ELIGIBLE
    assert scene.nominate(BOB, 0, 3) is ACCEPTED
    assert scene.deleverage(BOB) is ACCEPTED
    assert scene.nominate(BOB, 0, 4) is ACCEPTED
    scene.report(0, 1000)
    scene.order(BOB, 0, SELL, 1000, 60)
    assert scene.order(1, 0, BUY, 1000, 60) is ACCEPTED
    scene.later(ADL_DELAY_MS)
    assert scene.deleverage(BOB) is Outcome.NO_POSITION


def closed_in_a_settled_market(scene: Scene) -> None:
    """A market that is no longer live: who owes there is closed all the same, and nobody else is."""
    troubled(scene, CRASHED, insurance_lots=10, fund=10**7)
    scene.rule(0, status=2)
    assert scene.liquidate(BOB, 0) is Outcome.NO_MARKET
    assert scene.take_over(BOB, 0, 10) is ACCEPTED
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    scene.later(2 * STALE_MS)
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    scene.clock(ahead_ms=ADL_DELAY_MS)
    assert scene.deleverage(BOB) is ACCEPTED
    scene.deposit("bob", BOB, 200_000)
    assert scene.nominate(BOB, 0, 3) is Outcome.HEALTHY


def nominations_wait_for_prices(scene: Scene) -> None:
    """Prices that come back from a long silence, and stop again: who owes is not spared, who owes no more is for a while."""
    troubled(scene, CRASHED)
    scene.later(LONG_SILENCE_MS + 1)
    scene.report(0, CRASHED)
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    scene.later(STALE_MS + 1)
    assert scene.deleverage(BOB) is Outcome.STALE_INDEX
    scene.report(0, BEATEN)
    assert scene.deleverage(BOB) is Outcome.LIQUIDATIONS_WAIT
    scene.report(0, CRASHED)
    assert scene.deleverage(BOB) is ACCEPTED


def nomination_elsewhere(scene: Scene) -> None:
    """An account in trouble in two markets: one nomination at a time, for the position that weighs more."""
    scene.trading("alice", **RULES)
    scene.open_market(1, 1000, **RULES)
    scene.deposit("bob", BOB, 1_200_000)
    for market in (0, 1):
        scene.order(1, market, SELL, 1000, 100)
        assert scene.order(BOB, market, BUY, 1000, 100) is ACCEPTED
    scene.report(0, 930)
    scene.report(1, 940)
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    assert scene.nominate(BOB, 1, 1) is ACCEPTED
    assert scene.nominate(BOB, 0, 1) is Outcome.OUTRANKED
    scene.clock(ahead_ms=ADL_DELAY_MS)
    assert scene.deleverage(BOB) is ACCEPTED
    assert scene.nominate(BOB, 0, 1) is ACCEPTED
    assert scene.deleverage(BOB) is Outcome.TOO_EARLY


def ranked(scene: Scene) -> None:
    """Who has won comes before who is leveraged more and has not, and both before who owes itself."""
    troubled(scene, CRASHED)
    scene.finish()
    hold(scene.state, 3, 0, -40, -1_000)
    scene.cut()
    scene.clock()
    scene.deposit("erin", 5, 100_000)
    scene.order(4, 0, BUY, CRASHED, 20)
    assert scene.order(5, 0, SELL, CRASHED, 20) is ACCEPTED
    for candidate in (3, 5, 1):
        assert scene.nominate(BOB, 0, candidate) is ACCEPTED
        assert scene.nominate(BOB, 0, 3) is Outcome.OUTRANKED
    assert scene.nominate(BOB, 0, 5) is Outcome.OUTRANKED
    scene.clock(ahead_ms=ADL_DELAY_MS)
    assert scene.deleverage(BOB) is ACCEPTED


def bankrupt_meet(scene: Scene) -> None:
    """Two accounts that both owe more than they have meet at the index."""
    troubled(scene, CRASHED)
    scene.finish()
    hold(scene.state, 3, 0, -40, -1_000)
    scene.cut()
    scene.clock()
    assert scene.nominate(BOB, 0, 3) is ACCEPTED
    scene.clock(ahead_ms=ADL_DELAY_MS)
    assert scene.deleverage(BOB) is ACCEPTED
    scene.deposit("bob", BOB, 150_000)
    scene.liquidate(BOB, 0)
    assert scene.nominate(BOB, 0, 3) is Outcome.NOT_ELIGIBLE


def fund_deleveraged(scene: Scene) -> None:
    """A gap through the fund's own margin: it is deleveraged like anybody, at the index, until it is flat."""
    troubled(scene, CRASHED, insurance_lots=100, fund=10**6)
    assert scene.take_over(BOB, 0, 100) is ACCEPTED
    assert scene.nominate(FUND, 0, 1) is Outcome.HEALTHY
    scene.land(0, 850)
    assert scene.nominate(FUND, 0, 3) is ACCEPTED
    scene.clock(ahead_ms=ADL_DELAY_MS)
    assert scene.deleverage(FUND) is ACCEPTED
    scene.report(0, 700)
    for at, candidate in enumerate((1, 4), start=1):
        if candidate == 4:
            scene.order(1, 0, BUY, 700, 60)
            scene.order(4, 0, SELL, 700, 60)
        scene.nominate(FUND, 0, candidate)
        scene.clock(ahead_ms=ADL_DELAY_MS + at * ADL_NEXT_MS)
        scene.deleverage(FUND)
    assert scene.liquidate(FUND, 0) is Outcome.NO_POSITION


SCENARIOS = (
    deleveraging,
    deleveraging_comes_last,
    deleveraging_meets_the_fund,
    nominations_end,
    closed_in_a_settled_market,
    nominations_wait_for_prices,
    nomination_elsewhere,
    ranked,
    bankrupt_meet,
    fund_deleveraged,
)
