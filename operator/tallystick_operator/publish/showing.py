"""Shows on L1 what is claimed to be missing there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from tallystick.l1.sending.queuestore import TxEntry, TxState
from tallystick.rollup.promised_chain import Batches, ChunkPlace, PromisedChain, chunk_argument
from tallystick.rollup.views.receipts_view import Claimed
from tallystick.state.hashing import keccak
from tallystick.state.ordinals import BatchNumber
from tallystick_operator.publish.publisher import BASE_GAS, GAS_A_BYTE


class Posted(Batches, Protocol):
    """Batches as L1 has them, and how many."""

    @property
    def batch_count(self) -> int:
        """Batches so far."""
        ...


class Target(Protocol):
    """A contract to be called."""

    @property
    def address(self) -> bytes:
        """Where it is."""
        ...

    def encode(self, function: str, *arguments: Any) -> bytes:
        """Return a call's data."""
        ...


class Queue(Protocol):
    """Transactions to be sent."""

    def get(self, key: str) -> TxEntry | None:
        """Return the entry of a key."""
        ...

    def enqueue(self, key: str, to: bytes | None, data: bytes, *, gas: int | None) -> object:
        """Take one in."""
        ...

    def retry(self, key: str) -> object:
        """Send one again."""
        ...

    def under_way(self, prefix: str) -> list[str]:
        """Return the keys that are not mined."""
        ...

    def give_up(self, key: str) -> None:
        """See that one is not mined."""
        ...


class Told(Protocol):
    """What happens is told to it."""

    def write(self, event: str, **facts: Any) -> None:
        """Tell of something."""
        ...


class Showing:
    """Answers claims of records that are on L1, and corrects what others have shown falsely.

    The promised chain is read once and further while anything is claimed, for it is as long as the exchange is old.
    """

    def __init__(self, contract: Target, queue: Queue, journal: Told, operator: bytes) -> None:
        self._contract = contract
        self._queue = queue
        self._journal = journal
        self._operator = operator
        self._told: set[bytes] = set()
        self._fine: set[Claimed] = set()
        self._chain = PromisedChain()
        self._rolled_back = 0

    def begin_anew(self) -> None:
        """Look at every claim again: L1 has taken something back."""
        self._fine.clear()

    def show(self, inbox: Posted, rolled_back: int, claims: Iterable[Claimed]) -> None:
        """Answer what is to be answered. `rolled_back` counts how often L1 has taken batches back."""
        claims = list(claims)
        if not claims:
            self._chain = PromisedChain()
        due = [claim for claim in claims if claim not in self._fine]
        if not due and rolled_back == self._rolled_back:
            return
        if rolled_back != self._rolled_back:
            self._chain, self._rolled_back = PromisedChain(), rolled_back
            self._fine.clear()
            due = claims
        for index in range(self._chain.batches, inbox.batch_count if due else 0):
            self._chain.read(inbox, BatchNumber(index))
        for claim in due:
            self._answer(inbox, claim)

    def _answer(self, inbox: Posted, claim: Claimed) -> None:
        chain, number = self._chain, claim.number
        if is_answered(chain, claim):
            self._fine.add(claim)
            return
        place = shown_by(chain, claim, self._operator)
        if place is None:
            self._alarm(claim)
            return
        hashes = chain.hashes[number : max(number + 1, place.first)]
        chunk = chunk_argument(inbox, place.batch, place.index)
        self._send(claim, self._contract.encode("showPosted", [claim.place], chain.accumulators[number], hashes, chunk))

    def _send(self, claim: Claimed, data: bytes) -> None:
        """Have an answer sent. One that names a batch which L1 has put into another place is another answer."""
        prefix = f"{'answer' if claim.batch is None else 'correct'}/{claim.place.hex()}/"
        key = prefix + keccak(data)[:8].hex()
        for other in self._queue.under_way(prefix):
            if other != key:
                self._queue.give_up(other)
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


def is_answered(chain: PromisedChain, claim: Claimed) -> bool:
    """Whether a claim's answer is what L1 has, by the end of the batch that it names."""
    if claim.batch is None or claim.count is None:
        return False
    there = claim.count <= chain.count and chain.accumulators[claim.count] == claim.answer
    return there and chain.chunk_of(claim.count - 1).batch <= claim.batch


def shown_by(chain: PromisedChain, claim: Claimed, operator: bytes) -> ChunkPlace | None:
    """Return the first chunk of the operator's that has the claimed record, or stands behind it: its header says as much.

    None when the record is not at its place, or nothing of the operator's has come since somebody else posted it.
    """
    number = claim.number
    there = number < chain.count and chain.accumulators[number + 1] == claim.accumulator
    if not there or chain.hashes[number] != claim.record_hash:
        return None
    return next((place for place in chain.chunks_from(number) if place.poster == operator), None)
