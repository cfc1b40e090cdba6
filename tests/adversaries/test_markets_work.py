"""X01, P05, F09: nobody makes others pay for steps: what a record may lead to is bounded, and every run of it takes something out."""

from __future__ import annotations

import pytest

from tallystick.machine.engine import run
from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_NONE,
    FLAG_TRIGGER_ABOVE,
    PPM,
    WORK,
    WORK_PPM,
)
from tallystick.testing.ledger.look import book, parked, position
from tallystick.testing.scenarios.orders.many_orders import place
from tallystick.testing.world import World, sub_account

BUY, SELL = 0, 1
RICH = 10**12
MARK = 1000
A_BULK = 128
"""Orders of one bulk."""
EACH = 512
"""Orders of one account."""


@pytest.fixture
def world() -> World:
    """Market 0 marked at MARK, three rich accounts: the attacker's, a maker's and a taker's."""
    made = World()
    made.clock()
    made.list_market(0)
    made.report(0, MARK)
    for account, name in enumerate(("mallory", "maker", "taker"), start=1):
        made.deposit(name, account, RICH)
    return made


def wall(world: World, side: int, orders: int) -> None:
    """Let mallory rest so many orders in front of everybody's, from several accounts of one hand, and cancel them at a stroke."""
    wanted = len(book(world.state, 0, side)) + orders
    accounts = [sub_account(1, number) for number in range(1, 2 + orders // EACH)]
    for account in accounts:
        world.transfer(1, account, 10**9)
        left = min(orders, EACH)
        orders -= left
        for first in range(0, left, A_BULK):
            items = [place(each, side, MARK, 1) for each in range(first, min(first + A_BULK, left))]
            assert world.bulk(account, items, []) is Outcome.ACCEPTED
    assert len(book(world.state, 0, side)) == wanted
    for account in accounts:
        assert world.cancel_all(account) is Outcome.ACCEPTED


def steps_so_far(world: World) -> int:
    """Publish what has run, and return how many steps a replay of all takes."""
    world.seal()
    return run(world.fresh(), 1 << 20)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_X01_a_wall_of_dead_orders_costs_a_taker_one_record_more_and_nothing_else(world: World, side: int) -> None:
    """Mallory cancels 1,030 orders at one stroke; the taker's order takes out what one record may, and the next goes on."""
    wall(world, 1 - side, WORK + 6)
    beyond = MARK + (1 if side == BUY else -1)
    assert world.order(2, 0, 1 - side, beyond, 5) is Outcome.ACCEPTED
    assert world.order(3, 0, side, beyond, 5) is Outcome.WORK_LIMIT
    assert len(book(world.state, 0, 1 - side)) == 7
    assert (position(world.state, 3, 0), book(world.state, 0, side)) == (0, [])
    assert world.order(3, 0, side, beyond, 5) is Outcome.ACCEPTED
    assert abs(position(world.state, 3, 0)) == 5
    assert book(world.state, 0, 1 - side) == []


def test_X01_a_wall_met_through_l1_or_by_a_stop_ends_as_early_and_the_other_stops_wait_their_turn(world: World) -> None:
    """A forced order and a fired one have the same work as any; what a wall costs them is one record, or one report.

    It takes no stop away: what has been fired into it is parked again.
    """
    flags = FLAG_MARKET | FLAG_TRIGGER_ABOVE
    for client_id in (1, 2):
        assert world.conditional(3, 0, BUY, 0, 1, MARK + 2, flags=flags, client_id=client_id) is Outcome.ACCEPTED
    wall(world, SELL, WORK + 6)
    world.order(2, 0, SELL, MARK + 1, 5)
    forced = world.signed(
        "order", "taker", account=3, nonce=world.next_nonce(3), side=BUY, price_ticks=MARK + 1, lots=1, flags=FLAG_IOC
    )
    world.force(forced)
    assert (world.state.registers.outcome, len(book(world.state, 0, SELL))) == (Outcome.WORK_LIMIT, 7)
    wall(world, SELL, WORK)
    world.report(0, MARK + 2, (0, 1))
    ends = [Outcome(values[0]) for name, values in world.events if name == "outcome"]
    assert ends[-2:] == [Outcome.WORK_LIMIT, Outcome.ACCEPTED]
    assert (position(world.state, 3, 0), len(parked(world.state, 0))) == (0, 2)
    world.report(0, MARK + 2, (2,))
    assert (position(world.state, 3, 0), parked(world.state, 0)) == (2, [])


def test_X01_a_stop_at_no_price_waits_with_margin_as_any_order(world: World) -> None:
    """A market order parked without a price is measured at the worst it may fire at: with nothing it parks nothing."""
    world.deposit("nobody", 4, 1)
    for side, trigger, above in ((BUY, MARK + 10, FLAG_TRIGGER_ABOVE), (SELL, MARK - 10, 0)):
        for lots in (1, 1_000_000):
            flags = FLAG_MARKET | above
            assert world.conditional(4, 0, side, 0, lots, trigger, flags=flags) is Outcome.MARGIN
    assert parked(world.state, 0) == []


def test_P05_F09_an_order_that_would_scan_the_book_is_none(world: World) -> None:
    """There is no fill-or-kill: its bit is refused before the book is looked at, however deep it is and however many ask."""
    wall(world, SELL, A_BULK)
    world.order(2, 0, SELL, MARK, 5)
    before = steps_so_far(world)
    items = [place(each, BUY, 1 << 20, 10**6, FLAG_NONE) for each in range(150)]
    assert world.bulk(3, items, []) is Outcome.ACCEPTED
    ends = [Outcome(values[0]) for name, values in world.events if name == "outcome"]
    assert set(ends[-151:-1]) == {Outcome.BAD_FLAGS}
    assert (steps_so_far(world) - before) * PPM < WORK_PPM * 150 * 19
    assert position(world.state, 3, 0) == 0
    assert len(book(world.state, 0, SELL)) == A_BULK + 1
