"""What defending the truth costs, and what comes back, at the gas prices L1 has."""

from __future__ import annotations

import pytest

from tallystick.party.duties import Mode
from tallystick.testing.l1_stage import Stage, Told, finished
from tallystick.testing.rogues.lies import make_lie
from tallystick.testing.world import address


def price(stage: Stage, gwei: int) -> None:
    """Set the next block's base fee."""
    stage.chain.request("anvil_setNextBlockBaseFeePerGas", hex(gwei * 10**9))


def mine_at(stage: Stage, gwei: int, blocks: int) -> None:
    """Mine blocks of a base fee."""
    for _ in range(blocks):
        price(stage, gwei)
        stage.mine(1)


@pytest.mark.parametrize("gwei", [1, 40, 100])
def test_C09_a_stranger_who_defends_alone_is_repaid_at_any_usual_price(stage: Stage, gwei: int) -> None:
    """The operator asserts the truth and lets go. Its defender has nothing but its moves to be repaid for: the bounty for
    the false assertion goes to who asserted the truth.
    """
    stage.party("operator", Mode.PROPOSE, Told()).tick()
    honest = stage.party("challenger", Mode.RESOLVE, Told())
    liar = stage.party("mallory", Mode.PROPOSE, Told(), make_lie("steal-withdrawal", bytes(20)).step)
    before = stage.client.balance_wei(address("challenger"))
    mine_at(stage, gwei, 2)
    for _ in range(300):
        head = stage.client.head().number
        for party in (liar, honest):
            price(stage, gwei)
            party.tick()
        paid = not any(view.owed.get(address("challenger")) for view in honest.credits.values())
        if finished(honest) and paid and not honest.busy:
            break
        if stage.client.head().number == head:
            mine_at(stage, gwei, 10)
    assert finished(honest)
    assert stage.client.balance_wei(address("challenger")) > before
