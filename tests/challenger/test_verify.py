"""`challenger verify`: the same verdicts from one process, from several, and from a cluster."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tallystick.errors import BadInput, ConfigError, DataMissing, Disputed, StateError
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.party.duties import Mode
from tallystick.party.party import Party
from tallystick.rollup.segments import extract, replay
from tallystick.rollup.snapshots.snapshotstore import SnapshotStore
from tallystick.state.ordinals import BatchNumber
from tallystick.testing.l1_stage import PERIOD_BLOCKS, Stage, Told
from tallystick.testing.rogues.lies import LIES
from tallystick_challenger.cli import app
from tallystick_challenger.verification.verdicts import Plan, Question, read_all
from tests.challenger.history import confirm_batches, order

BATCHES = 6
WORKERS = 3
WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Six confirmed batches, and a challenger's snapshots behind the second, the third and the fifth."""
    made = Stage(tmp_path_factory.mktemp("verify"))
    confirm_batches(made, BATCHES)
    made.deployment.save(made.folder / "deployment.json")
    told = verified(made, "--save-snapshots", "1")
    assert told["began_at"] == 0 and told["parts"] == told["workers"] == 1
    for path in snapshots(made):
        if not path.name.startswith(("0000000002-", "0000000003-", "0000000005-")):
            path.unlink()
    yield made
    made.close()


def snapshots(stage: Stage) -> list[Path]:
    return sorted((stage.folder / "data" / "snapshots").glob("*.snapshot"))


def verify(stage: Stage, *more: str) -> Result:
    deployment, data = stage.folder / "deployment.json", stage.folder / "data"
    where = ["--deployment", str(deployment), "--rpc", stage.server.url]
    return CliRunner().invoke(app, ["verify", *where, "--data-dir", str(data), "--json", *more])


def verified(stage: Stage, *more: str) -> dict[str, Any]:
    result = verify(stage, *more)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@contextmanager
def changed(path: Path, data: bytes) -> Iterator[None]:
    """A file that holds something else for a while."""
    before = path.read_bytes()
    path.write_bytes(data)
    yield
    path.write_bytes(before)


def test_several_processes_come_to_the_same_as_one(stage: Stage) -> None:
    alone = verified(stage, "--from-genesis")
    assert (alone["parts"], alone["workers"], alone["began_at"]) == (1, 1, 0)
    together = verified(stage, "--workers", "2")
    assert (together["parts"], together["workers"], together["began_at"]) == (4, 2, 0)
    assert together["assertions"] == alone["assertions"] and len(alone["assertions"]) == BATCHES
    assert all(each["right"] for each in alone["assertions"])
    assert together["steps"] == alone["steps"] > 0
    assert together["replayed_batches"] == alone["replayed_batches"] == BATCHES


def test_a_range_begins_at_the_snapshot_before_it_and_ends_with_it(stage: Stage) -> None:
    whole = verified(stage, "--from-genesis")["assertions"]
    part = verified(stage, "--from", "4", "--to", "4", "--workers", "1")
    assert part["assertions"] == whole[4:5]
    assert (part["began_at"], part["replayed_batches"], part["parts"]) == (3, 2, 1)
    tail = verified(stage, "--from", "3", "--workers", "1")
    assert tail["assertions"] == whole[3:]
    assert (tail["began_at"], tail["parts"]) == (3, 2)
    head = verified(stage, "--to", "0", "--workers", "1")
    assert head["assertions"] == whole[:1] and head["replayed_batches"] == 1
    for beyond in (("--from", "2", "--to", "1"), ("--from", str(BATCHES)), ("--to", "99")):
        assert isinstance(verify(stage, *beyond).exception, BadInput)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_damaged_snapshot_is_ignored_with_a_warning(stage: Stage, workers: str) -> None:
    whole = verified(stage, "--from-genesis")["assertions"]
    _, damaged, _ = snapshots(stage)
    with changed(damaged, damaged.read_bytes()[:-4] + bytes(4)):
        result = verify(stage, "--workers", workers)
        ranged = verify(stage, "--from", "3", "--workers", workers)
    assert f"warning: {damaged} is ignored" in result.stderr
    told = json.loads(result.stdout)
    assert told["assertions"] == whole and told["parts"] == 3
    told = json.loads(ranged.stdout)
    assert told["assertions"] == whole[3:] and told["began_at"] == 2


def test_the_verdicts_of_a_forged_snapshot_are_not_believed(stage: Stage) -> None:
    """Another confirmed state under the name of the one that is wanted: the hash gives it away."""
    first, second, _ = snapshots(stage)
    with changed(second, first.read_bytes()):
        party = read_all(stage.client, stage.deployment)
        told = Told()
        found = SnapshotStore(stage.folder / "data" / "snapshots", told).usable(party.rollup)
        assert [each.limit for each in found] == [2, 2, 5], "what it says is what is looked up"
        assert all(each["right"] for each in verified(stage, "--workers", "1")["assertions"])


def test_a_part_of_the_history_refuses_what_is_not_in_it(stage: Stage) -> None:
    party = read_all(stage.client, stage.deployment)
    inbox = party.inbox
    start = next(each for each in party.rollup.assertions.values() if each.limit == 2)
    part = extract(inbox.limited(BatchNumber(4)), start, BatchNumber(4))
    assert [part.batch(BatchNumber(2)), part.batch(BatchNumber(3))] == inbox.headers[2:4]
    assert part.chunk(BatchNumber(3), 0) == inbox.chunk(BatchNumber(3), 0)
    for ask in (
        lambda: part.batch(BatchNumber(1)),
        lambda: part.batch(BatchNumber(4)),
        lambda: part.chunk(BatchNumber(4), 0),
        lambda: part.message(0),
    ):
        with pytest.raises(DataMissing):
            ask()


def test_a_worker_with_another_machine_refuses(stage: Stage) -> None:
    party = read_all(stage.client, stage.deployment)
    plan = Plan(party, Question(first_batch=BatchNumber(0)))
    (part,) = plan.parts()
    segment = replace(plan.segment(part), machine="another")
    with pytest.raises(StateError, match="another version"):
        replay(segment)


def test_progress_is_told_apart_from_the_result(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick_challenger.verification.verify_cli.LINE_SECONDS", 0)
    for workers in ("1", "2"):
        result = verify(stage, "--workers", workers)
        assert f"replayed {BATCHES} of {BATCHES} batches" in result.stderr.splitlines()
        assert json.loads(result.stdout)["replayed_batches"] == BATCHES


def test_speed_is_told(stage: Stage) -> None:
    began = time.perf_counter()
    told = verified(stage, "--to", "5", "--workers", "1")
    assert 0 < told["seconds"] <= time.perf_counter() - began
    assert told["steps_per_second"] == pytest.approx(told["steps"] / told["seconds"], rel=0.05)


# A cluster


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Dask scheduler and three workers, each a process of its own."""
    folder = tmp_path_factory.mktemp("dask")
    address = f"tcp://127.0.0.1:{free_port()}"
    started = [dask(folder, "scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2])]
    started += [dask(folder, "worker", address, "--nthreads", "1", "--nworkers", "1") for _ in range(WORKERS)]
    wait_for_workers(address)
    yield address
    for process in started[::-1]:
        process.terminate()
        process.wait(WAIT_SECONDS)


def dask(folder: Path, *what: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *what, "--no-dashboard"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for_workers(address: str) -> None:
    """In a process of its own, so that nothing of Dask is loaded here."""
    script = "import sys, distributed as d; d.Client(sys.argv[1], timeout=60).wait_for_workers(int(sys.argv[2]), 60)"
    subprocess.run([sys.executable, "-c", script, address, str(WORKERS)], check=True, capture_output=True)


def test_a_cluster_comes_to_the_same_as_one_process(stage: Stage, scheduler: str) -> None:
    alone = verified(stage, "--from-genesis")
    together = verified(stage, "--scheduler", scheduler)
    assert (together["parts"], together["workers"]) == (4, WORKERS)
    assert together["assertions"] == alone["assertions"]
    assert together["steps"] == alone["steps"]


def test_a_cluster_needs_no_file_of_this_machine_and_finds_a_damaged_one_out(stage: Stage, scheduler: str) -> None:
    _, damaged, _ = snapshots(stage)
    with changed(damaged, damaged.read_bytes()[:-4] + bytes(4)):
        result = verify(stage, "--scheduler", scheduler)
    assert f"warning: {damaged} is ignored" in result.stderr
    assert [each["right"] for each in json.loads(result.stdout)["assertions"]] == [True] * BATCHES


def test_a_cluster_that_is_not_there_or_not_alone_is_bad_input(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick_challenger.verification.spread.CONNECT_SECONDS", 1)
    nobody = f"tcp://127.0.0.1:{free_port()}"
    for address in (nobody, "127.0.0.1:8786", "http://127.0.0.1:8786"):
        assert isinstance(verify(stage, "--scheduler", address).exception, BadInput)
    for more in (("--workers", "2"), ("--save-snapshots", "1")):
        assert isinstance(verify(stage, "--scheduler", nobody, *more).exception, BadInput)


def test_dask_is_imported_only_when_a_cluster_is_asked_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert verified(stage, "--workers", "2")["assertions"]
    failed = verify(stage, "--scheduler", "tcp://127.0.0.1:1").exception
    assert isinstance(failed, ConfigError) and "tallystick[cluster]" in failed.hint


# A lie; the history is another one after each of these


@pytest.fixture(scope="module")
def liar(stage: Stage) -> Party:
    """One that has told the truth so far."""
    lie = LIES["steal-withdrawal"](bytes(20))

    def lie_late(machine: Machine) -> None:
        (lie.step if machine.state.registers.batch_cursor >= BATCHES else engine.step)(machine)

    return stage.party("mallory", Mode.PROPOSE, Told(), lie_late)


def test_a_lie_is_found_by_several_processes_and_by_a_cluster(stage: Stage, liar: Party, scheduler: str) -> None:
    order(stage, BATCHES)
    stage.world.withdraw(min(stage.world.owners), 10**6)
    stage.publish()
    liar.tick()
    for how in (("--workers", "1"), ("--workers", "3"), ("--scheduler", scheduler), ("--from", str(BATCHES))):
        result = verify(stage, *how)
        assert isinstance(result.exception, Disputed) and result.exception.exit_code == 6
        found = json.loads(result.stdout)["assertions"]
        assert [each["right"] for each in found][-1] is False
        assert all(each["right"] for each in found[:-1])


def test_a_lie_that_is_confirmed_is_not_believed_for_the_snapshot_behind_it(stage: Stage, liar: Party) -> None:
    stage.mine(PERIOD_BLOCKS + 1)
    for _ in range(3):
        liar.tick()
    order(stage, BATCHES + 1)
    stage.publish()
    liar.tick()
    false = liar.rollup.assertions[liar.rollup.latest_confirmed]
    assert false.limit == BATCHES + 1 and liar.replayer is not None
    store = SnapshotStore(stage.folder / "data" / "snapshots", Told(), spacing=1)
    store.offer(false, liar.replayer.state(false.id))
    assert [each.limit for each in store.usable(liar.rollup)] == [2, 3, 5, BATCHES + 1]
    for workers in ("1", "2"):
        found = json.loads(verify(stage, "--workers", workers).stdout)["assertions"]
        assert [each["right"] for each in found] == [*[True] * BATCHES, False, None]
        assert [each["status"] for each in found[-2:]] == ["confirmed", "pending"]
