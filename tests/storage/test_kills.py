"""An operator's core on a disk at its worst: whatever was acknowledged is there after the next start, once, as it was told."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tallystick.errors import StateError
from tallystick.records.codec import Record, encode
from tallystick.records.group_receipts import clash
from tallystick.shapes.submitting import Answer
from tallystick.state.ordinals import UnixSeconds
from tallystick.testing.disks.simulated_disk import Killed, SimulatedDisk
from tallystick.testing.world import START
from tallystick_operator.intake.door import Refused
from tallystick_operator.intake.promises import DISK_FULL
from tallystick_operator.sequencer.rewind import Fork
from tallystick_operator.sequencer.sealing import CorePolicy
from tallystick_operator.storage.draining import LEAST_FREE_BYTES, no_room
from tests.operator.rig import Rig
from tests.operator.test_resequence import kept_records, own_history, settle

Told = list[tuple[Record, Answer]]


def rig_on(disk: SimulatedDisk, seconds: float = 0.0) -> Rig:
    rig = Rig(path=Path("nowhere"), policy=CorePolicy(batch_seconds=2.0), every_records=12, file_bytes=1_500, disk=disk)
    rig.seconds = seconds
    return rig


@cache
def begun() -> Rig:
    """An operator with two funded traders and a price."""
    rig = rig_on(SimulatedDisk())
    rig.open()
    rig.set_up()
    return rig


def copy() -> Rig:
    """Another one that has come so far, on a disk of its own."""
    first = begun()
    assert isinstance(first.disk, SimulatedDisk)
    rig = rig_on(first.disk.restarted(), first.seconds)
    rig.messages, rig.nonces = list(first.messages), dict(first.nonces)
    rig.open()
    return rig


def play(rig: Rig, seed: int, told: Told | None = None) -> tuple[Told, bool]:
    """Trade until something happens, and perhaps have L1 go another way; return what was acknowledged, and whether it did."""
    chance = random.Random(seed)
    turned = chance.random() < 0.3
    told = [] if told is None else told
    kept = rig.core.executor.batch_count
    try:
        for _ in range(chance.randrange(3, 8)):
            rig.seconds += chance.random() * 2
            records = [
                rig.order(
                    1 + at % 2,
                    chance.randrange(2),
                    617_990 + chance.randrange(20),
                    3,
                    client_id=rig.nonces.get(1 + at % 2, -1) + 3,
                )
                for at in range(chance.randrange(1, 3))
            ]
            answers = rig.send(*records)
            assert all(isinstance(each, Answer) for each in answers)
            told += [(record, each) for record, each in zip(records, answers, strict=True) if isinstance(each, Answer)]
        if turned:
            rig.core.turn(Fork(kept=kept, messages=tuple(rig.messages), reason="any"))
    except (Killed, StateError):
        pass
    return told, turned


def check(disk: SimulatedDisk, before: Rig, told: Told, turned: bool) -> None:
    """Start on what is left of the disk: all that was told is there, once, and as it was told unless L1 went another way."""
    rig = rig_on(disk, before.seconds)
    rig.messages = list(before.messages)
    rig.open()
    check_told(rig, told, turned)


def check_told(rig: Rig, told: Told, turned: bool) -> None:
    if not turned:
        for record, answer in told:
            again = rig.send(record)[0]
            assert isinstance(again, Answer) and again.repeated
            assert (again.record_number, again.signature) == (answer.record_number, answer.signature)
            one, other = answer.group_receipt, again.group_receipt
            assert one is not None and other is not None and not clash(one, other, one.before)
            assert (again.outcome, again.fills) == (answer.outcome, answer.fills)
    if rig.core.branch.owed:
        rig.core.clock.observe(UnixSeconds(START + int(rig.seconds)))
        settle(rig)
    rig.core.seal_now()
    own_history(rig)
    there = kept_records(rig.core)
    assert [data for data in there if data in {encode(record) for record, _ in told}] == [
        encode(record) for record, _ in told
    ]


@cache
def moments(seed: int) -> int:
    """Return how many moments an undisturbed play has."""
    rig = copy()
    play(rig, seed)
    assert isinstance(rig.disk, SimulatedDisk)
    return rig.disk.moments


def disturbed(seed: int, disturb: Callable[[SimulatedDisk, int], None]) -> tuple[Rig, Told, bool]:
    rig = copy()
    assert isinstance(rig.disk, SimulatedDisk)
    first = rig.disk.moments
    disturb(rig.disk, random.Random(seed).randrange(first, max(first + 1, moments(seed))))
    told, turned = play(rig, seed)
    return rig, told, turned


def kill(disk: SimulatedDisk, moment: int) -> None:
    disk.kill_at = moment


def fill(disk: SimulatedDisk, moment: int) -> None:
    disk.full_at = moment


def killed(seed: int) -> None:
    rig, told, turned = disturbed(seed, kill)
    assert isinstance(rig.disk, SimulatedDisk)
    check(rig.disk.restarted() if seed % 2 else rig.disk.power_cut(), rig, told, turned)


@pytest.mark.parametrize("seed", range(24))
def test_killed_at_any_moment_nothing_acknowledged_is_lost_doubled_or_contradicted(seed: int) -> None:
    killed(seed)


def killed_at_every_write(seed: int, most: int = 1 << 30) -> int:
    """Play once, and start on what a kill, or a power cut, at each write would have left; return how many there were."""
    rig, told = copy(), list[tuple[Record, Answer]]()
    left: list[tuple[SimulatedDisk, float, list[bytes], Told]] = []
    assert isinstance(rig.disk, SimulatedDisk)
    rig.disk.watch = lambda disk: left.append((disk, rig.seconds, list(rig.messages), list(told)))
    turned = play(rig, seed, told)[1]
    rig.disk.watch = None
    left.append((rig.disk, rig.seconds, rig.messages, told))
    for number, (disk, seconds, messages, known) in enumerate(left[:most]):
        before = Rig(path=Path("nowhere"), messages=messages)
        before.seconds = seconds
        after = disk.restarted() if number % 2 else disk.power_cut()
        check(after, before, known, turned and len(known) == len(told))
    return min(len(left), most)


@pytest.mark.campaign
@pytest.mark.parametrize("hundred", range(1, 101))
def test_ten_thousand_kills_lose_double_and_contradict_nothing(hundred: int) -> None:
    kills, seed = 0, 1_000 * hundred
    while kills < 100:
        kills += killed_at_every_write(seed, 100 - kills)
        seed += 1


def test_a_kill_at_every_write_of_a_history_loses_nothing() -> None:
    assert killed_at_every_write(1) > 15


@pytest.mark.parametrize("seed", range(8))
def test_a_disk_that_is_full_at_any_moment_ends_what_is_acknowledged_and_says_why(seed: int) -> None:
    rig, told, turned = disturbed(seed, fill)
    assert isinstance(rig.disk, SimulatedDisk)
    rig.disk.full_at = -1
    check(rig.disk.restarted(), rig, told, turned)


def test_a_full_disk_is_named_and_answers_nothing() -> None:
    rig = copy()
    assert isinstance(rig.disk, SimulatedDisk)
    rig.disk.full_at = rig.disk.moments
    with pytest.raises(StateError, match="No space left on device") as caught:
        rig.send(rig.order(1, 0, 617_000, 1))
    assert "sent again" in caught.value.hint and caught.value.exit_code == 5


def test_before_the_disk_is_full_nothing_more_is_taken_and_batches_go_on() -> None:
    rig = copy()
    assert isinstance(rig.disk, SimulatedDisk)
    assert no_room(rig.disk) is None
    rig.accept(rig.order(1, 0, 617_000, 1))
    rig.disk.room = LEAST_FREE_BYTES
    rig.core.no_room = no_room(rig.disk)
    refused = rig.send(rig.order(1, 0, 617_000, 1))[0]
    assert isinstance(refused, Refused) and refused is DISK_FULL and refused.code == "disk_full"
    assert rig.send(rig.report(0, 618_000))[0] is DISK_FULL
    assert rig.core.refusal() is DISK_FULL
    before = rig.core.executor.batch_count
    rig.seconds += 60
    rig.core.process([])
    assert rig.core.executor.batch_count == before + 1
    rig.disk.room *= 2
    rig.core.no_room = no_room(rig.disk)
    assert rig.core.refusal() is None
