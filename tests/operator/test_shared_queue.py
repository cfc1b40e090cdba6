"""One queue for batches and for assertions: what one thread finds out while the other has just looked ends neither."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tallystick.errors import BadInput
from tallystick.l1.sending.queuestore import QueueStore, TxState
from tallystick.l1.sending.sender import PumpReport, SenderConfig, TxQueue
from tallystick.ports.system import SystemClock
from tallystick.testing.l1_stage import account
from tests.operator.scene import Scene


def test_what_a_deep_reorganisation_brought_back_is_left_on_its_way(scene: Scene) -> None:
    """One thread has seen that it reverted; before it asks for another try, the other finds the end undone."""
    stage = scene.stage
    stage.fund("zoe")
    stage.mine(10)
    store = QueueStore(scene.folder / "zoe.sqlite")
    queue = TxQueue(
        client=stage.client,
        account=account("zoe"),
        store=store,
        config=SenderConfig(confirmations=2),
        clock=SystemClock(),
    )
    rollup = stage.client.contract("Rollup", stage.place("Rollup"))
    queue.enqueue("futile", rollup.address, rollup.encode("reject", bytes(32)), gas=100_000)
    for _ in range(3):
        queue.pump()
        stage.mine(2)
    seen = queue.get("futile")
    assert seen is not None and seen.state is TxState.REVERTED
    stage.chain.request("anvil_reorg", 8)
    queue.pump()
    assert queue.retry("futile").state in (TxState.PENDING, TxState.MINED)
    for _ in range(3):
        queue.pump()
        stage.mine(2)
    assert queue.retry("futile").state is TxState.QUEUED, "what has ended without effect is tried again"
    with pytest.raises(BadInput):
        queue.retry("nothing")
    store.close()


def test_a_batch_that_comes_back_between_a_look_and_another_try_ends_no_thread(scene: Scene) -> None:
    """The batch's revert was final; between the publisher's look and its retry the asserter finds it undone."""
    stage = scene.stage
    running = scene.start()
    queue = running.operator._publisher._queue
    assert queue is running.operator._asserter.party.queue
    store, write, pump = queue._store, running.operator._journal.write, queue.pump
    undone: list[str] = []

    def pump_then_end() -> PumpReport:
        report = pump()
        if threading.current_thread().name == "publisher" and not undone:
            for entry in store.in_state(TxState.PENDING):
                store.set_ended(entry, TxState.REVERTED, "TimeTooNew")
        return report

    def undo_then_write(name: str, **facts: Any) -> None:
        if name == "batch_refused":
            with store.alone:
                for entry in store.in_state(TxState.REVERTED):
                    store.set_unmined(entry)
                    undone.append(entry.key)
        write(name, **facts)

    queue.pump = pump_then_end  # type: ignore[method-assign]
    running.operator._journal.write = undo_then_write  # type: ignore[method-assign, assignment]
    stage.chain.request("evm_setAutomine", False)
    scene.open_market(running)
    scene.wait(lambda: undone, "the publisher to look after it")
    stage.chain.request("evm_setAutomine", True)
    scene.wait(lambda: stage.call("Inbox", "batchCount") >= 1, "the batch to land", mine=1)
    assert undone[0].startswith("batch/") and not running.named("failed")
    running.stop()
