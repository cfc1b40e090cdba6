"""The log on a disk at its worst: what was acknowledged is there, or the log says that it is not."""

from __future__ import annotations

import random

import pytest

from tallystick.errors import DataMismatch, DataMissing, StateError
from tallystick.testing.disks.simulated_disk import Killed, SimulatedDisk
from tallystick_operator.storage.framing import Place, first_place
from tallystick_operator.storage.logfiles import HEADER_BYTES, LogFiles, genesis_of

GENESIS = bytes(range(32))
SMALL = 600
"""Bytes of a file here: some groups each."""


def opened(disk: SimulatedDisk) -> LogFiles:
    return LogFiles(disk, "log", GENESIS, SMALL)


def payloads(log: LogFiles, since: Place | None = None) -> list[bytes]:
    return [payload for payload, _ in log.payloads(since or first_place(GENESIS))]


def groups(chance: random.Random, count: int) -> list[bytes]:
    return [chance.randbytes(chance.randrange(1, 200)) for _ in range(count)]


def write(disk: SimulatedDisk, wanted: list[bytes]) -> list[bytes]:
    """Append groups until something happens; return those that were acknowledged."""
    done: list[bytes] = []
    try:
        log = opened(disk)
        for payload in wanted:
            log.append(payload)
            done.append(payload)
    except (Killed, OSError):
        pass
    return done


def check(disk: SimulatedDisk, done: list[bytes], wanted: list[bytes]) -> None:
    """What was acknowledged is there, and behind it at most the next one."""
    log = opened(disk)
    found = payloads(log)
    assert found == wanted[: len(found)] and len(done) <= len(found) <= len(done) + 1
    log.append(b"more")
    log.close()
    assert payloads(opened(disk)) == [*found, b"more"]


def test_a_full_disk_ends_it_at_any_write_and_nothing_acknowledged_is_lost() -> None:
    wanted = groups(random.Random(5), 12)
    whole = SimulatedDisk()
    write(whole, wanted)
    for moment in range(whole.moments):
        disk = SimulatedDisk(moment)
        disk.full_at = moment
        done = write(disk, wanted)
        assert len(done) < len(wanted)
        disk.full_at = -1
        check(disk, done, wanted)


def test_a_flipped_bit_anywhere_in_what_was_acknowledged_is_told() -> None:
    wanted = groups(random.Random(3), 12)
    whole = SimulatedDisk()
    write(whole, wanted)
    names = [name for name in whole.names() if not name.endswith(".mark")]
    assert len(names) > 2
    for name in names:
        for bit in range(0, 8 * len(whole.held(name)), 7):
            disk = whole.restarted()
            disk.flip(name, bit)
            with pytest.raises((DataMismatch, StateError)):
                payloads(opened(disk))


def test_the_log_goes_on_in_further_files_and_is_read_from_any_place() -> None:
    disk, wanted = SimulatedDisk(), groups(random.Random(4), 30)
    log = opened(disk)
    places = [log.append(payload) for payload in wanted]
    assert len(log.files) > 2 and all(each.begin in [log.first, *places] for each in log.files)
    log = opened(disk)
    for at, place in enumerate(places):
        assert log.leads_through(place)
        assert payloads(log, place) == wanted[at + 1 :]


def test_a_log_without_its_oldest_files_is_read_from_where_they_end() -> None:
    disk, wanted = SimulatedDisk(), groups(random.Random(4), 30)
    write(disk, wanted)
    whole = payloads(opened(disk))
    disk.remove("log")
    log = opened(disk)
    assert log.first.at > 0
    kept = payloads(log, log.first)
    assert whole[-len(kept) :] == kept
    with pytest.raises(DataMissing, match="not here"):
        payloads(log)
    log.append(b"more")
    assert payloads(opened(disk), log.first) == [*kept, b"more"]


def test_a_file_missing_in_the_middle_is_told() -> None:
    disk = SimulatedDisk()
    write(disk, groups(random.Random(4), 30))
    disk.remove([name for name in disk.names() if name != "log.mark"][1])
    with pytest.raises(DataMismatch):
        payloads(opened(disk))


def test_a_log_that_lacks_what_was_acknowledged_is_refused() -> None:
    disk = SimulatedDisk()
    log = opened(disk)
    log.append(b"one")
    short = disk.held("log")
    log.append(b"two")
    disk.put("log", short)
    with pytest.raises(DataMismatch, match="shorter than what was acknowledged"):
        opened(disk)
    disk.put("log", short[: HEADER_BYTES - 1])
    with pytest.raises(DataMissing, match="acknowledged"):
        opened(disk)


def test_another_log_as_long_as_what_was_acknowledged_is_refused() -> None:
    one, other = SimulatedDisk(), SimulatedDisk()
    write(one, [b"what was told"])
    write(other, [b"what was sold"])
    one.put("log", other.held("log"))
    with pytest.raises(DataMismatch, match="another than the one"):
        opened(one)


def test_a_log_of_another_deployment_is_refused_whatever_file_it_is_in() -> None:
    disk = SimulatedDisk()
    LogFiles(disk, "log", bytes(32), SMALL).append(b"one")
    with pytest.raises(StateError, match="another deployment"):
        opened(disk)


@pytest.mark.parametrize("behind", [0, 20, 500])
def test_a_log_of_another_version_is_refused_and_left_as_it_is_however_short(behind: int) -> None:
    disk = SimulatedDisk()
    older = b"tallylog\x00\x01" + GENESIS + b"\x07" * behind
    file = disk.open("log")
    file.write(0, older)
    file.sync()
    file.close()
    for look in (lambda: opened(disk), lambda: genesis_of(disk, "log")):
        with pytest.raises(StateError, match="of this version") as refused:
            look()
        assert "empty data directory" in refused.value.hint
    file = disk.open("log")
    assert file.read(0, 1_000) == older
