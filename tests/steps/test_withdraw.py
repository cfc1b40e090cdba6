"""WITHDRAW."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.layout import MOVE_MS, OUTBOX_ACCOUNT, OUTBOX_AMOUNT_UNITS, OUTBOX_RECIPIENT
from tallystick.testing.ledger.look import cash, limbs, word
from tallystick.testing.world import World, address

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
    assert (registers.outbox_count, registers.withdrawn_units) == (2, 18)
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


def test_profit_not_yet_realised_may_leave_above_the_buffer(market: World) -> None:
    hold(market, 10)
    market.report(0, 1100)
    # Value 300,000 against a buffer of 110,000.
    assert market.withdraw(4, 190_001) is Outcome.NOT_WITHDRAWABLE
    assert market.withdraw(4, 190_000) is Outcome.ACCEPTED
    assert cash(market.state, 4) == 200_000 - 1_000_000 - 190_000


def test_an_account_in_loss_withdraws_nothing(market: World) -> None:
    hold(market, 10)
    market.report(0, 700)
    assert market.withdraw(4, 1) is Outcome.NOT_WITHDRAWABLE


def test_no_profit_takes_out_more_than_all_deposits_still_there(market: World) -> None:
    """I5."""
    market.order(1, 0, BUY, 1000, 100)
    market.order(2, 0, SELL, 1000, 100)
    for _ in range(9):
        market.report(0, 2**24 - 1)
        market.later(MOVE_MS)
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
