"""Whole stories during which L1 takes blocks back, on whatever chain a stage stands."""

from __future__ import annotations

from typing import Any

from tallystick.l1.client.events import DEEPEST_REORGANISATION_BLOCKS
from tallystick.l1.sending.queuestore import TxState
from tallystick.party.duties import Mode
from tallystick.party.party import Party
from tallystick.testing.l1_stage import FUND_WEI, Stage, Told, finished, trade_between
from tallystick.testing.rogues.lies import make_lie
from tallystick.testing.world import address
from tests.adversaries.rules import confirm_by_time, must_hold

FINAL_BLOCKS = DEEPEST_REORGANISATION_BLOCKS + 1
DEPTHS = [1, 2, 7, 33, DEEPEST_REORGANISATION_BLOCKS]


def some_pairs(phases: list[str]) -> list[tuple[str, int]]:
    """Return every phase once and every depth at least once."""
    count = max(len(phases), len(DEPTHS))
    return [(phases[at % len(phases)], DEPTHS[at % len(DEPTHS)]) for at in range(count)]


def phase_of(honest: Party) -> str:
    """Return how far the honest party's dispute is."""
    disputes = list(honest.challenge.disputes.values())
    if any(dispute.settled for dispute in disputes):
        return "payout"
    if any(dispute.winner for dispute in disputes):
        return "decision"
    if any(status.proven for status in honest.challenge.edges.values()):
        return "proof"
    if any(status.children for status in honest.challenge.edges.values()):
        return "bisection"
    return "opening" if disputes else "assertion"


def replace_blocks(stage: Stage, depth: int, *, without: str = "") -> None:
    """L1 replaces its newest blocks by as many others, in which none of the transactions are.

    Given a name, all but that name's are, in earlier blocks than before.
    """
    again: list[list[Any]] = []
    head = stage.client.head().number
    for number in range(head - depth + 1, head + 1) if without else ():
        for each in stage.chain.request("eth_getBlockByNumber", hex(number), True)["transactions"]:
            if bytes.fromhex(each["from"][2:]) != address(without):
                raw = stage.chain.request("eth_getRawTransactionByHash", each["hash"])
                again.append([raw, (number - head + depth - 1) // 2])
    stage.chain.request("anvil_reorg", depth, again)


def play_through_reorganisation(stage: Stage, when: str | int, depth: int, *, without: str = "") -> None:
    """Play a dispute to its end, L1 taking blocks back once, in a phase or after so many moves of the honest party."""
    stage.mine(FINAL_BLOCKS)
    liar = stage.party("operator", Mode.PROPOSE, Told(), make_lie("worse-fill", bytes(20)).step)
    told = Told()
    honest = stage.party("challenger", Mode.RESOLVE, told)
    done = False
    for _ in range(400):
        before = stage.client.head().number
        liar.tick()
        honest.tick()
        moves = len(told.named("moved"))
        if not done and (phase_of(honest) == when if isinstance(when, str) else moves >= when):
            done = True
            honest.read()
            replace_blocks(stage, depth, without=without)
            continue
        if done and finished(honest):
            break
        if stage.client.head().number == before:
            stage.mine(10)
    assert done and finished(honest)
    assert told.named("reorganised")
    for _ in range(12):
        honest.tick()
        stage.mine(1)
    must_hold(stage, honest, liars=("operator",), before_wei=FUND_WEI)


def publish_through_reorganisation(stage: Stage, phase: str, depth: int) -> None:
    """Deposit, trade, post, assert and confirm, L1 taking blocks back once, right after one of these."""
    stage.mine(FINAL_BLOCKS)
    told = Told()
    honest = stage.party("challenger", Mode.PROPOSE, told)
    honest.tick()
    first, second = stage.deposit("alice"), stage.deposit("bob")
    if phase == "deposit":
        take_back(stage, honest, depth)
        stage.read_messages()
    stage.mine(FINAL_BLOCKS)  # what is consumed may not be taken back: its time is part of it
    trade_between(stage, first, second)
    stage.publish()
    if phase == "batch":
        take_back(stage, honest, depth)
    for _ in range(3):
        honest.tick()
        stage.mine(1)
    assert len(honest.rollup.assertions) == 2
    if phase == "root":
        take_back(stage, honest, depth)
    confirm_by_time(stage, honest)
    if phase == "confirmation":
        take_back(stage, honest, depth)
        confirm_by_time(stage, honest)
    assert told.named("reorganised")
    must_hold(stage, honest)


def take_back(stage: Stage, honest: Party, depth: int) -> None:
    """Replace blocks that the party has read; then let everybody who sent something see to it that it is there."""
    honest.read()
    before = stage.client.head().timestamp
    replace_blocks(stage, depth)
    if (behind := before - stage.client.head().timestamp) > 0:  # or a batch would be from the new branch's future
        stage.chain.request("evm_increaseTime", hex(behind))
        stage.mine(1)
    for _ in range(3):
        for queue in stage.queues.values():
            for entry in queue._store.in_state(TxState.REVERTED):
                queue.retry(entry.key)
            queue.pump()
        stage.mine(5)
