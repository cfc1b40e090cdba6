"""D: the sequencer is alive, posts batches, and holds traders in their positions: it leaves them out and stops prices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tallystick.demo.double_check import Auditor
from tallystick.l1.client.events import EventReader
from tallystick.party.duties import Mode
from tallystick.records.codec import Record, encode
from tallystick.schema.names import Outcome
from tallystick.state.layout import STALE_MS
from tallystick.testing.l1_stage import DEPOSIT_UNITS, Stage, Told, account
from tallystick.testing.ledger.look import cash, positions
from tests.adversaries.rules import confirm_by_time, post, refusal

FORCE_DELAY_SECONDS: Final = 900
BATCH_SECONDS: Final = 120
"""How often this sequencer posts: rarely enough for every index to be stale when its batches open."""
OLDEST_SECONDS: Final = 250
"""How old it makes its batches: somewhat less than the Inbox lets them be."""
PRICE: Final = 617_985
EMPTY: Final = [bytes(128)]
"""A chunk of no record: all that the sequencer needs to be alive."""


def pass_time(stage: Stage, seconds: int) -> int:
    """Let L1 go on, and return its time."""
    stage.chain.request("evm_increaseTime", hex(seconds))
    stage.mine(1)
    return stage.client.head().timestamp


def batch(stage: Stage, limit: int, *played: Record) -> list[Outcome]:
    """Post the sequencer's next batch, as old as the Inbox lets it be, and return what became of its own records."""
    stage.world.time = stage.client.head().timestamp - OLDEST_SECONDS
    stage.world.begin(limit)
    outcomes = [stage.world.send(each) for each in played]
    stage.world.seal()
    post(stage, "operator")
    return outcomes


def may_leave_out(stage: Stage, limit: int) -> bool:
    """Whether the Inbox would take a batch of the sequencer's that consumes no message from a number on."""
    now = stage.client.head().timestamp
    error = refusal(stage, "operator", "Inbox", "postBatch", stage.posted, now, now, limit, EMPTY)
    assert error in ("", "MessageOverdue")
    return not error


def hold_out(stage: Stage, limit: int, *played: Record) -> int:
    """Have the sequencer post batches without the messages from a number on for as long as it can; return how long."""
    began = stage.client.head().timestamp
    while may_leave_out(stage, limit):
        assert all(outcome is not Outcome.ACCEPTED for outcome in batch(stage, limit, *played))
        pass_time(stage, BATCH_SECONDS)
    return stage.client.head().timestamp - began


def nothing(_: Record) -> tuple[Record, ...]:
    return ()


def the_record_itself(record: Record) -> tuple[Record, ...]:
    return (record,)


@pytest.mark.parametrize("plays", [nothing, the_record_itself], ids=["silent", "plays the record in its halt"])
def test_D10_D17_two_traders_leave_whole_by_l1_alone_whatever_a_live_sequencer_does(
    stage: Stage, plays: Callable[[Record], tuple[Record, ...]]
) -> None:
    """It serves neither of them, posts a batch every two minutes, and lets prices grow stale before each. They sign a
    block trade and queue it; after the force delay no batch without it is taken, and it trades while prices are stale.
    """
    world = stage.world
    assert positions(world.state, 1) == {0: 20}
    assert positions(world.state, 2) == {0: -20}
    record = world.accepted(world.offer(1, 0, 1, PRICE, 20), 2)
    pass_time(stage, OLDEST_SECONDS + 2 * STALE_MS // 1000)
    stage.transact("alice", "leave", "Inbox", "enqueueRecord", encode(record))
    stage.read_messages()
    held = hold_out(stage, len(world.published.messages) - 1, *plays(record))
    assert held <= FORCE_DELAY_SECONDS + BATCH_SECONDS
    assert positions(world.state, 1)
    batch(stage, len(world.published.messages))
    assert world.state.registers.clock_ms - world.state.registers.last_index_ms > STALE_MS
    assert positions(world.state, 1) == positions(world.state, 2) == {}

    for name, number in (("alice", 1), ("bob", 2)):
        stage.transact(name, "money", "Inbox", "forceWithdraw", number, 2 * DEPOSIT_UNITS)
    stage.read_messages()
    assert hold_out(stage, len(world.published.messages) - 2) <= FORCE_DELAY_SECONDS + BATCH_SECONDS
    batch(stage, len(world.published.messages))
    assert cash(world.state, 1) == cash(world.state, 2) == 0

    stage.fund("erin")
    confirm_by_time(stage, stage.party("carol", Mode.PROPOSE, Told()))
    audit = Auditor(stage.deployment.config.root_height).audit(
        EventReader(stage.client, stage.deployment).poll().events
    )
    for index in range(world.state.registers.outbox_count):
        stage.transact("erin", f"claim {index}", "Vault", "claim", *audit.withdrawal_proof(index))
    paid = sum(stage.call("TestToken", "balanceOf", account(name).address) for name in ("alice", "bob"))
    assert paid == 2 * DEPOSIT_UNITS - world.state.registers.fees_units
