"""An operator and a challenger in one thread: nothing waits, and time is what the test says it is."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.journal import Journal
from tallystick.l1.sending.keys import KeyFile, save_key
from tallystick.party.duties import Mode
from tallystick.records.codec import Record
from tallystick.records.signing import make, sign
from tallystick.shapes.submitting import Answer
from tallystick.testing.handclock import HandClock
from tallystick.testing.l1_stage import PERIOD_BLOCKS, account
from tallystick.testing.world import key, ordinary_rules
from tallystick_challenger.config import ChallengerConfig
from tallystick_challenger.daemon import make_party
from tallystick_challenger.telling.teller import Teller, Telling
from tallystick_challenger.watching.watch import BUSY_SECONDS, Watch
from tallystick_operator.daemon import Operator
from tallystick_operator.intake.door import check_signature
from tests.operator.scene import Scene

POLL_SECONDS = 5.0


class Village:
    """One operator, one challenger and their L1. `pass_time` lets each do what is due at a moment, in this order."""

    def __init__(self, scene: Scene) -> None:
        self.scene, folder = scene, scene.folder
        self.clock = HandClock()
        config = scene.config(poll_seconds=POLL_SECONDS, json_log=True)
        self.operator = Operator(config, clock=self.clock)
        save_key(account("challenger"), folder / "challenger.key")
        watched = ChallengerConfig(
            rpc=config.rpc,
            deployment=folder / "deployment.json",
            data_dir=folder / "watch",
            mode=Mode.RESOLVE,
            key=KeyFile(path=folder / "challenger.key"),
            poll_seconds=POLL_SECONDS,
            tag="latest",
        )
        watched.data_dir.mkdir()
        self.journal = Journal(watched.data_dir / "events.jsonl", clock=self.clock)
        teller = Teller(Telling(), self.journal, self.clock)
        self.party = make_party(watched, teller.report, self.clock)
        self.watch = Watch(self.party, teller, poll_seconds=POLL_SECONDS, rivals=1)

    def pass_time(self, seconds: float, blocks: int = 0) -> float:
        """Return how long the challenger would wait then."""
        self.clock.passed += seconds
        if blocks:
            self.scene.stage.mine(blocks)
        sequencer = self.operator._sequencer
        sequencer.step()
        for name in ("publisher", "asserter"):
            assert self.operator.duties[name].step() in (0.0, POLL_SECONDS)
        return self.watch.look()

    def send(self, record: Record, by: str) -> str:
        domain = self.operator._sequencer.core.domain
        reply = self.operator._sequencer.submit([check_signature(sign(record, domain, key(by)), domain)])
        self.operator._sequencer.step()
        answer = reply.result(0)[0]
        assert isinstance(answer, Answer), answer
        return answer.outcome

    def told(self) -> list[str]:
        """Return the names of what operator and challenger have told, each in its order."""
        paths = (self.scene.folder / "data" / "events.jsonl", self.party_events)
        return [json.loads(line)["event"] for path in paths for line in path.read_text().splitlines()]

    @property
    def party_events(self) -> Path:
        return self.scene.folder / "watch" / "events.jsonl"

    def close(self) -> None:
        self.party.close()
        self.journal.close()
        self.operator._server.stop()
        self.operator._closing.close()


@pytest.fixture
def village(scene: Scene) -> Iterator[Village]:
    made = Village(scene)
    yield made
    made.close()


def test_a_batch_is_sealed_posted_asserted_and_confirmed_in_one_thread_without_a_wait(village: Village) -> None:
    threads = threading.active_count()
    village.scene.stage.deposit("alice")
    village.pass_time(1.0, blocks=1)
    assert village.send(make("list_market", market=1, **ordinary_rules()), "governance") == "ACCEPTED"
    pauses = [village.pass_time(1.0, blocks=1) for _ in range(3)]
    assert {"batch_sealed", "batch_posted", "asserted", "caught_up", "assertion_ok"} <= set(village.told())
    assert set(pauses) <= {0.0, BUSY_SECONDS, POLL_SECONDS}
    for _ in range(3):
        village.pass_time(60.0, blocks=PERIOD_BLOCKS // 2)
    assert "confirmed" in village.told()
    assert threading.active_count() == threads and not village.clock.pauses
