"""TRANSFER."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.layout import ACCOUNT_OWNER, TREASURY_ACCOUNT
from tallystick.testing.ledger.look import cash, limbs, position
from tallystick.testing.world import World, address, sub_account

RICH = 1_000_000_000
BUY, SELL = 0, 1
SUB = sub_account(1, 1)


def owner(world: World, account: int) -> int:
    return limbs(world.state.accounts, account, ACCOUNT_OWNER, 5)


def test_transferring_nothing_is_out_of_range(market: World) -> None:
    assert market.transfer(1, SUB, 0) is Outcome.OUT_OF_RANGE
    assert owner(market, SUB) == 0


def test_transferring_to_oneself_is_out_of_range(market: World) -> None:
    assert market.transfer(1, 1, 5) is Outcome.OUT_OF_RANGE
    assert cash(market.state, 1) == RICH


@pytest.mark.parametrize("other", [2, sub_account(2, 1), sub_account(0, 3), 1 << 27])
def test_an_account_of_another_family_is_not_authorised(market: World, other: int) -> None:
    """I13."""
    assert market.transfer(1, other, 5) is Outcome.NOT_AUTHORISED
    assert cash(market.state, other) == (RICH if other == 2 else 0)


def test_more_than_may_leave_is_not_withdrawable(market: World) -> None:
    assert market.transfer(1, SUB, RICH + 1) is Outcome.NOT_WITHDRAWABLE
    assert market.transfer(1, SUB, RICH) is Outcome.ACCEPTED
    assert market.transfer(1, SUB, 1) is Outcome.NOT_WITHDRAWABLE


def test_the_first_transfer_opens_a_sub_account_of_the_same_owner(market: World) -> None:
    """I1."""
    assert market.transfer(1, SUB, 300) is Outcome.ACCEPTED
    assert owner(market, SUB) == int.from_bytes(address("alice"), "big")
    assert (cash(market.state, 1), cash(market.state, SUB)) == (RICH - 300, 300)
    assert market.state.registers.cash_units == 3 * RICH


def test_sub_accounts_transfer_to_each_other_and_back(market: World) -> None:
    last = sub_account(1, 15)
    market.transfer(1, SUB, 300)
    assert market.transfer(SUB, last, 200) is Outcome.ACCEPTED
    assert market.transfer(last, 1, 150) is Outcome.ACCEPTED
    assert [cash(market.state, each) for each in (1, SUB, last)] == [RICH - 150, 100, 50]


def test_a_sub_account_withdraws_to_its_owner(market: World) -> None:
    market.transfer(1, SUB, 300)
    assert market.withdraw(SUB, 301) is Outcome.NOT_WITHDRAWABLE
    assert market.withdraw(SUB, 300) is Outcome.ACCEPTED


def test_only_the_owner_transfers(market: World) -> None:
    """I13."""
    market.transfer(1, SUB, 300)
    stolen = market.signed("transfer", "bob", account=SUB, nonce=9, to=0, amount_units=1)
    assert market.send(stolen) is Outcome.NOT_AUTHORISED


def test_anybody_may_give_to_the_treasury_and_nobody_takes_from_it(market: World) -> None:
    """I13."""
    assert market.transfer(1, TREASURY_ACCOUNT, 7) is Outcome.ACCEPTED
    assert market.transfer(2, TREASURY_ACCOUNT, 5) is Outcome.ACCEPTED
    assert cash(market.state, TREASURY_ACCOUNT) == 12
    assert owner(market, TREASURY_ACCOUNT) == 0
    taken = market.signed("transfer", "alice", account=0, nonce=0, to=1, amount_units=1)
    assert market.send(taken) is Outcome.NO_ACCOUNT


def test_a_loss_of_a_sub_account_leaves_the_main_account_alone(market: World) -> None:
    market.transfer(1, SUB, 60_000)
    assert market.order(SUB, 0, BUY, 1000, 10) is Outcome.ACCEPTED
    assert market.order(2, 0, SELL, 1000, 10) is Outcome.ACCEPTED
    market.report(0, 900)
    assert position(market.state, SUB, 0) == 10
    assert market.withdraw(SUB, 1) is Outcome.NOT_WITHDRAWABLE
    assert market.withdraw(1, RICH - 60_000) is Outcome.ACCEPTED


def test_margin_in_use_stays(market: World) -> None:
    market.transfer(1, SUB, 200_000)
    market.order(2, 0, SELL, 1000, 10)
    market.order(SUB, 0, BUY, 1000, 10)
    # Value 199,500; a tenth of the notional stays.
    assert market.transfer(SUB, 1, 99_501) is Outcome.NOT_WITHDRAWABLE
    assert market.transfer(SUB, 1, 99_500) is Outcome.ACCEPTED
