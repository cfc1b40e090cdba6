"""The brake: what a jump of the index is, whom it holds, for how long, and what a held gain counts for (I23)."""

from __future__ import annotations

import pytest

from tallystick.machine.market.risk import health
from tallystick.schema.names import Outcome
from tallystick.state.cells import (
    set_deleverage_candidate,
    set_deleverage_market,
    set_deleverage_since_ms,
    set_price_basis_ppm,
)
from tallystick.state.layout import (
    BRAKE_MORE_MS,
    BRAKE_MOST_MS,
    BRAKE_MS,
    BRAKE_WINDOW_MS,
    BUY,
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_REDUCE_ONLY,
    FLAG_TRIGGER_ABOVE,
    LEAN_WORST,
    SELL,
)
from tallystick.state.ordinals import AccountId, MarketId, UnixMs
from tallystick.state.quantities import TickPpm
from tallystick.testing import byhand
from tallystick.testing.byhand import write_rules
from tallystick.testing.ledger.look import book, brakes, cash, parked, position
from tallystick.testing.ledger.look import mark as marked
from tallystick.testing.world import World
from tests.steps.waiting import wait_for

ACCEPTED = Outcome.ACCEPTED
FALL, RISE = 987, 1013
"""Units: ticks. Half the maintenance fraction of 1,000 are 12 and a half."""
SIDES = pytest.mark.parametrize("side", [BUY, SELL], ids=["fall", "rise"])
"""The side on which who gained by the jump closes."""


def jumped(side: int) -> int:
    return FALL if side == BUY else RISE


def hold(world: World, side: int, lots: int = 10) -> None:
    """Let account 1 gain by a jump of this side, and account 2 lose by it."""
    world.order(1, 0, 1 - side, 1000, lots)
    assert world.order(2, 0, side, 1000, lots) is ACCEPTED


def meet(world: World, account: int, side: int, price: int, flags: int = FLAG_IOC) -> Outcome:
    """Let an account trade a lot with account 3 at a price."""
    world.order(3, 0, 1 - side, price, 1)
    outcome = world.order(account, 0, side, price, 1, flags=flags)
    world.cancel_all(3)
    return outcome


def wait(world: World, ms: int) -> None:
    world.clock(ahead_ms=world.state.registers.clock_ms - world.time * 1000 + ms)


def held(world: World) -> int:
    """Return what Risk says: 1 shorts that gain, 2 longs."""
    return brakes(world.state, 0)[3]


def anchor(world: World, holds: int) -> int:
    """Return from where the brake that holds shorts, or longs, has seen a jump."""
    _, fall, rise, _ = brakes(world.state, 0)
    return (fall if holds == 1 else rise)[0]


@pytest.mark.parametrize(("to", "holds"), [(988, 0), (1012, 0), (FALL, 1), (RISE, 2)])
def test_a_jump_is_more_than_half_the_maintenance_fraction(market: World, to: int, holds: int) -> None:
    """I23."""
    market.report(0, to)
    clock_ms = market.state.registers.clock_ms
    since, fall, rise, told = brakes(market.state, 0)
    brake = (1000, clock_ms + BRAKE_MS, clock_ms) if holds else (0, 0, 0)
    assert told == holds and (fall, rise) == ((brake, (0, 0, 0)) if to < 1000 else ((0, 0, 0), brake))
    assert since[0] == (to if holds else 1000)


@pytest.mark.parametrize(("ms", "holds"), [(BRAKE_WINDOW_MS - 1, 1), (BRAKE_WINDOW_MS, 0)])
def test_moves_add_up_within_a_window_and_not_beyond(market: World, ms: int, holds: int) -> None:
    """I23."""
    market.report(0, 993)
    wait(market, ms)
    market.report(0, FALL)
    assert held(market) == holds


@pytest.mark.parametrize(("to", "holds"), [(FALL, 1), (RISE, 2)])
def test_a_jump_behind_a_quiet_window_is_measured_from_the_index_before_it(market: World, to: int, holds: int) -> None:
    """I23."""
    wait(market, 2 * BRAKE_WINDOW_MS)
    market.report(0, to)
    assert (held(market), anchor(market, holds)) == (holds, 1000)


@pytest.mark.parametrize(("brake", "jumps"), [(1, (FALL, 970, 950)), (2, (RISE, 1030, 1050))])
def test_a_second_jump_goes_on_from_the_first_while_its_brake_runs(
    market: World, brake: int, jumps: tuple[int, int, int]
) -> None:
    first, second, third = jumps
    market.report(0, first)
    wait(market, 1_000)
    market.report(0, second)
    assert anchor(market, brake) == 1000
    market.land(0, second)
    market.report(0, third)
    assert anchor(market, brake) == second


@SIDES
def test_no_fill_changes_a_position_that_gained_on_either_side_for_as_long_as_it_is_held(
    market: World, side: int
) -> None:
    """I23."""
    hold(market, side)
    market.report(0, jumped(side))
    market.order(1, 0, side, jumped(side), 5)
    for way in (side, 1 - side):
        assert meet(market, 1, way, jumped(side)) is Outcome.BRAKE
    assert position(market.state, 1, 0) == (-10 if side == BUY else 10)
    assert meet(market, 2, 1 - side, jumped(side)) is ACCEPTED, "who lost is free, and the maker that gained is gone"
    assert [order for order in book(market.state, 0, side) if order.account == 1] == []
    wait(market, BRAKE_MS - 1)
    assert meet(market, 1, side, jumped(side)) is Outcome.BRAKE
    wait(market, 1)
    assert meet(market, 1, side, jumped(side)) is ACCEPTED


@SIDES
def test_a_position_that_has_gained_nothing_is_free(market: World, side: int) -> None:
    """Bought where the index is now: strictly more than its cost is a gain."""
    market.report(0, jumped(side))
    assert meet(market, 1, 1 - side, jumped(side)) is ACCEPTED
    assert meet(market, 1, side, jumped(side)) is ACCEPTED
    away = -1 if side == BUY else 1
    assert meet(market, 1, 1 - side, jumped(side) - away) is ACCEPTED
    assert meet(market, 1, side, jumped(side)) is Outcome.BRAKE


@SIDES
def test_who_has_gained_on_the_other_side_of_a_jump_is_free(market: World, side: int) -> None:
    """Long from below where the index has fallen to: the brake of a fall holds shorts."""
    near, traded = (995, 984) if side == BUY else (1005, 1016)
    market.report(0, near)
    assert meet(market, 1, side, traded) is ACCEPTED
    market.report(0, jumped(side))
    assert held(market) == (1 if side == BUY else 2)
    assert meet(market, 1, 1 - side, jumped(side)) is ACCEPTED


@SIDES
def test_an_index_that_has_come_back_holds_nobody(market: World, side: int) -> None:
    hold(market, side)
    market.report(0, jumped(side))
    market.report(0, 1000)
    assert held(market) & (1 if side == BUY else 2) == 0
    assert meet(market, 1, side, 1000) is ACCEPTED


@SIDES
def test_a_held_gain_carries_nothing_and_one_that_is_free_does(market: World, side: int) -> None:
    """I23: worth its cost, an account opens no more elsewhere by it."""
    market.deposit("dave", 4, 60_100)
    market.order(1, 0, side, 1000, 10)
    assert market.order(4, 0, 1 - side, 1000, 10) is ACCEPTED
    market.list_market(1)
    market.report(1, 1000)
    market.report(0, 930 if side == BUY else 1070)
    market.order(1, 1, SELL, 1000, 10)
    assert market.order(4, 1, BUY, 1000, 5, flags=FLAG_IOC) is Outcome.MARGIN
    market.land(0, 930 if side == BUY else 1070)
    market.report(1, 1000)
    assert market.order(4, 1, BUY, 1000, 5, flags=FLAG_IOC) is ACCEPTED


@pytest.mark.parametrize(("side", "price", "to", "mark"), [(SELL, 1010, 1020, 1008), (BUY, 990, 980, 992)])
def test_a_held_position_that_has_gained_at_the_index_alone_counts_at_the_mark(
    unreplayed: World, side: int, price: int, to: int, mark: int
) -> None:
    """I23: its cost is the most that it counts for, not the least."""
    market = unreplayed
    market.list_market(1)
    market.report(1, 1000)
    market.order(1, 1, 1 - side, price, 10)
    assert market.order(2, 1, side, price, 10) is ACCEPTED
    state = market.state
    far = -(10**9) if side == SELL else 10**9
    set_price_basis_ppm(state.prices.words, state.prices.open(MarketId(1)), TickPpm(far))
    market.report(1, to)
    value = health(state, state.accounts.open(AccountId(1)), state.risk.open(0), LEAN_WORST).value_units
    assert (brakes(state, 1)[3], marked(state, 1)) == (1 if side == BUY else 2, mark)
    assert value - cash(state, 1) == position(state, 1, 1) * mark * 100


def test_a_trigger_of_the_side_waits_for_whomever_it_is_and_fires_when_the_brake_is_over(market: World) -> None:
    """I20, I23."""
    hold(market, BUY)
    market.order(3, 0, SELL, FALL + 1, 20)
    market.order(3, 0, BUY, FALL - 1, 20)
    wait_for(market, 1, BUY, 990, price=0, lots=3, flags=FLAG_MARKET | FLAG_REDUCE_ONLY)
    wait_for(market, 2, SELL, 990, price=0, lots=3, flags=FLAG_MARKET | FLAG_REDUCE_ONLY)
    market.report(0, FALL)
    assert (position(market.state, 1, 0), position(market.state, 2, 0)) == (-10, 7)
    assert [order.account for order in parked(market.state, 0)] == [1]
    market.land(0, FALL)
    assert (position(market.state, 1, 0), parked(market.state, 0)) == (-7, [])


@pytest.mark.parametrize("brake", [True, False])
def test_a_stop_that_finds_nobody_waits_while_a_brake_runs(market: World, brake: bool) -> None:
    """I20: whose bids were taken out of the book by the brake."""
    hold(market, BUY)
    to = FALL if brake else 990
    if brake:
        market.order(1, 0, BUY, FALL, 5)
    wait_for(market, 2, SELL, 990, price=0, lots=3, flags=FLAG_MARKET | FLAG_REDUCE_ONLY)
    market.report(0, to)
    assert [order.remaining_lots for order in parked(market.state, 0)] == ([3] if brake else [])


def test_a_rise_lets_purchases_fire_that_are_due_above(market: World) -> None:
    hold(market, SELL)
    market.order(3, 0, SELL, RISE + 1, 20)
    wait_for(market, 2, BUY, 1010, price=0, lots=3, flags=FLAG_MARKET | FLAG_REDUCE_ONLY | FLAG_TRIGGER_ABOVE)
    market.report(0, RISE)
    assert position(market.state, 2, 0) == -7


@SIDES
def test_a_block_trade_ends_brake_whoever_of_the_two_is_held(market: World, side: int) -> None:
    """I23."""
    hold(market, side)
    market.report(0, jumped(side))
    assert market.block(1, 3, side, jumped(side), 1) is Outcome.BRAKE
    assert market.block(3, 1, side, jumped(side), 1) is Outcome.BRAKE
    assert market.block(3, 2, side, jumped(side), 1) is ACCEPTED


@SIDES
def test_a_deleveraging_early_in_a_brake_does_not_shorten_it(unreplayed: World, side: int) -> None:
    """Else who owes a dollar lets out who has won."""
    hold(unreplayed, side, lots=10)
    unreplayed.report(0, 930 if side == BUY else 1070)
    before = brakes(unreplayed.state, 0)
    deleverage_one(unreplayed, 1 if side == BUY else -1)
    assert brakes(unreplayed.state, 0) == before


def test_deleveragings_prolong_a_brake_up_to_so_long_behind_its_jump(unreplayed: World) -> None:
    world = unreplayed
    hold(world, BUY, lots=10)
    world.report(0, 930)
    jump_ms = brakes(world.state, 0)[1][2]
    for until_ms in (BRAKE_MS, BRAKE_MOST_MS - 1_000):
        write_rules(world.state, 0, {"down_ms": jump_ms + until_ms})
        world.time = (jump_ms + until_ms) // 1000
        world.clock(ahead_ms=-1)
        world.report(0, 930)
        clock_ms = world.state.registers.clock_ms
        ended = min(clock_ms + BRAKE_MORE_MS, jump_ms + BRAKE_MOST_MS)
        deleverage_one(world)
        assert brakes(world.state, 0)[1][1] == max(jump_ms + until_ms, ended)


def deleverage_one(world: World, size: int = 1) -> None:
    """Have account 2, which owes, closed by a lot against account 1, as if its nominee had waited."""
    state = world.state
    byhand.hold(state, 2, 0, size, -1)
    cell, words = state.deleverages.open(AccountId(2)), state.deleverages.words
    set_deleverage_market(words, cell, MarketId(0))
    set_deleverage_candidate(words, cell, AccountId(1))
    set_deleverage_since_ms(words, cell, UnixMs(state.registers.clock_ms - 5_000))
    assert world.deleverage(2) is ACCEPTED
