"""What an operator shows of a market that was listed again: the series of now, and what the one before it was."""

from __future__ import annotations

import pytest

from tallystick.machine.machine import Event
from tallystick.records.market_names import MarketName
from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.state.layout import BUY, DELIST_DELAY_MS, LIST_DELAY_MS, SELL, SETTLE_WAIT_MS
from tallystick.state.ordinals import AccountId, MarketId, UnixMs
from tallystick.testing.world import World
from tallystick_operator.api import views
from tallystick_operator.intake.door import Refused
from tallystick_operator.sequencer.readmodel import ReadModel
from tallystick_operator.sequencer.recent import SERIES_KEPT, History

MARKET = 5
PRICE = 1000


@pytest.fixture(scope="module")
def world() -> World:
    """Market 5 in its series 1, traded in either."""
    made = World()
    made.clock()
    made.list_market(MARKET)
    made.report(MARKET, PRICE)
    for number, name in ((1, "alice"), (2, "bob")):
        made.deposit(name, number, 10**12)
    _trade(made, 7)
    assert made.send(made.signed("delist", "governance", market=MARKET)) is Outcome.ACCEPTED
    made.later(DELIST_DELAY_MS)
    made.report(MARKET, PRICE)
    made.later(SETTLE_WAIT_MS)
    for account in (1, 2):
        made.send(make("settle_position", account=account, market=MARKET))
    assert made.list_by_record(MARKET) is Outcome.ACCEPTED
    made.later(LIST_DELAY_MS)
    made.report(MARKET, 2 * PRICE)
    _trade(made, 8, 2)
    return made


def _trade(world: World, client_id: int, times: int = 1) -> None:
    world.order(1, MARKET, SELL, times * PRICE, 2, client_id=client_id)
    assert world.order(2, MARKET, BUY, times * PRICE, 2, client_id=client_id) is Outcome.ACCEPTED


def told(world: World) -> History:
    history = History({})
    for event in world.events:
        history.take(event, 1, UnixMs(1))
    return history


def test_a_market_a_position_and_an_order_are_shown_with_the_series_that_is_listed(world: World) -> None:
    read_model = ReadModel(world.state)
    shown = views.market(world.state, MarketId(MARKET))
    assert shown is not None
    assert (shown.market, shown.series) == (MarketId(MARKET), 1)
    assert views.book(world.state, MarketId(MARKET), 5).series == 1
    assert [market.series for market in views.markets(world.state)] == [1]
    assert read_model.history.series_of(MarketId(MARKET)) == 1


def test_an_order_and_a_fill_keep_the_series_they_were_of(world: World) -> None:
    history = told(world)
    assert [(each.client_id, each.series) for each in history.orders(AccountId(1))] == [(7, 0), (8, 1)]
    assert [each.series for each in history.fills(AccountId(2))] == [0, 1]
    about = [each for each in history.after(0) if each.concerns(None, MarketId(MARKET), 0)]
    assert {each.name for each in about} >= {"order", "fill", "settled"}
    assert all(each.series == 0 for each in about)


def test_trades_of_the_series_before_are_told_and_older_ones_forgotten(world: World) -> None:
    read_model = ReadModel(World().state)
    fills: list[Event] = [("fill", (MARKET, PRICE, 1, 0, 2, 1, 0, 0, 64))]
    for series in range(SERIES_KEPT + 1):
        read_model.apply((("rested", (1, 7, 64, 1)), *fills), 1, UnixMs(1))
        assert len(read_model.trades(MarketId(MARKET), series)) == 1
        read_model.apply((("listed", (MARKET, series + 1)),), 1, UnixMs(1))
    kept = [len(read_model.trades(MarketId(MARKET), series)) for series in range(SERIES_KEPT + 2)]
    assert kept == [0, 0, 1, 0]


@pytest.mark.parametrize(
    ("named", "past", "series"),
    [((MarketId(MARKET), None), False, 1), ((MarketId(MARKET), 1), False, 1), ((MarketId(MARKET), 0), True, 0)],
)
def test_a_market_without_a_series_is_the_one_that_is_listed(
    world: World, named: tuple[MarketId, int | None], past: bool, series: int
) -> None:
    assert views.find_series(world.state, MarketName(*named), past=past) == (MarketId(MARKET), series)


@pytest.mark.parametrize(
    ("named", "past"),
    [
        ((MarketId(MARKET), 0), False),
        ((MarketId(MARKET), 2), False),
        ((MarketId(MARKET), 2), True),
        ((MarketId(6), None), True),
    ],
)
def test_a_series_that_is_not_listed_is_no_market(world: World, named: tuple[MarketId, int | None], past: bool) -> None:
    with pytest.raises(Refused, match="no such"):
        views.find_series(world.state, MarketName(*named), past=past)
