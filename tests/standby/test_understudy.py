"""A standby in one thread, beside a leader that trades, is killed, or is overtaken while it goes on."""

from __future__ import annotations

import random
from collections import deque
from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace

from tallystick.errors import StateError
from tallystick.state.ordinals import UnixSeconds
from tallystick.testing.disks.simulated_disk import Killed, SimulatedDisk
from tallystick.testing.disks.simulated_stream import SimulatedStream, StreamEnd
from tallystick.testing.world import START
from tallystick_operator.sequencer.rewind import Fork
from tallystick_operator.sequencer.sealing import CorePolicy
from tallystick_operator.standby.streamed import StreamedLog
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
from tallystick_operator.storage.logfiles import LogFiles
from tests.operator.rig import Rig, genesis
from tests.standby.stores import SIGNER
from tests.storage.test_kills import check_told, play


class Machine:
    """A data directory of its own, at a stream that others see."""

    def __init__(self, stream: SimulatedStream, disk: SimulatedDisk | None = None) -> None:
        self.end = StreamEnd(stream)
        self.holds = True
        self.rig = Rig(
            path=Path("nowhere"),
            policy=CorePolicy(batch_seconds=2.0),
            every_records=12,
            disk=disk or SimulatedDisk(),
            frames=self._frames,
        )
        self.frames: StreamedLog

    def _frames(self, disk: object) -> StreamedLog:
        assert isinstance(disk, SimulatedDisk)
        self.frames = StreamedLog(
            self.end, LogFiles(disk, "log", genesis()[1], 1_500), genesis()[1], lambda: self.holds, b"12345678"
        )
        return self.frames

    def lead(self) -> Rig:
        self.rig.open_log()
        assert self.frames.lead(SIGNER)
        core = self.rig.new_core()
        core.replay()
        core.clock.observe(UnixSeconds(START + int(self.rig.seconds)))
        self.rig.core = core
        return self.rig


class StandsBy:
    """An understudy, and what it asks of a simulated world. `lease_is_free` says whether anybody else leads."""

    def __init__(self, stream: SimulatedStream, *, makes_snapshots: bool = True) -> None:
        self.machine = Machine(stream)
        self.machine.rig.open_log()
        self.understudy = Understudy(self.machine.rig.new_core, self.machine.rig.log, makes_snapshots=makes_snapshots)
        self.lease_is_free = False
        self.leads = False
        self._effects = deque[Effect](self.understudy.step(Started()))

    def step(self) -> bool:
        """Do one thing; return whether there is more to do before it waits."""
        effect = self._effects.popleft()
        if isinstance(effect, Lead):
            self.leads = True
            return False
        self._effects.extend(self.understudy.step(self._do(effect)))
        return not isinstance(effect, Wait)

    @property
    def next(self) -> Effect:
        return self._effects[0]

    def until_it_waits(self) -> None:
        while self.step():
            pass

    def _do(self, effect: Effect) -> Event:
        if isinstance(effect, ReadLog):
            return LogRead(complete=self.machine.frames.follow())
        if isinstance(effect, AskLease):
            return LeaseAsked(held=self.lease_is_free)
        if isinstance(effect, Fence):
            return Fenced(stands=self.machine.frames.lead(SIGNER))
        return Waited()

    def rig(self, before: Rig) -> Rig:
        """Return the operator that it is, once it leads."""
        rig = self.machine.rig
        rig.seconds, rig.messages, rig.nonces = before.seconds, list(before.messages), dict(before.nonces)
        rig.core = self.understudy.core
        rig.core.clock.observe(UnixSeconds(START + int(rig.seconds)))
        return rig


@cache
def begun() -> tuple[tuple[bytes, ...], SimulatedDisk, float, tuple[bytes, ...], tuple[tuple[int, int], ...]]:
    """What there is of an operator with two funded traders and a price: its stream, its disk, time, messages, nonces."""
    machine = Machine(SimulatedStream())
    rig = machine.lead()
    rig.set_up()
    assert isinstance(rig.disk, SimulatedDisk)
    return tuple(machine.end.stream.messages), rig.disk, rig.seconds, tuple(rig.messages), tuple(rig.nonces.items())


def leader() -> Machine:
    """Return another one that has come so far, on a stream of its own."""
    messages, disk, seconds, inbox, nonces = begun()
    machine = Machine(SimulatedStream(list(messages)), disk.restarted())
    machine.rig.seconds, machine.rig.messages, machine.rig.nonces = seconds, list(inbox), dict(nonces)
    machine.lead()
    return machine


def alike(standby: StandsBy, rig: Rig) -> None:
    one, other = standby.understudy.core.branch, rig.core.branch
    assert one.executor.state.hash() == other.executor.state.hash()
    if not other.executor.is_open:
        # whether a batch's root was taken is a matter of the moment, not of the log
        mine, theirs = (
            replace(each, executor=replace(each.executor, recent=[])) for each in (one.held(), other.held())
        )
        assert mine == theirs


def test_it_has_what_the_leader_has_through_batches_and_histories_that_are_left_behind() -> None:
    machine = leader()
    rig, standby = machine.rig, StandsBy(machine.end.stream)
    kept = rig.core.executor.batch_count
    for at in range(40):
        rig.seconds += 0.3
        rig.accept(rig.order(1 + at % 2, at % 2, 617_990 + at % 9, 2))
        if at == 20:
            rig.core.turn(Fork(kept=kept, messages=tuple(rig.messages), reason="any"))
            for _ in range(200):
                rig.seconds += 1
                rig.core.process([])
                if not rig.core.branch.owed:
                    break
            for signer in range(3):
                rig.accept(rig.report(signer, 618_000))
        standby.until_it_waits()
        alike(standby, rig)
    rig.core.seal_now()
    standby.until_it_waits()
    alike(standby, rig)
    assert not standby.leads
    disk = standby.machine.rig.disk
    assert isinstance(disk, SimulatedDisk) and any(name.endswith(".snapshot") for name in disk.names())


def test_what_comes_between_its_last_look_and_its_fence_is_part_of_what_it_leads() -> None:
    machine = leader()
    rig, standby = machine.rig, StandsBy(machine.end.stream)
    rig.core.seal_now()
    standby.until_it_waits()
    while not isinstance(standby.next, AskLease):
        standby.step()
    rig.accept(rig.order(1, 0, 617_990, 2))
    rig.core.seal_now()
    standby.lease_is_free = True
    standby.until_it_waits()
    assert standby.leads
    alike(standby, rig)
    sealed = standby.understudy.core.executor.last_sealed
    assert sealed is not None and sealed.state_hash, "a history that is led has its root taken, and its clocks set"


def test_what_is_on_l1_is_forgotten_in_time() -> None:
    machine = leader()
    standby = StandsBy(machine.end.stream)
    standby.until_it_waits()
    count = standby.understudy.core.executor.batch_count
    assert standby.understudy.step(PostedKnown(count)) == []
    assert standby.understudy.core.behind_ms() == 0


def struck(seed: int) -> None:
    """Kill the leader at some moment, or have it overtaken while it goes on; who stood by has all that was told, once."""
    chance = random.Random(seed)
    machine = leader()
    rig, standby = machine.rig, StandsBy(machine.end.stream)
    standby.until_it_waits()
    goes_on = chance.random() < 0.5
    if goes_on:
        put, left = machine.end.put, chance.randrange(8)

        def taken_over(data: bytes, behind: int) -> bool:
            nonlocal left
            left -= 1
            if left < 0 and not standby.leads:
                standby.lease_is_free = True
                machine.holds = chance.random() < 0.5  # it may believe in its lease still
                standby.until_it_waits()
                assert standby.leads
            return put(data, behind)

        machine.end.put = taken_over  # type: ignore[method-assign]
    else:
        machine.end.arrives = chance.random() < 0.5
        machine.end.kill_at = machine.end.moments + chance.randrange(8)
    told, turned = play(rig, seed)
    if goes_on and standby.leads:
        for number in range(2):
            with pytest.raises((StateError, Killed)):
                rig.send(rig.order(1 + number, 0, 600_000, 1))
    standby.lease_is_free = True
    for _ in range(3):
        if not standby.leads:
            standby.until_it_waits()
    assert standby.leads
    check_told(standby.rig(rig), told, turned)


@pytest.mark.parametrize("seed", range(24))
def test_who_stood_by_has_all_that_was_told_once_whatever_became_of_the_leader(seed: int) -> None:
    struck(seed)


@pytest.mark.campaign
@pytest.mark.parametrize("hundred", range(1, 11))
def test_a_thousand_failovers_lose_double_and_contradict_nothing(hundred: int) -> None:
    for seed in range(100 * hundred, 100 * hundred + 100):
        struck(seed)
