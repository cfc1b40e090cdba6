"""Stale prices: only cancels, then only makers, then all but liquidations, then all."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    FLAG_IOC,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    KIND_DATED,
    LIQUIDATION_WAIT_MS,
    MESSAGE_FORCE_CLOSE,
    POST_ONLY_MS,
    SILENT_MS,
    STALE_MS,
)
from tallystick.testing.ledger.look import position
from tallystick.testing.world import World, address, message

BUY, SELL = 0, 1
ACCEPTED = Outcome.ACCEPTED


def resting(world: World) -> tuple[int, ...]:
    """Return the newest resting order, as the machine told it."""
    return next(values for name, values in reversed(world.events) if name == "rested")


def force_close(world: World, lots: int) -> Outcome:
    amount = 0 << 56 | 990 << 32 | lots
    world.published.messages.append(message(MESSAGE_FORCE_CLOSE, address("alice"), 1, amount))
    return world.consume()


def trade(world: World) -> None:
    world.order(1, 0, BUY, 1000, 10)
    world.order(2, 0, SELL, 1000, 10)


def test_an_index_is_stale_a_millisecond_after_its_minute(market: World) -> None:
    """I19."""
    market.later(STALE_MS)
    assert market.order(1, 0, BUY, 1000, 10) is ACCEPTED
    market.later(1)
    assert market.order(1, 0, BUY, 1000, 10) is Outcome.STALE_INDEX
    assert market.order(1, 0, BUY, 1000, 10, flags=FLAG_POST_ONLY) is Outcome.STALE_INDEX
    assert market.order(2, 0, SELL, 1000, 10, flags=FLAG_REDUCE_ONLY) is Outcome.STALE_INDEX


def test_who_rests_in_a_stale_market_can_cancel(market: World) -> None:
    market.order(1, 0, BUY, 1000, 10, client_id=4)
    slot = resting(market)[2]
    market.later(STALE_MS + 1)
    assert market.cancel(1, 4, slot) is ACCEPTED
    assert market.cancel_all(2) is ACCEPTED


def test_makers_come_first_when_prices_are_back(market: World) -> None:
    """I19."""
    market.later(STALE_MS + 1)
    market.report(0, 1000)
    assert market.order(1, 0, BUY, 1000, 10, flags=FLAG_IOC) is Outcome.POST_ONLY_STAGE
    assert market.order(1, 0, BUY, 1000, 10) is Outcome.POST_ONLY_STAGE
    assert market.order(1, 0, BUY, 1000, 10, flags=FLAG_POST_ONLY) is ACCEPTED
    market.later(POST_ONLY_MS // 2)
    market.report(0, 1000)
    market.later(POST_ONLY_MS // 2 - 1)
    assert market.order(2, 0, SELL, 1000, 10) is Outcome.POST_ONLY_STAGE
    market.later(1)
    assert market.order(2, 0, SELL, 1000, 10) is ACCEPTED
    assert position(market.state, 1, 0) == 10


def test_prices_that_stop_again_halt_again(market: World) -> None:
    market.later(STALE_MS + 1)
    market.reopen(0, 1000)
    assert market.order(1, 0, BUY, 1000, 10) is ACCEPTED
    market.later(STALE_MS + 1)
    assert market.order(2, 0, SELL, 1000, 10) is Outcome.STALE_INDEX
    market.report(0, 1000)
    assert market.order(2, 0, SELL, 1000, 10) is Outcome.POST_ONLY_STAGE


def test_one_market_halts_alone(market: World) -> None:
    market.list_market(1)
    market.report(1, 50)
    market.later(STALE_MS // 2)
    market.report(1, 50)
    market.later(STALE_MS // 2 + 1)
    assert market.order(1, 0, BUY, 1000, 1) is Outcome.STALE_INDEX
    assert market.order(1, 1, BUY, 50, 1) is ACCEPTED


def test_a_close_forced_through_l1_is_an_order_like_any_other_at_every_stage(market: World) -> None:
    """Queued before a halt, it would pick off quotes from before it."""
    trade(market)
    market.order(3, 0, BUY, 990, 10)
    market.later(STALE_MS + 1)
    assert force_close(market, 4) is Outcome.STALE_INDEX
    market.report(0, 1000)
    assert force_close(market, 4) is Outcome.POST_ONLY_STAGE
    market.reopen(0, 1000)
    assert force_close(market, 4) is ACCEPTED
    assert position(market.state, 1, 0) == 6


def test_money_leaves_a_halted_exchange(market: World) -> None:
    trade(market)
    market.later(STALE_MS + 1)
    assert market.withdraw(1, 1000) is ACCEPTED


@pytest.mark.parametrize("way", ["liquidate", "take_over", "nominate"])
def test_nobody_is_liquidated_before_margin_could_be_added(market: World, way: str) -> None:
    """I19."""

    def act() -> Outcome:
        if way == "nominate":
            return market.nominate(1, 0, 2)
        return market.liquidate(1, 0) if way == "liquidate" else market.take_over(1, 0)

    trade(market)
    market.later(STALE_MS + 1)
    assert act() is Outcome.STALE_INDEX
    market.report(0, 1000)
    waited = 0
    while waited < LIQUIDATION_WAIT_MS:
        assert act() is Outcome.LIQUIDATIONS_WAIT
        market.later(STALE_MS // 2)
        market.report(0, 1000)
        waited += STALE_MS // 2
    assert act() is Outcome.HEALTHY


def fails_for_another_mark(world: World) -> None:
    """Have account 4 fall below its maintenance margin by market 1's mark, with a position in market 0 as well."""
    world.list_market(1)
    world.report(1, 1000)
    world.deposit("dave", 4, 12_000)
    world.order(1, 0, SELL, 1000, 1)
    world.order(4, 0, BUY, 1000, 1)
    world.order(1, 1, SELL, 1000, 1)
    world.order(4, 1, BUY, 1000, 1)
    world.order(2, 0, BUY, 1000, 50)
    world.report(1, 900)


def go_on(world: World, ms: int, *markets: int) -> None:
    """Let time pass while only these markets' prices go on."""
    while ms > 0:
        world.later(min(ms, STALE_MS // 2))
        ms -= STALE_MS // 2
        for each in markets:
            world.report(each, 1000 if each == 0 else 900)


@pytest.mark.parametrize("way", ["liquidate", "take_over", "nominate"])
def test_nobody_is_liquidated_for_a_mark_elsewhere_that_nobody_vouches_for(market: World, way: str) -> None:
    """I19."""

    def act() -> Outcome:
        if way == "nominate":
            return market.nominate(4, 0, 1)
        return market.liquidate(4, 0) if way == "liquidate" else market.take_over(4, 0)

    fails_for_another_mark(market)
    fails = {"liquidate": ACCEPTED, "take_over": Outcome.BOOK_CROSSES, "nominate": Outcome.BOOK_CROSSES}[way]
    if way != "liquidate":
        assert act() is fails
    go_on(market, STALE_MS + STALE_MS // 2, 0)
    assert act() is Outcome.LIQUIDATIONS_WAIT
    market.report(1, 900)
    go_on(market, LIQUIDATION_WAIT_MS - STALE_MS // 2, 0, 1)
    assert act() is Outcome.LIQUIDATIONS_WAIT
    go_on(market, STALE_MS // 2, 0, 1)
    assert act() is fails


def test_a_dead_market_is_no_shield_for_ever(market: World) -> None:
    """I19."""
    fails_for_another_mark(market)
    go_on(market, SILENT_MS, 0)
    assert market.liquidate(4, 0) is Outcome.LIQUIDATIONS_WAIT
    market.later(1)
    assert market.liquidate(4, 0) is ACCEPTED


def test_a_settled_future_spares_nobody(market: World) -> None:
    """I19."""
    market.list_market(1, kind=KIND_DATED, expiry_ms=market.state.registers.clock_ms + STALE_MS // 2)
    market.report(1, 1000)
    market.deposit("dave", 4, 12_000)
    for number in (0, 1):
        market.order(1, number, SELL, 1000, 1)
        market.order(4, number, BUY, 1000, 1)
    market.order(2, 0, BUY, 1000, 50)
    go_on(market, STALE_MS // 2, 0)
    market.report(1, 900)
    go_on(market, STALE_MS + STALE_MS // 2, 0)
    assert market.liquidate(4, 0) is ACCEPTED
