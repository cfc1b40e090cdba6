"""SET_DEAD_MAN."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.testing.ledger.look import position
from tallystick.testing.world import START, World

BUY, SELL, IOC = 0, 1, 1
NOW = START * 1000


def test_a_time_that_is_not_ahead_is_too_late(market: World) -> None:
    assert market.dead_man(1, NOW) is Outcome.EXPIRED
    assert market.dead_man(1, NOW + 1) is Outcome.ACCEPTED


@pytest.mark.parametrize(("clock", "alive"), [(9, True), (10, False)])
def test_orders_live_until_the_switch_fires(market: World, clock: int, alive: bool) -> None:
    market.dead_man(1, NOW + 10)
    market.order(1, 0, SELL, 1000, 5)
    market.clock(ahead_ms=clock)
    market.order(2, 0, BUY, 1000, 5, flags=IOC)
    assert position(market.state, 2, 0) == (5 if alive else 0)
    assert (market.order(1, 0, SELL, 1000, 5) is Outcome.ACCEPTED) is alive


@pytest.mark.parametrize("again", [0, NOW + 1000])
def test_what_died_stays_dead_when_the_switch_is_set_again(market: World, again: int) -> None:
    market.dead_man(1, NOW + 10)
    market.order(1, 0, SELL, 1000, 5)
    market.clock(ahead_ms=10)
    assert market.order(1, 0, SELL, 1000, 1) is Outcome.DEAD_MAN
    assert market.dead_man(1, again) is Outcome.ACCEPTED
    market.order(1, 0, SELL, 1000, 1)
    market.order(2, 0, BUY, 1000, 9, flags=IOC)
    assert position(market.state, 2, 0) == 1


def test_a_switch_moved_in_time_kills_nothing(market: World) -> None:
    market.dead_man(1, NOW + 10)
    market.order(1, 0, SELL, 1000, 5)
    market.dead_man(1, NOW + 100)
    market.clock(ahead_ms=50)
    market.order(2, 0, BUY, 1000, 5, flags=IOC)
    assert position(market.state, 2, 0) == 5
