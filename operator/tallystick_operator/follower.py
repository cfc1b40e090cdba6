"""Follows L1 for the sequencer: its time, its messages, and what became of the batches."""

from __future__ import annotations

from tallystick.errors import StateError
from tallystick.l1.client import L1Client
from tallystick.l1.deployment import Deployment
from tallystick.l1.events import EventReader
from tallystick.rollup.inbox_view import InboxView
from tallystick.state.hashing import keccak
from tallystick_operator.board import Board
from tallystick_operator.core import Core
from tallystick_operator.executor import SealedBatch
from tallystick_operator.sequencer import Sequencer


class Follower:
    """Reads the Inbox and the Vault. What contradicts the own log ends the operator: it would go on alone.

    `read_to` is the newest block whose events are in.
    """

    def __init__(
        self, client: L1Client, deployment: Deployment, sequencer: Sequencer, board: Board, confirmations: int = 0
    ) -> None:
        self.inbox = InboxView()
        self._client = client
        self._sequencer = sequencer
        self._board = board
        self._confirmations = confirmations
        self._reader = EventReader(client, deployment, confirmations=confirmations, contracts=("Inbox", "Vault"))
        self.read_to = 0
        self._told = 0
        self._agreed = False

    def poll(self) -> bool:
        """Take in what is new; return whether that reaches the head.

        Raises: L1Error; StateError when L1 and the log contradict each other.
        """
        batch = self._reader.poll()
        if batch.rolled_back_to is not None:
            self.inbox.rollback(batch.rolled_back_to)
            self._agreed = False
        for event in batch:
            self.inbox.apply(event)
            if event.name == "Claimed":
                self._board.claim(event.args["index"])
        self.read_to = batch.read_to.number
        if not batch.complete:
            return False
        if not self._agreed:
            self._check_messages()
        head = self._client.head() if self._confirmations else batch.read_to
        self._sequencer.l1_news(head.timestamp, self._told, self.inbox.messages[self._told :])
        self._told = self.inbox.message_count
        self._board.set_l1(
            block=head.number,
            time=head.timestamp,
            batches_posted=self.inbox.batch_count,
            messages=self.inbox.message_count,
        )
        return True

    def catch_up(self) -> int:
        """Adopt the batches on L1 that the log lacks and return how many; before the sequencer runs.

        Raises: StateError when the log has an open batch in the place of one of them.
        """
        return self._sequencer.read(self._adopt_missing)

    def _adopt_missing(self, core: Core) -> int:
        first = core.executor.state.registers.batch_cursor
        for index in range(first, self.inbox.batch_count):
            header = self.inbox.batch(index)
            chunks = tuple(self.inbox.chunk(index, at) for at in range(header.chunk_count))
            core.adopt(header, chunks, self.inbox.messages)
        return max(0, self.inbox.batch_count - first)

    def check_batch(self, batch: SealedBatch) -> None:
        """Compare an own batch with the one of its number on L1.

        Raises: StateError when somebody else posted another one.
        """
        posted = self.inbox.batch(batch.index)
        own = batch.header_by(posted.poster)
        if posted != own:
            raise StateError(
                "another batch than the own one is on L1",
                hint="somebody took over after a silence; start with an empty data directory",
                batch=batch.index,
                own=keccak(own.pack()),
                posted=keccak(posted.pack()),
            )

    def _check_messages(self) -> None:
        """Compare the messages in the log with L1's, after a start or a reorganisation."""
        own = self._sequencer.read(lambda core: (core.executor.messages.count, core.executor.messages.accumulator))
        count, accumulator = own
        theirs = bytes(32)
        for message in self.inbox.messages[:count]:
            theirs = keccak(theirs + keccak(message))
        if count > self.inbox.message_count or theirs != accumulator:
            raise StateError(
                "L1 no longer has the messages that were consumed",
                hint="a reorganisation went deeper than --confirmations; start with an empty data directory",
                consumed=count,
                on_l1=self.inbox.message_count,
            )
        self._told = count
        self._agreed = True
