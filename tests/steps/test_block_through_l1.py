"""A block trade through L1: two who want to leave do so whatever a sequencer does with prices."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Final

import pytest

from tallystick.records.codec import Record
from tallystick.records.signing import sign
from tallystick.schema.names import Outcome, Phase
from tallystick.state.layout import MESSAGE_FORCE_CLOSE, SCOPE_CANCEL, SCOPE_PLACE, STALE_MS, WIND_DOWN_MS
from tallystick.testing.ledger.look import cash, position
from tallystick.testing.world import World, address, key, message
from tests.steps.conftest import MARK, RICH

ACCEPTED = Outcome.ACCEPTED
BUY, SELL, IOC = 0, 1, 1
LOTS = 10
AGENT = 2
PEOPLE: Final = MappingProxyType({1: "alice", 2: "bob", 3: "carol"})


@pytest.fixture
def halted(market: World) -> World:
    """A market whose prices have stopped, where alice is long and bob short."""
    assert market.block(1, 2, BUY, MARK, LOTS) is ACCEPTED
    market.later(STALE_MS + 1)
    return market


def leaving(world: World, price: int = MARK, lots: int = LOTS, market: int = 0, **more: int) -> Record:
    """Return the block trade with which alice and bob close their positions, or lots of them."""
    return world.accepted(world.offer(1, market, SELL, price, lots, **more), 2)


def held(world: World) -> tuple[int, int]:
    return position(world.state, 1, 0), position(world.state, 2, 0)


# A halt


def test_two_who_only_reduce_trade_through_l1_while_prices_have_stopped(halted: World) -> None:
    """I19."""
    record = leaving(halted, MARK + 30)
    assert halted.send(record) is Outcome.STALE_INDEX
    assert halted.force(record) is ACCEPTED
    assert held(halted) == (0, 0)
    assert halted.state.registers.phase == Phase.FETCH_RECORD
    assert halted.state.registers.forced_ms == 0
    for account in (1, 2):
        assert halted.withdraw(account, cash(halted.state, account)) is ACCEPTED


@pytest.mark.parametrize("lots", [1, LOTS - 1])
def test_a_part_of_a_position_is_left_the_same_way(halted: World, lots: int) -> None:
    assert halted.force(leaving(halted, lots=lots)) is ACCEPTED
    assert held(halted) == (LOTS - lots, lots - LOTS)


def test_a_lot_more_than_a_side_holds_is_no_leaving(halted: World) -> None:
    assert halted.force(leaving(halted, lots=LOTS + 1)) is Outcome.STALE_INDEX
    assert held(halted) == (LOTS, -LOTS)


@pytest.mark.parametrize(("maker", "taker", "side"), [(1, 3, SELL), (3, 1, BUY), (2, 3, BUY), (3, 3, BUY), (1, 2, BUY)])
def test_where_one_side_opens_nobody_leaves(halted: World, maker: int, taker: int, side: int) -> None:
    record = halted.accepted(halted.offer(maker, 0, side, MARK, 1), taker)
    expected = Outcome.SELF_TRADE if maker == taker else Outcome.STALE_INDEX
    assert halted.force(record) is expected


def test_who_must_only_reduce_does_not_make_a_sequenced_trade_a_leaving(halted: World) -> None:
    assert halted.send(leaving(halted, reduces=3)) is Outcome.STALE_INDEX
    assert halted.force(leaving(halted, reduces=3)) is ACCEPTED


def test_prices_that_were_never_there_or_a_market_that_is_over_stop_it_all_the_same(halted: World) -> None:
    halted.list_market(1)
    assert halted.force(leaving(halted, market=9)) is Outcome.NO_MARKET
    assert halted.force(leaving(halted, market=1)) is Outcome.NO_MARK
    assert halted.force(leaving(halted, expiry_ms=int(halted.state.registers.clock_ms))) is Outcome.EXPIRED


def test_a_loser_leaves_at_any_price_that_leaves_it_something(market: World) -> None:
    """I3: it has neither initial margin nor a better ratio of value than before, until it holds nothing."""
    market.withdraw(1, RICH - 60_000)
    assert market.block(1, 2, BUY, MARK, LOTS) is ACCEPTED
    market.report(0, MARK - 40)
    market.later(STALE_MS + 1)
    # Worth 19,900 of 24,000: a lot at 940 costs it more than a tenth of that, all of them more than it has.
    assert market.force(leaving(market, 940, lots=1)) is Outcome.MARGIN
    assert market.force(leaving(market, 940)) is Outcome.MARGIN
    assert market.force(leaving(market, 941)) is ACCEPTED
    assert held(market) == (0, 0)
    assert cash(market.state, 1) == 60_000 - 100 - 59_000 - 95


def test_however_much_margin_is_left_nobody_leaves_at_a_price_that_makes_it_less_safe(market: World) -> None:
    """I3, I22: beside the collar a price would be a withdrawal."""
    market.withdraw(1, RICH - 200_000)
    assert market.block(1, 2, BUY, MARK, LOTS) is ACCEPTED
    market.later(STALE_MS + 1)
    # Worth 199,900: a tenth of it stands behind each lot.
    assert market.force(leaving(market, MARK - 200, lots=1)) is Outcome.MARGIN
    assert market.force(leaving(market, MARK - 199, lots=1)) is ACCEPTED
    assert held(market) == (LOTS - 1, 1 - LOTS)


def test_with_fresh_prices_a_record_through_l1_trades_as_a_sequenced_one(market: World) -> None:
    record = market.accepted(market.offer(1, 0, BUY, MARK, LOTS), 2)
    assert market.force(record) is ACCEPTED
    assert market.force(record) is Outcome.NONCE_USED
    assert market.send(record) is Outcome.NONCE_USED


def test_agents_leave_for_their_accounts(halted: World) -> None:
    """I13."""
    for account in (1, 2):
        values = {"slot": AGENT, "key": int.from_bytes(address("agent"), "big"), "scope": SCOPE_PLACE | SCOPE_CANCEL}
        nonce = halted.next_nonce(account)
        approval = halted.signed("approve_agent", PEOPLE[account], account=account, nonce=nonce, **values)
        assert halted.force(approval) is ACCEPTED
    offer = sign(
        replace(halted.offer(1, 0, SELL, MARK, LOTS, agent=AGENT)), halted.state.registers.domain, key("agent")
    )
    assert halted.force(halted.accepted(offer, 2, by="agent", taker_agent=AGENT)) is ACCEPTED


def test_in_a_wind_down_nobody_trades(halted: World) -> None:
    """I21."""
    record = leaving(halted)
    halted.later(WIND_DOWN_MS)
    assert halted.settle_account(3) is ACCEPTED
    assert halted.force(record) is Outcome.WINDING_DOWN


# What a sequencer tries


def test_a_sequencer_that_plays_the_record_itself_in_its_halt_stops_nobody(halted: World) -> None:
    """I12: it has seen the queued record, and tries it and its parts first."""
    record = leaving(halted)
    theft = halted.accepted(record, 3)
    for played in (
        record,
        replace(record, blobs=(bytes(64),)),
        replace(record, blobs=(record.signature,)),
        replace(record, signature=record.blobs[0]),
        theft,
    ):
        assert halted.send(played) is not ACCEPTED
    assert halted.force(record) is ACCEPTED
    assert held(halted) == (0, 0)


def test_a_sequencer_that_plays_it_with_fresh_prices_has_let_them_leave(halted: World) -> None:
    record = leaving(halted)
    halted.report(0, MARK)
    assert halted.send(record) is ACCEPTED
    assert halted.force(record) is Outcome.NONCE_USED
    assert held(halted) == (0, 0)


def test_several_prices_may_be_queued_and_the_first_that_trades_ends_the_others(halted: World) -> None:
    nonces = {"nonce": halted.next_nonce(1)}
    records = [
        halted.accepted(halted.offer(1, 0, SELL, price, LOTS, **nonces), 2, taker_nonce=90)
        for price in (MARK, MARK - 20, MARK + 20)
    ]
    assert halted.force(*records) is Outcome.NONCE_USED
    assert [values[1] for name, values in halted.events if name == "block"] == [MARK, MARK]
    assert held(halted) == (0, 0)


def test_stopping_prices_keeps_an_order_through_l1_for_ever_and_a_block_trade_never(market: World) -> None:
    """I19: each time the sequencer lets the prices grow stale before it opens the batch with the queued messages."""
    assert market.block(1, 2, BUY, MARK, LOTS) is ACCEPTED
    market.order(3, 0, BUY, MARK - 5, LOTS)
    for _ in range(3):
        market.later(STALE_MS + 1)
        amount = 0 << 56 | 0 << 32 | LOTS
        market.published.messages.append(message(MESSAGE_FORCE_CLOSE, address("alice"), 1, amount, market.time))
        assert market.consume() is Outcome.STALE_INDEX
        close = market.signed(
            "order", "alice", account=1, nonce=market.next_nonce(1), side=SELL, flags=IOC, price_ticks=1, lots=LOTS
        )
        assert market.force(close) is Outcome.STALE_INDEX
        market.report(0, MARK)
    assert held(market) == (LOTS, -LOTS)
    market.later(STALE_MS + 1)
    assert market.force(leaving(market)) is ACCEPTED
    assert held(market) == (0, 0)
