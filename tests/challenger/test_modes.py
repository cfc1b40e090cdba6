"""What each mode does and what it leaves undone, on a real L1 with the real contracts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.l1.sending.keys import KeyFile, save_key
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.party import Party
from tallystick.ports.system import SystemClock
from tallystick.rollup.views.assertion_view import Status
from tallystick.testing.l1_stage import PERIOD_BLOCKS, Stage, Told, account
from tallystick.testing.rogues.lies import LIES
from tallystick_challenger.config import ChallengerConfig
from tallystick_challenger.daemon import make_party

PATIENCE = 20
DISPUTE_ROUNDS = 200
Make = Callable[[Mode, Told], Party]


@pytest.fixture
def challenger(stage: Stage, tmp_path: Path) -> Iterator[Make]:
    """The party that `challenger run` would be in a mode."""
    save_key(account("challenger"), tmp_path / "key")
    made: list[Party] = []

    def make(mode: Mode, told: Told) -> Party:
        config = ChallengerConfig(
            rpc=(stage.server.url,),
            deployment=tmp_path / "deployment.json",
            data_dir=tmp_path / "data",
            mode=mode,
            key=None if mode is Mode.WATCH else KeyFile(path=tmp_path / "key"),
            poll_seconds=1,
            tag="latest",
            patience_blocks=PATIENCE,
        )
        made.append(make_party(config, told, SystemClock()))
        return made[-1]

    yield make
    for each in made:
        each.close()


def lie(stage: Stage) -> Party:
    """A liar's assertion is on L1; it will play for it, and clean up after nobody."""
    liar = stage.party("operator", Mode.PROPOSE, Told(), LIES["worse-fill"](bytes(20)).step)
    liar.tick()
    liar.identity = replace(liar.identity, duties=DUTIES[Mode.DEFEND])
    return liar


def sends_nothing(stage: Stage, party: Party) -> bool:
    """Whether a party lets things be, now and on its next looks: every transaction makes a block here."""
    before = stage.client.head().number
    for _ in range(3):
        party.tick()
    return stage.client.head().number == before


def play(stage: Stage, party: Party, liar: Party, until: Callable[[], bool]) -> None:
    for _ in range(DISPUTE_ROUNDS):
        before = stage.client.head().number
        party.tick()
        liar.tick()
        if until():
            return
        if stage.client.head().number == before:
            stage.mine(10)
    raise AssertionError("it did not come to that")


def won(party: Party) -> bool:
    return any(each.winner for each in party.challenge.disputes.values())


def test_watch_tells_of_a_lie_without_a_key_and_lets_it_be(stage: Stage, challenger: Make) -> None:
    lie(stage)
    told = Told()
    watcher = challenger(Mode.WATCH, told)
    assert sends_nothing(stage, watcher)
    assert watcher.queue is None
    assert told.named("assertion_wrong")


@pytest.mark.parametrize("mode", [Mode.DEFEND, Mode.RESOLVE])
def test_nobody_but_propose_asserts_where_nobody_lied(stage: Stage, challenger: Make, mode: Mode) -> None:
    party = challenger(mode, Told())
    stage.mine(PERIOD_BLOCKS)
    assert sends_nothing(stage, party)


def test_defend_leaves_a_true_assertion_alone_even_when_it_could_be_confirmed(stage: Stage, challenger: Make) -> None:
    stage.party("operator", Mode.PROPOSE, Told()).tick()
    party = challenger(Mode.DEFEND, Told())
    assert sends_nothing(stage, party)
    stage.mine(PERIOD_BLOCKS + 1)
    assert sends_nothing(stage, party)


def test_defend_asserts_and_plays_against_a_lie_until_it_has_won_and_no_further(stage: Stage, challenger: Make) -> None:
    liar = lie(stage)
    told = Told()
    party = challenger(Mode.DEFEND, told)
    play(stage, party, liar, lambda: won(party))
    assert told.named("asserted") and {each["move"] for each in told.named("moved")} >= {"openroot", "prove", "decide"}
    party.tick()
    stage.mine(PERIOD_BLOCKS)
    assert sends_nothing(stage, party)
    assert not (told.named("confirmed") or told.named("rejected") or told.named("settled"))


def test_resolve_confirms_rejects_settles_and_takes_its_money_back(stage: Stage, challenger: Make) -> None:
    liar = lie(stage)
    told = Told()
    party = challenger(Mode.RESOLVE, told)
    events = ("confirmed", "rejected", "settled", "bond_taken", "credit_withdrawn")
    play(stage, party, liar, lambda: all(map(told.named, events)))
    assert {each.status for each in party.rollup.assertions.values()} == {Status.CONFIRMED, Status.REJECTED}


def test_propose_leaves_the_operator_its_time_and_asserts_then(stage: Stage, challenger: Make) -> None:
    told = Told()
    party = challenger(Mode.PROPOSE, told)
    posted = stage.client.head().number
    assert sends_nothing(stage, party)
    stage.mine(PATIENCE - 1)
    assert sends_nothing(stage, party)
    stage.mine(1)
    party.tick()
    party.tick()
    assert told.named("asserted")[0]["block"] == posted + PATIENCE + 1


def test_propose_asserts_nothing_beside_an_operator_that_does(stage: Stage, challenger: Make) -> None:
    stage.party("operator", Mode.PROPOSE, Told()).tick()
    party = challenger(Mode.PROPOSE, Told())
    stage.mine(PATIENCE + 1)
    assert sends_nothing(stage, party)
