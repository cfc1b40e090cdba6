"""From a fraud on L1 to the first move against it there is one look at L1: no second one, no pause in between."""

from __future__ import annotations

import pytest

from tallystick.party.duties import Mode
from tallystick.party.party import Party
from tallystick.testing.l1_stage import Stage, Told
from tallystick.testing.rogues.lies import LIES


@pytest.fixture
def eyes(stage: Stage) -> Party:
    return stage.party("eyes", Mode.WATCH, Told())


def lie(stage: Stage, who: str, mode: Mode, name: str) -> None:
    """Have one posted."""
    stage.party(who, mode, Told(), LIES[name](bytes(20)).step).tick()


def test_a_lie_that_stands_alone_has_the_truth_beside_it_after_one_look(stage: Stage, eyes: Party) -> None:
    told = Told()
    challenger = stage.party("challenger", Mode.DEFEND, told)
    challenger.tick()
    assert not told.named("assertion_wrong")
    lie(stage, "operator", Mode.PROPOSE, "worse-fill")

    challenger.tick()

    assert len(told.named("assertion_wrong")) == 1
    eyes.read()
    false, true = eyes.rollup.children[eyes.rollup.genesis_id]
    assert challenger.queue is not None
    assert eyes.rollup.assertions[true].proposer == challenger.queue.address
    assert eyes.rollup.assertions[true].block == eyes.rollup.assertions[false].block + 1


def test_a_lie_beside_the_truth_is_disputed_after_one_look(stage: Stage, eyes: Party) -> None:
    stage.party("operator", Mode.PROPOSE, Told()).tick()
    told = Told()
    challenger = stage.party("challenger", Mode.DEFEND, told)
    challenger.tick()
    assert told.named("assertion_ok") and not eyes.challenge.disputes
    lie(stage, "mallory", Mode.DEFEND, "steal-withdrawal")
    eyes.read()
    (true, false) = eyes.rollup.children[eyes.rollup.genesis_id]
    assert not eyes.challenge.disputes

    challenger.tick()

    assert [facts["assertion"] for facts in told.named("assertion_wrong")] == [false]
    eyes.read()
    (dispute,) = eyes.challenge.disputes.values()
    assert dispute.parent == eyes.rollup.genesis_id
    assert eyes.challenge.roots[true], "its side of the dispute is open"
    assert eyes.head == eyes.rollup.assertions[false].block + 1, "in the very next block"


def test_a_challenger_that_starts_late_needs_one_look_as_well(stage: Stage, eyes: Party) -> None:
    lie(stage, "operator", Mode.PROPOSE, "mint-deposit")
    stage.mine(50)
    stage.party("challenger", Mode.DEFEND, Told()).tick()
    eyes.read()
    assert len(eyes.rollup.children[eyes.rollup.genesis_id]) == 2
