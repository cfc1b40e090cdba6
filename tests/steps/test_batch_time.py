"""The exchange's time is its batches': nothing outlives it because no clock record comes (P07)."""

from __future__ import annotations

import pytest

from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.state.layout import BUY, CLAIM_MS, CLOCK_BEHIND_MS, KIND_DATED, SELL, STALE_MS, WIND_DOWN_MS
from tallystick.testing.ledger.look import cash, position
from tallystick.testing.world import World, address

BEHIND = CLOCK_BEHIND_MS // 1000
ACCEPTED = Outcome.ACCEPTED


def pass_time(world: World, seconds: int) -> None:
    """Let L1 go on, and the sequencer begin a batch, so many seconds after the clock, that holds no clock record."""
    world.seal()
    world.time = world.state.registers.clock_ms // 1000 + seconds
    assert world.clean(1 << 20) is Outcome.NO_SUCH_ORDER


def test_P07_an_order_good_for_a_minute_does_not_fill_a_minute_of_batches_later(market: World) -> None:
    expiry = market.state.registers.clock_ms + 60_000
    market.order(1, 0, SELL, 1000, 10, client_id=1, expiry_ms=expiry)
    pass_time(market, 60 + BEHIND)
    assert market.state.registers.clock_ms == expiry
    market.report(0, 1000)
    market.order(2, 0, BUY, 1000, 10)
    assert position(market.state, 2, 0) == 0


def test_P07_a_dead_mans_switch_fires_by_the_batchs_time(market: World) -> None:
    market.order(1, 0, SELL, 1000, 10)
    market.dead_man(1, market.state.registers.clock_ms + 5_000)
    pass_time(market, 5 + BEHIND - 1)
    assert market.order(1, 0, SELL, 1001, 1) is ACCEPTED
    pass_time(market, 1 + BEHIND)
    assert market.order(1, 0, SELL, 1001, 1) is Outcome.DEAD_MAN
    market.order(2, 0, BUY, 1001, 20)
    assert position(market.state, 2, 0) == 0


def test_P07_an_agents_key_ends_by_the_batchs_time(market: World) -> None:
    agent = int.from_bytes(address("agent"), "big")
    values = {"nonce": market.next_nonce(1), "slot": 1, "key": agent, "scope": 3}
    expiry = market.state.registers.clock_ms + 5_000
    assert market.send(market.signed("approve_agent", "alice", account=1, expiry_ms=expiry, **values)) is ACCEPTED
    pass_time(market, 5 + BEHIND)
    late = market.signed("order", "agent", account=1, agent=1, nonce=9, price_ticks=990, lots=1)
    assert market.send(late) is Outcome.AGENT_EXPIRED


@pytest.mark.parametrize(
    ("seconds", "outcome"),
    [(STALE_MS // 1000 + BEHIND, ACCEPTED), (STALE_MS // 1000 + BEHIND + 1, Outcome.STALE_INDEX)],
)
def test_P07_prices_grow_stale_by_the_batchs_time(market: World, seconds: int, outcome: Outcome) -> None:
    pass_time(market, seconds)
    assert market.order(1, 0, BUY, 990, 1) is outcome


def test_P07_a_future_expires_by_the_batchs_time(market: World) -> None:
    expiry = market.state.registers.clock_ms + 20_000
    market.list_market(1, kind=KIND_DATED, expiry_ms=expiry)
    market.report(1, 500)
    pass_time(market, 20 + BEHIND)
    assert market.order(1, 1, BUY, 500, 1) is Outcome.MARKET_EXPIRED
    assert market.report(1, 510) is ACCEPTED
    assert market.report(1, 510) is Outcome.NO_MARKET


def test_P07_the_rules_delay_counts_in_batch_time(market: World) -> None:
    assert market.change_market(0, 1, max_lots=5) is ACCEPTED
    pass_time(market, 21 * 86_400 + BEHIND - 1)
    assert market.send(make("apply_change", pending=0)) is Outcome.TOO_EARLY
    pass_time(market, 1 + BEHIND)
    assert market.send(make("apply_change", pending=0)) is ACCEPTED


def test_P07_an_exchange_without_clock_records_is_wound_down_all_the_same(market: World) -> None:
    week = WIND_DOWN_MS // 1000
    last = market.state.registers.last_index_ms // 1000
    pass_time(market, week + BEHIND - 1)
    assert market.settle_account(1) is Outcome.TOO_EARLY
    pass_time(market, last + week + BEHIND - market.state.registers.clock_ms // 1000)
    assert market.settle_account(1) is ACCEPTED
    pass_time(market, CLAIM_MS // 1000 + BEHIND)
    assert market.settle_account(1) is ACCEPTED
    assert cash(market.state, 1) == 0


def test_P07_thirty_days_of_batches_without_a_clock_record_move_the_clock_thirty_days(market: World) -> None:
    clock = market.state.registers.clock_ms
    market.seal()
    for _ in range(30):
        market.time += 86_400
        market.send(b"\xff")
        market.seal()
    assert market.state.registers.clock_ms - clock >= 30 * 86_400_000 - CLOCK_BEHIND_MS
