"""Looks after the bond behind the operator's receipts: promises nothing that could be shifted, and answers claims."""

from __future__ import annotations

from math import inf
from typing import Final

from tallystick.journal import Journal
from tallystick.l1.client.access import L1
from tallystick.l1.client.events import EventReader
from tallystick.l1.client.logstore import LogStore
from tallystick.l1.client.values import BlockRef
from tallystick.l1.deployment import Deployment
from tallystick.l1.sending.sender import TxQueue
from tallystick.rollup.views.receipts_view import ReceiptsView
from tallystick_operator.intake.follower import Follower
from tallystick_operator.intake.promises import INBOX_OPEN
from tallystick_operator.publish.showing import Showing
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.sequencer import Sequencer

CONTRACT: Final = "Receipts"


class Answering:
    """Tells the sequencer whether it may promise, and answers every claim of a record that is on L1.

    A promise is safe while the newest own batch that is `confirmations` deep is younger than half the takeover delay:
    whatever L1 takes back, no stranger may post before what is promised is due and could be shown. That ends by this
    machine's clock where L1 cannot be asked. Behind a `poster` who is not the sequencer stands no bond: it took over from one.
    """

    def __init__(
        self,
        client: L1,
        deployment: Deployment,
        queue: TxQueue,
        sequencer: Sequencer,
        follower: Follower,
        journal: Journal,
        *,
        poster: bytes,
        confirmations: int | None = 0,
        store: LogStore | None = None,
    ) -> None:
        self.view = ReceiptsView()
        self._client = client
        self._operator = deployment.config.sequencer
        self._half_takeover = deployment.config.takeover_delay_seconds // 2
        contract = client.contract(CONTRACT, deployment.addresses.receipts)
        self._inbox = client.contract("Inbox", deployment.addresses.inbox)
        self._sequencer = sequencer
        self._follower = follower
        self._confirmations = confirmations
        self._reader = EventReader(client, deployment, contracts=(CONTRACT,), store=store)
        self._showing = Showing(contract, queue, journal, self._operator)
        self._seen: BlockRef | None = None
        self._seen_at = 0.0
        self._has_bond = poster == self._operator

    def tick(self) -> None:
        """Read what is new, and do what there is to do. Raises: L1Error."""
        batch = self._reader.poll()
        if batch.rolled_back_to is not None:
            self.view.rollback(batch.rolled_back_to)
            self._showing.begin_anew()
        for event in batch:
            self.view.apply(event)
        left = self._safe_seconds() if self._has_bond else inf
        head = self._follower.head
        self._sequencer.read(lambda core: self._tell(core, left, head))
        if self._has_bond:
            self._showing.show(self._follower.inbox, self._follower.rolled_back, self.view.claims.values())

    def _tell(self, core: Core, left: float, head: BlockRef | None) -> None:
        """Say how long promises are safe from when the newest block was seen: no news of L1 are no good news."""
        if head != self._seen:
            self._seen, self._seen_at = head, core.clock.monotonic()
        core.promiser.epoch = self.view.epoch
        core.promiser.refusal = None if left > 0 else INBOX_OPEN
        core.promiser.until = self._seen_at + left

    def _safe_seconds(self) -> float:
        """Return for how long behind the newest block no stranger's batch can come in front of what is promised."""
        head, inbox = self._follower.head, self._follower.inbox
        if head is None:
            return 0
        if self._confirmations is None:
            deepest: int = self._client.head("finalized").number
        else:
            deepest = head.number - self._confirmations
        has_own = False
        for index in reversed(range(inbox.batch_count)):
            header = inbox.headers[index]
            if header.poster == self._operator:
                has_own = True
                if inbox.posted_blocks[index] <= deepest:
                    return self._half_takeover - (head.timestamp - header.time)
            if head.timestamp - header.time >= self._half_takeover:
                return 0
        if has_own or inbox.batch_count:
            return 0
        return int(self._inbox.call("takeoverAt")) - head.timestamp - self._half_takeover
