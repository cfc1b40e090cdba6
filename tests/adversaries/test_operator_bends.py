"""Operators that bend: a stranger's batch, blocks taken back, gas above every cap, an empty key, each with kill -9."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tallystick.errors import ConfigError, L1Error
from tallystick.l1.fees import GWEI, FeePolicy
from tallystick.l1.queuestore import QueueStore
from tallystick.l1.sender import TxQueue
from tallystick.testing.stage import Stage, account
from tallystick.testing.world import address
from tallystick.trader.transport import OperatorRefused
from tallystick_operator.config import check_confirmations
from tests.operator.lives import Lives, nothing_lost_or_doubled
from tests.operator.scene import Scene, scene_in

BUY, SELL = 0, 1
ABOVE_EVERY_CAP_WEI = FeePolicy().urgent_cap_wei + GWEI
HOUR = 3_600
LONG = pytest.mark.campaign
"""What the campaign plays beside the rest."""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scene_in(tmp_path) as scene:
        yield scene


class Begin(Protocol):
    """Begins a life."""

    def __call__(self, seed: int, **options: Any) -> Lives: ...


@pytest.fixture
def begin(scene: Scene) -> Iterator[Begin]:
    begun: list[Lives] = []

    def make(seed: int, **options: Any) -> Lives:
        begun.append(Lives(scene, seed, **options))
        open_market(scene, begun[-1])
        return begun[-1]

    yield make
    for lives in begun:
        lives.close()


def open_market(scene: Scene, lives: Lives) -> None:
    """Give an operator two traders who have money, a market and its first order."""
    for name in ("alice", "bob"):
        scene.stage.deposit(name)
    for _ in range(40):
        if lives.info()["messages_consumed"] == 2:
            break
        lives.block(1)
    lives.list_market()
    for _ in range(4):
        lives.block(20)
        lives.report()
    assert lives.order(1, "alice", BUY, 617_000, 5)


def trade(lives: Lives, count: int = 4) -> None:
    """Have the traders place orders that meet."""
    for at in range(count):
        lives.order(1 + at % 2, ("alice", "bob")[at % 2], at % 2, 617_000 + lives.chance.randrange(50), 3)


def told_and_kept(lives: Lives) -> None:
    """Check that L1 has what was acknowledged, once, and that the operator said what it did."""
    nothing_lost_or_doubled(lives.scene.stage, lives.acknowledged)
    assert not lives.events("failed")
    assert not lives.events("record_lost")


@pytest.mark.parametrize("kill", [pytest.param(0.0, marks=LONG), 0.15])
def test_P10_a_strangers_batch_after_an_idle_day_is_built_upon_and_nothing_acknowledged_is_lost(
    scene: Scene, begin: Begin, kill: float
) -> None:
    """The operator dies with acknowledged records that are not posted, a day passes, and a stranger posts a batch."""
    stage = scene.stage
    lives = begin(1, batch_seconds=30.0, quiet_seconds=30.0)
    lives.settle()
    trade(lives)
    lives.kill()
    stage.chain.request("evm_increaseTime", hex(stage.deployment.config.takeover_delay_seconds + 1))
    stage.mine(1)
    stage.fund("mallory")
    count, now = stage.call("Inbox", "batchCount"), stage.client.head().timestamp
    limit = stage.call("Inbox", "messageLimit")
    stage.transact("mallory", "takeover", "Inbox", "postBatch", count, now, now, limit, [b"x" * 100])
    lives.settle(kill=kill)
    assert any(each["adopted_batches"] == 1 for each in lives.events("turned"))
    trade(lives)
    lives.settle()
    told_and_kept(lives)
    assert stage.call("Inbox", "batchCount") > count + 1


def test_P10_a_strangers_batch_while_records_are_acknowledged_shifts_them_and_loses_none(
    scene: Scene, begin: Begin
) -> None:
    """Somebody with the sequencer's key posts while the operator runs: its open batch has lost its number."""
    stage = scene.stage
    lives = begin(2)
    for number in range(3):
        trade(lives)
        count, now = stage.call("Inbox", "batchCount"), stage.client.head().timestamp
        limit = stage.call("Inbox", "messageLimit")
        try:
            arguments = (count, max(now, stage.call("Inbox", "batchUntil")))
            stage.transact(
                "operator", f"foreign {number}", "Inbox", "postBatch", *arguments, arguments[1], limit, [b"x" * 100]
            )
        except L1Error:  # the operator's own came first
            continue
        lives.perhaps_kill(0.5)
        trade(lives)
    lives.settle()
    told_and_kept(lives)


def move_blocks(stage: Stage, depth: int) -> None:
    """L1 replaces its newest blocks by empty ones, and the traders' transactions come again in later ones."""
    head = stage.client.head().number
    request = stage.chain.request
    again = [
        request("eth_getRawTransactionByHash", each["hash"])
        for number in range(head - depth + 1, head + 1)
        for each in request("eth_getBlockByNumber", hex(number), True)["transactions"]
        if bytes.fromhex(each["from"][2:]) != address("operator")
    ]
    stage.chain.request("anvil_reorg", depth)
    stage.mine(1)
    for raw in again:
        with contextlib.suppress(L1Error):  # its sender's queue may have sent it again before
            stage.chain.request("eth_sendRawTransaction", raw)


@pytest.mark.parametrize(
    ("depth", "kill"),
    [
        pytest.param(1, 0.0, marks=LONG),
        pytest.param(7, 0.0, marks=LONG),
        (64, 0.0),
        (1, 0.5),
        pytest.param(7, 0.5, marks=LONG),
        pytest.param(64, 0.5, marks=LONG),
    ],
)
def test_P11_F04_blocks_taken_back_with_a_deposit_end_nothing_and_lose_nothing(
    scene: Scene, begin: Begin, depth: int, kill: float
) -> None:
    """A deposit is credited and traded upon; then L1 replaces its newest blocks, and the deposit comes some later."""
    stage = scene.stage
    lives = begin(depth)
    lives.settle()
    stage.mine(70)
    lives.report()
    stage.fund("carol")
    stage.mine(max(0, depth - 8))
    before = lives.info()["messages_consumed"]
    stage.deposit("carol")
    lives.report()
    for _ in range(40):
        if lives.info()["messages_consumed"] > before:
            break
        stage.mine(0)
    else:
        lives.block(1)
    trade(lives)
    lives.order(3, "carol", BUY, 616_000, 1)
    move_blocks(stage, depth)
    lives.perhaps_kill(kill)
    lives.settle(kill=kill / 4)
    assert lives.info()["messages_consumed"] == stage.call("Inbox", "messageCount") == before + 1
    trade(lives)
    lives.settle()
    told_and_kept(lives)


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
    assert not info["promises"]["open"] and info["promises"]["message"]
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
    queue = TxQueue(client=stage.client, account=account("operator"), store=store)
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


def test_P11_no_confirmations_are_for_development_chains_only(scene: Scene) -> None:
    check_confirmations(0, scene.stage.deployment.chain_id, 900)
    check_confirmations(45, 1, 900)
    with pytest.raises(ConfigError, match="development"):
        check_confirmations(0, 1, 900)
    with pytest.raises(ConfigError, match="later than the Inbox allows"):
        check_confirmations(46, 1, 900)
    with pytest.raises(ConfigError, match="later than the Inbox allows"):
        check_confirmations(None, 1, 900)
    check_confirmations(None, 1, 2_000)
    assert scene.config(confirmations="45").confirmation_blocks == 45


def test_P11_a_deposit_waits_for_its_confirmations_and_batches_do_not(scene: Scene) -> None:
    stage = scene.stage
    stage.deposit("alice")
    running = scene.start(confirmations="8")
    stage.mine(3)
    scene.wait(lambda: running.http.get("/v1/info")["l1"]["messages"] == 1, "the message to be seen")
    assert running.http.get("/v1/info")["messages_consumed"] == 0
    scene.wait(lambda: running.http.get("/v1/info")["messages_consumed"] == 1, "its confirmations", mine=1)
    head = stage.client.head().number
    scene.wait(lambda: running.http.get("/v1/info")["l1"]["batches_posted"] == 1, "the batch")
    assert stage.client.head().number <= head + 8
    running.stop()


def test_F03_what_is_refused_is_refused_with_503_and_a_sentence(scene: Scene, begin: Begin) -> None:
    lives = begin(5)
    lives.settle()
    lives.order(1, "alice", BUY, 617_000, 1)
    dear(lives, 180)
    with pytest.raises(OperatorRefused, match="not yet on L1") as refused:
        lives.ask(lambda client: client.order(0, BUY, 617_000, 1))
    assert (refused.value.status, refused.value.code) == (503, "l1_behind")
