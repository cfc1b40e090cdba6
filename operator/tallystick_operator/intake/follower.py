"""Follows L1 for the sequencer: its time, its messages, and what became of the batches."""

from __future__ import annotations

from typing import Final

from tallystick.journal import Journal
from tallystick.l1.client.access import L1
from tallystick.l1.client.events import EventReader
from tallystick.l1.client.logstore import LogStore
from tallystick.l1.client.values import BlockRef
from tallystick.l1.deployment import Deployment
from tallystick.rollup.views.inbox_view import InboxView
from tallystick.state.ordinals import BatchNumber, BlockNumber
from tallystick_operator.intake.inputs import NO_MESSAGES
from tallystick_operator.intake.promises import L1_MOVED
from tallystick_operator.noticeboard import Board
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.executor import content
from tallystick_operator.sequencer.rewind import Fork, Turned
from tallystick_operator.sequencer.sequencer import Sequencer

PATIENCE_SECONDS: Final = 60
"""How long messages that a reorganisation took away are waited for, on L1's clock: they usually come again in its next
blocks, and what was done with the money they bring can then be done again."""


class Follower:
    """Reads the Inbox and the Vault. Where L1 contradicts the own log, the log's history gives way.

    `head` is the newest block whose events are in. `turned_to` is the number of batches kept when the history was turned
    last, until somebody has taken note of it, `rolled_back` how often L1 has taken blocks back. `confirmations` holds messages back by so many
    blocks, None until L1 calls theirs final; batches count at once, for what matters of them is whether others are in their places.
    `store` keeps what was read for the next start.
    """

    def __init__(
        self,
        client: L1,
        deployment: Deployment,
        sequencer: Sequencer,
        board: Board,
        journal: Journal,
        confirmations: int | None = 0,
        store: LogStore | None = None,
    ) -> None:
        self.inbox = InboxView()
        self._client = client
        self._sequencer = sequencer
        self._board = board
        self._journal = journal
        self._confirmations = confirmations
        self._reader = EventReader(client, deployment, contracts=("Inbox", "Vault"), store=store)
        self.head: BlockRef | None = None
        self.turned_to: int | None = None
        self.rolled_back = 0
        self._message_blocks: list[int] = []
        self._heads: list[bytes] = [NO_MESSAGES]
        self._told = 0
        self._agreed = 0
        self._since: int | None = None

    def poll(self) -> bool:
        """Take in what is new, and see whether the log agrees; return whether that reaches the head.

        Raises: L1Error.
        """
        if not self.read():
            return False
        kept = self._sequencer.read(self._kept)
        if kept is None:
            self._agree()
        else:
            self._follow(kept)
        return True

    def read(self) -> bool:
        """Take in what is new; return whether that reaches the head.

        Raises: L1Error.
        """
        batch = self._reader.poll()
        if batch.rolled_back_to is not None:
            self._roll_back(batch.rolled_back_to)
        for event in batch:
            self.inbox.apply(event)
            if event.name == "MessageQueued":
                self._message_blocks.append(event.block)
                self._heads.append(event.args["accumulator"])
            elif event.name == "Claimed":
                self._board.claim(event.args["index"])
        self.head = batch.read_to
        self._board.set_l1(
            block=self.head.number,
            time=self.head.timestamp,
            batches_posted=self.inbox.batch_count,
            messages=self.inbox.message_count,
        )
        return batch.complete

    def catch_up(self) -> int:
        """Adopt the batches on L1 behind the log's and return how many; before the sequencer runs.

        What L1 contradicts in the log is left to `poll`.
        """
        adopted = self._sequencer.read(self._adopt_missing)
        self._told = self._sequencer.read(lambda core: core.executor.messages.count)
        return adopted

    def resequence(self, reason: str) -> Turned:
        """Undo every batch that is not on L1, and have what was acknowledged in them executed again."""
        return self._turn(self.inbox.batch_count, reason)

    def _adopt_missing(self, core: Core) -> int:
        first = core.executor.batch_count
        if core.executor.is_open or self._kept(core) != first:
            return 0
        for index in map(BatchNumber, range(first, self.inbox.batch_count)):
            header = self.inbox.batch(index)
            core.adopt(header, self._chunks(index), self.inbox.messages)
        return max(0, self.inbox.batch_count - first)

    def _agree(self) -> None:
        """L1 and the log agree: tell what is new."""
        assert self.head is not None
        if self._since is not None:
            self._since = None
            self._sequencer.stop(None)
        confirmed = max(self._confirmed(self.head), self._told)
        news = self.inbox.messages[self._told : confirmed]
        self._sequencer.l1_news(self.head.timestamp, self._told, news, self.inbox.batch_count)
        self._told += len(news)

    def _follow(self, kept: int) -> None:
        """L1 has gone another way behind so many batches: stop promising, and go there once it is known where."""
        assert self.head is not None
        now = self.head.timestamp
        if self._since is None:
            self._since = now
            self._sequencer.stop(L1_MOVED)
        self._sequencer.l1_news(now, self._told, [], self.inbox.batch_count)
        waits = 0 <= now - self._since < PATIENCE_SECONDS
        if waits and self.inbox.message_count < self._sequencer.read(_consumed):
            return
        self._turn(kept, "L1 has other blocks or another batch")

    def _turn(self, kept: int, reason: str) -> Turned:
        assert self.head is not None
        behind = map(BatchNumber, range(kept, self.inbox.batch_count))
        batches = tuple((self.inbox.batch(index), self._chunks(index)) for index in behind)
        needed = max((header.message_limit for header, _ in batches), default=0)
        count = max(self._confirmed(self.head), needed)
        fork = Fork(kept=kept, batches=batches, messages=tuple(self.inbox.messages[:count]), reason=reason)
        turned = self._sequencer.turn(fork)
        self._told, self._since, self._agreed = count, None, 0
        self.turned_to = kept if self.turned_to is None else min(kept, self.turned_to)
        self._journal.write(
            "turned",
            reason=reason,
            kept_batches=kept,
            undone_batches=turned.undone,
            adopted_batches=len(batches),
            owed_records=turned.owed,
            lost_records=len(turned.lost),
        )
        for lost in turned.lost:
            self._journal.write("record_lost", record=lost.number, data=lost.data, acknowledged_at=lost.time)
        return turned

    def _kept(self, core: Core) -> int | None:
        """Return how many of the log's batches L1 agrees with, None when it agrees with all of the log."""
        executor = core.executor
        own, posted = executor.batch_count, self.inbox.batch_count
        for index in range(min(self._agreed, own), own):
            closed = executor.closed(index)
            if closed is None:
                continue
            if index < posted and content(self.inbox.headers[index]) != closed.content:
                return index
            if self._head(closed.message_limit) != closed.head:
                return index
            if index < posted:
                self._agreed = index + 1
        known = executor.messages
        return own if posted > own or self._head(known.count) != known.accumulator else None

    def _head(self, count: int) -> bytes | None:
        return self._heads[count] if count < len(self._heads) else None

    def _chunks(self, index: BatchNumber) -> tuple[bytes, ...]:
        return tuple(self.inbox.chunk(index, at) for at in range(self.inbox.batch(index).chunk_count))

    def _confirmed(self, head: BlockRef) -> int:
        """Return how many messages are deep enough to be consumed."""
        if self._confirmations is None:
            deepest = self._client.head("finalized").number
        else:
            deepest = BlockNumber(head.number - self._confirmations)
        count = len(self._message_blocks)
        while count and self._message_blocks[count - 1] > deepest:
            count -= 1
        return count

    def _roll_back(self, block: BlockNumber) -> None:
        self.rolled_back += 1
        self.inbox.rollback(block)
        while self._message_blocks and self._message_blocks[-1] > block:
            self._message_blocks.pop()
            self._heads.pop()
        self._agreed = 0


def _consumed(core: Core) -> int:
    return int(core.executor.state.registers.message_cursor)
