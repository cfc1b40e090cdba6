"""CONSUME_MESSAGE, kind 5: positions that are due, closed through L1 at prices of the time they were queued (P06)."""

from __future__ import annotations

import pytest

from tallystick.machine.market.funds import fund_of
from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.state.cells import price_index_ms
from tallystick.state.layout import (
    BUY,
    LIQUIDATION_WAIT_MS,
    LONG_SILENCE_MS,
    SELL,
    STALE_MS,
)
from tallystick.state.ordinals import MarketId
from tallystick.testing.byhand import hold
from tallystick.testing.ledger.look import book, position
from tallystick.testing.world import World, record_message
from tests.steps.test_forced_records import now, queue, reports

ACCEPTED = Outcome.ACCEPTED
DUE = 15_000_000
"""Units: what an account has that a fall to FALLEN leaves with less than half the maintenance margin of 2,000 lots."""
RICH = 1_000_000_000
FALLEN = 934


@pytest.fixture
def due(world: World) -> World:
    """Dave is long so much that a fall to FALLEN makes the position due; the market's fund has room for all of it."""
    market = world
    market.list_market(0, insurance_lots=5_000)
    market.report(0, 1000)
    for account, name in enumerate(("alice", "bob", "carol"), start=1):
        market.deposit(name, account, RICH)
    market.transfer(3, fund_of(MarketId(0)), RICH // 2)
    market.deposit("dave", 4, DUE)
    market.order(1, 0, SELL, 1000, 2000)
    assert market.order(4, 0, BUY, 1000, 2000) is ACCEPTED
    market.order(2, 0, BUY, FALLEN, 5000)
    market.seal()
    return market


def test_P06_a_due_position_is_closed_through_l1_alone_while_the_sequencer_sends_nothing(due: World) -> None:
    queued = now(due) + 20
    queue(due, queued, *reports(due, queued, FALLEN))
    queue(due, queued, make("liquidate", account=4, market=0), make("take_over", account=4, market=0, lots=100))
    due.time = queued + 900
    due.consume()
    assert (position(due.state, 4, 0), position(due.state, fund_of(MarketId(0)), 0)) == (1_900, 100)
    # The book has quotes of another time, by now: it is left alone.
    assert (position(due.state, 2, 0), len(book(due.state, 0, BUY))) == (0, 1)


@pytest.mark.parametrize(
    ("later", "outcome"), [(0, "closed"), (STALE_MS // 1000, "closed"), (STALE_MS // 1000 + 1, Outcome.STALE_INDEX)]
)
def test_a_forced_liquidation_finds_an_index_as_old_as_when_it_was_queued(
    due: World, later: int, outcome: Outcome | str
) -> None:
    queued = now(due) + 20
    queue(due, queued, *reports(due, queued, FALLEN))
    close = (make("liquidate", account=4, market=0), make("take_over", account=4, market=0, lots=100))
    queue(due, queued + later, *close)
    due.time = queued + 900
    ended = due.consume()
    assert (ended is Outcome.STALE_INDEX) == (outcome is Outcome.STALE_INDEX)
    assert (position(due.state, 4, 0) == 2000) == (outcome is Outcome.STALE_INDEX)


@pytest.mark.parametrize("short", [0, 1])
def test_behind_a_silence_a_forced_liquidation_waits_by_its_own_time(due: World, short: int) -> None:
    begun = now(due) + LONG_SILENCE_MS // 1000 + 100
    for after in range(0, LIQUIDATION_WAIT_MS // 1000 + 1, 20):
        queue(due, begun + after, *reports(due, begun + after, FALLEN))
    close = (make("liquidate", account=4, market=0), make("take_over", account=4, market=0, lots=100))
    queue(due, begun + LIQUIDATION_WAIT_MS // 1000 - short, *close)
    due.time = begun + 900
    ended = due.consume()
    assert (ended is Outcome.LIQUIDATIONS_WAIT) == bool(short)
    assert (position(due.state, 4, 0) == 2000) == bool(short)


def test_without_forced_reports_a_late_liquidation_finds_a_stale_index(due: World) -> None:
    queue(due, now(due) + 61, make("liquidate", account=4, market=0), make("take_over", account=4, market=0, lots=1))
    due.time += 900
    assert due.consume() is Outcome.STALE_INDEX


@pytest.mark.parametrize(("earlier", "outcome"), [(5, Outcome.UNFILLED), (6, Outcome.STALE_INDEX)])
def test_a_forced_liquidation_serves_no_index_of_a_later_time_that_is_stale(
    unreplayed: World, earlier: int, outcome: Outcome
) -> None:
    """Queued one among many it would else be worked on any later one, with hindsight."""
    world = unreplayed
    hold(world.state, 4, 0, 10, 10_000)
    index_ms = price_index_ms(world.state.prices.words, world.state.prices.open(MarketId(0)))
    assert index_ms // 1000 * 1000 == index_ms
    world.later(STALE_MS + 1_000)
    record = make("liquidate", account=4, market=0)
    world.published.messages.append(record_message(record, index_ms // 1000 - earlier))
    assert world.consume() is outcome
