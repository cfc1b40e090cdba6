"""SETTLE_ACCOUNT: the exchange is wound down, and everybody leaves with what its account is worth, or a share of it (I21)."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.records.signing import make
from tallystick.rollup.invariants import imbalance
from tallystick.schema.names import Outcome
from tallystick.state.cells import set_account_cash_units
from tallystick.state.layout import (
    CLAIM_MS,
    FLAG_IOC,
    MARKET_LIVE,
    MAX_DEPOSITED_UNITS,
    MESSAGE_DEPOSIT,
    MESSAGE_FORCE_CANCEL_ALL,
    MESSAGE_FORCE_CLOSE,
    MESSAGE_FORCE_WITHDRAW,
    OUTBOX_ACCOUNT,
    OUTBOX_AMOUNT_UNITS,
    WIND_DOWN_MS,
)
from tallystick.state.ordinals import AccountId
from tallystick.state.quantities import Units
from tallystick.testing.ledger.look import cash, position, word
from tallystick.testing.world import World, address, message

BUY, SELL = 0, 1
NAMES = ("alice", "bob", "carol")
UNITS = 100
"""What a lot gains from a tick."""


def rich_in(cash_units: int, lots: int) -> World:
    """Return a world in which bob bought lots of alice at 1000, carol did nothing, and all had this cash."""
    world = World()
    world.clock()
    world.list_market(0, taker_fee_ppm=0, maker_fee_ppm=0)
    world.report(0, 1000)
    for number, name in enumerate(NAMES, start=1):
        world.deposit(name, number, cash_units)
    if lots:
        world.order(1, 0, SELL, 1000, lots)
        assert world.order(2, 0, BUY, 1000, lots, flags=FLAG_IOC) is Outcome.ACCEPTED
    return world


def mark_at(world: World, price: int) -> None:
    """Let reports lead the mark to a price, as fast as it moves."""
    while word(world.state.risk, 0, 0) != price:
        before = word(world.state.risk, 0, 0)
        world.report(0, price)
        assert word(world.state.risk, 0, 0) != before


def stop(world: World) -> None:
    world.later(WIND_DOWN_MS)


def paid(world: World) -> dict[int, int]:
    """Return what every account was paid."""
    found: dict[int, int] = {}
    for number in range(world.state.registers.outbox_count):
        account = word(world.state.outbox, number, OUTBOX_ACCOUNT)
        found[account] = found.get(account, 0) + word(world.state.outbox, number, OUTBOX_AMOUNT_UNITS)
    return found


def from_l1(world: World, kind: int, name: str, account: int, amount: int = 0) -> Outcome:
    world.published.messages.append(message(kind, address(name), account, amount))
    return world.consume()


def test_it_begins_seven_days_after_the_last_index_and_no_sooner() -> None:
    world = rich_in(10_000_000, 0)
    world.later(WIND_DOWN_MS - 1)
    assert world.settle_account(1) is Outcome.TOO_EARLY
    world.report(0, 1000)
    world.later(1)
    assert world.settle_account(1) is Outcome.TOO_EARLY
    world.later(WIND_DOWN_MS - 1)
    assert world.settle_account(1) is Outcome.ACCEPTED
    assert world.state.registers.wind_down_ms == world.state.registers.clock_ms


def test_without_any_index_there_is_nothing_to_wind_down() -> None:
    world = World()
    world.clock()
    world.deposit("alice", 1, 1000)
    stop(world)
    assert world.settle_account(1) is Outcome.TOO_EARLY
    assert world.withdraw(1, 1000) is Outcome.ACCEPTED


@pytest.mark.parametrize("price", [900, 1000, 1050])
def test_who_is_counted_in_time_is_paid_what_its_account_is_worth(price: int) -> None:
    world = rich_in(10_000_000, 900)
    mark_at(world, price)
    stop(world)
    for account in (1, 2, 3):
        assert world.settle_account(account) is Outcome.ACCEPTED
        assert world.settle_account(account) is Outcome.TOO_EARLY
    assert paid(world) == {}
    world.later(CLAIM_MS)
    for account in (3, 1, 2):
        assert world.settle_account(account) is Outcome.ACCEPTED
        assert world.settle_account(account) is Outcome.NO_CLAIM
    gain = 900 * (price - 1000) * UNITS
    assert paid(world) == {1: 10_000_000 - gain, 2: 10_000_000 + gain, 3: 10_000_000}
    assert imbalance(world.state) == 0


@given(lots=st.integers(800, 1000), carols=st.integers(0, 3))
def test_what_a_bankrupt_account_owes_is_shared_by_all_claims(lots: int, carols: int) -> None:
    """The oracle of the shares is a fraction."""
    world = rich_in(10_000_000, lots)
    world.deposit("carol", 3, 10_000_001 * carols)
    mark_at(world, 1300)
    gain = lots * 300 * UNITS
    claims = {2: 10_000_000 + gain, 3: 10_000_000 + 10_000_001 * carols}
    stop(world)
    for account in (1, 2, 3):
        assert world.settle_account(account) is Outcome.ACCEPTED
    world.later(CLAIM_MS)
    for account in (1, 2, 3):
        assert world.settle_account(account) is Outcome.ACCEPTED
    held = 30_000_000 + 10_000_001 * carols
    shares = {each: int(Fraction(claim * held, sum(claims.values()))) for each, claim in claims.items()}
    assert gain > 10_000_000 and paid(world) == shares
    assert 0 <= held - sum(shares.values()) < len(claims)
    assert imbalance(world.state) == 0


def test_who_comes_late_is_paid_from_what_the_others_leave() -> None:
    world = rich_in(10_000_000, 0)
    stop(world)
    assert world.settle_account(1) is Outcome.ACCEPTED
    world.later(CLAIM_MS)
    for account in (2, 1, 3):
        assert world.settle_account(account) is Outcome.ACCEPTED
    assert paid(world) == {1: 10_000_000, 2: 10_000_000, 3: 10_000_000}


def test_who_comes_late_takes_nothing_from_who_was_counted() -> None:
    world = rich_in(10_000_000, 900)
    mark_at(world, 1300)
    stop(world)
    assert world.settle_account(2) is Outcome.ACCEPTED
    world.later(CLAIM_MS)
    assert world.settle_account(3) is Outcome.ACCEPTED
    assert world.settle_account(2) is Outcome.ACCEPTED
    assert paid(world) == {2: 30_000_000}


def test_nobody_has_an_account_nobody_owns() -> None:
    world = rich_in(10_000_000, 0)
    stop(world)
    for number in (0, 9):
        assert world.settle_account(number) is Outcome.NO_ACCOUNT


def wound_down() -> World:
    world = rich_in(10_000_000, 900)
    world.order(3, 0, BUY, 900, 1, client_id=7)
    stop(world)
    assert world.settle_account(1) is Outcome.ACCEPTED
    return world


def test_nothing_that_moves_money_or_positions_is_taken_any_more() -> None:
    world = wound_down()
    refused = (
        world.order(1, 0, BUY, 1000, 1),
        world.conditional(1, 0, BUY, 1000, 1, 900),
        world.withdraw(3, 1),
        world.transfer(3, 0, 1),
        world.prices({0: 1000}, 0),
        world.list_by_record(1),
        world.liquidate(1, 0),
        world.take_over(1, 0, 1),
        world.nominate(1, 0, 2),
        world.deleverage(1),
        world.send(make("settle_position", account=1, market=0)),
        world.send(make("apply_change", pending=0)),
    )
    assert set(refused) == {Outcome.WINDING_DOWN}
    assert position(world.state, 2, 0) == 900
    assert word(world.state.markets, 0, 0) == MARKET_LIVE


def test_orders_can_still_be_cancelled() -> None:
    world = wound_down()
    slot = next(values[2] for name, values in reversed(world.events) if name == "rested")
    assert world.cancel(3, 7, slot) is Outcome.ACCEPTED
    assert from_l1(world, MESSAGE_FORCE_CANCEL_ALL, "bob", 2) is Outcome.ACCEPTED


def test_a_deposit_goes_back_to_who_sent_it() -> None:
    world = wound_down()
    before = cash(world.state, 3)
    assert from_l1(world, MESSAGE_DEPOSIT, "dave", 3, 77) is Outcome.WINDING_DOWN
    assert cash(world.state, 3) == before
    assert paid(world) == {3: 77}
    assert imbalance(world.state) == 0


def test_a_position_is_not_closed_through_l1_any_more() -> None:
    assert from_l1(wound_down(), MESSAGE_FORCE_CLOSE, "bob", 2) is Outcome.WINDING_DOWN


def test_a_forced_withdrawal_counts_and_then_pays() -> None:
    world = wound_down()
    assert from_l1(world, MESSAGE_FORCE_WITHDRAW, "mallory", 2, 1) is Outcome.NOT_AUTHORISED
    assert from_l1(world, MESSAGE_FORCE_WITHDRAW, "bob", 2, 1) is Outcome.ACCEPTED
    assert from_l1(world, MESSAGE_FORCE_WITHDRAW, "bob", 2, 1) is Outcome.TOO_EARLY
    world.later(CLAIM_MS)
    assert from_l1(world, MESSAGE_FORCE_WITHDRAW, "bob", 2, 1) is Outcome.ACCEPTED
    assert from_l1(world, MESSAGE_FORCE_WITHDRAW, "bob", 2, 1) is Outcome.NO_CLAIM
    assert paid(world) == {2: 10_000_000}


def test_a_claim_is_never_larger_than_all_that_can_be_deposited() -> None:
    world = rich_in(10_000_000, 0)
    account = world.state.accounts.open(AccountId(1))
    set_account_cash_units(world.state.accounts.words, account, Units(1 << 59))
    stop(world)
    assert world.settle_account(1) is Outcome.ACCEPTED
    assert world.state.registers.claims_units == MAX_DEPOSITED_UNITS
