"""CANCEL_ALL."""

from __future__ import annotations

from tallystick.schema.names import Outcome
from tallystick.state.layout import SCOPE_CANCEL, SCOPE_PLACE
from tallystick.testing.ledger.look import book
from tallystick.testing.world import World, address

BUY, SELL, IOC = 0, 1, 1


def test_it_kills_what_was_placed_before_and_nothing_after(market: World) -> None:
    market.order(1, 0, SELL, 1000, 5)
    market.order(2, 0, SELL, 1000, 5)
    assert market.cancel_all(1) is Outcome.ACCEPTED
    market.order(1, 0, SELL, 1000, 3)
    assert market.order(3, 0, BUY, 1000, 20, flags=IOC) is Outcome.UNFILLED
    assert [(v[2], v[5]) for name, v in market.events if name == "fill"] == [(5, 2), (3, 1)]
    assert book(market.state, 0, SELL) == []


def test_an_agent_needs_the_scope_to_cancel(market: World) -> None:
    """I13."""
    for slot, scope in ((1, SCOPE_PLACE), (2, SCOPE_CANCEL)):
        robot = int.from_bytes(address(f"robot {slot}"), "big")
        nonce = market.next_nonce(1)
        market.send(market.signed("approve_agent", "alice", account=1, nonce=nonce, slot=slot, key=robot, scope=scope))
        record = market.signed("cancel_all", f"robot {slot}", account=1, agent=slot, nonce=market.next_nonce(1))
        assert market.send(record) is (Outcome.ACCEPTED if scope == SCOPE_CANCEL else Outcome.AGENT_SCOPE)


def test_nobody_else_can(market: World) -> None:
    record = market.signed("cancel_all", "bob", account=1, nonce=market.next_nonce(1))
    assert market.send(record) is Outcome.NOT_AUTHORISED
