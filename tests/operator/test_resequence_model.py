"""Matches of an operator with an L1 that does what it likes: strangers post what they like, forced records run ahead, blocks
with batches and messages come back with others in their places, and the operator is killed in between.

Whatever happens: the operator's state is that of a replay of what L1 holds, and every record it acknowledged is on L1, once
among its own.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tallystick.records.codec import encode
from tallystick.records.group_receipts import GroupReceipt
from tallystick.records.signing import make
from tallystick.shapes.submitting import Answer
from tallystick.state.layout import (
    MAX_CHUNK_BYTES,
    MESSAGE_DEPOSIT,
    MESSAGE_FORCE_CANCEL_ALL,
    MESSAGE_FORCE_WITHDRAW,
    MESSAGE_RECORD,
)
from tallystick.state.ordinals import UnixSeconds
from tallystick.testing.world import START, address, message, world_genesis
from tallystick_operator.remembered import SealedBatch
from tallystick_operator.sequencer.executor import Executor, frames
from tallystick_operator.sequencer.rewind import Fork
from tests.operator.rig import MakeRig, Rig
from tests.operator.test_resequence import own_history, settle

TURNS = 10


class Match:
    """One operator and its L1. `posted` are the batches there, whoever made them; `sent` what was acknowledged, `given`
    what was promised. When L1 goes another way, a stranger's batch comes as often as `strangers_share` says.
    """

    def __init__(self, rig: Rig, seed: int) -> None:
        self.rig = rig
        self.chance = random.Random(seed)
        self.posted: list[SealedBatch] = []
        self.sent: list[bytes] = []
        self.given: list[GroupReceipt] = []
        self.strangers_share = 0.6
        rig.set_up()
        rig.core.seal_now()
        self.post()
        self.first = len(self.posted)

    def post(self) -> None:
        """Have L1 take every batch that is sealed."""
        self.posted = list(self.rig.core.executor.sealed)
        self.rig.post()

    def trade(self) -> None:
        """Send orders, cancels and withdrawals; seal now and then, and post some of that."""
        chance, rig = self.chance, self.rig
        for _ in range(chance.randrange(6)):
            account = 1 + chance.randrange(2)
            owner = {1: "alice", 2: "bob"}[account]
            order = rig.order(account, chance.randrange(2), 617_990 + chance.randrange(20), 3)
            if chance.random() < 0.2:
                order = rig.signed("cancel_all", owner, account=account, nonce=order.value("nonce"))
            answer = rig.send(order)[0]
            if isinstance(answer, Answer):
                self.sent.append(encode(order))
                promise = answer.group_receipt
                assert promise is not None
                self.given.append(promise)
            if chance.random() < 0.3:
                rig.core.seal_now()
        rig.seconds += chance.randrange(20)
        rig.core.clock.observe(UnixSeconds(START + int(rig.seconds)))
        if chance.random() < 0.5:
            self.post()

    def force(self) -> None:
        """Queue a message: money, a forced action, bytes that are no record, or a record that was acknowledged before."""
        chance, time = self.chance, START + int(self.rig.seconds)
        record = chance.choice([chance.randbytes(chance.randrange(1, 600)), *self.sent[-3:]])
        kind, who = chance.choice(
            [
                (MESSAGE_DEPOSIT, "alice"),
                (MESSAGE_FORCE_CANCEL_ALL, "bob"),
                (MESSAGE_FORCE_WITHDRAW, "bob"),
                (MESSAGE_RECORD, "eve"),
            ]
        )
        account = {"alice": 1, "bob": 2, "eve": 0}[who]
        queued = message(kind, address(who), account, 7 * bool(account), time)
        self.rig.messages.append(queued + record if kind == MESSAGE_RECORD else queued)

    def strangers(self, kept: int) -> SealedBatch:
        """Return a stranger's batch behind so many: records of others, garbage for records, for chunks and for headers."""
        chance, executor = self.chance, Executor(world_genesis())
        for index, each in enumerate(self.rig.messages):
            executor.message(index, each)
        for batch in self.posted[:kept]:
            executor.adopt(batch.header, batch.chunks)
        executor.sealed.clear()
        executor.begin(UnixSeconds(max(START + int(self.rig.seconds), executor.batch_time)))
        for _ in range(1 + chance.randrange(4)):
            clock = encode(make("clock", clock_ms=executor.state.registers.clock_ms + chance.randrange(-9, 99)))
            executor.record(chance.choice([clock, chance.randbytes(chance.randrange(1, 99)), *self.sent[-2:]]))
        executor.seal()
        (made,) = executor.sealed
        chunks = list(made.chunks)
        if chance.random() < 0.6:
            at = chance.randrange(len(chunks) + 1)
            broken = bytearray(chance.choice([chunks[0], chance.randbytes(chance.randrange(50, MAX_CHUNK_BYTES))]))
            broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
            chunks.insert(at, bytes(broken[: chance.randrange(45, len(broken) + 1)] if len(broken) > 45 else broken))
        return SealedBatch(
            index=kept,
            time=made.time,
            until=made.until,
            message_limit=made.message_limit,
            chunks=tuple(chunks),
            state_hash=b"",
            records=0,
        )

    def turn(self) -> None:
        """L1 goes another way from some batch on, with other messages behind it, or a stranger is in front."""
        chance, rig = self.chance, self.rig
        kept = chance.randrange(self.first, len(self.posted) + 1)
        consumed = self.posted[kept - 1].message_limit
        if chance.random() < 0.5:
            del rig.messages[chance.randrange(consumed, len(rig.messages) + 1) :]
        for _ in range(chance.randrange(3)):
            self.force()
        theirs = [self.strangers(kept)] if chance.random() < self.strangers_share else []
        self.posted = [*self.posted[:kept], *theirs]
        batches = tuple((each.header, each.chunks) for each in theirs)
        rig.core.turn(Fork(kept=kept, batches=batches, messages=tuple(rig.messages), reason="any"))

    def round(self, restarts: float = 0.4) -> None:
        """Trade, have L1 go another way, perhaps kill the operator, and let it catch up. `restarts` is how often it is."""
        self.trade()
        if self.chance.random() < 0.5:
            self.force()
            self.rig.hear()
        self.turn()
        if restarts and self.chance.random() < restarts:
            self.rig.log.close()
            self.rig.open()
        settle(self.rig)
        self.post()

    def on_l1(self) -> Counter[bytes]:
        """Return how often each record is on L1, in a batch or in a message, once all that is sealed is there."""
        found = [data for batch in self.posted for chunk in batch.chunks for data in frames(chunk)]
        return Counter(found + [each[45:] for each in self.rig.messages if each[0] == MESSAGE_RECORD])


@pytest.mark.parametrize("seed", range(4))
def test_P10_P11_whatever_l1_does_what_was_acknowledged_is_there_and_a_replay_agrees(
    seed: int, make_rig: MakeRig
) -> None:
    match = Match(make_rig(), seed)
    rig = match.rig
    for _ in range(TURNS):
        match.round()
        own_history(rig)
        missing = Counter(match.sent) - match.on_l1()
        assert not missing, f"{len(missing)} acknowledged records are lost"
    assert len(match.sent) > TURNS
