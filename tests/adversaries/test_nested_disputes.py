"""Disputes below disputes: rivals under a true and under a false parent, while nobody knows yet which is which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tallystick.dispute.edge_view import ChallengeView
from tallystick.l1.client.events import EventReader
from tallystick.machine.machine import Machine
from tallystick.party.duties import Mode
from tallystick.party.party import Party
from tallystick.rollup.views.assertion_view import Assertion, RollupView, Status
from tallystick.testing.l1_stage import FUND_WEI, Stage, Told, finished
from tallystick.testing.rogues.lies import make_lie
from tallystick.testing.world import address
from tests.adversaries.rules import must_hold, refusal

ROUNDS = 600
FIRST, SECOND, LATE = "operator", "sybil 1", "sybil 2"
"""Two who share a lie in the first batch and part ways in the second, and one who lies in the second alone."""


def two_lies() -> Callable[[Machine], None]:
    """Return a step that tells the first liar's lie in the first batch, and one of its own from the second on."""
    early, late = make_lie("worse-fill", bytes(20)), make_lie("random-root", bytes(20), 1)
    return lambda machine: (late if machine.state.registers.batch_cursor else early).step(machine)


def liars(stage: Stage) -> list[Party]:
    steps = {
        FIRST: make_lie("worse-fill", bytes(20)).step,
        SECOND: two_lies(),
        LATE: make_lie("random-root", bytes(20), 1).step,
    }
    return [stage.party(name, Mode.PROPOSE, Told(), step) for name, step in steps.items()]


@dataclass(slots=True)
class Eyes:
    """L1 as it is, with all that stands on lies, which an honest party passes over."""

    stage: Stage
    rollup: RollupView = field(init=False)
    challenge: ChallengeView = field(init=False)

    def look(self) -> None:
        """Read everything anew."""
        self.rollup, self.challenge = RollupView(), ChallengeView()
        for event in EventReader(self.stage.client, self.stage.deployment).poll():
            self.rollup.apply(event)
            self.challenge.apply(event)

    def of(self, name: str) -> list[Assertion]:
        """Return a name's assertions."""
        return [each for each in self.rollup.assertions.values() if each.proposer == address(name)]


def test_C02_D20_rivals_below_rivals_are_played_at_once_and_fall_with_their_parents(stage: Stage) -> None:
    """Two batches. Two sybils stand on a false parent and dispute each other's child there; a third agrees with the truth
    in the first batch and lies in the second. The honest party plays the true parent's dispute and its child's at the
    same time, decides each as soon as it is ripe, and wins both in little more than one period. It neither judges nor
    keeps what the liars do on their own lie, which can never be confirmed.
    """
    stage.begin()
    stage.publish()
    told = Told()
    honest = stage.party("challenger", Mode.PROPOSE, told)
    began = stage.client.head().number
    ends = play(stage, [honest, *liars(stage)], honest)
    eyes = Eyes(stage)
    eyes.look()

    parent, child = eyes.of("challenger")
    assert child.parent == parent.id
    assert honest.rollup.latest_confirmed == child.id
    assert stage.world.state.hash() == child.state_hash
    under_truth = [each for each in eyes.of(LATE) if each.parent == parent.id]
    false_parents = {each.parent for each in eyes.of(SECOND)} - {parent.parent}
    under_lie = [each for each in eyes.rollup.assertions.values() if each.parent in false_parents]
    assert len(under_truth) == 1
    assert {each.proposer for each in under_lie} == {address(FIRST), address(SECOND)}
    assert {each.status for each in honest.wrong} == {Status.REJECTED}
    assert {each.id for each in under_lie}.isdisjoint(honest.rollup.assertions)
    assert {each.status for each in under_lie} <= {Status.PENDING, Status.REJECTED}
    assert {each.parent for each in honest.challenge.disputes.values()} == {parent.parent, parent.id}
    assert {each.parent for each in eyes.challenge.disputes.values()} >= false_parents
    assert both_at_once(told, parent, child)
    assert ends - began < 2 * stage.deployment.config.challenge_period_blocks
    closed_for_good(stage, eyes, false_parents)
    must_hold(stage, honest, before_wei=FUND_WEI)


def play(stage: Stage, parties: list[Party], honest: Party) -> int:
    """Play until the honest side's disputes are settled and nothing true is pending; return the block of that."""
    for _ in range(ROUNDS):
        before = stage.client.head().number
        for each in parties:
            each.tick()
        if finished(honest) and len(honest.challenge.disputes) == 2:
            return stage.client.head().number
        if stage.client.head().number == before:
            stage.mine(10)
    raise AssertionError(f"not over within {ROUNDS} rounds")


def both_at_once(told: Told, parent: Assertion, child: Assertion) -> bool:
    """Whether a move for the child was made before the parent was confirmed."""
    names = [(name, facts.get("assertion")) for name, facts in told.events]
    confirmed = min(names.index(("confirmed", each.id)) for each in (parent, child) if ("confirmed", each.id) in names)
    return names.index(("moved", child.id)) < confirmed


def closed_for_good(stage: Stage, eyes: Eyes, false_parents: set[bytes]) -> None:
    """Nothing can be asserted below the lie any more, and nothing there is confirmed, whatever its dispute decides."""
    bond = stage.deployment.config.assertion_bond_wei
    for parent in false_parents:
        children = [eyes.rollup.assertions[each] for each in eyes.rollup.children[parent]]
        arguments = (parent, children[0].limit, bytes(32), children[0].registers, bytes(32))
        assert refusal(stage, FIRST, "Rollup", "post", *arguments, value_wei=bond) == "ParentRejected"
        for child in children:
            if child.status is Status.PENDING:
                assert refusal(stage, FIRST, "Rollup", "confirm", [child.id]) == "ParentNotLatest"
