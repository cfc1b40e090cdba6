"""CHANGE_FEE_ACCOUNT, SWEEP and TOP_UP: where fees go."""

from __future__ import annotations

import pytest

from tallystick.machine.market.funds import fund_of
from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.state.cells import set_account_cash_units
from tallystick.state.layout import (
    CHANGE_DELAY_MS,
    FEE_ACCOUNT_PENDING,
    MAX_CASH_UNITS,
    TOP_UP_MS,
    TREASURY_ACCOUNT,
)
from tallystick.state.ordinals import AccountId, MarketId
from tallystick.state.quantities import Units
from tallystick.testing.byhand import hold, write_rules
from tallystick.testing.ledger.look import cash
from tallystick.testing.world import World, sub_account

RICH = 1_000_000_000
BUY, SELL = 0, 1
FEES = 540
"""Of nine lots at 1,000 with a multiplier of 100: 500 and 100 ppm of 900,000 units."""
FUND = fund_of(MarketId(0))


def trade(world: World, lots: int = 9) -> None:
    assert world.order(2, 0, SELL, 1000, lots) is Outcome.ACCEPTED
    assert world.order(1, 0, BUY, 1000, lots) is Outcome.ACCEPTED


def propose(world: World, account: int, change: int, by: str = "governance") -> Outcome:
    return world.send(world.signed("change_fee_account", by, account=account, change=change))


def apply(world: World) -> Outcome:
    return world.send(make("apply_change", pending=FEE_ACCOUNT_PENDING))


def sweep(world: World) -> Outcome:
    return world.send(make("sweep"))


def top_up(world: World, market: int = 0) -> Outcome:
    return world.send(make("top_up", market=market))


def pass_on(world: World, ms: int) -> None:
    """Let time pass, as a batch's header says it has."""
    world.seal()
    world.time += ms // 1000
    world.clock()


def until(world: World, clock_ms: int) -> None:
    """Set the clock to a time of a batch's length at most."""
    world.clock(clock_ms - world.time * 1000)


def set_cash(world: World, account: int, units: int) -> None:
    """Write an account's cash by hand."""
    accounts = world.state.accounts
    set_account_cash_units(accounts.words, accounts.open(AccountId(account)), Units(units))
    accounts.mark(account)


def named(world: World, account: int, change: int = 1) -> None:
    """Name the account of the fees, and wait until it counts."""
    trade(world)
    assert propose(world, account, change) is Outcome.ACCEPTED
    pass_on(world, CHANGE_DELAY_MS)
    assert apply(world) is Outcome.ACCEPTED


def test_without_an_account_the_treasury_takes_all_fees(market: World) -> None:
    """I1."""
    trade(market)
    assert market.state.registers.fees_units == FEES
    assert sweep(market) is Outcome.ACCEPTED
    assert (market.state.registers.fees_units, cash(market.state, TREASURY_ACCOUNT)) == (Units(0), FEES)
    assert market.state.registers.cash_units == 3 * RICH


def test_there_must_be_fees_to_sweep(market: World) -> None:
    assert sweep(market) is Outcome.OUT_OF_RANGE
    trade(market)
    assert [sweep(market), sweep(market)] == [Outcome.ACCEPTED, Outcome.OUT_OF_RANGE]


@pytest.mark.parametrize("fees", [1, 4, 5, 9, 544])
def test_the_treasury_has_a_fifth_rounded_down_and_the_account_the_rest(unreplayed: World, fees: int) -> None:
    named(unreplayed, 3)
    unreplayed.state.registers.cash_units = Units(unreplayed.state.registers.cash_units - (fees - FEES))
    unreplayed.state.registers.fees_units = Units(fees)
    assert sweep(unreplayed) is Outcome.ACCEPTED
    assert cash(unreplayed.state, TREASURY_ACCOUNT) == fees // 5
    assert cash(unreplayed.state, 3) == RICH + fees - fees // 5


def test_what_would_pass_the_bound_of_cash_stays_in_the_fees(unreplayed: World) -> None:
    named(unreplayed, 3)
    set_cash(unreplayed, 3, MAX_CASH_UNITS - 431)
    assert sweep(unreplayed) is Outcome.POSITION_LIMIT
    assert unreplayed.state.registers.fees_units == FEES
    set_cash(unreplayed, 3, MAX_CASH_UNITS - 432)
    set_cash(unreplayed, TREASURY_ACCOUNT, MAX_CASH_UNITS - 107)
    assert sweep(unreplayed) is Outcome.POSITION_LIMIT
    set_cash(unreplayed, TREASURY_ACCOUNT, MAX_CASH_UNITS - 108)
    assert sweep(unreplayed) is Outcome.ACCEPTED
    assert (cash(unreplayed.state, 3), cash(unreplayed.state, TREASURY_ACCOUNT)) == (MAX_CASH_UNITS, MAX_CASH_UNITS)


def test_only_governance_names_the_account_of_the_fees(market: World) -> None:
    assert propose(market, 1, 1, "alice") is Outcome.NOT_AUTHORISED
    assert apply(market) is Outcome.NO_CHANGE


@pytest.mark.parametrize("account", [7, FUND, sub_account(1, 1)])
def test_nobodys_account_has_no_fees(market: World, account: int) -> None:
    assert propose(market, account, 1) is Outcome.NO_ACCOUNT


def test_proposals_are_numbered_and_the_newest_counts(unreplayed: World) -> None:
    """I14."""
    assert [propose(unreplayed, 1, n) for n in (0, 2, 1, 1, 2)] == [
        *(Outcome.OLD_CHANGE, Outcome.OLD_CHANGE, Outcome.ACCEPTED, Outcome.OLD_CHANGE, Outcome.ACCEPTED)
    ]
    assert propose(unreplayed, TREASURY_ACCOUNT, 3) is Outcome.ACCEPTED
    assert propose(unreplayed, 2, 4) is Outcome.ACCEPTED
    pass_on(unreplayed, CHANGE_DELAY_MS)
    assert [apply(unreplayed), apply(unreplayed)] == [Outcome.ACCEPTED, Outcome.NO_CHANGE]
    unreplayed.state.registers.fees_units = Units(10)
    unreplayed.state.registers.cash_units = Units(unreplayed.state.registers.cash_units - 10)
    assert sweep(unreplayed) is Outcome.ACCEPTED
    assert cash(unreplayed.state, 2) == RICH + 8


def test_whoever_leaves_when_an_account_is_proposed_is_out_before_it_counts(market: World) -> None:
    """I14."""
    assert propose(market, 1, 1) is Outcome.ACCEPTED
    proposed = market.state.registers.clock_ms
    pass_on(market, CHANGE_DELAY_MS - 2_000)
    assert apply(market) is Outcome.TOO_EARLY
    until(market, proposed + CHANGE_DELAY_MS - 1)
    assert apply(market) is Outcome.TOO_EARLY
    until(market, proposed + CHANGE_DELAY_MS)
    assert apply(market) is Outcome.ACCEPTED


@pytest.mark.parametrize("pending", [64, 79])
def test_a_change_of_no_market_is_none(market: World, pending: int) -> None:
    assert market.send(make("apply_change", pending=pending)) is Outcome.NO_MARKET


def topped(world: World, units: int = 900) -> None:
    """Let the fund want so much, and the treasury have a thousand."""
    write_rules(world.state, 0, {"fund_units": units})
    assert world.transfer(1, TREASURY_ACCOUNT, 1_000) is Outcome.ACCEPTED


def test_a_fund_is_topped_up_to_what_it_is_to_be_worth(unreplayed: World) -> None:
    """I1, I13."""
    topped(unreplayed)
    assert unreplayed.transfer(1, FUND, 300) is Outcome.ACCEPTED
    assert top_up(unreplayed) is Outcome.ACCEPTED
    assert (cash(unreplayed.state, TREASURY_ACCOUNT), cash(unreplayed.state, FUND)) == (400, 900)
    assert unreplayed.state.registers.cash_units == 3 * RICH


def test_the_treasury_gives_no_more_than_it_has(unreplayed: World) -> None:
    topped(unreplayed, 5_000)
    assert top_up(unreplayed) is Outcome.ACCEPTED
    assert (cash(unreplayed.state, TREASURY_ACCOUNT), cash(unreplayed.state, FUND)) == (0, 1_000)


def test_a_fund_is_topped_up_once_a_day(unreplayed: World) -> None:
    """I13."""
    topped(unreplayed)
    assert top_up(unreplayed) is Outcome.ACCEPTED
    write_rules(unreplayed.state, 0, {"fund_units": 950})
    done = unreplayed.state.registers.clock_ms
    pass_on(unreplayed, TOP_UP_MS - 2_000)
    until(unreplayed, done + TOP_UP_MS - 1)
    assert top_up(unreplayed) is Outcome.TOO_EARLY
    until(unreplayed, done + TOP_UP_MS)
    assert top_up(unreplayed) is Outcome.ACCEPTED
    assert cash(unreplayed.state, FUND) == 950


def test_with_nothing_to_move_no_day_begins(unreplayed: World) -> None:
    assert [top_up(unreplayed), top_up(unreplayed, 1)] == [Outcome.OUT_OF_RANGE, Outcome.NO_MARKET]
    topped(unreplayed, 0)
    assert top_up(unreplayed) is Outcome.OUT_OF_RANGE
    write_rules(unreplayed.state, 0, {"fund_units": 10})
    assert top_up(unreplayed) is Outcome.ACCEPTED


def test_a_fund_counts_by_what_it_holds_at_the_worse_price_and_not_by_its_cash(unreplayed: World) -> None:
    """By its cash, one that has bought would lack what it has in its position, each day anew."""
    topped(unreplayed, 500_000)
    hold(unreplayed.state, FUND, 0, 5, 500_000)
    write_rules(unreplayed.state, 0, {"mark_ticks": 1010})
    assert top_up(unreplayed) is Outcome.OUT_OF_RANGE
    write_rules(unreplayed.state, 0, {"mark_ticks": 999})
    assert top_up(unreplayed) is Outcome.ACCEPTED
    assert cash(unreplayed.state, TREASURY_ACCOUNT) == 500
