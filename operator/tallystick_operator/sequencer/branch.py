"""One history of the exchange, as the log's entries rebuild it: the machine, and what clients were answered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from tallystick.errors import StateError
from tallystick.machine.by_record import Known
from tallystick.records.chunks import padded
from tallystick.records.codec import Record, decode
from tallystick.records.items import unpack_pairs
from tallystick.schema.names import Outcome
from tallystick.schema.record_model import Authority
from tallystick.shapes.submitting import Answer
from tallystick.state.hashing import keccak
from tallystick.state.layout import Registers
from tallystick.state.ordinals import MarketId, SignerNumber, UnixMs, UnixSeconds
from tallystick.state.state import State
from tallystick_operator.intake.clientids import ClientIds
from tallystick_operator.intake.door import Checked, Refused, submission_key
from tallystick_operator.remembered import UNTOLD, HeldBranch, HeldReport, Owed
from tallystick_operator.sequencer.executor import Executed, Executor, unpack_adopted
from tallystick_operator.sequencer.record_log import Entry, EntryKind
from tallystick_operator.sequencer.rewind import is_kept, unpack_owed, unpack_rewind

ANSWERS_KEPT: Final = 65_536
"""Answers remembered, so that a client that missed one may send the record again."""
ITEMS_KEPT: Final = 1_000_000
"""Items of bulks in these answers: a bulk's answer is as large as a hundred others."""
BATCHES_WATCHED: Final = 4_096
"""Batches of which it is known how old they are: many more than may ever wait for L1."""


ONCE_MS: Final = 3_600_000
"""How long a record that used no nonce up is not taken again: longer than L1 takes back."""


class Branch:
    """An executor, and everything beside it that follows from the same entries.

    `owed` are records that were acknowledged and have lost their place, `reports` the newest price report of each signer
    for each market. `settled` and `changed` count the owed records that have run again, and those that came out otherwise
    than they were told. `unlogged` are reports that came while nothing was taken: no entry tells of them. `first_kept` is the clock at each batch's first record that must be kept, of the newest batches.
    """

    def __init__(self, executor: Executor, answer: Callable[[Executed, Registers], Answer]) -> None:
        self.executor = executor
        self.answers: OrderedDict[bytes, Answer] = OrderedDict()
        self.ids = ClientIds(executor.read_model)
        self.owed: dict[bytes, Owed] = {}
        self.reports: dict[tuple[MarketId, SignerNumber], bytes] = {}
        self.unlogged: dict[tuple[MarketId, SignerNumber], bytes] = {}
        self.settled = 0
        self.changed = 0
        self.lost = 0
        self.first_kept: dict[int, UnixMs] = {}
        self._loose: OrderedDict[bytes, UnixMs] = OrderedDict()
        self._answer = answer
        self._items_kept = 0

    def apply(self, entry: Entry) -> None:
        """Do again what a log entry says.

        Raises: StateError when the entry cannot follow those before it.
        """
        executor, kind, body = self.executor, entry.kind, entry.body
        if entry.record:
            data = entry.record
            record = decode(data)
            known = None
            if isinstance(record, Record) and entry.signer is not None:
                # It is the operator's own log: who signed was recovered before it was written.
                known = Known(record, entry.signer, keccak(padded(data)))
            executed = executor.record(data, known)[0]
            self.ran(record if isinstance(record, Record) else None, data, executed)
        elif kind is EntryKind.BEGIN:
            executor.begin(UnixSeconds(int.from_bytes(body[:8], "big")))
        elif kind is EntryKind.MESSAGE:
            executor.message(int.from_bytes(body[:8], "big"), body[8:])
        elif kind is EntryKind.ADOPT:
            self.found(executor.adopt(*unpack_adopted(body))[0])
        elif kind is EntryKind.REWIND:
            self.rewind(unpack_rewind(body)[1])
        elif kind is EntryKind.OWE:
            owed = unpack_owed(body)
            self.owed[owed.data] = owed
        elif kind is EntryKind.LOSE:
            self.lose(body)
        else:
            self._seal(body)

    def ran(self, record: Record | None, data: bytes, executed: Executed, key: bytes | None = None) -> Answer | None:
        """Take in what became of a record, and return its answer if somebody is to have one; `key` is the submission's."""
        if record is None or record.kind.authority is Authority.NOBODY:
            return None
        answer = self._answer(executed, self.executor.state.registers)
        key = key or submission_key(record)
        if executed.outcome is Outcome.ACCEPTED or not record.kind.spares_nonce:
            self.remember(key, answer)
        self.ids.remember(record, key, answer)
        if record.kind.authority is Authority.PRICE_SIGNER:
            self.note(record, data)
        if is_kept(record):
            self.first_kept.setdefault(self.executor.batch_count, self.executor.state.registers.clock_ms)
            if len(self.first_kept) > BATCHES_WATCHED:
                del self.first_kept[next(iter(self.first_kept))]
            if record.kind.spares_nonce:
                self._loose[data] = self.executor.state.registers.clock_ms
        owed = self.owed.pop(data, None)
        if owed is not None:
            self._settle(record, owed, executed)
        return answer

    def first_waiting(self, posted: int) -> int | None:
        """Return the oldest batch with something that must be kept and is not among those posted, None without one."""
        waiting: int | None = None
        for batch in reversed(self.first_kept):
            if batch < posted:
                break
            waiting = batch
        return waiting

    def first(self, final: Checked) -> bytes | None:
        """Return the key of the order that came first with a record's client id, None without one.

        Raises: Refused when the same bytes were promised a place lately, and no nonce keeps them from another: a history
        that is turned has each record once, so what is promised has to be there once.
        """
        now = self.executor.state.registers.clock_ms
        while self._loose and next(iter(self._loose.values())) < now - ONCE_MS:
            self._loose.popitem(last=False)
        if final.data in self._loose:
            raise Refused(409, "taken_lately", "this very record was rejected within the hour: sign it anew")
        return self.ids.first(final.record)

    def remember(self, key: bytes, answer: Answer) -> None:
        """Keep an answer for whoever sends the record again."""
        before = self.answers.get(key)
        self._items_kept += len(answer.items) - (len(before.items) if before else 0)
        self.answers[key] = answer
        while len(self.answers) > ANSWERS_KEPT or self._items_kept > ITEMS_KEPT:
            self._items_kept -= len(self.answers.popitem(last=False)[1].items)

    def note(self, record: Record, data: bytes) -> None:
        """Keep a price report as its signer's newest, to be used again when the history goes another way."""
        for key in _reported(record):
            self.reports[key] = data
            self.unlogged.pop(key, None)

    def note_unlogged(self, record: Record, data: bytes) -> None:
        """The same of one that is not taken now."""
        self.unlogged.update(dict.fromkeys(_reported(record), data))

    @property
    def newest_reports(self) -> dict[tuple[MarketId, SignerNumber], bytes]:
        """The newest reports there are, by market and signer."""
        return {**self.reports, **self.unlogged}

    def held(self) -> HeldBranch:
        """Return what a snapshot keeps of it beside the state, when no batch is open."""
        return HeldBranch(
            executor=self.executor.held(),
            answers=list(self.answers.items()),
            ids=self.ids.held(),
            owed=list(self.owed.values()),
            reports=[
                HeldReport(market=market, signer=signer, data=data) for (market, signer), data in self.reports.items()
            ],
            settled=self.settled,
            changed=self.changed,
            lost=self.lost,
            first_kept=list(self.first_kept.items()),
            loose=list(self._loose.items()),
        )

    def put_back(self, state: State, held: HeldBranch) -> None:
        """Become what was held, with the state of that moment."""
        self.executor.put_back(state, held.executor)
        self.answers = OrderedDict(held.answers)
        self._items_kept = sum(len(answer.items) for answer in self.answers.values())
        self.ids = ClientIds(self.executor.read_model)
        self.ids.put_back(held.ids)
        self.owed = {each.data: each for each in held.owed}
        self.reports = {(each.market, each.signer): each.data for each in held.reports}
        self.settled, self.changed, self.lost = held.settled, held.changed, held.lost
        self.first_kept = dict(held.first_kept)
        self._loose = OrderedDict(held.loose)

    def found(self, ran: list[bytes]) -> None:
        """Take in the records of a batch from L1: what was owed and is among them has its place there."""
        for data in ran:
            if self.owed.pop(data, None) is not None:
                self.settled += 1

    def rewind(self, told: int) -> None:
        """Begin a history that replaces another one, of which events up to a number were told."""
        self.executor.rewind(told)
        self.owed.clear()
        self.settled = self.changed = self.lost = 0
        self.first_kept = {at: clock for at, clock in self.first_kept.items() if at < self.executor.batch_count}

    def give_up(self, least: int) -> tuple[Owed, ...]:
        """Give up what was acknowledged before a time in seconds, and return it."""
        lost = tuple(each for each in self.owed.values() if each.time < least)
        for each in lost:
            self.lose(each.data)
        return lost

    def lose(self, data: bytes) -> None:
        """Give an owed record up."""
        owed = self.owed.pop(data)
        record = decode(data)
        account = record.value("account") if isinstance(record, Record) and _has_account(record) else 0
        self.lost += 1
        self._tell("lost", account, owed.number)

    def _settle(self, record: Record, owed: Owed, executed: Executed) -> None:
        self.settled += 1
        told = owed.outcome
        if told in (executed.outcome, UNTOLD):
            return
        self.changed += 1
        account = record.value("account") if _has_account(record) else 0
        self._tell("changed", account, owed.number, told, executed.outcome)

    def _tell(self, name: str, *values: int) -> None:
        registers = self.executor.state.registers
        self.executor.read_model.history.take((name, values), registers.record_count - 1, registers.clock_ms)

    def _seal(self, expected: bytes) -> None:
        batch, entry = self.executor.seal(rooted=False)
        if entry.body != expected:
            raise StateError(
                "replaying the log gives another batch than it did before",
                batch=batch.index,
                actual=entry.body,
                expected=expected,
            )


def _reported(record: Record) -> list[tuple[MarketId, SignerNumber]]:
    return [(market, SignerNumber(record.value("signer"))) for market, _ in unpack_pairs(record.blobs[0])]


def keep(answers: OrderedDict[bytes, Answer], key: bytes, answer: Answer) -> None:
    """Add an answer to those that are kept, and drop the oldest of too many."""
    answers[key] = answer
    if len(answers) > ANSWERS_KEPT:
        answers.popitem(last=False)


def what_was_told(owed: Owed, answers: OrderedDict[bytes, Answer]) -> Owed:
    """Return an owed record with the number and the outcome it was acknowledged with, if they are still known."""
    record = decode(owed.data)
    if owed.outcome != UNTOLD or not isinstance(record, Record):
        return owed
    told = answers.get(submission_key(record))
    if told is None:
        return owed
    return Owed(data=owed.data, time=owed.time, number=told.record_number, outcome=Outcome[told.outcome])


def _has_account(record: Record) -> bool:
    return any(field.name == "account" for field in record.kind.fields)
