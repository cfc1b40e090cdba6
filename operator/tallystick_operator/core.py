"""The sequencer's decisions, one group commit at a time. No thread, no socket: a caller gives it time and groups."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import coincurve
import msgspec

from tallystick.errors import StateError
from tallystick.records.chunks import MAX_RECORD_BYTES, BatchHeader
from tallystick.records.codec import decode, encode
from tallystick.records.signing import make
from tallystick.schema.names import Outcome
from tallystick.schema.records import Authority
from tallystick.state.layout import CHUNK_HEADER_BYTES, FRAME_HEADER_BYTES, MAX_CHUNK_BYTES
from tallystick.trader.receipts import sign_receipt
from tallystick_operator.answers import Answer, effects, items
from tallystick_operator.clientids import ClientIds
from tallystick_operator.clock import ExchangeClock
from tallystick_operator.door import Checked, Refused, check_state, submission_key
from tallystick_operator.executor import Executed, Executor, SealedBatch
from tallystick_operator.log import Entry, EntryKind, RecordLog

ANSWERS_KEPT: Final = 65_536
"""Answers remembered, so that a client that missed one may send the record again."""
MESSAGES_A_RECORD: Final = 256
"""L1 messages consumed by one record at most: a bound on how long one record runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorePolicy:
    """When to seal and how often to move the clock. Units in the names.

    `max_batch_bytes` stays below the 128 KiB that nodes accept of one transaction. A batch whose time lies further
    back than `max_batch_age_seconds` of L1 time is sealed, for the clock must stay near its batch's time.
    """

    batch_seconds: float = 2.0
    clock_every_ms: int = 50
    max_batch_bytes: int = 30 * MAX_CHUNK_BYTES
    max_batch_age_seconds: int = 120

    def __post_init__(self) -> None:
        """Raises: StateError when no batch could ever hold the longest record."""
        if self.max_batch_bytes < MAX_CHUNK_BYTES:
            raise StateError("a batch must have room for a chunk", max_batch_bytes=self.max_batch_bytes)


class Core:
    """Executor, log and clock together. Not safe for threads; the Sequencer owns it.

    `newly_sealed` collects batches for whoever wants to tell of them.
    """

    def __init__(
        self,
        *,
        executor: Executor,
        log: RecordLog,
        clock: ExchangeClock,
        receipt_key: bytes,
        monotonic: Callable[[], float],
        policy: CorePolicy,
    ) -> None:
        self.executor = executor
        self.clock = clock
        self.policy = policy
        self.log = log
        self.domain = executor.state.registers.domain
        self._key = coincurve.PrivateKey(receipt_key)
        self._monotonic = monotonic
        self.newly_sealed: list[SealedBatch] = []
        self._opened_at = 0.0
        self._answers: OrderedDict[bytes, Answer] = OrderedDict()
        self._ids = ClientIds(executor.read_model)
        self._messages: list[bytes] = []
        self._entries: list[Entry] = []

    def replay(self) -> int:
        """Rebuild everything from the log and return the number of its entries."""
        count = 0
        for entry in self.log.entries():
            executed = self.executor.apply(entry)
            count += 1
            if executed is not None:
                self._remember_replayed(entry, executed)
        self.clock.not_before(max(self.executor.state.registers.clock_ms, self.executor.batch_time * 1000))
        self._opened_at = self._monotonic()
        return count

    def adopt(self, header: BatchHeader, chunks: tuple[bytes, ...], messages: Sequence[bytes]) -> None:
        """Take over a batch that somebody else posted, or that this operator posted before it lost its log.

        Shape: `messages` are all on L1, from the first on. Raises: StateError when a batch is open.
        """
        known = self.executor.messages.count
        entries = [
            self.executor.message(known + at, each) for at, each in enumerate(messages[known : header.message_limit])
        ]
        self.log.append([*entries, self.executor.adopt(header, chunks)])
        self.clock.not_before(max(self.executor.state.registers.clock_ms, self.executor.batch_time * 1000))

    def learn_messages(self, first: int, messages: Sequence[bytes]) -> None:
        """Take L1 messages to be consumed with the next group; those known already are passed over."""
        known = self.executor.messages.count + len(self._messages)
        if first > known:
            raise StateError("an L1 message is missing", first=first, known=known)
        self._messages += messages[known - first :]

    def process(self, group: Sequence[Checked]) -> list[Answer | Refused]:
        """Sequence a group: what it returns is on disk.

        Raises: OSError when the log cannot be written; nothing may be acknowledged from then on.
        """
        if not self.clock.started:
            return [Refused(503, "starting", "no L1 block has been seen yet")] * len(group)
        now_ms = self.clock.now_ms()
        self._entries = []
        self._consume_messages(now_ms)
        results = [self._take(checked, now_ms) for checked in group]
        if self.seal_is_due(now_ms):
            self._seal()
        self._commit()
        return results

    def seal_is_due(self, now_ms: int) -> bool:
        """Whether the open batch is old enough to be published."""
        if not self.executor.is_open:
            return False
        age = self._monotonic() - self._opened_at
        return age >= self.policy.batch_seconds or self._too_far_back(now_ms)

    def seal_now(self) -> SealedBatch | None:
        """Seal the open batch, if there is one, whatever its age."""
        if not self.executor.is_open:
            return None
        self._entries = []
        batch = self._seal()
        self._commit()
        return batch

    def _take(self, checked: Checked, now_ms: int) -> Answer | Refused:
        # What nobody signs has no nonce: sent again it runs again, but not twice in a second.
        key = checked.key if checked.signer else checked.key + (now_ms // 1000).to_bytes(8, "big")
        known = self._answers.get(key)
        if known is not None:
            return msgspec.structs.replace(known, repeated=True)
        try:
            final = check_state(self.executor.state, self.executor.read_model, checked)
            first = self._ids.first(final.record)
        except Refused as refusal:
            return refusal
        if first is not None:
            return self._first_answer(first)
        executed = self._execute(final.data, now_ms)
        answer = self._answer(executed)
        self._remember(key, answer)
        self._ids.remember(final.record, key, answer)
        return answer

    def _first_answer(self, key: bytes) -> Answer | Refused:
        """Return what an order was answered when it came first."""
        known = self._answers.get(key)
        if known is None:
            return Refused(409, "client_id_used", "this order was taken long ago; see its status", "client_id")
        return msgspec.structs.replace(known, repeated=True)

    def _execute(self, data: bytes, now_ms: int) -> Executed:
        """Run a record with the batch open and the clock near the present."""
        if self.executor.is_open and (self._is_full() or self._too_far_back(now_ms)):
            self._seal()
        if not self.executor.is_open:
            self._entries.append(self.executor.begin(max(now_ms // 1000, self.executor.batch_time)))
            self._opened_at = self._monotonic()
        if now_ms - self.executor.state.registers.clock_ms >= self.policy.clock_every_ms:
            self._run(encode(make("clock", clock_ms=now_ms)))
        return self._run(data)

    def _is_full(self) -> bool:
        """Whether the open batch may lack the bytes, or the chunks, for a clock and the longest record.

        Records longer than half a chunk leave much of it empty: chunks can run out long before bytes do.
        """
        room = FRAME_HEADER_BYTES + CHUNK_HEADER_BYTES + MAX_RECORD_BYTES
        return self.executor.open_bytes + room > self.policy.max_batch_bytes or self.executor.chunks_left < 2

    def _run(self, data: bytes) -> Executed:
        executed, entry = self.executor.record(data)
        self._entries.append(entry)
        return executed

    def _consume_messages(self, now_ms: int) -> None:
        for message in self._messages:
            self._entries.append(self.executor.message(self.executor.messages.count, message))
        self._messages.clear()
        while (cursor := self.executor.state.registers.message_cursor) < self.executor.messages.count:
            through = min(self.executor.messages.count, cursor + MESSAGES_A_RECORD)
            self._execute(encode(make("consume", through=through)), now_ms)

    def _too_far_back(self, now_ms: int) -> bool:
        return now_ms // 1000 - self.executor.batch_time > self.policy.max_batch_age_seconds

    def _seal(self) -> SealedBatch:
        batch, entry = self.executor.seal()
        self._entries.append(entry)
        self.newly_sealed.append(batch)
        return batch

    def _commit(self) -> None:
        if self._entries:
            self.log.append(self._entries)
            self._entries = []

    def _answer(self, executed: Executed) -> Answer:
        receipt = sign_receipt(self._key, self.domain, executed.number, executed.accumulator, executed.record_hash)
        fills, slot, lots, withdrawal = effects(executed.events)
        return Answer(
            record_number=receipt.number,
            accumulator=_hex(receipt.accumulator),
            record_hash=_hex(receipt.record_hash),
            signature=_hex(receipt.signature),
            outcome=executed.outcome.name,
            clock_ms=self.executor.state.registers.clock_ms,
            fills=fills,
            slot=slot,
            resting_lots=lots,
            withdrawal=withdrawal,
            items=items(executed.events),
        )

    def _remember(self, key: bytes, answer: Answer) -> None:
        self._answers[key] = answer
        if len(self._answers) > ANSWERS_KEPT:
            self._answers.popitem(last=False)

    def _remember_replayed(self, entry: Entry, executed: Executed) -> None:
        assert entry.kind is EntryKind.RECORD
        record = decode(entry.body)
        if not isinstance(record, Outcome) and record.kind.authority is not Authority.NOBODY:
            key, answer = submission_key(record), self._answer(executed)
            self._remember(key, answer)
            self._ids.remember(record, key, answer)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
