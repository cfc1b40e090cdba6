"""Dated futures: their expiry, the first index behind it, and SETTLE_POSITION."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tallystick.machine.market.funds import fund_of
from tallystick.machine.market.risk import Health, health
from tallystick.records.signing import make
from tallystick.rollup.invariants import broken
from tallystick.schema.names import Outcome
from tallystick.state.cells import risk_market_funding_index_ppm
from tallystick.state.layout import (
    BUY,
    HOUR_MS,
    KIND_DATED,
    LEAN_WORST,
    MARKET_NET_LOTS,
    MARKET_OPEN_INTEREST_LOTS,
    MARKET_STATUS,
    SELL,
    SETTLE_WAIT_MS,
    SETTLE_WINDOW_MS,
)
from tallystick.state.ordinals import AccountId, MarketId, Number
from tallystick.testing.byhand import hold, write_rules
from tallystick.testing.ledger.look import cash, mark, position, word
from tallystick.testing.world import World

FUTURE = 1


def settle(world: World, account: int, market: int = FUTURE) -> Outcome:
    return world.send(make("settle_position", account=account, market=market))


def end(world: World, price: int, last: int = 999) -> None:
    """Let the future's index stand at a price from when its last half hour begins, and expire with another one."""
    world.later(HOUR_MS - SETTLE_WINDOW_MS)
    world.report(FUTURE, price)
    world.later(SETTLE_WINDOW_MS)
    world.report(FUTURE, last)


@pytest.fixture
def dated(market: World) -> World:
    """Alice long 30, bob short 20, carol short 10 of a future at 500, which expires in an hour."""
    expiry = market.state.registers.clock_ms + HOUR_MS
    market.list_market(FUTURE, kind=KIND_DATED, expiry_ms=expiry, multiplier=7)
    market.report(FUTURE, 500)
    market.order(1, FUTURE, 0, 501, 30)
    market.order(2, FUTURE, 1, 501, 20)
    market.order(3, FUTURE, 1, 501, 10)
    return market


def test_before_its_expiry_a_future_trades_and_does_not_settle(dated: World) -> None:
    dated.later(HOUR_MS - 60_001)
    dated.reopen(FUTURE, 510)
    assert word(dated.state.markets, FUTURE, MARKET_STATUS) == 1
    assert settle(dated, 1) is Outcome.NOT_SETTLED
    assert dated.order(1, FUTURE, 0, 400, 1) is Outcome.ACCEPTED


def test_from_its_expiry_nobody_trades_it(dated: World) -> None:
    dated.later(HOUR_MS)
    assert dated.order(1, FUTURE, 0, 400, 1) is Outcome.MARKET_EXPIRED
    assert settle(dated, 1) is Outcome.NOT_SETTLED


def test_the_first_index_behind_the_expiry_ends_it_and_what_stood_before_is_its_price(dated: World) -> None:
    """O29."""
    dated.later(HOUR_MS - SETTLE_WINDOW_MS)
    dated.report(FUTURE, 530)
    dated.later(SETTLE_WINDOW_MS)
    dated.report(FUTURE, 520, signers=(0, 1))
    assert word(dated.state.markets, FUTURE, MARKET_STATUS) == 1
    dated.report(FUTURE, 700)
    assert (word(dated.state.markets, FUTURE, MARKET_STATUS), mark(dated.state, FUTURE)) == (2, 530)
    assert dated.report(FUTURE, 900) is Outcome.NO_MARKET
    assert mark(dated.state, FUTURE) == 530
    assert dated.order(1, FUTURE, 0, 400, 1) is Outcome.NO_MARKET
    dated.later(SETTLE_WAIT_MS)
    for account in (1, 2, 3):
        assert settle(dated, account) is Outcome.ACCEPTED


def test_every_position_is_paid_once_at_the_final_mark_and_money_is_conserved(dated: World) -> None:
    """I1, I2, O29. Reckoned again in fractions: deposits, less fees, and the lots' moves from 501 to 530."""
    before = {account: Fraction(cash(dated.state, account)) for account in (1, 2, 3)}
    sizes = {account: position(dated.state, account, FUTURE) for account in (1, 2, 3)}
    assert sizes == {1: 30, 2: -20, 3: -10}
    end(dated, 530)
    dated.later(SETTLE_WAIT_MS)
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
    end(dated, 530)
    assert dated.cancel(1, 9, slot) is Outcome.ACCEPTED
    dated.later(SETTLE_WAIT_MS)
    for account in (1, 2, 3):
        settle(dated, account)


def test_nothing_of_a_perpetual_or_of_no_market_settles(market: World) -> None:
    market.order(1, 0, 0, 1000, 1)
    market.order(2, 0, 1, 1000, 1)
    assert settle(market, 1, 0) is Outcome.NOT_SETTLED
    assert settle(market, 1, 63) is Outcome.NOT_SETTLED
    assert settle(market, 99, 0) is Outcome.NOT_SETTLED


# Who owes when a market settles

DAVE = 4
LOTS = 1_000
DEPOSIT = 3_000_000
TRADED = 500
FINAL = 450
LOST = LOTS * (TRADED - FINAL) * 100
OWED = LOST + LOTS * TRADED * 100 // 2_000 - DEPOSIT
"""What dave is short of: what he has lost and the taker's fee, less what he has paid in."""


def short_of_it(world: World, *, fund_units: int, market: int = FUTURE) -> None:
    """Let dave lose more than he has by a future that settles at 450, and give its fund some money."""
    expiry = world.state.registers.clock_ms + HOUR_MS
    world.list_market(market, kind=KIND_DATED, expiry_ms=expiry, insurance_lots=LOTS)
    world.deposit("dave", DAVE, DEPOSIT)
    world.report(market, TRADED)
    world.order(1, market, SELL, TRADED, LOTS)
    assert world.order(DAVE, market, BUY, TRADED, LOTS) is Outcome.ACCEPTED
    if fund_units:
        assert world.transfer(2, fund_of(MarketId(market)), fund_units) is Outcome.ACCEPTED


def expired(world: World) -> None:
    end(world, FINAL)
    assert mark(world.state, FUTURE) == FINAL


def test_X05_who_owes_is_closed_for_ten_minutes_at_the_final_mark_and_nobody_is_paid_before(market: World) -> None:
    short_of_it(market, fund_units=20_000_000)
    expired(market)
    assert [settle(market, each) for each in (1, DAVE)] == [Outcome.TOO_EARLY, Outcome.TOO_EARLY]
    assert market.liquidate(DAVE, FUTURE) is Outcome.NO_MARKET
    assert market.take_over(DAVE, FUTURE, LOTS) is Outcome.INSURANCE_LIMIT
    most = 2_000_000 * LOTS // OWED
    assert market.take_over(DAVE, FUTURE, most) is Outcome.ACCEPTED
    assert market.nominate(DAVE, FUTURE, 1) is Outcome.ACCEPTED
    market.later(5_000)
    assert market.deleverage(DAVE) is Outcome.ACCEPTED
    assert (position(market.state, DAVE, FUTURE), cash(market.state, DAVE)) == (0, 0)
    market.later(SETTLE_WAIT_MS - 5_000 - 1)
    assert settle(market, 1) is Outcome.TOO_EARLY
    market.later(1)
    assert [settle(market, int(each)) for each in (1, fund_of(MarketId(FUTURE)))] == [
        Outcome.ACCEPTED,
        Outcome.ACCEPTED,
    ]
    assert broken(market.state) == ()


@pytest.mark.parametrize(
    ("fund_units", "paid_units"), [(20_000_000, OWED), (OWED, OWED), (OWED - 1, OWED - 1), (7, 7), (0, 0)]
)
def test_X05_the_deficit_of_a_settlement_is_its_funds_as_far_as_that_goes(
    market: World, fund_units: int, paid_units: int
) -> None:
    short_of_it(market, fund_units=fund_units)
    expired(market)
    market.later(SETTLE_WAIT_MS)
    assert settle(market, DAVE) is Outcome.ACCEPTED
    assert cash(market.state, DAVE) == paid_units - OWED
    assert cash(market.state, fund_of(MarketId(FUTURE))) == fund_units - paid_units
    assert [values for name, values in market.events if name == "covered"] == [(FUTURE, paid_units, DAVE)][:paid_units]
    assert settle(market, 1) is Outcome.ACCEPTED
    assert broken(market.state) == ()


def test_a_fund_keeps_its_own_margin_when_it_pays(unreplayed: World) -> None:
    short_of_it(unreplayed, fund_units=0)
    expired(unreplayed)
    unreplayed.later(SETTLE_WAIT_MS)
    fund = fund_of(MarketId(FUTURE))
    needs = 100 * FINAL * 100 // 20
    hold(unreplayed.state, fund, FUTURE, 100, needs + 7)
    assert settle(unreplayed, DAVE) is Outcome.ACCEPTED
    assert cash(unreplayed.state, DAVE) == 7 - OWED
    measured = health_of(unreplayed, fund)
    assert measured.value_units == measured.initial_units == needs


def test_a_fund_pays_nothing_while_the_account_holds_something_else(market: World) -> None:
    short_of_it(market, fund_units=20_000_000)
    market.order(1, 0, SELL, 1000, 1)
    assert market.order(DAVE, 0, BUY, 1000, 1) is Outcome.ACCEPTED
    expired(market)
    market.later(SETTLE_WAIT_MS)
    assert settle(market, DAVE) is Outcome.ACCEPTED
    assert cash(market.state, fund_of(MarketId(FUTURE))) == 20_000_000
    assert health_of(market, DAVE).value_units < 0


def test_a_fund_pays_for_its_own_markets_loss_and_no_others(market: World) -> None:
    """One lot of a second future, settled last, opens that one's fund for what it has lost there, and no more."""
    short_of_it(market, fund_units=0)
    other = FUTURE + 1
    market.list_market(other, kind=KIND_DATED, expiry_ms=market.state.registers.clock_ms + HOUR_MS)
    market.report(other, TRADED)
    market.transfer(2, fund_of(MarketId(other)), 20_000_000)
    market.order(1, other, SELL, TRADED, 1)
    assert market.order(DAVE, other, BUY, TRADED, 1) is Outcome.ACCEPTED
    market.later(1_000)
    market.report(other, 1)
    expired(market)
    market.later(SETTLE_WAIT_MS + HOUR_MS)
    market.report(other, 1)
    market.later(SETTLE_WAIT_MS)
    lost = (TRADED - mark(market.state, other)) * 100
    assert lost > 0
    assert [settle(market, DAVE), settle(market, DAVE, other)] == [Outcome.ACCEPTED, Outcome.ACCEPTED]
    assert cash(market.state, fund_of(MarketId(other))) == 20_000_000 - lost


def test_an_account_that_is_short_of_nothing_takes_nothing_from_the_fund(market: World) -> None:
    short_of_it(market, fund_units=20_000_000)
    market.deposit("dave", DAVE, OWED)
    expired(market)
    market.later(SETTLE_WAIT_MS)
    assert settle(market, DAVE) is Outcome.ACCEPTED
    assert (cash(market.state, DAVE), cash(market.state, fund_of(MarketId(FUTURE)))) == (0, 20_000_000)


def health_of(world: World, account: Number) -> Health:
    state = world.state
    return health(state, state.accounts.known(AccountId(account)), state.risk.open(0), LEAN_WORST)


@pytest.mark.parametrize(("size", "paid"), [(10, 5_000), (-10, -5_000)])
def test_funding_is_settled_with_a_position(unreplayed: World, size: int, paid: int) -> None:
    """A perpetual that died, or was delisted, has charged some: five ticks a lot here."""
    hold(unreplayed.state, 3, 0, size, 300_000)
    before = cash(unreplayed.state, 3) + size * 100_000
    risk = unreplayed.state.risk
    index_ppm = risk_market_funding_index_ppm(risk.words, risk.open(0), MarketId(0))
    write_rules(unreplayed.state, 0, {"funding_index_ppm": index_ppm + 5_000_000, "status": 2, "settled_ms": 1})
    assert unreplayed.send(make("settle_position", account=3, market=0)) is Outcome.ACCEPTED
    assert before - cash(unreplayed.state, 3) == paid
