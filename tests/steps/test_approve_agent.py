"""APPROVE_AGENT."""

from __future__ import annotations

import pytest

from tallystick.schema.names import Outcome
from tallystick.state.layout import AGENT_EXPIRY_MS, AGENT_KEY, AGENT_SCOPE
from tallystick.testing.ledger.look import limbs, word
from tallystick.testing.world import World, address

KEY = int.from_bytes(address("agent"), "big")


def approve(world: World, slot: int, key: int = KEY, scope: int = 3, expiry_ms: int = 9) -> Outcome:
    nonce = world.next_nonce(1)
    return world.send(
        world.signed(
            "approve_agent",
            "alice",
            account=1,
            nonce=nonce,
            slot=slot,
            key=key,
            scope=scope,
            expiry_ms=expiry_ms,
        )
    )


def test_slot_zero_is_the_owners_and_out_of_range(market: World) -> None:
    assert approve(market, 0) is Outcome.OUT_OF_RANGE
    assert market.state.agents.pack(1 << 4) == b""


@pytest.mark.parametrize("slot", [1, 15])
def test_an_approved_agent_is_in_its_cell(market: World, slot: int) -> None:
    assert approve(market, slot) is Outcome.ACCEPTED
    agents, index = market.state.agents, 1 << 4 | slot
    assert limbs(agents, index, AGENT_KEY, 5) == KEY
    assert (word(agents, index, AGENT_SCOPE), word(agents, index, AGENT_EXPIRY_MS)) == (3, 9)


def test_a_second_approval_of_a_slot_replaces_the_first(market: World) -> None:
    approve(market, 1)
    other = int.from_bytes(address("other agent"), "big")
    assert approve(market, 1, key=other, scope=1, expiry_ms=0) is Outcome.ACCEPTED
    agents, index = market.state.agents, 1 << 4 | 1
    assert limbs(agents, index, AGENT_KEY, 5) == other
    assert (word(agents, index, AGENT_SCOPE), word(agents, index, AGENT_EXPIRY_MS)) == (1, 0)


def test_approving_the_zero_address_empties_the_cell(market: World) -> None:
    """I9."""
    approve(market, 1)
    assert approve(market, 1, key=0, scope=0, expiry_ms=0) is Outcome.ACCEPTED
    assert market.state.agents.pack(1 << 4 | 1) == b""
