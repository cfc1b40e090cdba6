"""Posts sealed batches to the Inbox, in order, each once."""

from __future__ import annotations

from typing import Final

from tallystick.errors import StateError
from tallystick.journal import Journal
from tallystick.l1.client import L1Client
from tallystick.l1.deployment import Deployment
from tallystick.l1.queuestore import TxState
from tallystick.l1.sender import TxQueue
from tallystick_operator.board import Board
from tallystick_operator.executor import SealedBatch
from tallystick_operator.follower import Follower
from tallystick_operator.sequencer import Sequencer

BASE_GAS: Final = 500_000
GAS_A_BYTE: Final = 45
"""Calldata costs up to 40 gas a byte since EIP-7623; the log and the hash of it fit below that floor and the rest."""
RETRIES: Final = 20
"""Tries of a batch that reverts, before the operator gives up: what L1 refuses may be a matter of seconds."""


class Publisher:
    """Takes batches off the executor's list once they are on L1; until then they are re-made from the log."""

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
        self._tries = 0

    def tick(self) -> int:
        """Send and follow what is sealed; return how many batches are not on L1 yet.

        Raises: L1Unreachable; StateError when a batch can never be posted.
        """
        waiting = self._drop_posted()
        for batch in waiting:
            self._enqueue(batch)
        report = self._queue.pump()
        self._board.set_l1(problem="; ".join(report.problems))
        if waiting:
            self._check_refused(waiting[0])
        return len(waiting)

    def _drop_posted(self) -> list[SealedBatch]:
        """Forget the batches that are on L1 as we made them; return the others."""
        posted = self._follower.inbox.batch_count
        sealed = self._sequencer.read(lambda core: list(core.executor.sealed))
        done = [batch for batch in sealed if batch.index < posted]
        for batch in done:
            self._follower.check_batch(batch)
            self._tell(batch)
            self._sequencer.read(lambda core: core.executor.sealed.popleft())
            self._tries = 0
        return sealed[len(done) :]

    def _enqueue(self, batch: SealedBatch) -> None:
        data = self._inbox.encode("postBatch", batch.index, batch.time, batch.message_limit, list(batch.chunks))
        gas = BASE_GAS + GAS_A_BYTE * len(data)
        self._queue.enqueue(_key(batch), self._inbox.address, data, gas=gas)

    def _tell(self, batch: SealedBatch) -> None:
        """Write the event, once: a batch that was told before a restart has its transaction ended."""
        entry = self._queue.get(_key(batch))
        if entry is None or entry.mined_hash is None:
            return
        receipt = self._client.receipt(entry.mined_hash)
        if receipt is not None:
            self._journal.write(
                "batch_posted",
                batch=batch.index,
                records=batch.records,
                bytes=sum(len(chunk) for chunk in batch.chunks),
                gas=receipt.gas_used,
                tx=entry.mined_hash,
                block=receipt.block_number,
            )

    def _check_refused(self, batch: SealedBatch) -> None:
        entry = self._queue.get(_key(batch))
        if entry is None or entry.state not in (TxState.REVERTED, TxState.REFUSED):
            return
        self._tries += 1
        self._journal.write("batch_refused", batch=batch.index, reason=entry.reason)
        if self._tries > RETRIES or entry.reason.startswith(("TimeTooOld", "MessageOverdue", "NotSequencer")):
            raise StateError("L1 does not take a batch", batch=batch.index, reason=entry.reason)
        self._queue.retry(_key(batch))


def _key(batch: SealedBatch) -> str:
    return f"batch/{batch.index}"
