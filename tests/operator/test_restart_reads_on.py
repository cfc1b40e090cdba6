"""An operator that starts again reads L1 from where it was, from its disk and not from the first block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tallystick.errors import StateError
from tallystick.l1.client.logstore import LogStore
from tallystick.l1.client.quorum import QuorumClient
from tallystick.state.ordinals import BlockNumber
from tests.operator.scene import Scene

IDLE_BLOCKS = 300
STORES = ("l1-inbox.sqlite", "l1-receipts.sqlite", "l1-events.sqlite")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The first blocks of all ranges of logs that any client is asked for."""
    found: list[int] = []
    logs = QuorumClient.logs

    def note(self: QuorumClient, addresses: Any, first_block: int, last_block: int, topics: Any = ()) -> Any:
        found.append(first_block)
        return logs(self, addresses, BlockNumber(first_block), BlockNumber(last_block), topics)

    monkeypatch.setattr(QuorumClient, "logs", note)
    return found


def assert_once(scene: Scene) -> int:
    """Run an operator until everything is asserted, and return the number of assertions."""
    running = scene.start()
    before = scene.stage.call("Inbox", "batchCount")
    name = ("alice", "bob", "carol")[len(scene.running) - 1]
    scene.stage.deposit(name)
    scene.wait(lambda: scene.stage.call("Inbox", "batchCount") > before, "a batch", mine=1)
    wanted = len(scene.running)
    scene.wait(lambda: len(running.named("asserted")) >= wanted, "its assertion", mine=1)
    assert not running.named("turned")
    running.stop()
    return len(running.named("asserted"))


def test_a_restart_reads_the_blocks_behind_those_it_has_read(scene: Scene, asked: list[int]) -> None:
    assert_once(scene)
    data = Path(scene.config().data_dir)
    assert all((data / name).exists() for name in STORES)
    read_to = scene.stage.client.head().number
    scene.stage.mine(IDLE_BLOCKS)
    asked.clear()
    assert_once(scene)
    # what the stage itself reads begins later still
    assert min(asked) > read_to - 20


def test_a_restart_goes_another_way_where_l1_did_meanwhile_and_reads_all_without_its_disk(
    scene: Scene, asked: list[int]
) -> None:
    assert_once(scene)
    scene.stage.chain.request("anvil_reorg", 3)
    scene.stage.mine(5)
    assert_once(scene)
    for name in STORES:
        (Path(scene.config().data_dir) / name).unlink()
    asked.clear()
    assert_once(scene)
    assert min(asked) == scene.stage.deployment.first_block


def test_a_store_of_another_deployment_is_refused(scene: Scene) -> None:
    assert_once(scene)
    (Path(scene.config().data_dir) / STORES[0]).unlink()
    LogStore(Path(scene.config().data_dir) / STORES[0], b"\x11" * 20).close()
    with pytest.raises(StateError, match="another deployment"):
        scene.start()
