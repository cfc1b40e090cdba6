"""Posts sealed batches to the Inbox, in order, each once."""

from __future__ import annotations

from collections import deque
from typing import Final

from tallystick.errors import StateError
from tallystick.journal import Journal
from tallystick.l1.client import L1Client
from tallystick.l1.deployment import Deployment
from tallystick.l1.queuestore import TxEntry, TxState
from tallystick.l1.sender import TxQueue
from tallystick_operator.board import Board
from tallystick_operator.core import Core
from tallystick_operator.executor import SealedBatch
from tallystick_operator.follower import Follower
from tallystick_operator.sequencer import Sequencer

BASE_GAS: Final = 500_000
GAS_A_BYTE: Final = 45
"""Calldata costs up to 40 gas a byte since EIP-7623; the log and the hash of it fit below that floor and the rest."""
RETRIES: Final = 20
"""Tries of a batch that reverts, before the operator gives up: what L1 refuses may be a matter of seconds."""
HOPELESS: Final = ("TimeTooOld", "MessageOverdue", "NotSequencer")
"""Refusals that no second try mends."""
BATCHES_KEPT: Final = 64
"""Posted batches kept in memory, to be posted again after a reorganisation; older ones are in the log."""


class Publisher:
    """Keeps every batch until L1 has had it for a while; whatever is not on L1 is sent, in the order of the numbers."""

    def __init__(
        self,
        *,
        client: L1Client,
        deployment: Deployment,
        queue: TxQueue,
        sequencer: Sequencer,
        follower: Follower,
        board: Board,
        journal: Journal,
    ) -> None:
        self._client = client
        self._inbox = client.contract("Inbox", deployment.addresses.inbox)
        self._queue = queue
        self._sequencer = sequencer
        self._follower = follower
        self._board = board
        self._journal = journal
        self._batches: deque[SealedBatch] = deque()
        self._posted = 0
        self._checked = 0
        self._known_before = follower.inbox.batch_count
        self._tries = 0

    def tick(self) -> int:
        """Send and follow what is sealed; return how many batches are not on L1 yet.

        Raises: L1Unreachable; StateError when a batch can never be posted.
        """
        self._batches.extend(self._sequencer.read(_take_sealed))
        self._note_posted()
        waiting = [batch for batch in self._batches if batch.index >= self._posted]
        for batch in waiting:
            self._enqueue(batch)
        report = self._queue.pump()
        self._board.set_l1(problem="; ".join(report.problems))
        if waiting:
            self._look_after(waiting[0])
        return len(waiting)

    def _note_posted(self) -> None:
        """Check the batches that are on L1 now, tell of the new ones, drop the old ones."""
        count = self._follower.inbox.batch_count
        self._checked = min(self._checked, count)
        for batch in self._batches:
            if self._checked <= batch.index < count:
                self._follower.check_batch(batch)
                if batch.index >= self._known_before:
                    self._tell(batch)
                self._checked = batch.index + 1
                self._tries = 0
        self._posted = count
        while self._batches and self._batches[0].index < count - BATCHES_KEPT:
            self._batches.popleft()

    def _enqueue(self, batch: SealedBatch) -> None:
        arguments = (batch.index, batch.time, batch.until, batch.message_limit, list(batch.chunks))
        data = self._inbox.encode("postBatch", *arguments)
        gas = BASE_GAS + GAS_A_BYTE * len(data)
        self._queue.enqueue(_key(batch), self._inbox.address, data, gas=gas)

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
        if entry is None:
            return
        if entry.state in (TxState.REVERTED, TxState.REFUSED):
            self._tries += 1
            self._journal.write("batch_refused", batch=batch.index, reason=entry.reason)
            if self._tries > RETRIES or entry.reason.startswith(HOPELESS):
                raise StateError("L1 does not take a batch", batch=batch.index, reason=entry.reason)
            self._queue.retry(_key(batch))
        elif entry.state == TxState.DONE and (entry.block_number or 0) <= self._follower.read_to:
            raise StateError(
                "a reorganisation took back a batch that was final",
                hint="this L1 goes back further than an operator can follow",
                batch=batch.index,
                block=entry.block_number,
            )

    def _entry(self, batch: SealedBatch) -> TxEntry | None:
        return self._queue.get(_key(batch))


def _key(batch: SealedBatch) -> str:
    return f"batch/{batch.index}"


def _take_sealed(core: Core) -> list[SealedBatch]:
    taken = list(core.executor.sealed)
    core.executor.sealed.clear()
    return taken
