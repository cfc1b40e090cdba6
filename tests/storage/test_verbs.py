"""What one does with a data directory: look, check, copy, put back, and end an operator on purpose."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tallystick.errors import BadInput, DataMismatch, DataMissing, StateError, TallystickError
from tallystick.records.signing import make, sign
from tallystick.testing.world import key
from tallystick.transport import OperatorRefused, OperatorUnreachable
from tallystick_operator.cli import app
from tallystick_operator.storage import backups
from tallystick_operator.storage.checking import check
from tallystick_operator.storage.draining import REQUEST
from tallystick_operator.storage.surveying import survey
from tests.operator.rig import MakeRig, Rig
from tests.operator.scene import Scene
from tests.storage.test_snapshots import fresh, snapshots_of, trade


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, TallystickError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def nothing(*_: int) -> None:
    """Show no progress."""


@pytest.fixture
def kept(make_rig: MakeRig) -> Rig:
    rig = make_rig()
    rig.log.close()
    rig.every_records, rig.file_bytes = 20, 1_200
    rig.open()
    rig.set_up()
    trade(rig, 40)
    return rig


def test_a_data_directory_is_looked_at_while_it_is_written(kept: Rig) -> None:
    found = survey(kept.path)
    assert (found.records, found.log_bytes) == (kept.core.executor.state.registers.record_count, kept.log.size)
    assert found.batches == kept.core.executor.batch_count
    assert found.replays_records < 45 and len(found.files) > 1
    assert any(each.behind_snapshots for each in found.files) and not found.files[-1].behind_snapshots
    assert [each.problem for each in found.snapshots] == [""] * len(found.snapshots) and len(found.snapshots) > 2
    path = kept.path / "snapshots" / found.snapshots[0].name
    path.write_bytes(b"torn")
    (kept.path / "records.log.mark").unlink()
    before = {each: each.read_bytes() for each in kept.path.glob("records.log*")}
    again = survey(kept.path)
    assert "no snapshot" in again.snapshots[0].problem
    assert again.replays_records > found.replays_records and again.records == found.records
    assert {each: each.read_bytes() for each in kept.path.glob("records.log*")} == before
    kept.accept(kept.order(1, 0, 600_000, 1))


def test_status_shows_the_directory_whether_anybody_answers_or_not(kept: Rig, tmp_path: Path) -> None:
    text = run("status", "--url", "http://127.0.0.1:9", "--data-dir", str(kept.path))
    assert "nobody answers" in text and ".snapshot" in text
    told = json.loads(run("status", "--url", "http://127.0.0.1:9", "--data-dir", str(kept.path), "--json"))
    assert told["disk"]["records"] == kept.core.executor.state.registers.record_count
    with pytest.raises(BadInput, match="no operator's log"):
        run("status", "--data-dir", str(tmp_path / "none"))


def test_a_replay_agrees_with_every_snapshot_and_batch_or_names_the_first_difference(kept: Rig) -> None:
    headers = [each.header for each in kept.core.executor.sealed]
    found = check(fresh(kept), kept.log, snapshots_of(kept), headers, nothing)
    assert found.snapshots == len(snapshots_of(kept).heads()) > 2
    assert found.posted_batches == len(headers) == found.batches
    assert found.records == kept.core.executor.state.registers.record_count
    with pytest.raises(DataMismatch, match="another batch"):
        check(fresh(kept), kept.log, None, [*headers[:3], headers[4]], nothing)
    branch = fresh(kept)
    branch.settled = 1
    with pytest.raises(DataMismatch, match="beside the state"):
        check(branch, kept.log, snapshots_of(kept), [], nothing)


def test_a_backup_of_a_log_that_goes_on_is_one_that_comes_back(kept: Rig, tmp_path: Path) -> None:
    into, back = tmp_path / "backup", tmp_path / "back"
    state, size = kept.core.executor.state.hash(), kept.log.size
    copied = False

    def write_on(*_: int) -> None:
        nonlocal copied
        if not copied:
            copied = True
            kept.accept(kept.order(1, 0, 600_000, 1))

    made = backups.back_up(kept.path, into, write_on)
    assert copied and made.log_bytes == size < kept.log.size
    assert made == backups.restore(into, back, nothing)
    twin = Rig(path=back, every_records=20, file_bytes=kept.file_bytes, messages=list(kept.messages))
    twin.seconds = kept.seconds
    twin.open()
    assert twin.rebuilt.snapshot is not None
    assert twin.core.executor.state.hash() == state
    twin.log.close()
    for target in (into, back):
        with pytest.raises(BadInput, match="written over"):
            backups.restore(into, target, nothing)
        with pytest.raises(BadInput, match="written over"):
            backups.back_up(kept.path, target, nothing)


def test_a_backup_that_is_damaged_or_was_never_finished_is_not_restored(kept: Rig, tmp_path: Path) -> None:
    made = backups.back_up(kept.path, tmp_path / "backup", nothing)
    for each in made.files:
        bad = tmp_path / "bad"
        shutil.copytree(tmp_path / "backup", bad)
        data = bytearray((bad / each.name).read_bytes())
        data[len(data) // 2] ^= 4
        (bad / each.name).write_bytes(data)
        with pytest.raises(DataMismatch):
            backups.restore(bad, tmp_path / "back", nothing)
        (bad / each.name).unlink()
        with pytest.raises(DataMissing):
            backups.restore(bad, tmp_path / "back", nothing)
        shutil.rmtree(bad)
    (tmp_path / "backup" / backups.LIST).unlink()
    with pytest.raises(BadInput, match="finished"):
        backups.restore(tmp_path / "backup", tmp_path / "back", nothing)
    assert not (tmp_path / "back").exists()


def test_a_damaged_log_is_not_backed_up(kept: Rig, tmp_path: Path) -> None:
    path = kept.path / "records.log"
    data = bytearray(path.read_bytes())
    data[300] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataMismatch):
        run("backup", str(tmp_path / "backup"), "--data-dir", str(kept.path))
    assert not (tmp_path / "backup").exists()


def test_an_operator_is_backed_up_checked_drained_and_restored(scene: Scene) -> None:
    running = scene.start(snapshot_records=5)
    scene.stage.deposit("alice")
    client = scene.client(running, "alice")
    scene.wait(lambda: client.info().messages_consumed, "the deposit", mine=1)
    scene.open_market(running)
    data, deployment = scene.config().data_dir, scene.config().deployment
    order: dict[str, Any] = {"account": 1, "market": 0, "side": 0, "price_ticks": 617_000, "lots": 1}

    def sent(nonce: int) -> bool:
        return client.send(sign(make("order", nonce=nonce, **order), client.domain, key("alice"))).accepted

    assert sent(0) and sent(1)
    run("backup", str(scene.folder / "backup"), "--data-dir", data)
    scene.wait(lambda: running.named("snapshot_written"), "a snapshot", mine=1)
    checked = json.loads(
        run("replay", "--data-dir", data, "--deployment", deployment, "--rpc", scene.stage.server.url, "--json")
    )
    assert checked["snapshots"] >= 1 and checked["posted_batches"] >= 1

    mining = threading.Event()

    def mine() -> None:
        while not mining.wait(0.2):
            scene.stage.mine(1)

    miner = threading.Thread(target=mine)
    miner.start()
    try:
        done = json.loads(
            run("drain", "--data-dir", data, "--url", running.operator.url, "--poll-seconds", "0.05", "--json")
        )
    finally:
        mining.set()
        miner.join()
    running.stop()
    assert running.named("drained") and not (Path(data) / REQUEST).exists()
    assert done["batches"] == scene.stage.call("Inbox", "batchCount")
    with pytest.raises((OperatorRefused, OperatorUnreachable)):
        sent(2)
    with pytest.raises(OperatorUnreachable):
        run("drain", "--data-dir", data, "--url", running.operator.url)
    assert not (Path(data) / REQUEST).exists()

    shutil.rmtree(data)
    run("restore", str(scene.folder / "backup"), "--data-dir", data)
    again = scene.start()
    assert again.named("started")[-1]["batches"] < done["batches"]
    asked = scene.client(again)
    scene.wait(lambda: asked.info().batches_sealed >= done["batches"], "what L1 has beyond the backup", mine=1)
    assert asked.info().records >= done["records"]
    asked.close()
    again.stop()
    client.close()


def test_a_drain_that_is_cut_short_says_so(scene: Scene) -> None:
    running = scene.start(confirmations="5")
    data = scene.config().data_dir
    scene.wait(lambda: running.named("ready"), "the operator")

    def die() -> None:
        scene.wait(lambda: running.named("draining"), "the request")
        running.operator.stop()

    killer = threading.Thread(target=die)
    killer.start()
    with pytest.raises(StateError, match="before it was done"):
        run("drain", "--data-dir", data, "--url", running.operator.url, "--poll-seconds", "0.05")
    killer.join()
    running.stop()
    assert (Path(data) / REQUEST).exists(), "started again, it goes on"
