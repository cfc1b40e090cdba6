"""X14: what a key that may only place orders can do to the orders of its account, and what it leaves behind."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.layout import (
    BUY,
    FLAG_IOC,
    FLAG_MARKET,
    FLAG_POST_ONLY,
    FLAG_STP_BOTH,
    FLAG_STP_TAKER,
    FLAG_TRIGGER_ABOVE,
    SCOPE_CANCEL,
    SCOPE_PLACE,
    SELL,
)
from tallystick.testing.ledger.look import book, parked
from tallystick.testing.world import World, address
from tests.adversaries.operator_state import exchange

WAYS = (0, FLAG_STP_BOTH, FLAG_STP_TAKER | FLAG_STP_BOTH, FLAG_IOC | FLAG_STP_BOTH, FLAG_MARKET, FLAG_POST_ONLY)
"""Flags under which an order takes out what it meets of its own account, or tries to."""


def approve(world: World, scope: int, key: bytes = address("bot")) -> None:
    values = {"slot": 1, "key": int.from_bytes(key, "big"), "scope": scope}
    approved = world.signed("approve_agent", world.owners[1], account=1, nonce=world.next_nonce(1), **values)
    assert world.send(approved) is Outcome.ACCEPTED


def by_bot(world: World, kind: str, **values: int) -> Outcome:
    """Send a record of account 1, signed by its agent."""
    more = {"account": 1, "agent": 1, "nonce": world.next_nonce(1), "market": 0, "lots": 1}
    return world.send(world.signed(kind, "bot", **{**more, **values}))


def quoting(scope: int) -> tuple[World, int]:
    """Return an exchange on which account 1 asks 1,010 for five lots, with an agent, and where the quote is."""
    world = exchange()
    assert world.order(1, 0, SELL, 1010, 5, client_id=7) is Outcome.ACCEPTED
    approve(world, scope)
    return world, book(world.state, 0, SELL)[0].slot


@pytest.mark.parametrize("flags", WAYS)
def test_X14_a_key_that_may_only_place_cancels_no_order_by_crossing_it(flags: int) -> None:
    world, slot = quoting(SCOPE_PLACE)
    by_bot(world, "order", side=BUY, price_ticks=1010, lots=5, flags=flags)
    assert [each.slot for each in book(world.state, 0, SELL)] == [slot]


@pytest.mark.parametrize("flags", [0, FLAG_STP_BOTH, FLAG_MARKET])
def test_X14_nor_does_its_stop_when_it_fires(flags: int) -> None:
    world, slot = quoting(SCOPE_PLACE)
    outcome = by_bot(
        world, "conditional", side=BUY, price_ticks=1010, flags=flags | FLAG_TRIGGER_ABOVE, trigger_ticks=1005
    )
    assert outcome is Outcome.ACCEPTED
    world.report(0, 1005)
    assert parked(world.state, 0) == []
    assert [each.slot for each in book(world.state, 0, SELL)] == [slot]


def test_X14_nor_by_naming_it_as_the_pair_of_an_order_that_soon_ends() -> None:
    """A sibling: a pair dies when its partner is taken out, and anybody takes out what has expired."""
    world, slot = quoting(SCOPE_PLACE)
    ends = {"expiry_ms": world.state.registers.clock_ms + 1, "pair": 7, "pair_slot": slot}
    wanted = {"side": SELL, "price_ticks": 1020, "trigger_ticks": 1015, "flags": FLAG_TRIGGER_ABOVE, **ends}
    assert by_bot(world, "conditional", **wanted) is Outcome.AGENT_SCOPE
    assert by_bot(world, "conditional", **{**wanted, "pair": 0}) is Outcome.ACCEPTED
    world.clock(ahead_ms=100)
    assert world.clean(parked(world.state, 0)[0].slot) is Outcome.ACCEPTED
    assert world.clean(slot) is Outcome.NOT_DEAD


def test_X14_a_key_that_may_cancel_says_itself_which_order_goes() -> None:
    world, _ = quoting(SCOPE_PLACE | SCOPE_CANCEL)
    assert by_bot(world, "order", side=BUY, price_ticks=1010) is Outcome.ACCEPTED
    assert book(world.state, 0, SELL) == []


@pytest.mark.parametrize("cancels", [False, True])
def test_X14_what_a_revoked_key_has_parked_fires_unless_its_owner_cancels_all(cancels: bool) -> None:
    world = exchange()
    approve(world, SCOPE_PLACE)
    wanted = {"side": BUY, "price_ticks": 1010, "trigger_ticks": 1005, "flags": FLAG_TRIGGER_ABOVE}
    assert by_bot(world, "conditional", **wanted) is Outcome.ACCEPTED
    approve(world, 0, bytes(20))
    assert by_bot(world, "conditional", **wanted) is Outcome.NOT_AUTHORISED
    if cancels:
        world.cancel_all(1)
    world.report(0, 1005)
    assert len(book(world.state, 0, BUY)) == (0 if cancels else 1)
