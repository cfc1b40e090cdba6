"""The process of a standby: it does what the understudy wants, until that leads or a signal ends it."""

from __future__ import annotations

import signal
import sys
import threading
from collections import deque
from collections.abc import Callable

import msgspec

from tallystick.ports.system import SystemClock
from tallystick_operator.config import Config
from tallystick_operator.daemon import Operator, serve
from tallystick_operator.standby.ahead import Ahead
from tallystick_operator.standby.prepared import Prepared
from tallystick_operator.standby.understudy import (
    AskLease,
    Effect,
    Event,
    Fence,
    Fenced,
    Lead,
    LeaseAsked,
    LogRead,
    PostedKnown,
    ReadLog,
    Started,
    Understudy,
    Wait,
    Waited,
)


class Waiting:
    """One who stands by, and what it asks of the world."""

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.stopping = threading.Event()
        self._understudy = Understudy(prepared.new_core, prepared.log, makes_snapshots=not prepared.is_shared)
        self._problem = ""
        self._l1_problem = ""
        self._posted = 0
        self._ahead = Ahead(prepared)
        self._told = False

    def lead(self) -> bool:
        """Stand by until this one leads, or is to stop; return whether it leads.

        Raises: StateError, DataError when what it follows cannot be led.
        """
        self._ahead.start()
        try:
            return self._until_it_leads()
        finally:
            self._ahead.stop()

    def _until_it_leads(self) -> bool:
        waiting = deque(self._understudy.step(Started()))
        while not self.stopping.is_set():
            effect = waiting.popleft()
            if isinstance(effect, Lead):
                self._begin()
                return True
            waiting.extend(self._understudy.step(self._do(effect)))
        return False

    def _do(self, effect: Effect) -> Event:
        prepared = self.prepared
        if isinstance(effect, Wait):
            self._announce()
            self._look_at_l1()
            self.stopping.wait(effect.seconds)
            return Waited()
        if isinstance(effect, AskLease):
            return LeaseAsked(self._asked(prepared.lease.take))
        if isinstance(effect, Fence):
            return Fenced(self._asked(lambda: prepared.frames.lead(prepared.keys.signer)))
        assert isinstance(effect, ReadLog)
        complete = self._asked(prepared.frames.follow)
        return LogRead(complete=complete or bool(self._problem))

    def _asked(self, question: Callable[[], bool]) -> bool:
        """Ask, and take no answer for a no: a stream that is away comes back."""
        try:
            answer = question()
        except OSError as error:
            self._tell(str(error))
            return False
        self._tell("")
        return answer

    def _tell(self, problem: str) -> None:
        if problem and problem != self._problem:
            self.prepared.journal.write("log_problem", problem=problem)
        self._problem = problem

    def _look_at_l1(self) -> None:
        """Take in what is known of L1 by now."""
        posted, problem = self._ahead.posted, self._ahead.problem
        if problem and problem != self._l1_problem:
            self.prepared.journal.write("l1_problem", thread="standby", problem=problem)
        self._l1_problem = problem
        if posted != self._posted:
            self._posted = posted
            self._understudy.step(PostedKnown(posted))

    def _announce(self) -> None:
        """Tell, once, that the log is followed to its end."""
        if self._told:
            return
        self._told = True
        prepared, place = self.prepared, self._understudy.place
        if prepared.config.json_log:
            ready = {"standing_by": True, "data_dir": str(prepared.data_dir)}
            sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
        else:
            sys.stdout.write(f"standing by, data in {prepared.data_dir}. Stop with Ctrl-C.\n")
        sys.stdout.flush()
        registers = self._understudy.core.executor.state.registers
        prepared.journal.write("standing_by", log_bytes=place.at, records=registers.record_count)

    def _begin(self) -> None:
        prepared, core = self.prepared, self._understudy.core
        prepared.led = core
        prepared.maker.snapshots.clear_drafts()
        prepared.journal.write(
            "leading",
            log_bytes=prepared.log.end.at,
            records=core.executor.state.registers.record_count,
            batches=core.executor.state.registers.batch_cursor,
        )


def stand_by_until_signal(config: Config) -> None:
    """Stand by, and lead when it comes to that, until SIGTERM or SIGINT.

    Raises: whatever ended it, when it could not go on.
    """
    clock = SystemClock()
    prepared = Prepared(config, clock, to_follow=True)
    try:
        waiting = Waiting(prepared)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: waiting.stopping.set())
        leads = waiting.lead()
    except BaseException:
        prepared.closing.close()
        raise
    if not leads:
        prepared.closing.close()
        return
    operator = Operator(config, clock=clock, prepared=prepared)
    if waiting.stopping.is_set():
        operator.stop()
    serve(operator)
