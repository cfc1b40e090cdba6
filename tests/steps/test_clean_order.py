"""CLEAN_ORDER."""

from __future__ import annotations

from tallystick.schema.names import Outcome
from tallystick.testing.ledger.look import book
from tallystick.testing.world import START, World

SELL = 1
FIRST = 1 << 6


def test_a_living_order_stays(market: World) -> None:
    market.order(1, 0, SELL, 1000, 5, expiry_ms=START * 1000 + 2)
    assert market.clean(FIRST) is Outcome.NOT_DEAD
    assert len(book(market.state, 0, SELL)) == 1


def test_a_dead_order_goes_whoever_asks(market: World) -> None:
    market.order(1, 0, SELL, 1000, 5, expiry_ms=START * 1000 + 2)
    market.clock(ahead_ms=2)
    assert market.clean(FIRST) is Outcome.ACCEPTED
    assert book(market.state, 0, SELL) == []
    assert market.clean(FIRST) is Outcome.NO_SUCH_ORDER


def test_an_empty_slot_holds_nothing_to_clean(market: World) -> None:
    for slot in (0, FIRST, 2**36 - 1):
        assert market.clean(slot) is Outcome.NO_SUCH_ORDER
