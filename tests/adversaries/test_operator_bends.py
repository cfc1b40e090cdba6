"""Operators that bend: a stranger's batch and blocks taken back, each with kill -9."""

from __future__ import annotations

import contextlib

import pytest

from tallystick.errors import ConfigError, L1Error
from tallystick.shapes.routes import INFO
from tallystick.testing.l1_stage import Stage
from tallystick.testing.world import address
from tallystick_operator.config import check_confirmations
from tests.adversaries.bending import BUY, LONG, Begin, told_and_kept, trade
from tests.operator.scene import Scene


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
    before = lives.info().messages_consumed
    stage.deposit("carol")
    lives.report()
    for _ in range(40):
        if lives.info().messages_consumed > before:
            break
        stage.mine(0)
    else:
        lives.block(1)
    trade(lives)
    lives.order(3, "carol", BUY, 616_000, 1)
    move_blocks(stage, depth)
    lives.perhaps_kill(kill)
    lives.settle(kill=kill / 4)
    assert lives.info().messages_consumed == stage.call("Inbox", "messageCount") == before + 1
    trade(lives)
    lives.settle()
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
    scene.wait(lambda: running.http.ask(INFO).l1.messages == 1, "the message to be seen")
    assert running.http.ask(INFO).messages_consumed == 0
    scene.wait(lambda: running.http.ask(INFO).messages_consumed == 1, "its confirmations", mine=1)
    head = stage.client.head().number
    scene.wait(lambda: running.http.ask(INFO).l1.batches_posted == 1, "the batch")
    assert stage.client.head().number <= head + 8
    running.stop()
