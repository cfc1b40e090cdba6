"""Dated futures: their expiry, the first median behind it, and SETTLE_POSITION."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tallystick.records.signing import make
from tallystick.rollup.invariants import broken
from tallystick.schema.names import Outcome
from tallystick.state.layout import KIND_DATED, MARKET_NET_LOTS, MARKET_OPEN_INTEREST_LOTS, MARKET_STATUS
from tallystick.testing.ledger.look import cash, mark, position, word
from tallystick.testing.world import World

FUTURE = 1


def settle(world: World, account: int, market: int = FUTURE) -> Outcome:
    return world.send(make("settle_position", account=account, market=market))


@pytest.fixture
def dated(market: World) -> World:
    """Alice long 30, bob short 20, carol short 10 of a future at 500, which expires in two seconds."""
    expiry = market.state.registers.clock_ms + 2000
    market.list_market(FUTURE, kind=KIND_DATED, expiry_ms=expiry, multiplier=7)
    market.report(FUTURE, 500)
    market.order(1, FUTURE, 0, 501, 30)
    market.order(2, FUTURE, 1, 501, 20)
    market.order(3, FUTURE, 1, 501, 10)
    return market


def test_before_its_expiry_a_future_trades_and_does_not_settle(dated: World) -> None:
    dated.clock(ahead_ms=1999)
    dated.report(FUTURE, 510)
    assert word(dated.state.markets, FUTURE, MARKET_STATUS) == 1
    assert settle(dated, 1) is Outcome.NOT_SETTLED
    assert dated.order(1, FUTURE, 0, 400, 1) is Outcome.ACCEPTED


def test_from_its_expiry_nobody_trades_it(dated: World) -> None:
    dated.clock(ahead_ms=2000)
    assert dated.order(1, FUTURE, 0, 400, 1) is Outcome.MARKET_EXPIRED
    assert settle(dated, 1) is Outcome.NOT_SETTLED


def test_the_first_median_behind_the_expiry_is_final(dated: World) -> None:
    """O29."""
    dated.clock(ahead_ms=2000)
    dated.report(FUTURE, 520, signers=(0, 1))
    assert word(dated.state.markets, FUTURE, MARKET_STATUS) == 1
    dated.report(FUTURE, 530)
    assert (word(dated.state.markets, FUTURE, MARKET_STATUS), mark(dated.state, FUTURE)) == (2, 530)
    assert dated.report(FUTURE, 900) is Outcome.NO_MARKET
    assert mark(dated.state, FUTURE) == 530
    assert dated.order(1, FUTURE, 0, 400, 1) is Outcome.NO_MARKET
    for account in (1, 2, 3):
        assert settle(dated, account) is Outcome.ACCEPTED


def test_every_position_is_paid_once_at_the_final_mark_and_money_is_conserved(dated: World) -> None:
    """I1, I2, O29. Reckoned again in fractions: deposits, less fees, and the lots' moves from 501 to 530."""
    before = {account: Fraction(cash(dated.state, account)) for account in (1, 2, 3)}
    sizes = {account: position(dated.state, account, FUTURE) for account in (1, 2, 3)}
    assert sizes == {1: 30, 2: -20, 3: -10}
    dated.clock(ahead_ms=2000)
    dated.report(FUTURE, 530)
    for account, size in sizes.items():
        assert settle(dated, account) is Outcome.ACCEPTED
        assert settle(dated, account) is Outcome.NO_POSITION
        assert broken(dated.state) == ()
        expected = before[account] + Fraction(size) * 530 * 7
        assert cash(dated.state, account) == expected
        assert position(dated.state, account, FUTURE) == 0
    gains = {account: cash(dated.state, account) - before[account] - sizes[account] * 501 * 7 for account in sizes}
    assert gains == {1: 30 * 29 * 7, 2: -20 * 29 * 7, 3: -10 * 29 * 7}
    assert word(dated.state.markets, FUTURE, MARKET_NET_LOTS) == 0
    assert word(dated.state.markets, FUTURE, MARKET_OPEN_INTEREST_LOTS) == 0


def test_an_order_left_in_the_book_of_a_settled_future_can_be_cancelled(dated: World) -> None:
    dated.order(1, FUTURE, 0, 400, 1, client_id=9)
    slot = next(values[2] for name, values in reversed(dated.events) if name == "rested")
    dated.clock(ahead_ms=2000)
    dated.report(FUTURE, 530)
    assert dated.cancel(1, 9, slot) is Outcome.ACCEPTED
    for account in (1, 2, 3):
        settle(dated, account)


def test_nothing_of_a_perpetual_or_of_no_market_settles(market: World) -> None:
    market.order(1, 0, 0, 1000, 1)
    market.order(2, 0, 1, 1000, 1)
    assert settle(market, 1, 0) is Outcome.NOT_SETTLED
    assert settle(market, 1, 63) is Outcome.NOT_SETTLED
    assert settle(market, 99, 0) is Outcome.NOT_SETTLED
