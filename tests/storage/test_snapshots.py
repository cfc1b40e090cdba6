"""A snapshot gives what a replay from the genesis gives, or is passed over and said to be."""

from __future__ import annotations

import shutil
import socket
import time
from pathlib import Path

import pytest

from tallystick.errors import DataMissing
from tallystick.shapes.submitting import Answer
from tallystick.state.ordinals import AccountId, MarketId, UnixSeconds
from tallystick.testing.world import START
from tallystick_operator.api import views
from tallystick_operator.sequencer.branch import Branch
from tallystick_operator.sequencer.rewind import Fork
from tallystick_operator.storage.forked import forked
from tallystick_operator.storage.operator_snapshots import Snapshots
from tallystick_operator.storage.rebuilding import rebuild, usable
from tests.operator.rig import MakeRig, Rig
from tests.operator.test_resequence import settle
from tests.operator.test_resequence_model import Match
from tests.storage.alike import assert_alike

BUY, SELL = 0, 1


def snapshots_of(rig: Rig) -> Snapshots:
    assert rig.core.maker is not None
    return rig.core.maker.snapshots


def fresh(rig: Rig) -> Branch:
    return Branch(rig.core._new_executor(0), rig.core._answer)


def files(rig: Rig) -> list[Path]:
    return sorted((rig.path / "snapshots").glob("*.snapshot"))


def ignored(rig: Rig) -> list[str]:
    return [facts["reason"] for event, facts in rig.told if event == "snapshot_ignored"]


def only(rig: Rig, path: Path) -> None:
    """Leave one snapshot alone."""
    for each in files(rig):
        if each != path:
            each.unlink()


def trade(rig: Rig, rounds: int = 12) -> None:
    for at in range(rounds):
        rig.seconds += 0.7
        rig.accept(
            rig.order(1 + at % 2, at % 2, 618_000 + at % 5, 1 + at % 3, client_id=rig.nonces.get(1 + at % 2, -1) + 3)
        )


@pytest.fixture
def kept(make_rig: MakeRig) -> Rig:
    rig = make_rig()
    rig.log.close()
    return filled(rig)


def filled(rig: Rig) -> Rig:
    """Return a rig with a snapshot every twenty records, some there, and more in the log behind the newest one."""
    rig.every_records = 20
    rig.open()
    rig.set_up()
    trade(rig, 40)
    assert len(files(rig)) >= 2
    return rig


def test_every_field_of_a_snapshot_and_its_tail_is_that_of_a_replay(kept: Rig) -> None:
    whole = fresh(kept)
    assert rebuild(whole, kept.log, None).snapshot is None
    for head in usable(kept.log, snapshots_of(kept)):
        again = fresh(kept)
        rebuilt = rebuild(again, kept.log, snapshots_of(kept), None)
        assert rebuilt.snapshot == head
        assert_alike(whole, again)
        (kept.path / "snapshots" / head.name).unlink()
    assert rebuild(fresh(kept), kept.log, snapshots_of(kept)).snapshot is None


@pytest.mark.parametrize("seed", range(3))
def test_the_same_on_random_histories_that_l1_turns_again_and_again(seed: int, make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.log.close()
    rig.every_records = 15
    rig.open()
    match = Match(rig, seed)
    used = 0
    for _ in range(8):
        match.round(restarts=0.0)
        whole, again = fresh(rig), fresh(rig)
        rebuild(whole, rig.log, None)
        used += rebuild(again, rig.log, snapshots_of(rig)).snapshot is not None
        assert_alike(whole, again)
        kept = match.chance.randrange(rig.core.executor.batch_count + 1)
        whole, again = fresh(rig), fresh(rig)
        gone = rebuild(whole, rig.log, None, kept).gone
        assert gone == rebuild(again, rig.log, snapshots_of(rig), kept).gone
        assert_alike(whole, again)
    assert used > 1
    assert "its history counts no more" in ignored(rig)


def test_a_start_from_a_snapshot_answers_as_a_replay_does(kept: Rig) -> None:
    kept.log.close()
    order = kept.order(1, BUY, 617_000, 5, client_id=900)
    others = [kept.order(2, SELL, 617_000, 3, client_id=901), kept.order(1, BUY, 617_500, 3, client_id=902)]
    answers = []
    for name, every in (("with", 20), ("without", 0)):
        folder = kept.path / name
        folder.mkdir()
        for path in kept.path.glob("records.log*"):
            shutil.copy(path, folder)
        shutil.copytree(kept.path / "snapshots", folder / "snapshots")
        twin = Rig(path=folder, every_records=every, messages=list(kept.messages), nonces=dict(kept.nonces))
        twin.seconds = kept.seconds
        twin.open()
        assert (twin.rebuilt.snapshot is not None) == bool(every)
        assert not every or twin.rebuilt.applied < 60
        results = twin.send(order, *others)
        twin.seconds += 3
        again = twin.send(order)
        twin.core.seal_now()
        state, read_model = twin.core.executor.state, twin.core.executor.read_model
        history = read_model.history
        shown = [views.orders(state, read_model, AccountId(each)) for each in (1, 2)]
        books = [
            views.book(state, MarketId(0), 10),
            history.after(0),
            history.orders(AccountId(1)),
            history.fills(AccountId(2)),
        ]
        assert all(isinstance(each, Answer) for each in results)
        answers.append(
            (results, again, shown, books, state.hash(), [each.header for each in twin.core.executor.recent])
        )
        twin.log.close()
    assert answers[0] == answers[1]


def test_a_turn_begins_with_the_newest_snapshot_at_or_below_the_fork(kept: Rig) -> None:
    (newest, older, *_) = usable(kept.log, snapshots_of(kept))
    fork = older.batches
    assert fork < newest.batches
    kept.core.turn(Fork(kept=fork, messages=tuple(kept.messages), reason="any"))
    assert usable(kept.log, snapshots_of(kept))[0] == older
    settle(kept)
    whole, again = fresh(kept), fresh(kept)
    rebuild(whole, kept.log, None)
    rebuild(again, kept.log, snapshots_of(kept))
    assert_alike(whole, again)
    assert whole.executor.state.hash() == kept.core.executor.state.hash()


def restarted(rig: Rig) -> None:
    """Start again and see that nothing is missing."""
    before = rig.core.executor.state.hash()
    rig.log.close()
    rig.told.clear()
    rig.open()
    assert rig.core.executor.state.hash() == before
    rig.accept(rig.order(1, BUY, 617_000, 1))


def test_a_flipped_bit_or_a_cut_anywhere_has_a_snapshot_passed_over(kept: Rig) -> None:
    path = files(kept)[-1]
    whole = path.read_bytes()
    for at in [*range(0, 200, 3), *range(200, len(whole), 997)]:
        damaged = bytearray(whole)
        damaged[at] ^= 1 << at % 8
        for data in (bytes(damaged), whole[:at]):
            path.write_bytes(data)
            found = usable(kept.log, snapshots_of(kept))
            if found and found[0].name == path.name:
                rebuilt = rebuild(fresh(kept), kept.log, snapshots_of(kept))
                assert rebuilt.snapshot is not None and rebuilt.snapshot.name != path.name
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    restarted(kept)
    assert len(ignored(kept)) == 1


def test_a_snapshot_of_another_version_or_deployment_or_name_is_passed_over(kept: Rig) -> None:
    (head, *_) = snapshots_of(kept).heads()
    path = files(kept)[-1]
    only(kept, path)
    whole = path.read_bytes()
    version = head.version.encode()
    path.write_bytes(whole.replace(version, version[:-1] + b"?"))
    restarted(kept)
    assert "another version" in ignored(kept)[0]
    only(kept, path)
    path.write_bytes(whole.replace(head.genesis, bytes(32)))
    restarted(kept)
    assert "another deployment" in ignored(kept)[0]
    only(kept, path)
    path.write_bytes(whole)
    path.rename(path.with_name(f"{0:020}.snapshot"))
    restarted(kept)
    assert "another's name" in ignored(kept)[0]
    assert kept.rebuilt.snapshot is None


def test_a_snapshot_ahead_of_the_log_or_of_another_history_is_passed_over(kept: Rig) -> None:
    other = Rig(path=kept.path / "other", every_records=20)
    other.path.mkdir()
    other.open()
    other.set_up()
    for at in range(30):
        other.accept(other.order(1, BUY, 600_000 + at, 1))
    for path in files(kept):
        path.unlink()
    for path in files(other):
        shutil.copy(path, kept.path / "snapshots")
    for _ in range(60):
        other.accept(other.order(1, BUY, 600_000, 1))
    shutil.copy(files(other)[-1], kept.path / "snapshots")
    other.log.close()
    restarted(kept)
    assert kept.rebuilt.snapshot is None
    assert {"it is ahead of the log", "the log does not lead through its place"} == set(ignored(kept))


def test_the_newest_few_are_kept_and_drafts_of_a_crash_are_removed(kept: Rig) -> None:
    for _ in range(14):
        trade(kept)
    assert len(files(kept)) == 8
    draft = kept.path / "snapshots" / "x.snapshot.draft"
    draft.write_bytes(b"half")
    snapshots_of(kept).clear_drafts()
    assert not draft.exists()


def test_without_its_oldest_files_a_log_needs_a_snapshot(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.log.close()
    rig.every_records, rig.file_bytes = 5, 4_000
    rig.open()
    rig.set_up()
    trade(rig, 60)
    (oldest, *_) = reversed(usable(rig.log, snapshots_of(rig)))
    behind = [
        each
        for each, later in zip(rig.log.files.files, rig.log.files.files[1:], strict=False)
        if later.begin.at <= oldest.at
    ]
    assert behind
    for each in behind:
        (rig.path / each.name).rename(rig.path / f"{each.name}.away")
    restarted(rig)
    shutil.rmtree(rig.path / "snapshots")
    rig.log.close()
    with pytest.raises(DataMissing, match="later than any snapshot"):
        rig.open()


def test_a_full_disk_is_told_and_no_reason_to_stop(kept: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Snapshots, "write", full)
    kept.told.clear()
    trade(kept, 20)
    assert {event for event, _ in kept.told} == {"snapshot_failed"}
    assert "No space" in kept.told[0][1]["reason"]


def test_a_snapshot_holds_what_waits_for_l1(kept: Rig) -> None:
    kept.core.seal_now()
    wanted = [each.header for each in kept.core.executor.sealed]
    kept.log.close()
    kept.open()
    assert kept.rebuilt.snapshot is not None
    assert [each.header for each in kept.core.executor.sealed] == wanted


def test_time_alone_has_one_made_when_there_is_something_new(kept: Rig) -> None:
    count = len(files(kept))
    kept.accept(kept.order(1, BUY, 600_000, 1))
    kept.seconds += 901
    kept.core.clock.observe(UnixSeconds(START + int(kept.seconds)))
    kept.core.process([])
    kept.core.process([])
    assert len(files(kept)) == count + 1


def test_a_child_makes_it_while_the_parent_goes_on(kept: Rig) -> None:
    done = forked(lambda: time.sleep(0.2))
    assert done.outcome() is None
    while done.outcome() is None:
        time.sleep(0.01)
    assert done.outcome() == ""

    def full() -> None:
        raise OSError(28, "No space left on device")

    failed = forked(full)
    while failed.outcome() is None:
        time.sleep(0.01)
    assert "No space" in str(failed.outcome())
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        outlives = forked(lambda: time.sleep(30))
    with socket.socket() as again:
        time.sleep(0.2)
        again.bind(("127.0.0.1", port))
        assert outlives.outcome() is None
    outlives.end()
    killed = forked(lambda: time.sleep(60))
    killed.end()
    assert "ended with -9" in str(killed.outcome())
