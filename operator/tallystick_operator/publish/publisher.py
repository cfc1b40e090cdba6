"""Posts sealed batches to the Inbox, in order, each once and within its time."""

from __future__ import annotations

from collections import deque
from typing import Final

from tallystick.journal import Journal
from tallystick.l1.client.access import L1
from tallystick.l1.deployment import Deployment
from tallystick.l1.sending.fees import BLOCK_SECONDS, Window
from tallystick.l1.sending.queuestore import TxEntry, TxState
from tallystick.l1.sending.sender import TxQueue
from tallystick.state.ordinals import BlockNumber
from tallystick_operator.intake.follower import Follower
from tallystick_operator.intake.promises import L1_SHUT, NOT_SEQUENCER
from tallystick_operator.noticeboard import Board
from tallystick_operator.remembered import SealedBatch
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.executor import BATCHES_KEPT, content
from tallystick_operator.sequencer.sequencer import Sequencer

BASE_GAS: Final = 500_000
GAS_A_BYTE: Final = 45
"""Calldata costs up to 40 gas a byte since EIP-7623; the log and the hash of it fit below that floor and the rest."""
RETRIES: Final = 20
"""Tries of a batch that reverts, before it is made anew: what L1 refuses may be a matter of seconds."""
OUTDATED: Final = ("TimeTooOld", "MessageOverdue", "TimeBackwards", "MessageLimitBackwards")
"""Refusals that no second try mends, but another batch with the same records."""
MARGIN_SECONDS: Final = 60
"""A batch pays whatever is allowed to be on L1 so long before the Inbox would no longer take it."""


class Publisher:
    """Keeps every batch until L1 has had it for a while; whatever is not on L1 is sent, in the order of the numbers.

    A batch that L1 cannot take any more is not tried again: when L1 takes batches, its records are put into new ones.
    """

    def __init__(
        self,
        *,
        client: L1,
        deployment: Deployment,
        queue: TxQueue,
        sequencer: Sequencer,
        follower: Follower,
        board: Board,
        journal: Journal,
    ) -> None:
        self._client = client
        self._inbox = client.contract("Inbox", deployment.addresses.inbox)
        self._past_seconds = deployment.config.past_bound_seconds
        self._queue = queue
        self._sequencer = sequencer
        self._follower = follower
        self._board = board
        self._journal = journal
        self._batches: deque[SealedBatch] = deque()
        self._posted = 0
        self._told = 0
        self._known_before = follower.inbox.batch_count
        self._tries = 0
        self._stopped = False

    def tick(self) -> int:
        """Send and follow what is sealed; return how many batches are not on L1 yet.

        Raises: L1Unreachable.
        """
        self._take_note()
        self._note_posted()
        waiting = [batch for batch in self._batches if batch.index >= self._posted]
        late = self._too_late(waiting)
        if late:
            waiting = self._make_anew(waiting, late)
        self._drop_others(waiting)
        for batch in waiting:
            self._enqueue(batch)
        report = self._queue.pump()
        self._board.set_l1(problem="; ".join(report.problems))
        if waiting:
            self._look_after(waiting[0])
        return len(waiting)

    def _take_note(self) -> None:
        """Take in what is sealed, and forget what is undone."""
        turned_to, self._follower.turned_to = self._follower.turned_to, None
        if turned_to is not None:
            self._batches = deque(batch for batch in self._batches if batch.index < turned_to)
            self._tries = 0
            self._stopped = False
        self._batches.extend(self._sequencer.read(_take_sealed))

    def _note_posted(self) -> None:
        """Tell of the batches that are on L1 now, drop the old ones."""
        inbox = self._follower.inbox
        count = inbox.batch_count
        self._told = min(self._told, count)
        for batch in self._batches:
            if self._told <= batch.index < count:
                if batch.index >= self._known_before and content(inbox.headers[batch.index]) == content(batch.header):
                    self._tell(batch)
                self._told = batch.index + 1
                self._tries = 0
        self._posted = count
        while self._batches and self._batches[0].index < count - BATCHES_KEPT:
            self._batches.popleft()

    def _too_late(self, waiting: list[SealedBatch]) -> str:
        """Return why the first batch that waits can never be posted, "" when it can."""
        if not waiting or self._follower.head is None:
            return ""
        first = waiting[0]
        if first.index > self._posted:
            return "L1 took back batches that are no longer at hand"
        if self._follower.head.timestamp + BLOCK_SECONDS > first.time + self._past_seconds:
            return "its time is too long ago"
        entry = self._entry(first)
        if entry is None or entry.state not in (TxState.REVERTED, TxState.REFUSED):
            return ""
        return entry.reason if entry.reason.startswith(OUTDATED) or self._tries > RETRIES else ""

    def _make_anew(self, waiting: list[SealedBatch], why: str) -> list[SealedBatch]:
        """Have the records of batches that came too late put into new ones, as soon as L1 would take these."""
        size = max(sum(len(chunk) for chunk in batch.chunks) for batch in waiting)
        problem = self._queue.cannot_pay(BASE_GAS + GAS_A_BYTE * size)
        if problem:
            self._stop(why)
            return []
        self._follower.resequence(why)
        self._take_note()
        return [batch for batch in self._batches if batch.index >= self._posted]

    def _stop(self, why: str) -> None:
        if not self._stopped:
            self._journal.write("batches_late", batch=self._posted, reason=why)
        self._stopped = True
        self._sequencer.stop(L1_SHUT)

    def _drop_others(self, waiting: list[SealedBatch]) -> None:
        """Give up the transactions of batches that are undone, or that wait for better times."""
        current = {_key(batch) for batch in (*waiting, *(each for each in self._batches if each.index < self._posted))}
        for key in self._queue.under_way("batch/"):
            if key not in current:
                self._queue.give_up(key)

    def _enqueue(self, batch: SealedBatch) -> None:
        arguments = (batch.index, batch.time, batch.until, batch.message_limit, list(batch.chunks))
        data = self._inbox.encode("postBatch", *arguments)
        gas = BASE_GAS + GAS_A_BYTE * len(data)
        self._queue.enqueue(_key(batch), self._inbox.address, data, gas=gas, window=self._window(batch))

    def _window(self, batch: SealedBatch) -> Window | None:
        head = self._follower.head
        if head is None:
            return None
        left = batch.time + self._past_seconds - MARGIN_SECONDS - head.timestamp
        return Window(first_block=head.number, deadline_block=BlockNumber(head.number + max(1, left // BLOCK_SECONDS)))

    def _tell(self, batch: SealedBatch) -> None:
        entry = self._entry(batch)
        receipt = self._client.receipt(entry.mined_hash) if entry and entry.mined_hash else None
        if receipt is not None:
            self._journal.write(
                "batch_posted",
                batch=batch.index,
                records=batch.records,
                bytes=sum(len(chunk) for chunk in batch.chunks),
                gas=receipt.gas_used,
                tx=receipt.transaction_hash,
                block=receipt.block_number,
            )

    def _look_after(self, batch: SealedBatch) -> None:
        """See to the transaction of the first batch that is not on L1: all others wait for it."""
        entry = self._entry(batch)
        if entry is None or entry.state not in (TxState.REVERTED, TxState.REFUSED):
            return
        if entry.reason.startswith("BucketFull") and self._bucket_is_full(batch):
            return
        self._tries += 1
        self._journal.write("batch_refused", batch=batch.index, reason=entry.reason)
        if entry.reason.startswith("NotSequencer"):
            self._sequencer.stop(NOT_SEQUENCER)
        if not entry.reason.startswith(OUTDATED):
            self._queue.retry(_key(batch))

    def _bucket_is_full(self, batch: SealedBatch) -> bool:
        """Whether the Inbox takes no batch of this size before more blocks have passed."""
        size = sum(len(chunk) for chunk in batch.chunks)
        return int(self._inbox.call("bucketBytes")) + size > int(self._inbox.call("burstBytes"))

    def _entry(self, batch: SealedBatch) -> TxEntry | None:
        return self._queue.get(_key(batch))


def _key(batch: SealedBatch) -> str:
    return f"batch/{batch.index}/{content(batch.header)[:8].hex()}"


def _take_sealed(core: Core) -> list[SealedBatch]:
    taken = list(core.executor.sealed)
    core.executor.sealed.clear()
    return taken
