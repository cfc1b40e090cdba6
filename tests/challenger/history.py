"""A history of confirmed batches on a real L1 with the real contracts."""

from __future__ import annotations

from tallystick.party.duties import Mode
from tallystick.party.party import Party
from tallystick.testing.l1_stage import PERIOD_BLOCKS, Stage, Told, trade_a_little


def confirm_batches(stage: Stage, count: int) -> Party:
    """Publish so many batches, the first with a market and trades; have each asserted and confirmed on its own."""
    operator = stage.party("operator", Mode.RESOLVE, Told())
    proposer = stage.party("proposer", Mode.PROPOSE, Told())
    for number in range(count):
        if number == 0:
            trade_a_little(stage)
        else:
            order(stage, number)
        stage.publish()
        proposer.tick()
        stage.mine(PERIOD_BLOCKS + 1)
        operator.tick()
        operator.tick()
        proposer.tick()
    assert operator.rollup.assertions[operator.rollup.latest_confirmed].limit == count
    return operator


def order(stage: Stage, number: int) -> None:
    """Place an order in a batch of its own; the batch stays open."""
    stage.begin()
    account = min(stage.world.owners)
    stage.world.order(account, 0, 0, 617_000 - number, 1, client_id=100 + number)
