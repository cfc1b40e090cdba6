"""Operators that bend: gas above every cap and an empty key, each with kill -9."""

from __future__ import annotations

import pytest

from tallystick.l1.sending.fees import GWEI, FeePolicy
from tallystick.l1.sending.queuestore import QueueStore
from tallystick.l1.sending.sender import TxQueue
from tallystick.ports.system import SystemClock
from tallystick.state.ordinals import MarketId
from tallystick.testing.l1_stage import account
from tallystick.testing.world import address
from tallystick.transport import OperatorRefused
from tests.adversaries.bending import BUY, LONG, Begin, told_and_kept, trade
from tests.operator.lives import Lives
from tests.operator.scene import Scene

ABOVE_EVERY_CAP_WEI = FeePolicy().urgent_cap_wei + GWEI
HOUR = 3_600


def dear(lives: Lives, seconds: int, kill: float = 0.0, each: int = 60) -> None:
    """Let a time pass in which gas costs more than the operator ever pays."""
    for _ in range(seconds // each):
        lives.block(each, ABOVE_EVERY_CAP_WEI)
        lives.report()
        lives.perhaps_kill(kill)


@pytest.mark.parametrize("kill", [0.0, pytest.param(0.3, marks=LONG)])
def test_F03_gas_above_every_cap_for_three_hours_stops_promises_and_loses_nothing(
    scene: Scene, begin: Begin, kill: float
) -> None:
    lives = begin(3)
    lives.settle()
    lives.block(12, ABOVE_EVERY_CAP_WEI)
    lives.report()
    trade(lives)
    held = len(lives.acknowledged)
    dear(lives, 120)
    assert not lives.refusals, "two minutes are not long"
    dear(lives, 60)
    trade(lives)
    assert set(lives.refusals) == {"l1_behind"}
    dear(lives, 3 * HOUR, kill, each=900)
    trade(lives)
    assert set(lives.refusals) <= {"l1_behind", "l1_shut"} and len(lives.acknowledged) == held
    info = lives.info()
    assert not info.promises.open and info.promises.message
    lives.settle(GWEI)
    trade(lives)
    lives.settle(GWEI)
    told_and_kept(lives)
    assert len(lives.acknowledged) > held
    assert {each["reason"] for each in lives.events("promises_stopped")} >= {"l1_behind", "l1_shut"}
    assert lives.events("turned") and lives.events("promises_resumed")


@pytest.mark.parametrize("kill", [pytest.param(0.0, marks=LONG), 0.2])
def test_F03_an_empty_key_stops_promises_and_goes_on_when_it_is_filled(scene: Scene, begin: Begin, kill: float) -> None:
    stage = scene.stage
    lives = begin(4)
    lives.settle()
    lives.kill()
    store = QueueStore(scene.folder / "drain.sqlite")
    queue = TxQueue(client=stage.client, account=account("operator"), store=store, clock=SystemClock())
    left = stage.client.balance_wei(address("operator"))
    queue.send("drain", address("deployer"), b"", value_wei=left - 10**15, gas=21_000)
    store.close()
    for _ in range(20):
        trade(lives, 2)
        lives.block(40, GWEI * 2)
        lives.report()
        lives.perhaps_kill(kill / 2)
        if lives.refusals:
            break
    assert set(lives.refusals) <= {"l1_behind", "l1_shut"} and lives.refusals
    assert {each["reason"] for each in lives.events("promises_stopped")} & {"l1_behind", "l1_shut"}
    for _ in range(6):
        lives.block(60, GWEI * 2)
    stage.fund("operator")
    lives.settle(GWEI, kill=kill / 2)
    trade(lives)
    lives.settle(GWEI)
    told_and_kept(lives)


def test_F03_what_is_refused_is_refused_with_503_and_a_sentence(scene: Scene, begin: Begin) -> None:
    lives = begin(5)
    lives.settle()
    lives.order(1, "alice", BUY, 617_000, 1)
    dear(lives, 180)
    with pytest.raises(OperatorRefused, match="not yet on L1") as refused:
        lives.ask(lambda client: client.order(MarketId(0), BUY, 617_000, 1))
    assert (refused.value.status, refused.value.code) == (503, "l1_behind")
