"""WITHDRAW."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    MESSAGE_FORCE_WITHDRAW,
    OUTBOX_ACCOUNT,
    OUTBOX_AMOUNT_UNITS,
    OUTBOX_RECIPIENT,
)
from tallystick.state.quantities import Units
from tallystick.testing.ledger.look import cash, limbs, word
from tallystick.testing.world import World, address, message, sub_account

RICH = 1_000_000_000
BUY, SELL = 0, 1


def hold(market: World, lots: int) -> None:
    """Make account 4 long with 200,000 units beside what the fee takes."""
    market.deposit("dave", 4, 200_000 + 50 * lots)
    market.order(1, 0, SELL, 1000, lots)
    market.order(4, 0, BUY, 1000, lots)


def test_withdrawing_nothing_is_out_of_range(market: World) -> None:
    assert market.withdraw(1, 0) is Outcome.OUT_OF_RANGE


@pytest.mark.parametrize("amount", [RICH + 1, 2**62 - 1])
def test_more_than_an_account_has_is_not_withdrawable(market: World, amount: int) -> None:
    assert market.withdraw(1, amount) is Outcome.NOT_WITHDRAWABLE
    assert market.state.registers.outbox_count == 0


def test_an_account_without_positions_may_withdraw_all_of_it(market: World) -> None:
    assert market.withdraw(1, RICH) is Outcome.ACCEPTED
    assert cash(market.state, 1) == 0
    assert market.withdraw(1, 1) is Outcome.NOT_WITHDRAWABLE


def test_a_withdrawal_goes_to_the_outbox_with_recipient_amount_and_account(market: World) -> None:
    """I5."""
    recipient = int.from_bytes(address("cold wallet"), "big")
    for number, amount in enumerate((7, 11)):
        record = market.signed("withdraw", "alice", account=1, nonce=number, amount_units=amount, recipient=recipient)
        assert market.send(record) is Outcome.ACCEPTED
        outbox = market.state.outbox
        assert limbs(outbox, number, OUTBOX_RECIPIENT, 5) == recipient
        assert word(outbox, number, OUTBOX_AMOUNT_UNITS) == amount
        assert word(outbox, number, OUTBOX_ACCOUNT) == 1
    registers = market.state.registers
    assert (registers.outbox_count, registers.withdrawn_units) == (2, Units(18))
    assert registers.cash_units == 3 * RICH - 18


def test_a_tenth_of_the_notional_stays_where_that_is_more_than_the_margin(market: World) -> None:
    hold(market, 10)
    assert market.withdraw(4, 100_001) is Outcome.NOT_WITHDRAWABLE
    assert market.withdraw(4, 100_000) is Outcome.ACCEPTED


def test_the_initial_margin_stays_where_that_is_more_than_a_tenth(market: World) -> None:
    market.list_market(1, initial_ppm=150_000)
    market.report(1, 1000)
    market.deposit("dave", 4, 200_500)
    market.order(1, 1, SELL, 1000, 10)
    market.order(4, 1, BUY, 1000, 10)
    assert market.withdraw(4, 50_001) is Outcome.NOT_WITHDRAWABLE
    assert market.withdraw(4, 50_000) is Outcome.ACCEPTED


def test_a_gain_leaves_once_it_is_realised_and_not_a_unit_before(market: World) -> None:
    hold(market, 10)
    market.land(0, 1300)
    # Value 500,000 against a buffer of 130,000, and 300,000 of it is open gain.
    assert market.withdraw(4, 200_001) is Outcome.NOT_WITHDRAWABLE
    assert market.withdraw(4, 200_000) is Outcome.ACCEPTED
    market.order(1, 0, BUY, 1300, 10)
    market.order(4, 0, SELL, 1300, 10)
    left = cash(market.state, 4)
    assert left == 300_000 - 650
    assert market.withdraw(4, left + 1) is Outcome.NOT_WITHDRAWABLE
    assert market.withdraw(4, left) is Outcome.ACCEPTED


def test_a_shorts_gain_stays_as_a_longs_does(market: World) -> None:
    market.deposit("dave", 4, 200_500)
    market.order(1, 0, BUY, 1000, 10)
    market.order(4, 0, SELL, 1000, 10)
    market.land(0, 700)
    assert market.withdraw(4, 200_001) is Outcome.NOT_WITHDRAWABLE
    assert market.withdraw(4, 200_000) is Outcome.ACCEPTED


def test_one_positions_loss_makes_no_room_for_anothers_gain(market: World) -> None:
    market.list_market(1)
    market.report(1, 1000)
    hold(market, 10)
    market.deposit("dave", 4, 500)
    market.order(1, 1, BUY, 1000, 10)
    market.order(4, 1, SELL, 1000, 10)
    for number in (0, 1):
        market.land(number, 1500)
    market.report(0, 1500)
    market.deposit("dave", 4, 400_000)
    # Worth 600,000 against a buffer of 300,000: a gain of 500,000 stays beside a loss of as much.
    assert market.withdraw(4, 100_001) is Outcome.NOT_WITHDRAWABLE
    assert market.withdraw(4, 100_000) is Outcome.ACCEPTED


def test_a_transfer_and_a_forced_withdrawal_leave_the_gain_too(market: World) -> None:
    hold(market, 10)
    market.land(0, 1300)
    assert market.transfer(4, sub_account(4, 1), 200_001) is Outcome.NOT_WITHDRAWABLE
    assert market.transfer(4, sub_account(4, 1), 50_000) is Outcome.ACCEPTED
    market.published.messages.append(message(MESSAGE_FORCE_WITHDRAW, address("dave"), 4, 2**62, market.time))
    assert market.consume() is Outcome.ACCEPTED
    assert word(market.state.outbox, 0, OUTBOX_AMOUNT_UNITS) == 150_000


def test_an_account_in_loss_withdraws_nothing(market: World) -> None:
    hold(market, 10)
    market.report(0, 700)
    assert market.withdraw(4, 1) is Outcome.NOT_WITHDRAWABLE


def test_no_profit_takes_out_more_than_all_deposits_still_there(market: World) -> None:
    """I5."""
    market.order(1, 0, BUY, 1000, 10)
    market.order(2, 0, SELL, 1000, 10)
    for _ in range(12):
        market.report(0, 3_000_000)
        market.later(1_000)
    market.land(0, 3_000_000)
    market.order(1, 0, SELL, 3_000_000, 10)
    assert market.order(3, 0, BUY, 3_000_000, 10) is Outcome.ACCEPTED
    assert cash(market.state, 1) > 3 * RICH
    assert market.withdraw(3, 1) is Outcome.ACCEPTED
    left = 3 * RICH - 1
    assert market.withdraw(1, left + 1) is Outcome.NOT_WITHDRAWABLE
    assert market.withdraw(1, left) is Outcome.ACCEPTED
    assert market.withdraw(3, 1) is Outcome.NOT_WITHDRAWABLE
    registers = market.state.registers
    assert registers.withdrawn_units == registers.deposited_units
    market.deposit("carol", 3, 5)
    assert market.withdraw(3, 6) is Outcome.NOT_WITHDRAWABLE
    assert market.withdraw(3, 5) is Outcome.ACCEPTED
