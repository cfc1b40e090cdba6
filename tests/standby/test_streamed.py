"""A log in a stream: of two who believe to lead one alone can write, and what was acknowledged is there for the next one."""

from __future__ import annotations

import random

import pytest

from tallystick.errors import DataMismatch, DataMissing
from tallystick.testing.disks.simulated_disk import Killed, SimulatedDisk
from tallystick_operator.standby.streamed import PIECE_BYTES, Overtaken, StreamedLog
from tallystick_operator.storage.framing import first_place
from tallystick_operator.storage.logfiles import LogFiles
from tests.standby.stores import GENESIS, SIGNER, StreamStore
from tests.standby.test_log_contract import payloads, write


def test_who_has_been_overtaken_appends_nothing_more_and_may_tell_nothing_more() -> None:
    first = StreamStore()
    old = first.open()
    old.append(b"one")
    new = first.elsewhere().open()
    assert (new.term, new.signer, payloads(new)) == (2, SIGNER, [b"one"])
    with pytest.raises(Overtaken, match="another operator leads"):
        old.append(b"two")
    with pytest.raises(Overtaken):
        old.confirm()
    with pytest.raises(Overtaken):
        old.append(b"two")
    new.append(b"other")
    while not old.follow():
        pass
    assert payloads(old) == payloads(new) == [b"one", b"other"]


def test_of_two_who_take_over_at_once_one_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    store = StreamStore()
    store.open().append(b"one")
    one, other = store.elsewhere().follow(b"one     "), store.elsewhere().follow(b"other   ")
    one.follow()
    other.follow()
    assert one.lead(SIGNER)
    monkeypatch.setattr(other._stream, "read", lambda since, most: [])  # it has not heard of the fence yet
    assert not other.lead(SIGNER) and not other.leads
    one.append(b"two")


def test_a_lease_that_has_run_out_ends_what_may_be_told_though_nobody_has_taken_over() -> None:
    store, held = StreamStore(), [True]
    log = StreamedLog(store.end, LogFiles(store.disk, "log", GENESIS), GENESIS, lambda: held[0], bytes(8))
    assert log.lead(SIGNER)
    log.append(b"one")
    log.confirm()
    held[0] = False
    with pytest.raises(Overtaken, match="lease"):
        log.confirm()


@pytest.mark.parametrize("arrives", [True, False])
def test_a_frame_of_which_nobody_knows_is_there_whole_or_not_at_all(arrives: bool) -> None:
    store = StreamStore()
    log = store.open()
    log.append(b"one")
    store.end.arrives, store.end.cut_at = arrives, store.end.moments
    with pytest.raises(OSError, match="does not answer"):
        log.append(b"two")
    found = payloads(store.elsewhere().open())
    assert found == payloads(store.restarted().open()) == [b"one", b"two"][: 1 + arrives]


def test_what_a_leader_has_begun_and_not_finished_counts_for_nothing() -> None:
    store = StreamStore()
    log = store.open()
    log.append(b"one")
    store.end.arrives, store.end.kill_at = True, store.end.moments
    with pytest.raises(Killed):
        log.append(random.Random(2).randbytes(3 * PIECE_BYTES))
    later = store.restarted()
    log = later.open()
    assert payloads(log) == [b"one"]
    log.append(b"two")
    assert payloads(store.elsewhere().open()) == payloads(later.restarted().open()) == [b"one", b"two"]


def test_what_the_stream_has_lost_is_put_back_by_who_leads_and_has_it() -> None:
    store = StreamStore()
    wanted = [bytes([at]) * 50 for at in range(1, 20)]
    assert write(store, wanted) == wanted
    for kept in (9, 5, 0):
        del store.end.stream.messages[kept:]
        log = store.restarted()
        assert payloads(log.follow()) == wanted[: max(0, kept - 1)]
        assert payloads(log.open()) == wanted
        assert payloads(store.elsewhere().open()) == wanted


def test_a_log_in_files_becomes_one_in_a_stream() -> None:
    disk = SimulatedDisk()
    files = LogFiles(disk, "log", GENESIS)
    files.append(b"one")
    files.close()
    store = StreamStore(disk)
    store.open().append(b"two")
    assert payloads(store.elsewhere().open()) == [b"one", b"two"]


def test_a_copy_of_another_history_is_refused() -> None:
    store, other = StreamStore(), StreamStore()
    write(store, [b"one", b"two", b"three"])
    write(other, [b"one", b"zwei", b"drei"])
    with pytest.raises(DataMismatch, match="not of one history"):
        StreamStore(other.disk, store.end.stream).open()
    stranger = StreamedLog(store.end, LogFiles(SimulatedDisk(), "log", bytes(32)), bytes(32), lambda: True, bytes(8))
    with pytest.raises(DataMismatch, match="not of one history"):
        stranger.follow()
    assert stranger.end == first_place(bytes(32))


def test_a_stream_that_begins_behind_the_copy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    store = StreamStore()
    write(store, [b"one", b"two", b"three"])
    monkeypatch.setattr(store.end, "first", lambda: 3)
    with pytest.raises(DataMissing, match="begins later"):
        StreamedLog(store.end, LogFiles(SimulatedDisk(), "log", GENESIS), GENESIS, lambda: True, bytes(8))


@pytest.mark.parametrize("seed", range(40))
def test_leaders_that_are_killed_and_overtaken_by_chance_keep_one_history(seed: int) -> None:
    chance = random.Random(seed)
    store = StreamStore()
    told: list[bytes] = []
    machines = [store, store.elsewhere(), store.elsewhere()]
    leaders: list[StreamedLog] = []
    for number in range(60):
        at = chance.randrange(len(machines))
        if not leaders or chance.random() < 0.2:
            machines[at] = machines[at].restarted()
            end = machines[at].end
            if chance.random() < 0.5:
                end.kill_at, end.arrives = chance.randrange(1, 6), chance.random() < 0.5
            log = machines[at].follow()
            try:
                if log.lead(SIGNER):
                    leaders.append(log)
            except Killed:
                continue
        payload = b"%d " % number * chance.randrange(1, 20)
        writer = chance.choice(leaders)
        try:
            writer.append(payload)
        except (Overtaken, Killed):
            leaders.remove(writer)
            continue
        assert writer is leaders[-1], "who was overtaken has appended"
        told.append(payload)
    there = payloads(store.elsewhere().open())
    assert [each for each in there if each in set(told)] == told and len(there) == len(set(there))
