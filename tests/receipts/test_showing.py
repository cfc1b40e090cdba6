"""What an operator shows of itself: whatever L1 does to its batches while somebody claims, the contract takes the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tallystick.errors import BadInput
from tallystick.l1.sending.queuestore import TxEntry, TxState
from tallystick.records.chunks import BatchHeader
from tallystick.records.group_receipts import GroupReceipt
from tallystick.rollup.views.receipts_view import Claimed
from tallystick.state.ordinals import BatchNumber
from tallystick_operator.publish.showing import Showing
from tests.receipts.court import HOUR, OPERATOR, STRANGER, TAKEOVER, TRADER, Court, clock, record

ANSWERED = 2


@dataclass
class Inbox:
    """A court's batches as an operator's view has them, and how many chunks were read."""

    court: Court
    reads: int = 0

    @property
    def batch_count(self) -> int:
        return len(self.court.published.headers)

    def batch(self, index: BatchNumber) -> BatchHeader:
        return self.court.published.batch(index)

    def chunk(self, batch: BatchNumber, index: int) -> bytes:
        self.reads += 1
        return self.court.published.chunk(batch, index)


@dataclass
class Queue:
    """Sends what it is given at the next `send`."""

    court: Court
    address: bytes = b""
    entries: dict[str, tuple[bytes, TxState]] = field(default_factory=dict)

    def encode(self, function: str, *arguments: Any) -> bytes:
        return self.court._abis["Receipts"].encode_call(function, *arguments)

    def get(self, key: str) -> TxEntry | None:
        if key not in self.entries:
            return None
        data, state = self.entries[key]
        empty = dict.fromkeys(("to", "gas", "nonce", "mined_hash", "block_number", "block_hash", "succeeded", "window"))
        return TxEntry(id=0, key=key, data=data, value_wei=0, state=state, reason="", **empty)

    def enqueue(self, key: str, to: bytes | None, data: bytes, *, gas: int | None) -> object:
        del to, gas
        assert key not in self.entries
        self.entries[key] = (data, TxState.QUEUED)
        return None

    def retry(self, key: str) -> object:
        self.entries[key] = (self.entries[key][0], TxState.QUEUED)
        return None

    def under_way(self, prefix: str) -> list[str]:
        return [key for key, (_, state) in self.entries.items() if key.startswith(prefix) and state is not TxState.DONE]

    def give_up(self, key: str) -> None:
        del self.entries[key]

    def send(self) -> None:
        for key, (data, state) in list(self.entries.items()):
            if state is TxState.QUEUED:
                self.court.block += 1
                try:
                    self.court.chain.transact(OPERATOR, self.court.at["Receipts"], data, 0, self.court.block)
                    self.entries[key] = (data, TxState.DONE)
                except BadInput:
                    self.entries[key] = (data, TxState.REVERTED)


class Told:
    """Takes what an operator writes down."""

    def write(self, event: str, **facts: Any) -> None:
        """Forget it."""


def showing(court: Court) -> tuple[Showing, Queue, Inbox]:
    queue = Queue(court)
    return Showing(queue, queue, Told(), OPERATOR), queue, Inbox(court)


def claimed(court: Court, receipt: GroupReceipt) -> Claimed:
    """Return a claim as the contract has it."""
    facts = court.ask("claim", receipt.place)
    shown = facts["status"] == ANSWERED
    return Claimed(
        place=receipt.place,
        number=facts["number"],
        accumulator=facts["accumulator"],
        record_hash=facts["recordHash"],
        count=facts["count"] if shown else None,
        answer=facts["answer"] if shown else None,
        batch=BatchNumber(facts["batch"]) if shown else None,
    )


def is_answered(court: Court, receipt: GroupReceipt) -> bool:
    return int(court.ask("claim", receipt.place)["status"]) == ANSWERED


def test_r03_an_answer_that_a_reorganisation_made_void_is_given_anew(court: Court) -> None:
    """The batch that it names was put into another place, with another time, before it was mined."""
    (receipt,) = court.promise([record(2)])
    kept = len(court.log)
    court.post([record(2)])
    court.wait(HOUR + 1)
    claims = [court.claim(TRADER, receipt)]
    shows, queue, inbox = showing(court)
    shows.show(inbox, 0, [claimed(court, receipt)])
    assert len(queue.entries) == len(claims) == 1
    court = court.rewound(kept)
    court.post([clock(court.second), record(2)])
    court.claim(TRADER, receipt)
    queue.court = inbox.court = court
    queue.send()
    assert not is_answered(court, receipt), "what it names is not there any more"
    for _ in range(2):
        shows.show(inbox, 1, [claimed(court, receipt)])
        queue.send()
    assert is_answered(court, receipt)
    assert len(queue.entries) == 1, "the void one is given up"


def test_r04_what_a_stranger_posted_in_its_place_is_shown_by_the_next_own_header(court: Court) -> None:
    """A stranger took a batch of the operator's that waited, and posted it as it was: the promise is kept."""
    (receipt,) = court.promise([record(2)])
    court.wait(TAKEOVER)
    court.post([record(2), record(3)], STRANGER)
    court.claim(TRADER, receipt)
    shows, queue, inbox = showing(court)
    shows.show(inbox, 0, [claimed(court, receipt)])
    assert not queue.entries, "nothing of the operator's says so yet"
    court.post([])
    shows.show(inbox, 0, [claimed(court, receipt)])
    queue.send()
    assert is_answered(court, receipt)
    shows.show(inbox, 0, [claimed(court, receipt)])
    assert len(queue.entries) == 1, "and is not corrected"
    court.call(STRANGER, "judge", receipt.place, court.confirm())
    court.check_money()


def test_r05_whoever_claims_has_the_operator_read_what_l1_holds_once(court: Court) -> None:
    receipts = court.promise([record(number) for number in range(2, 12)])
    for number in range(2, 12):
        court.post([record(number)])
    court.wait(HOUR + 1)
    for receipt in receipts:
        court.claim(TRADER, receipt)
    shows, queue, inbox = showing(court)
    shows.show(inbox, 0, [claimed(court, each) for each in receipts])
    first = inbox.reads
    for _ in range(20):
        shows.show(inbox, 0, [claimed(court, each) for each in receipts])
    assert inbox.reads - first <= 20 * len(receipts), "one chunk an answer, not one a batch"
    queue.send()
    shows.show(inbox, 0, [claimed(court, each) for each in receipts])
    settled = inbox.reads
    shows.show(inbox, 0, [claimed(court, each) for each in receipts])
    assert inbox.reads == settled
    assert all(is_answered(court, each) for each in receipts)
