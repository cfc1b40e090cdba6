"""CONSUME_MESSAGE."""

from __future__ import annotations

import pytest

from tallystick.machine.engine import run, step
from tallystick.records.chunks import chunk_header, framed
from tallystick.records.codec import encode
from tallystick.schema.names import Outcome, Phase
from tallystick.state.layout import (
    ACCOUNT_DEAD_BEFORE,
    KIND_DATED,
    MAX_ACCOUNT,
    MESSAGE_DEPOSIT,
    MESSAGE_FORCE_CANCEL_ALL,
    MESSAGE_FORCE_CLOSE,
    MESSAGE_FORCE_WITHDRAW,
    OUTBOX_ACCOUNT,
    OUTBOX_AMOUNT_UNITS,
    OUTBOX_RECIPIENT,
)
from tallystick.state.ordinals import NEVER
from tallystick.state.quantities import Units
from tallystick.testing.byhand import write_rules
from tallystick.testing.ledger.look import book, cash, limbs, owner, position, word
from tallystick.testing.world import World, address, message

RICH = 1_000_000_000


def consume(world: World, *messages: bytes) -> Outcome:
    world.published.messages.extend(messages)
    return world.consume()


def forced(name: str, account: int, amount: int, kind: int = MESSAGE_FORCE_WITHDRAW) -> bytes:
    return message(kind, address(name), account, amount)


# The run of messages


def test_a_batch_consumes_every_message_below_its_limit_in_order_before_its_first_record() -> None:
    world = World()
    world.published.messages.extend(message(MESSAGE_DEPOSIT, address("alice"), 1, 10**i) for i in range(4))
    withdraw = encode(world.signed("withdraw", "alice", account=1, nonce=0, amount_units=111, recipient=1))
    world.published.publish([chunk_header(0, bytes(32), 0, bytes(32)) + framed(withdraw)], world.time, 3)
    machine = world.fresh()
    run(machine, 4)
    registers = machine.state.registers
    assert (registers.message_cursor, registers.record_count) == (3, 0)
    assert cash(machine.state, 1) == 111
    run(machine, 1 << 20)
    assert (registers.outcome, registers.outbox_count) == (Outcome.ACCEPTED, 1)
    assert (registers.message_cursor, registers.batch_cursor) == (3, 1)


def test_a_message_takes_itself_as_input_and_the_last_one_leads_to_the_chunks() -> None:
    world = World()
    world.published.messages.extend(message(MESSAGE_DEPOSIT, address("alice"), 1, 5) for _ in range(2))
    world.consume()
    world.seal()
    machine = world.fresh()
    step(machine)
    for expected in (Phase.CONSUME_MESSAGE, Phase.OPEN_CHUNK):
        assert machine.state.registers.phase == Phase.CONSUME_MESSAGE
        step(machine)
        assert machine.step_input == world.published.messages[machine.state.registers.message_cursor - 1]
        assert machine.state.registers.phase == expected


def test_a_batch_whose_limit_is_consumed_already_begins_with_its_chunks(world: World) -> None:
    world.deposit("alice", 1, 5)
    world.seal()
    world.clock()
    world.seal()
    assert [header.message_limit for header in world.published.headers] == [0, 1, 1]
    assert cash(world.state, 1) == 5


# The messages


def test_a_deposit_credits_the_account_and_names_its_owner(world: World) -> None:
    assert world.deposit("alice", 7, 500) is Outcome.ACCEPTED
    assert (cash(world.state, 7), owner(world.state, 7)) == (500, address("alice"))
    registers = world.state.registers
    assert (registers.cash_units, registers.deposited_units) == (Units(500), Units(500))


def test_a_later_depositor_never_becomes_the_owner(world: World) -> None:
    world.deposit("alice", 7, 500)
    world.deposit("mallory", 7, 1)
    assert (cash(world.state, 7), owner(world.state, 7)) == (501, address("alice"))


def test_the_largest_account_takes_deposits_and_the_next_one_is_no_account(world: World) -> None:
    sender = address("alice")
    last = message(MESSAGE_DEPOSIT, sender, MAX_ACCOUNT, 5)
    assert consume(world, last) is Outcome.ACCEPTED
    for kind in (MESSAGE_DEPOSIT, MESSAGE_FORCE_WITHDRAW, MESSAGE_FORCE_CANCEL_ALL, 9):
        beyond = message(kind, sender, MAX_ACCOUNT + 1, 5)
        assert consume(world, beyond) is Outcome.NO_ACCOUNT
    assert cash(world.state, MAX_ACCOUNT) == 5


@pytest.mark.parametrize("kind", [0, 6, 255])
def test_a_message_of_an_unknown_kind_is_passed_over(world: World, kind: int) -> None:
    strange = message(kind, address("alice"), 1, 5)
    good = message(MESSAGE_DEPOSIT, address("alice"), 1, 5)
    assert consume(world, strange) is Outcome.UNKNOWN_MESSAGE
    assert consume(world, strange, good) is Outcome.ACCEPTED
    assert cash(world.state, 1) == 5


def test_only_the_owner_forces_a_withdrawal(market: World) -> None:
    assert consume(market, forced("bob", 1, 100)) is Outcome.NOT_AUTHORISED
    assert consume(market, forced("alice", 99, 100)) is Outcome.NOT_AUTHORISED
    assert market.state.registers.outbox_count == 0


def test_a_forced_withdrawal_appends_to_the_outbox_what_was_asked_for(market: World) -> None:
    assert consume(market, forced("alice", 1, 300)) is Outcome.ACCEPTED
    outbox = market.state.outbox
    assert limbs(outbox, 0, OUTBOX_RECIPIENT, 5).to_bytes(20, "big") == address("alice")
    assert word(outbox, 0, OUTBOX_AMOUNT_UNITS) == 300
    assert word(outbox, 0, OUTBOX_ACCOUNT) == 1
    assert cash(market.state, 1) == RICH - 300
    assert market.state.registers.withdrawn_units == 300


@pytest.mark.parametrize("asked", [RICH + 1, 2**63, 2**64 - 1])
def test_asking_for_more_than_may_leave_pays_all_that_may(market: World, asked: int) -> None:
    assert consume(market, forced("alice", 1, asked)) is Outcome.ACCEPTED
    assert word(market.state.outbox, 0, OUTBOX_AMOUNT_UNITS) == RICH
    assert cash(market.state, 1) == 0


def test_a_forced_withdrawal_leaves_the_margin_of_open_positions(market: World) -> None:
    market.order(1, 0, 0, 1000, 10)
    market.order(2, 0, 1, 1000, 10)
    consume(market, forced("alice", 1, 2**64 - 1))
    # The tenth of the notional of 1,000,000 is more than the initial margin of 50,000.
    assert cash(market.state, 1) + 1_000_000 == 100_000


def test_a_forced_withdrawal_of_nothing_is_not_withdrawable(market: World) -> None:
    assert consume(market, forced("alice", 1, 0)) is Outcome.NOT_WITHDRAWABLE
    consume(market, forced("alice", 1, RICH))
    assert consume(market, forced("alice", 1, 1)) is Outcome.NOT_WITHDRAWABLE


def test_only_the_owner_forces_its_orders_to_be_cancelled(market: World) -> None:
    market.order(1, 0, 0, 900, 1)
    rejected = consume(market, forced("bob", 1, 0, MESSAGE_FORCE_CANCEL_ALL))
    assert rejected is Outcome.NOT_AUTHORISED
    assert word(market.state.accounts, 1, ACCOUNT_DEAD_BEFORE) == 0


def test_after_a_forced_cancel_older_orders_never_trade_and_newer_ones_do(market: World) -> None:
    market.order(1, 0, 0, 990, 1, client_id=1)
    done = consume(market, forced("alice", 1, 0, MESSAGE_FORCE_CANCEL_ALL))
    assert done is Outcome.ACCEPTED
    registers = market.state.registers
    assert word(market.state.accounts, 1, ACCOUNT_DEAD_BEFORE) == registers.record_count + registers.message_cursor
    market.order(1, 0, 0, 990, 2, client_id=2)
    market.order(2, 0, 1, 990, 5, flags=1)
    assert position(market.state, 1, 0) == 2
    assert book(market.state, 0, 0) == []


def test_a_rejected_message_does_not_stop_the_queue(market: World) -> None:
    outcome = consume(
        market,
        forced("bob", 1, 100),
        forced("alice", 1, 100),
        message(200, address("bob"), 1, 1),
        forced("bob", 2, 200),
    )
    assert outcome is Outcome.ACCEPTED
    assert market.state.registers.withdrawn_units == 300


# Forced closes


def closing(name: str, account: int, market: int, price: int, lots: int) -> bytes:
    return forced(name, account, market << 56 | price << 32 | lots, MESSAGE_FORCE_CLOSE)


ANY_PRICE = (1 << 24) - 1


@pytest.fixture
def holding(market: World) -> World:
    """Alice is 10 lots long, bob 10 short, and carol bids 998 for 7 and asks 1003 for 20."""
    market.order(1, 0, 0, 1000, 10)
    market.order(2, 0, 1, 1000, 10)
    market.order(3, 0, 0, 998, 7, client_id=1)
    market.order(3, 0, 1, 1003, 20, client_id=2)
    return market


def test_only_the_owner_forces_a_close(holding: World) -> None:
    assert consume(holding, closing("bob", 1, 0, 0, 0)) is Outcome.NOT_AUTHORISED
    assert consume(holding, closing("nobody", 99, 0, 0, 0)) is Outcome.NOT_AUTHORISED
    assert position(holding.state, 1, 0) == 10


@pytest.mark.parametrize("number", [1, 63, 64, 255])
def test_a_close_in_no_market_is_passed_over(holding: World, number: int) -> None:
    assert consume(holding, closing("alice", 1, number, 0, 0)) is Outcome.NO_MARKET


def test_nothing_to_close_is_no_position(holding: World) -> None:
    holding.list_market(1)
    assert consume(holding, closing("alice", 1, 1, 0, 0)) is Outcome.NO_POSITION
    holding.deposit("dave", 4, 5)
    assert consume(holding, closing("dave", 4, 0, 0, 0)) is Outcome.NO_POSITION


def test_a_close_sells_a_long_to_the_best_bids_and_drops_the_rest(holding: World) -> None:
    assert consume(holding, closing("alice", 1, 0, 0, 0)) is Outcome.UNFILLED
    assert position(holding.state, 1, 0) == 3
    assert position(holding.state, 3, 0) == 7
    registers = holding.state.registers
    assert (registers.phase, registers.resume, registers.forced_ms, registers.arg_closes) == (2, 0, NEVER, 0)
    assert book(holding.state, 0, 1)[0].remaining_lots == 20


def test_a_close_buys_a_short_back_and_never_turns_it_round(holding: World) -> None:
    assert consume(holding, closing("bob", 2, 0, ANY_PRICE, 2**32 - 1)) is Outcome.ACCEPTED
    assert position(holding.state, 2, 0) == 0


def test_a_close_takes_no_more_lots_than_asked_for(holding: World) -> None:
    assert consume(holding, closing("bob", 2, 0, ANY_PRICE, 4)) is Outcome.ACCEPTED
    assert position(holding.state, 2, 0) == -6


@pytest.mark.parametrize(("price", "left"), [(998, 3), (999, 10)])
def test_a_close_keeps_to_its_price_bound(holding: World, price: int, left: int) -> None:
    assert consume(holding, closing("alice", 1, 0, price, 0)) is Outcome.UNFILLED
    assert position(holding.state, 1, 0) == left


def test_messages_behind_a_close_wait_for_its_order(holding: World) -> None:
    last = consume(
        holding,
        closing("alice", 1, 0, 0, 5),
        closing("bob", 2, 0, ANY_PRICE, 0),
        forced("alice", 1, 5),
    )
    assert last is Outcome.ACCEPTED
    assert (position(holding.state, 1, 0), position(holding.state, 2, 0)) == (5, 0)
    assert word(holding.state.outbox, 0, OUTBOX_AMOUNT_UNITS) == 5


def test_a_close_of_an_expired_future_is_refused(market: World) -> None:
    expiry = market.state.registers.clock_ms + 1000
    market.list_market(1, kind=KIND_DATED, expiry_ms=expiry)
    market.report(1, 1000)
    market.order(1, 1, 0, 1000, 1)
    market.order(2, 1, 1, 1000, 1)
    market.clock(ahead_ms=2000)
    assert consume(market, closing("alice", 1, 1, 0, 0)) is Outcome.MARKET_EXPIRED


def test_a_sale_without_a_bound_takes_any_bid_and_a_purchase_without_one_any_offer(holding: World) -> None:
    holding.order(3, 0, 0, 988, 3, client_id=3)
    assert consume(holding, closing("alice", 1, 0, 0, 0)) is Outcome.ACCEPTED
    assert consume(holding, closing("bob", 2, 0, 0, 0)) is Outcome.ACCEPTED
    assert (position(holding.state, 1, 0), position(holding.state, 2, 0)) == (0, 0)


def test_neither_the_largest_order_nor_a_fired_switch_stops_a_close(unreplayed: World) -> None:
    unreplayed.order(1, 0, 0, 1000, 10)
    unreplayed.order(2, 0, 1, 1000, 10)
    unreplayed.order(3, 0, 0, 998, 7)
    write_rules(unreplayed.state, 0, {"max_lots": 8})
    unreplayed.dead_man(1, unreplayed.state.registers.clock_ms + 1)
    unreplayed.clock(ahead_ms=1)
    assert unreplayed.order(1, 0, 1, 998, 1) is Outcome.DEAD_MAN
    assert consume(unreplayed, closing("alice", 1, 0, 998, 0)) is Outcome.UNFILLED
    assert position(unreplayed.state, 1, 0) == 3


def test_a_close_queued_before_a_halt_does_not_meet_the_quotes_from_before_it(holding: World) -> None:
    holding.seal()
    holding.published.messages.append(closing("alice", 1, 0, 0, 0))
    holding.time += 72
    assert holding.consume() is Outcome.STALE_INDEX
    assert position(holding.state, 1, 0) == 10
