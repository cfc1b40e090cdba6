"""The one thread that decides the order of everything: it drains its queue in groups, one disk sync a group.

While a group is written and synced, by a thread of its own, the next one runs: it is what has come meanwhile. Nobody is
told of a group, and no reader sees anything of it, before it is on disk.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, TypeVar

from tallystick.errors import StateError
from tallystick.shapes.submitting import Answer
from tallystick.state.ordinals import UnixSeconds
from tallystick_operator.intake.door import Checked, Refused
from tallystick_operator.remembered import SealedBatch
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.record_log import Entry
from tallystick_operator.sequencer.rewind import Fork, Turned

T = TypeVar("T")
Results = list[Answer | Refused]

GROUP_RECORDS: Final = 512
"""Records of one group at most: it bounds how long readers and the first of the group wait."""
ENOUGH_RECORDS: Final = 128
LINGER_SECONDS: Final = 0.002
"""A group of fewer records waits so long at most for the one before to be told of: a group has one sync and one signature
however few it has, and two threads that want the interpreter at once take it from each other."""
WAITING_SUBMISSIONS: Final = 4_096
"""Submissions that may wait; beyond that the door answers "busy" at once."""
WAITING_RECORDS: Final = 8_192
"""Records that may wait in all of them, a few seconds' work: a thousand in each would be an hour's."""
TICK_SECONDS: Final = 0.05
TURN_LOOK_SECONDS: Final = 0.5
"""How often somebody who waits for the history to be turned looks whether anybody is left to turn it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    records: Sequence[Checked]
    reply: Future[Results]


@dataclass(frozen=True, slots=True, kw_only=True)
class _L1News:
    time: UnixSeconds
    first_message: int
    messages: Sequence[bytes]
    posted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stop:
    refusal: Refused | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    fork: Fork
    reply: Future[Turned]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """A group that has run, `number` counted from 1, and what is told once its entries are on disk."""

    number: int
    entries: list[Entry]
    works: list[_Work]
    results: Results


_Item = _Work | _L1News | _Stop | _Turn
CLOSING: Final = Refused(503, "closing", "the operator is shutting down")


class Sequencer:
    """Runs a core. Readers take `read`, which never sees half a group."""

    def __init__(
        self, core: Core, on_sealed: Callable[[SealedBatch], None], on_failure: Callable[[BaseException], None]
    ) -> None:
        self.core = core
        self._on_sealed = on_sealed
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self._queue: queue.Queue[_Item | None] = queue.Queue(maxsize=WAITING_SUBMISSIONS)
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)
        self._counting = threading.Lock()
        self._waiting = 0
        self._closing = False
        self._failure: BaseException | None = None
        self._groups: queue.SimpleQueue[_Group | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_groups, name="log", daemon=True)
        self._written = threading.Condition()
        self._ran = self._on_disk = self._told = 0
        self._unwritable: BaseException | None = None

    def start(self) -> None:
        """Start the threads."""
        self._writer.start()
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it runs, and what it runs can be written."""
        return self._thread.is_alive() and self._failure is None and self._unwritable is None

    def submit(self, records: Sequence[Checked]) -> Future[Results]:
        """Queue records to be sequenced in this order; the result is there when they are on disk.

        Raises: Refused when too much is waiting or the sequencer is closing.
        """
        if self._closing or self._failure is not None:
            raise CLOSING
        work = _Work(records=records, reply=Future())
        # What is queued runs: who gives up waiting must not take the reply away that the sequencer gives.
        work.reply.set_running_or_notify_cancel()
        with self._counting:
            if self._waiting + len(records) > WAITING_RECORDS:
                raise _busy()
            try:
                self._queue.put_nowait(work)
            except queue.Full:
                raise _busy() from None
            self._waiting += len(records)
        return work.reply

    def l1_news(self, time: UnixSeconds, first_message: int, messages: Sequence[bytes], posted: int) -> None:
        """Tell the newest block's timestamp in seconds, the messages queued since, and how many batches are on L1."""
        self._tell(_L1News(time=time, first_message=first_message, messages=messages, posted=posted))

    def stop(self, refusal: Refused | None) -> None:
        """Take nothing more, and say why; or go on as before."""
        self._tell(_Stop(refusal=refusal))

    def turn(self, fork: Fork) -> Turned:
        """Have the core go L1's way, and return when it has.

        Raises: Refused when the sequencer is closing.
        """
        turn = _Turn(fork=fork, reply=Future())
        self._tell(turn)
        while True:
            try:
                return turn.reply.result(TURN_LOOK_SECONDS)
            except TimeoutError:
                if not self._thread.is_alive():
                    raise CLOSING from None

    def read(self, question: Callable[[Core], T]) -> T:
        """Return an answer about the state between two groups, with the clock that the next record will meet.

        It comes when all that it shows is on disk. Raises: Refused when that cannot be.
        """
        with self._lock, self.core.as_of_now():
            answer, ran = question(self.core), self._ran
        try:
            self._wait_for(ran)
        except (OSError, StateError) as error:
            raise _failed(error) from None
        return answer

    def close(self) -> None:
        """Answer what is waiting, seal the open batch and stop."""
        self._closing = True
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        if self._writer.is_alive():
            self._groups.put(None)
            self._writer.join()

    def step(self) -> None:
        """Process what is waiting, without waiting for more: for whoever drives it in place of its thread."""
        self._turn(None)

    def _run(self) -> None:
        try:
            while self._turn(TICK_SECONDS):
                pass
            self._wait_for(self._ran)
            with self._lock:
                self.core.seal_now()
            self._tell_sealed()
            self._refuse_waiting(CLOSING)
        except BaseException as error:  # noqa: BLE001  whatever it is, those who wait must be told
            self._failure = error
            self._refuse_waiting(_failed(error))
            self._on_failure(error)

    def _turn(self, timeout: float | None) -> bool:
        """Take what is waiting, or comes so soon, and process it; False when closing."""
        group, goes_on = self._gather(timeout)
        flat = [record for work in group for record in work.records]
        try:
            with self._lock:
                results = self.core.execute(flat)
                entries = self.core.taken()
                if entries or group:
                    self._ran += 1
            # At most one group runs ahead of the disk.
            self._wait_for(self._ran - 2)
        except BaseException as error:
            for work in group:
                work.reply.set_exception(_failed(error))
            raise
        if entries or group:
            self._hand_over(_Group(number=self._ran, entries=entries, works=group, results=results))
        if self.core.snapshot_is_due:
            self._wait_for(self._ran)
            with self._lock:
                self.core.make_snapshot()
        self._tell_sealed()
        return goes_on

    def _hand_over(self, group: _Group) -> None:
        """Have a group written: by its own thread, or here where somebody drives this without threads."""
        if self._writer.is_alive():
            self._groups.put(group)
        else:
            self._write(group)
            if self._unwritable is not None:
                raise self._unwritable

    def _write_groups(self) -> None:
        while (group := self._groups.get()) is not None:
            self._write(group)

    def _write(self, group: _Group) -> None:
        """Write a group, and tell those who wait for it; behind one that could not be written nothing is written."""
        try:
            if self._unwritable is None:
                self.core.log.append(group.entries)
        except BaseException as error:  # noqa: BLE001  whatever it is, those who wait must be told
            self._unwritable = error
        with self._written:
            self._on_disk = group.number
            self._written.notify_all()
        results = self.core.promised(group.results) if self._unwritable is None else group.results
        at = 0
        for work in group.works:
            if self._unwritable is None:
                work.reply.set_result(results[at : at + len(work.records)])
                at += len(work.records)
            else:
                work.reply.set_exception(_failed(self._unwritable))
        with self._written:
            self._told = group.number
            self._written.notify_all()

    def _wait_for(self, number: int) -> None:
        """Wait until the groups up to a number are on disk. Raises: what kept one of them from it."""
        if self._on_disk < number:
            with self._written:
                self._written.wait_for(lambda: self._on_disk >= number or self._unwritable is not None)
        if self._unwritable is not None:
            raise self._unwritable

    def _gather(self, timeout: float | None) -> tuple[list[_Work], bool]:
        group: list[_Work] = []
        records = 0
        lingered = False
        while records < GROUP_RECORDS:
            try:
                item = self._queue.get(timeout=timeout) if timeout else self._queue.get_nowait()
            except queue.Empty:
                if lingered or not 0 < records < ENOUGH_RECORDS:
                    break
                lingered = True
                self._linger()
                continue
            timeout = None
            if item is None:
                return group, False
            if isinstance(item, _Work):
                group.append(item)
                records += len(item.records)
                with self._counting:
                    self._waiting -= len(item.records)
            else:
                self._hear(item)
        return group, True

    def _linger(self) -> None:
        """Wait a moment for those to be told who are in the group before."""
        with self._written:
            self._written.wait_for(lambda: self._told >= self._ran, LINGER_SECONDS)

    def _hear(self, item: _L1News | _Stop | _Turn) -> None:
        """Take in what the thread that follows L1 has to say."""
        if isinstance(item, _Turn):
            try:
                self._wait_for(self._ran)
                item.reply.set_result(self.core.turn(item.fork, self._lock))
            except BaseException as error:
                item.reply.set_exception(_failed(error))
                raise
            return
        with self._lock:
            if isinstance(item, _L1News):
                self.core.clock.observe(item.time)
                self.core.learn_messages(item.first_message, item.messages)
                self.core.learn_posted(item.posted)
            else:
                self.core.stopped = item.refusal

    def _tell(self, item: _L1News | _Stop | _Turn) -> None:
        if self._closing or self._failure is not None:
            return
        if self._thread.ident is None:
            self._hear(item)
        else:
            self._queue.put(item)

    def _tell_sealed(self) -> None:
        sealed, self.core.newly_sealed = self.core.newly_sealed, []
        for batch in sealed:
            self._on_sealed(batch)

    def _refuse_waiting(self, refusal: Refused) -> None:
        while True:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return
            if isinstance(item, _Work | _Turn):
                item.reply.set_exception(refusal)


def _busy() -> Refused:
    return Refused(503, "busy", "too many submissions are waiting; try again")


def _failed(error: BaseException) -> Refused:
    """What those who wait are told: nothing of theirs is acknowledged, and whether it is on disk is not known."""
    refusal = Refused(503, "failed", "the operator cannot go on; send the record again when it is back")
    refusal.__cause__ = error
    return refusal
