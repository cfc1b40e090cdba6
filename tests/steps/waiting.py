"""Orders that wait for a mark: what the tests about them share."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.layout import FLAG_MARKET, FLAG_REDUCE_ONLY, FLAG_TRIGGER_ABOVE
from tallystick.testing.world import World

BUY, SELL = 0, 1
ABOVE = FLAG_TRIGGER_ABOVE
DIRECTIONS = pytest.mark.parametrize("away", [1, -1], ids=["above", "below"])


def wait_for(world: World, account: int, side: int, trigger: int, **more: int) -> int:
    """Park a limit order at its trigger, and return where it is."""
    values = {"price": trigger, "lots": 1, **more}
    flags = values.pop("flags", 0) | (ABOVE if trigger > 1000 else 0)
    price, lots = values.pop("price"), values.pop("lots")
    assert world.conditional(account, 0, side, price, lots, trigger, flags=flags, **values) is Outcome.ACCEPTED
    return newest(world)


def newest(world: World) -> int:
    return next(values[2] for name, values in reversed(world.events) if name in ("parked", "rested"))


def fired(world: World) -> list[int]:
    """Return the client ids that fired, in their order."""
    return [values[1] for name, values in world.events if name == "fired"]


def bracket(world: World) -> tuple[int, int]:
    """Buy 5 lots for account 2, with a take-profit and a stop; return where they are."""
    world.order(1, 0, SELL, 1000, 5)
    world.order(2, 0, BUY, 1000, 5)
    flags = FLAG_MARKET | FLAG_REDUCE_ONLY
    profit = wait_for(world, 2, SELL, 1010, price=0, lots=5, flags=flags, client_id=1)
    stop = wait_for(world, 2, SELL, 990, price=0, lots=5, flags=flags, client_id=2, pair=1, pair_slot=profit)
    return profit, stop
