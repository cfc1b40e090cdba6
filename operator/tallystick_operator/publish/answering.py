"""Looks after the bond behind the operator's receipts: promises nothing that could be shifted, and answers claims."""

from __future__ import annotations

from typing import Final

from tallystick.journal import Journal
from tallystick.l1.client.access import L1
from tallystick.l1.client.events import EventReader
from tallystick.l1.client.logstore import LogStore
from tallystick.l1.deployment import Deployment
from tallystick.l1.sending.queuestore import TxState
from tallystick.l1.sending.sender import TxQueue
from tallystick.rollup.promised_chain import PromisedChain, chunk_argument
from tallystick.rollup.views.receipts_view import Claimed, ReceiptsView
from tallystick.state.ordinals import BatchNumber
from tallystick_operator.intake.door import Refused
from tallystick_operator.intake.follower import Follower
from tallystick_operator.intake.promises import INBOX_OPEN
from tallystick_operator.publish.publisher import BASE_GAS, GAS_A_BYTE
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.sequencer import Sequencer

CONTRACT: Final = "Receipts"


class Answering:
    """Tells the sequencer whether it may promise, and answers every claim of a record that is on L1.

    A promise is safe while the newest own batch that is `confirmations` deep is younger than half the takeover delay:
    whatever L1 takes back, no stranger may post before what is promised is due and could be shown. Behind a `poster` who is
    not the sequencer stands no bond: it took over from one.
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
        self._contract = client.contract(CONTRACT, deployment.addresses.receipts)
        self._inbox = client.contract("Inbox", deployment.addresses.inbox)
        self._queue = queue
        self._sequencer = sequencer
        self._follower = follower
        self._journal = journal
        self._confirmations = confirmations
        self._reader = EventReader(client, deployment, contracts=(CONTRACT,), store=store)
        self._told: set[bytes] = set()
        self._fine: set[Claimed] = set()
        self._has_bond = poster == self._operator

    def tick(self) -> None:
        """Read what is new, and do what there is to do. Raises: L1Error."""
        batch = self._reader.poll()
        if batch.rolled_back_to is not None:
            self.view.rollback(batch.rolled_back_to)
            self._fine.clear()
        for event in batch:
            self.view.apply(event)
        refusal = None if not self._has_bond or self._is_safe() else INBOX_OPEN
        self._sequencer.read(lambda core: _tell(core, self.view.epoch, refusal))
        claims = [claim for claim in self.view.claims.values() if claim not in self._fine]
        if claims and self._has_bond:
            self._answer(claims)

    def _is_safe(self) -> bool:
        """Whether no stranger's batch can come in front of what is promised now."""
        head, inbox = self._follower.head, self._follower.inbox
        if head is None:
            return False
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
                    return head.timestamp - header.time < self._half_takeover
            if head.timestamp - header.time >= self._half_takeover:
                return False
        if has_own or inbox.batch_count:
            return False
        return int(self._inbox.call("takeoverAt")) - head.timestamp > self._half_takeover

    def _answer(self, claims: list[Claimed]) -> None:
        """Show what is claimed, and correct what others have shown falsely."""
        chain, inbox = PromisedChain(), self._follower.inbox
        for index in range(inbox.batch_count):
            chain.read(inbox, BatchNumber(index))
        for claim in claims:
            if _is_answered(chain, claim):
                self._fine.add(claim)
                continue
            number = claim.number
            there = number < chain.count and chain.accumulators[number + 1] == claim.accumulator
            place = chain.chunk_of(number) if there and chain.hashes[number] == claim.record_hash else None
            if place is None or place.poster != self._operator:
                self._alarm(claim)
                continue
            chunk = chunk_argument(inbox, place.batch, place.index)
            self._send(claim, chain.accumulators[number], chunk)

    def _send(self, claim: Claimed, prefix: bytes, chunk: object) -> None:
        data = self._contract.encode("showPosted", [claim.place], prefix, [claim.record_hash], chunk)
        key = f"{'answer' if claim.batch is None else 'correct'}/{claim.place.hex()}"
        entry = self._queue.get(key)
        if entry is None:
            self._journal.write("claim_answered", record=claim.number, place=claim.place)
            self._queue.enqueue(key, self._contract.address, data, gas=BASE_GAS + GAS_A_BYTE * len(data))
        elif entry.state in (TxState.REVERTED, TxState.REFUSED):
            self._queue.retry(key)

    def _alarm(self, claim: Claimed) -> None:
        if claim.place not in self._told:
            self._told.add(claim.place)
            self._journal.write("claim_unanswered", record=claim.number, place=claim.place)


def _is_answered(chain: PromisedChain, claim: Claimed) -> bool:
    """Whether a claim's answer is what L1 has, by the end of the batch that it names."""
    if claim.batch is None or claim.count is None:
        return False
    there = claim.count <= chain.count and chain.accumulators[claim.count] == claim.answer
    return there and chain.chunk_of(claim.count - 1).batch <= claim.batch


def _tell(core: Core, epoch: int, refusal: Refused | None) -> None:
    core.promiser.epoch, core.promiser.refusal = epoch, refusal
