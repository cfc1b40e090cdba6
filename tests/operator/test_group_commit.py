"""A group runs while the one before it is written, and nobody hears or sees anything of it before it is on disk."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tallystick.shapes.submitting import Answer
from tallystick_operator.intake.door import Refused
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.record_log import Entry
from tallystick_operator.sequencer.sequencer import Sequencer
from tests.operator.rig import Rig

BUY = 0


class SlowDisk:
    """A log that writes when it may."""

    def __init__(self, core: Core) -> None:
        self.may = threading.Semaphore(0)
        self.asked = threading.Semaphore(0)
        self.fails = False
        self._append = core.log.append
        core.log.append = self.append  # type: ignore[method-assign]

    def append(self, entries: list[Entry]) -> None:
        self.asked.release()
        assert self.may.acquire(timeout=20)
        if self.fails:
            raise OSError("no space left")
        self._append(entries)


@pytest.fixture
def running(rig: Rig) -> Iterator[tuple[Rig, Sequencer, SlowDisk, list[BaseException]]]:
    disk = SlowDisk(rig.core)
    failures: list[BaseException] = []
    sequencer = Sequencer(rig.core, on_sealed=lambda batch: None, on_failure=failures.append)
    sequencer.start()
    yield rig, sequencer, disk, failures
    for _ in range(20):
        disk.may.release()
    sequencer.close()


Running = tuple[Rig, Sequencer, SlowDisk, list[BaseException]]


def test_the_next_group_runs_while_the_first_is_written_and_neither_is_told_before(running: Running) -> None:
    rig, sequencer, disk, _ = running
    before = rig.core.executor.state.registers.record_count
    first = sequencer.submit([rig.checked(rig.order(1, BUY, 617_000, 1))])
    assert disk.asked.acquire(timeout=20)
    second = sequencer.submit([rig.checked(rig.order(1, BUY, 617_000, 2))])
    for _ in range(2_000):
        if rig.core.executor.state.registers.record_count == before + 2:
            break
        threading.Event().wait(0.005)
    assert rig.core.executor.state.registers.record_count == before + 2
    assert not first.done() and not second.done()
    seen: list[int] = []
    reader = threading.Thread(target=lambda: seen.append(sequencer.read(_count)))
    reader.start()
    reader.join(0.1)
    assert seen == []
    disk.may.release()
    assert isinstance(first.result(20)[0], Answer)
    assert not second.done()
    disk.may.release()
    assert isinstance(second.result(20)[0], Answer)
    reader.join(20)
    assert seen == [before + 2]


def test_what_could_not_be_written_is_acknowledged_to_nobody_and_ends_the_sequencer(running: Running) -> None:
    rig, sequencer, disk, failures = running
    disk.fails = True
    replies = [sequencer.submit([rig.checked(rig.order(1, BUY, 617_000, 1))])]
    assert disk.asked.acquire(timeout=20)
    replies.append(sequencer.submit([rig.checked(rig.order(1, BUY, 617_000, 1))]))
    for _ in range(4):
        disk.may.release()
    for reply in replies:
        with pytest.raises(Refused, match="cannot go on"):
            reply.result(20)
    with pytest.raises(Refused):
        sequencer.read(_count)
    sequencer.close()
    assert failures


def _count(core: Core) -> int:
    return int(core.executor.state.registers.record_count)
