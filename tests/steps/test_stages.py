"""Stale prices: only cancels, then all but quotes from before them; behind a long silence no liquidations at first."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    FLAG_IOC,
    FLAG_POST_ONLY,
    FLAG_REDUCE_ONLY,
    FLAG_TRIGGER_ABOVE,
    KIND_DATED,
    LIQUIDATION_WAIT_MS,
    LONG_SILENCE_MS,
    MESSAGE_FORCE_CLOSE,
    SETTLE_WINDOW_MS,
    STALE_MS,
)
from tallystick.testing.byhand import hold, write_rules
from tallystick.testing.ledger.look import book, mark, position
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


def test_an_index_is_stale_a_millisecond_after_half_a_minute(market: World) -> None:
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


@pytest.mark.parametrize("silence", [STALE_MS + 1, LONG_SILENCE_MS + 1])
@pytest.mark.parametrize(("side", "price"), [(SELL, 1003), (BUY, 997)])
def test_nobody_is_picked_off_on_a_quote_from_before_a_halt(market: World, silence: int, side: int, price: int) -> None:
    """I19. The index comes back beyond the quote, which its owner could not renew: whoever meets it takes it out."""
    market.order(1, 0, side, price, 10)
    market.later(silence)
    back = 1010 if side == SELL else 990
    market.report(0, back)
    assert market.order(2, 0, 1 - side, back, 10, flags=FLAG_IOC) is Outcome.UNFILLED
    assert book(market.state, 0, side) == []
    assert position(market.state, 1, 0) == 0


@pytest.mark.parametrize(("back", "kept"), [(1010, False), (1003, True), (1000, True), (993, True)])
def test_a_quote_from_before_a_halt_that_is_no_worse_than_index_or_mark_is_taken(
    market: World, back: int, kept: bool
) -> None:
    market.order(1, 0, SELL, 1003, 10)
    market.later(STALE_MS + 1)
    market.report(0, back)
    taken = market.order(2, 0, BUY, 1003, 10, flags=FLAG_IOC)
    assert (taken is ACCEPTED) is kept


@pytest.mark.parametrize(
    ("side", "mark", "index", "price", "kept"),
    [
        (BUY, 1010, 1000, 1005, True),
        (BUY, 1000, 1010, 1005, True),
        (BUY, 1000, 1000, 1005, False),
        (SELL, 990, 1000, 995, True),
        (SELL, 1000, 990, 995, True),
        (SELL, 1000, 1000, 995, False),
    ],
)
def test_either_of_mark_and_index_keeps_a_quote_from_before_a_halt(
    unreplayed: World, side: int, mark: int, index: int, price: int, kept: bool
) -> None:
    """Else a market with a basis would lose one side of its quotes behind each halt."""
    assert unreplayed.order(1, 0, side, price, 10) is ACCEPTED
    registers = unreplayed.state.registers
    resumed = registers.record_count + registers.message_cursor + 1
    write_rules(unreplayed.state, 0, {"mark_ticks": mark, "index_ticks": index, "resumed_sequence": resumed})
    taken = unreplayed.order(2, 0, 1 - side, price, 10, flags=FLAG_IOC)
    assert (taken is ACCEPTED) is kept


def test_a_quote_of_the_report_that_ends_a_halt_is_no_old_one(market: World) -> None:
    """A stop that this report fires is placed behind the halt, at its owner's own price."""
    market.conditional(1, 0, SELL, 1002, 10, 1005, flags=FLAG_TRIGGER_ABOVE)
    market.later(STALE_MS + 1)
    market.report(0, 1010)
    assert [each.price_ticks for each in book(market.state, 0, SELL)] == [1002]
    assert market.order(2, 0, BUY, 1002, 10, flags=FLAG_IOC) is ACCEPTED


def test_what_was_quoted_behind_a_halt_or_without_one_is_as_good_as_any(market: World) -> None:
    market.later(STALE_MS + 1)
    market.report(0, 1000)
    market.order(1, 0, SELL, 1003, 10)
    market.report(0, 1010)
    assert market.order(2, 0, BUY, 1003, 10, flags=FLAG_IOC) is ACCEPTED


def test_nobody_waits_behind_a_short_silence(market: World) -> None:
    """I19. Who can stop prices for half a minute shields nobody with it."""
    trade(market)
    for silence in (STALE_MS + 1, LONG_SILENCE_MS):
        market.later(silence)
        market.report(0, 1000)
        assert market.order(1, 0, BUY, 1000, 10, flags=FLAG_IOC) is Outcome.UNFILLED
        assert market.liquidate(1, 0) is Outcome.HEALTHY


def test_prices_that_stop_again_halt_again(market: World) -> None:
    market.later(LONG_SILENCE_MS + 1)
    market.reopen(0, 1000)
    assert market.order(1, 0, BUY, 1000, 10) is ACCEPTED
    market.later(STALE_MS + 1)
    assert market.order(2, 0, SELL, 1000, 10) is Outcome.STALE_INDEX
    market.report(0, 1000)
    assert market.order(2, 0, SELL, 1000, 10) is ACCEPTED


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
    market.later(LONG_SILENCE_MS + 1)
    assert force_close(market, 4) is Outcome.STALE_INDEX
    market.report(0, 1000)
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
        return market.liquidate(1, 0) if way == "liquidate" else market.take_over(1, 0, 1)

    trade(market)
    market.later(LONG_SILENCE_MS + 1)
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
        world.later(min(ms, STALE_MS))
        ms -= STALE_MS
        for signer in range(3):
            world.prices({each: 1000 if each == 0 else 900 for each in markets}, signer)


@pytest.mark.parametrize("way", ["liquidate", "take_over", "nominate"])
@pytest.mark.parametrize("silence_ms", [STALE_MS + 1, STALE_MS + STALE_MS // 2, 3_600_000])
def test_a_lot_in_a_market_that_is_silent_or_blinks_spares_nobody_in_the_others(
    market: World, way: str, silence_ms: int
) -> None:
    """I19: whoever can stop one market's prices would else keep its holders from every liquidation."""

    def act() -> Outcome:
        if way == "nominate":
            return market.nominate(4, 0, 1)
        return market.liquidate(4, 0) if way == "liquidate" else market.take_over(4, 0, 1)

    fails_for_another_mark(market)
    fails = {"liquidate": ACCEPTED, "take_over": Outcome.BOOK_FIRST, "nominate": Outcome.BOOK_FIRST}[way]
    go_on(market, silence_ms, 0)
    if way != "liquidate":
        assert act() is fails
    market.report(1, 900)
    market.report(0, 1000)
    assert act() is fails


def test_who_owes_is_not_spared_behind_a_halt_and_everybody_else_is(unreplayed: World) -> None:
    """I19: nothing is left that margin could be added to."""
    market = unreplayed
    trade(market)
    market.later(LONG_SILENCE_MS + 1)
    market.report(0, 1000)
    assert market.nominate(1, 0, 2) is Outcome.LIQUIDATIONS_WAIT
    hold(market.state, 1, 0, position(market.state, 1, 0), -1)
    assert market.nominate(1, 0, 2) is ACCEPTED
    assert market.liquidate(1, 0) is Outcome.BANKRUPT


def test_a_settled_future_spares_nobody(market: World) -> None:
    """I19."""
    market.list_market(1, kind=KIND_DATED, expiry_ms=market.state.registers.clock_ms + SETTLE_WINDOW_MS + STALE_MS)
    market.report(1, 1000)
    market.deposit("dave", 4, 12_000)
    for number in (0, 1):
        market.order(1, number, SELL, 1000, 1)
        market.order(4, number, BUY, 1000, 1)
    market.order(2, 0, BUY, 1000, 50)
    for ms in (STALE_MS, SETTLE_WINDOW_MS):
        market.later(ms)
        market.report(0, 1000)
        market.report(1, 900)
    assert mark(market.state, 1) == 900
    go_on(market, LIQUIDATION_WAIT_MS + STALE_MS, 0)
    assert market.liquidate(4, 0) is ACCEPTED
