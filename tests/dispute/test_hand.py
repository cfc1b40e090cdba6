"""The hand: each effect once, and again as soon as a transaction can no longer have it, whatever life it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tallystick.l1.sending.fees import GWEI, FeePolicy
from tallystick.l1.sending.queuestore import QueueStore
from tallystick.l1.sending.sender import SenderConfig, TxQueue
from tallystick.party.hand import RETRY_BLOCKS, Hand
from tallystick.party.strategy.known import Due
from tallystick.party.strategy.moves import Call
from tallystick.ports.system import SystemClock
from tallystick.testing.l1_stage import Stage, Told, account

WHO = "challenger"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("hand"))
    yield made
    made.close()


@pytest.fixture
def lives(stage: Stage, tmp_path: Path) -> Iterator[Lives]:
    made = Lives(stage, tmp_path)
    stage.chain.request("evm_setAutomine", False)
    yield made
    stage.chain.request("evm_setAutomine", True)
    for store in made.stores:
        store.close()


class Lives:
    """A party's hands, one after the other: with the queue of the one before, or with an empty disk."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.folder = folder
        self.told = Told()
        self.stores: list[QueueStore] = []

    def lost(self, fees: FeePolicy | None = None) -> TxQueue:
        """Return a queue on an empty disk."""
        store = QueueStore(self.folder / f"{len(self.stores)}.sqlite")
        self.stores.append(store)
        config = SenderConfig(confirmations=3, fees=fees or FeePolicy())
        return TxQueue(client=self.stage.client, account=account(WHO), store=store, config=config, clock=SystemClock())

    def hand(self, queue: TxQueue) -> Hand:
        return Hand(self.stage.client, self.stage.deployment, queue, self.told)

    def act(self, hand: Hand, *dues: Due) -> None:
        """Do what is due, as a party does that has read L1 up to its head, and again where something came to nothing."""
        head = self.stage.client.head().number
        hand.take(dues, head)
        if hand.pump(head):
            hand.take(dues, head)
            hand.pump(head)

    @property
    def pool(self) -> int:
        return len(self.stage.pool())


def futile(byte: bytes = b"\1") -> Due:
    """A call that reverts, and of which L1 is not asked before."""
    call = Call(key="futile", function="confirm", arguments=([byte * 32],), gas=100_000)
    return Due(name="confirm", event="confirmed", parents=(), contract="Rollup", call=call, facts={})


def harmless(name: str) -> Due:
    """A call that has no effect, and succeeds."""
    call = Call(key=f"harmless/{name}", function="update", arguments=([],), gas=100_000 + len(name))
    return Due(name="update", event="moved", parents=(), contract="Challenge", call=call, facts={"name": name})


def test_what_reverted_in_a_block_is_said_at_once_repeated_at_once_and_each_time_a_block_later(lives: Lives) -> None:
    hand, first = lives.hand(lives.lost()), lives.stage.client.head().number
    sent: list[int] = []
    while len(sent) < RETRY_BLOCKS + 4:
        lives.act(hand, futile())
        if lives.pool:
            sent.append(lives.stage.client.head().number - first)
        lives.stage.mine(1)
    assert lives.told.named("done_by_others")[0]["reason"].startswith("NotPending")
    waits = [later - earlier for earlier, later in pairwise(sent)]
    assert waits == [1, 2, 3, 4, 5, 6, 6, 6]


def test_a_move_whose_nonce_went_to_one_of_an_earlier_life_is_sent_again_in_the_next_block(lives: Lives) -> None:
    lives.act(lives.hand(lives.lost(FeePolicy())), harmless("before"))
    after = lives.lost(FeePolicy(cap_wei=GWEI + GWEI // 2))
    hand = lives.hand(after)
    lives.act(hand, harmless("after"))
    assert any("underpriced" in facts["problem"] for facts in lives.told.named("l1_problem"))
    lives.stage.mine(1)
    lives.act(hand, harmless("after"))
    assert (hand.under_way, lives.pool) == (1, 1)
    lives.stage.mine(1)
    lives.act(hand)
    assert lives.told.named("moved") == [facts for facts in lives.told.named("moved") if facts["name"] == "after"] != []
    lives.stage.mine(3)
    lives.act(hand)
    assert (hand.under_way, lives.pool) == (0, 0), "the overtaken one is not sent beside its successor"
    assert after.idle("") == []


def test_what_lands_while_it_looks_is_told_in_its_order(lives: Lives, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others pump the same queue: here they do whenever the hand has asked how something fares."""
    queue = lives.lost()
    hand = lives.hand(queue)
    lives.act(hand, harmless("1"), harmless("2"))

    def with_others(ask: Callable[[Any], object]) -> Callable[[Any], object]:
        def ask_and_pump(of: Any) -> object:
            found = ask(of)
            lives.stage.mine(1)
            queue.pump()
            return found

        return ask_and_pump

    for name in ("get", "get_all"):
        monkeypatch.setattr(queue, name, with_others(getattr(queue, name)))
    hand.pump(lives.stage.client.head().number)
    monkeypatch.undo()
    lives.act(hand)
    assert [facts["name"] for facts in lives.told.named("moved")] == ["1", "2"]


def test_a_party_started_again_takes_back_what_is_not_signed_and_no_longer_due(lives: Lives) -> None:
    queue = lives.lost()
    lives.hand(queue).take([harmless("stale"), harmless("due")], lives.stage.client.head().number)
    assert len(queue.idle("due/")) == 2
    lives.act(lives.hand(queue), harmless("due"))
    assert (queue.idle("due/"), lives.pool) == ([], 1)
    lives.stage.mine(1)


def test_a_party_started_again_knows_what_its_queue_has_signed_for_an_effect_with_other_data(lives: Lives) -> None:
    queue = lives.lost()
    lives.act(lives.hand(queue), futile(b"\1"))
    lives.act(lives.hand(queue), futile(b"\2"))
    assert lives.pool == 1
    lives.stage.mine(1)
