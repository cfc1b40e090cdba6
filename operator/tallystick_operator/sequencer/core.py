"""The sequencer's decisions, one group commit at a time. No thread, no socket: a caller gives it time and groups."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import Final

import msgspec

from tallystick.errors import StateError
from tallystick.l1.exchange_clock import ExchangeClock
from tallystick.machine.by_record import Known
from tallystick.records.chunks import MAX_RECORD_BYTES, BatchHeader
from tallystick.records.codec import Record, encode
from tallystick.records.signing import make
from tallystick.schema.record_model import Authority
from tallystick.shapes.submitting import Answer
from tallystick.state.layout import CHUNK_HEADER_BYTES, FRAME_HEADER_BYTES
from tallystick.state.ordinals import UnixMs, UnixSeconds
from tallystick_operator.intake.door import Checked, Refused, check_state
from tallystick_operator.intake.promises import (
    DRAINING,
    GIVE_UP_SECONDS,
    L1_BEHIND,
    MOST_BEHIND_MS,
    PRICES_WAIT_SECONDS,
    PROMISELESS,
    REORDERING,
    STARTING,
)
from tallystick_operator.remembered import SealedBatch
from tallystick_operator.sequencer.answers import Promiser, signed_with
from tallystick_operator.sequencer.branch import Branch, keep, what_was_told
from tallystick_operator.sequencer.executor import BATCHES_KEPT, Executed, Executor
from tallystick_operator.sequencer.owing import decoded, prices_are_back, reports_to_renew
from tallystick_operator.sequencer.record_log import Entry, EntryKind, RecordLog
from tallystick_operator.sequencer.rewind import Fork, Turned, acknowledged, is_kept, rewind_entry
from tallystick_operator.sequencer.sealing import CorePolicy, Roots
from tallystick_operator.storage.rebuilding import Rebuilt, rebuild
from tallystick_operator.storage.snapshot_making import SnapshotMaker

OWED_A_GROUP: Final = 512
"""Owed records executed between two looks at what else is waiting."""


class Core:
    """Executor, log and clock together. Not safe for threads; the Sequencer owns it.

    `newly_sealed` collects batches for whoever wants to tell of them. `stopped` is what everybody is answered while L1
    has gone another way, None while it has not, `no_room` while nothing is begun.
    """

    def __init__(
        self,
        *,
        new_executor: Callable[[int], Executor],
        log: RecordLog,
        clock: ExchangeClock,
        receipt_key: bytes,
        policy: CorePolicy,
        keep_from: int = 0,
        maker: SnapshotMaker | None = None,
    ) -> None:
        self._new_executor = new_executor
        self._answer = signed_with(receipt_key)
        self.branch = Branch(new_executor(keep_from), self._answer)
        self.domain = self.executor.state.registers.domain
        self.promiser = Promiser(receipt_key, self.domain)
        self.clock = clock
        self.policy = policy
        self.log = log
        self.maker = maker
        self._lately: OrderedDict[bytes, Answer] = OrderedDict()
        self.stopped: Refused | None = None
        self.no_room: Refused | None = None
        self.snapshot_is_due = False
        self.newly_sealed: list[SealedBatch] = []
        self._opened_at = 0.0
        self._pressing = False
        self._posted = 0
        self._idle_since = -1
        self._taken_at: dict[int, float] = {}
        self._prices_by = 0.0
        self._roots = Roots(policy, clock.monotonic)
        self._messages: list[bytes] = []
        self._entries: list[Entry] = []

    @property
    def executor(self) -> Executor:
        """The machine and what it has sealed."""
        return self.branch.executor

    def replay(self) -> Rebuilt:
        """Rebuild everything from the log, and from the newest snapshot if there is one; return how."""
        rebuilt = rebuild(self.branch, self.log, self.maker.snapshots if self.maker else None)
        if self.maker:
            self.maker.begin(rebuilt.snapshot.records if rebuilt.snapshot else 0)
        self.begin_anew()
        return rebuilt

    def adopt(self, header: BatchHeader, chunks: tuple[bytes, ...], messages: Sequence[bytes]) -> None:
        """Take over a batch behind the own ones, which somebody else posted, or this operator before it lost its log.

        Shape: `messages` are all on L1, from the first on. Raises: StateError when a batch is open.
        """
        known = self.executor.messages.count
        entries = [
            self.executor.message(known + at, each) for at, each in enumerate(messages[known : header.message_limit])
        ]
        ran, entry = self.executor.adopt(header, chunks)
        self.branch.found(ran)
        self.log.append([*entries, entry])
        del self._messages[: len(entries)]
        self.clock.not_before(max(self.executor.state.registers.clock_ms, UnixMs(self.executor.batch_time * 1000)))

    def turn(self, fork: Fork, swap: AbstractContextManager[object] | None = None) -> Turned:
        """Go L1's way: undo what it has left behind, adopt what it has instead, and owe what was acknowledged.

        All of it is one group in the log, so it has happened whole or not at all. The history up to the fork is rebuilt as
        by a start; only the exchange of the two happens within `swap`.

        Raises: StateError when the log cannot be written.
        """
        before = self.branch
        told = before.executor.read_model.history.sequence
        branch = Branch(self._new_executor(fork.kept), self._answer)
        gone = rebuild(branch, self.log, self.maker.snapshots if self.maker else None, fork.kept).gone
        owed = [what_was_told(each, before.answers) for each in acknowledged(gone, branch.owed).values()]
        branch.rewind(told)
        cursor = int(branch.executor.state.registers.message_cursor)
        group = [rewind_entry(fork.kept, told), *(each.entry() for each in owed)]
        for each in owed:
            branch.owed[each.data] = each
        for index, message in enumerate(fork.messages[cursor:], cursor):
            group.append(branch.executor.message(index, message))
        for header, chunks in fork.batches:
            ran, entry = branch.executor.adopt(header, chunks)
            branch.found(ran)
            group.append(entry)
        lost = branch.give_up(self.clock.now_ms() // 1000 - GIVE_UP_SECONDS)
        group += [Entry(kind=EntryKind.LOSE, body=each.data) for each in lost]
        self.log.append(group)
        branch.executor.take_over(before.executor, fork.kept)
        branch.unlogged = before.newest_reports
        with swap or nullcontext():
            self.branch = branch
            self._messages.clear()
            self._lately.clear()
            self.stopped = None
            self.begin_anew()
        undone = before.executor.batch_count - fork.kept + before.executor.is_open
        return Turned(undone=undone, owed=len(branch.owed), lost=lost)

    def learn_messages(self, first: int, messages: Sequence[bytes]) -> None:
        """Take L1 messages to be consumed with the next batch; those known already are passed over."""
        known = self.executor.messages.count + len(self._messages)
        if first > known:
            raise StateError("an L1 message is missing", first=first, known=known)
        self._messages += messages[known - first :]

    def learn_posted(self, batches: int) -> None:
        """Take in how many batches are on L1."""
        self._posted = batches
        self.executor.forget_before(batches - BATCHES_KEPT)
        self._taken_at = {batch: since for batch, since in self._taken_at.items() if batch >= batches}

    def process(self, group: Sequence[Checked]) -> list[Answer | Refused]:
        """Sequence a group: what it returns is on disk.

        Raises: StateError when the log cannot be written; nothing may be acknowledged from then on.
        """
        results = self.execute(group)
        self._commit()
        results = self.promised(results)
        if self.snapshot_is_due:
            self.make_snapshot()
        return results

    def execute(self, group: Sequence[Checked]) -> list[Answer | Refused]:
        """Sequence a group: what it returns may be told once what `taken` gives next is on disk."""
        if not self.clock.started:
            return [STARTING] * len(group)
        now_ms = self.clock.now_ms()
        if self.stopped is None:
            self._pay_owed(now_ms)
            rests = self.executor.is_open or self.no_room is DRAINING
            if not rests and (self._messages or self._heartbeat_is_due(now_ms)):
                self._make_ready(now_ms)
        refusal = self.refusal()
        results = [self._take(checked, now_ms, refusal) for checked in group]
        maker = self.maker if self.maker and self.maker.is_due(self.executor.state.registers.record_count) else None
        if self.stopped is None and (self.seal_is_due(now_ms) or (maker and self.executor.is_open)):
            self._seal()
        self._roots.prepare(self.executor.state)
        self.snapshot_is_due = maker is not None and not self.executor.is_open
        return results

    def promised(self, results: Sequence[Answer | Refused]) -> list[Answer | Refused]:
        """Return results that are on disk with the promises of those that have a place."""
        return self.promiser.sign(results, self.clock.now_ms() // 1000 if self.clock.started else 0)

    def make_snapshot(self) -> None:
        """Make the snapshot that is due, once all that has been executed is in the log."""
        self.snapshot_is_due = False
        if self.maker:
            self.maker.make(self.branch, self.log.end)

    def taken(self) -> list[Entry]:
        """Return what the log lacks of what has been executed, to be written before anything else is."""
        entries, self._entries = self._entries, []
        return entries

    def refusal(self) -> Refused | None:
        """Return what clients are answered because nothing can be promised now, None when it can."""
        if not self.clock.started:
            return STARTING
        if self.stopped is not None:
            return self.stopped
        if self.branch.owed:
            return REORDERING
        if self.no_room is not None:
            return self.no_room
        return L1_BEHIND if self.behind_ms() >= MOST_BEHIND_MS else self.promiser.refuses(self.clock.monotonic())

    def behind_ms(self) -> int:
        """Return the age of the oldest record that must be kept and is not on L1, 0 without one.

        By L1's clock or by this machine's, whichever says more: an L1 that makes no blocks takes no batches either.
        """
        waiting = self.branch.first_waiting(self._posted)
        if waiting is None:
            return 0
        since = self._taken_at.setdefault(waiting, self.clock.monotonic())
        age_ms = self.clock.now_ms() - self.branch.first_kept[waiting]
        return max(age_ms, int((self.clock.monotonic() - since) * 1000))

    def seal_is_due(self, now_ms: UnixMs) -> bool:
        """Whether the open batch is old enough to be published."""
        if not self.executor.is_open:
            return False
        least = self.policy.batch_seconds if self._pressing or self._messages else self.policy.quiet_seconds
        if self.no_room is DRAINING:
            return True
        return self.clock.monotonic() - self._opened_at >= least or self._too_far_back(now_ms)

    def seal_now(self) -> SealedBatch | None:
        """Seal the open batch, if there is one, whatever its age."""
        if not self.executor.is_open:
            return None
        batch = self._seal()
        self._commit()
        return batch

    def as_of_now(self) -> AbstractContextManager[None]:
        """Show the state with the clock that the next record will meet; between records it stands still."""
        return self.executor.as_of(self.clock.now_ms() if self.clock.started else UnixMs(0))

    def _take(self, checked: Checked, now_ms: UnixMs, refusal: Refused | None) -> Answer | Refused:
        # What uses no nonce, sent again, runs again, but not twice in a second.
        spends = checked.signer and not checked.record.kind.spares_nonce
        key = checked.key if spends else checked.key + int(now_ms // 1000).to_bytes(8, "big")
        known = self.branch.answers.get(checked.key) or self._lately.get(key)
        if known is not None:
            return msgspec.structs.replace(known, repeated=True)
        if refusal is not None and not self._goes_on(checked, refusal):
            return refusal
        try:
            final = self.executor.checked_as_of(now_ms, checked)
            first = self.branch.first(final)
        except Refused as refused:
            return refused
        if first is not None:
            return self._first_answer(first)
        answer = self._execute(final.data, final.record, now_ms, final)
        if not spends:
            keep(self._lately, key, answer)
        return answer

    def _goes_on(self, checked: Checked, refusal: Refused) -> bool:
        """Whether a record is taken although nothing is promised; a price report is at least remembered."""
        if checked.record.kind.authority is not Authority.PRICE_SIGNER:
            return refusal in PROMISELESS and not is_kept(checked.record)
        if self.stopped is None:
            return self.no_room is None
        try:
            check_state(self.executor.state, self.executor.read_model, checked)
        except Refused:
            return False
        self.branch.note_unlogged(checked.record, checked.data)
        return False

    def _first_answer(self, key: bytes) -> Answer | Refused:
        """Return what an order was answered when it came first."""
        known = self.branch.answers.get(key)
        if known is None:
            return Refused(409, "client_id_used", "this order was taken long ago; see its status", "client_id")
        return msgspec.structs.replace(known, repeated=True)

    def _pay_owed(self, now_ms: UnixMs) -> None:
        """Execute what is owed, in its order, once the prices it was given under are renewed."""
        if not self.branch.owed:
            return
        self._renew_prices(now_ms)
        with self.as_of_now():
            ready = prices_are_back(self.executor.state)
        if not ready and self.clock.monotonic() < self._prices_by:
            return
        for data in list(islice(self.branch.owed, OWED_A_GROUP)):
            record = decoded(data)
            self._execute(data, record, now_ms)
            if record.kind.authority is Authority.GOVERNANCE:
                self._renew_prices(now_ms)

    def _renew_prices(self, now_ms: UnixMs) -> None:
        """Use the newest price reports once more, which the history left behind has had and this one has not."""
        for data, record in reports_to_renew(self.branch, now_ms):
            if data not in self._renewed:
                self._renewed.add(data)
                self._execute(data, record, now_ms)

    def _execute(self, data: bytes, record: Record, now_ms: UnixMs, checked: Checked | None = None) -> Answer:
        """Run a record with the batch open and the clock near the present, behind what makes room for it."""
        self._make_ready(now_ms)
        for clean in self.executor.read_model.makes_room(record):
            self._run(clean)
            self._make_ready(now_ms)
        self._pressing = self._pressing or is_kept(record)
        executed = self._run(data, checked.known if checked else None)
        answer = self.branch.ran(record, data, executed, checked.key if checked else None)
        return answer or self._answer(executed, self.executor.state.registers)

    def _make_ready(self, now_ms: UnixMs) -> None:
        if self.executor.is_open and (self._is_full() or self._too_far_back(now_ms)):
            self._seal()
        if not self.executor.is_open:
            self._open(now_ms)
        if now_ms - self.executor.state.registers.clock_ms >= self.policy.clock_every_ms:
            self._run(encode(make("clock", clock_ms=now_ms)))

    def _open(self, now_ms: UnixMs) -> None:
        """Open a batch, and consume the messages there are: they come before its records."""
        self._opened_at = self.clock.monotonic()
        self._pressing = bool(self._messages)
        for message in self._messages:
            self._entries.append(self.executor.message(self.executor.messages.count, message))
        self._messages.clear()
        self._entries.append(self.executor.begin(max(UnixSeconds(now_ms // 1000), self.executor.batch_time)))

    def _is_full(self) -> bool:
        """Whether the open batch may lack the bytes, or the chunks, for a clock and the longest record.

        Records longer than half a chunk leave much of it empty: chunks can run out long before bytes do.
        """
        room = FRAME_HEADER_BYTES + CHUNK_HEADER_BYTES + MAX_RECORD_BYTES
        return self.executor.open_bytes + room > self.policy.max_batch_bytes or self.executor.chunks_left < 2

    def _run(self, data: bytes, known: Known | None = None) -> Executed:
        executed, entry = self.executor.record(data, known)
        self._entries.append(entry)
        return executed

    def _too_far_back(self, now_ms: UnixMs) -> bool:
        return now_ms // 1000 - self.executor.batch_time > self.policy.max_batch_age_seconds

    def _heartbeat_is_due(self, now_ms: UnixMs) -> bool:
        """Whether there has been no batch for so long that the clock, and others' hold on the Inbox, need one."""
        now = now_ms // 1000
        if self._idle_since < 0:
            self._idle_since = now
        return now - (self.executor.batch_time or self._idle_since) >= self.policy.heartbeat_seconds

    def _seal(self) -> SealedBatch:
        if not self.executor.open_bytes:  # no batch is without a record
            self._run(encode(make("clock", clock_ms=self.executor.state.registers.clock_ms)))
        began, rooted = self.clock.monotonic(), self._roots.is_due(self.executor.state)
        batch, entry = self.executor.seal(rooted=rooted)
        if rooted:
            self._roots.taken(began)
        self._entries.append(entry)
        self.newly_sealed.append(batch)
        return batch

    def _commit(self) -> None:
        if entries := self.taken():
            self.log.append(entries)

    def begin_anew(self) -> None:
        """Set the clocks of a history that has just been rebuilt."""
        registers = self.executor.state.registers
        self.executor.take_root()
        self.clock.not_before(max(registers.clock_ms, UnixMs(self.executor.batch_time * 1000)))
        self._opened_at = self.clock.monotonic()
        self._pressing = True
        self._taken_at.clear()
        self._prices_by = self.clock.monotonic() + PRICES_WAIT_SECONDS
        self._renewed: set[bytes] = set()
