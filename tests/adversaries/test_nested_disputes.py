"""Disputes below disputes: rivals under a true and under a false parent, while nobody knows yet which is which."""

from __future__ import annotations

from collections.abc import Callable

from tallystick.dispute.moves import call_for
from tallystick.dispute.party import Party
from tallystick.dispute.player import Decide
from tallystick.machine.machine import Machine
from tallystick.rollup.assertion_view import Assertion, Status
from tallystick.rollup.duties import Mode
from tallystick.testing.stage import FUND_WEI, Stage, Told
from tallystick.testing.world import address
from tallystick_operator.lies import make_lie
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


def of(party: Party, name: str) -> list[Assertion]:
    """Return a name's assertions."""
    return [each for each in party.rollup.assertions.values() if each.proposer == address(name)]


def test_C02_D20_rivals_below_rivals_are_played_at_once_and_fall_with_their_parents(stage: Stage) -> None:
    """Two batches. Two sybils stand on a false parent and dispute each other's child there; a third agrees with the truth
    in the first batch and lies in the second. The honest party plays the true parent's dispute and its child's at the
    same time, wins both in little more than one period, and has nothing to do with what the liars do on their own lie."""
    stage.begin()
    stage.publish()
    told = Told()
    honest = stage.party("challenger", Mode.PROPOSE, told)
    began = stage.client.head().number
    ends = play(stage, [honest, *liars(stage)], honest)

    parent, child = of(honest, "challenger")
    assert child.parent == parent.id
    assert honest.rollup.latest_confirmed == child.id
    assert stage.world.state.hash() == child.state_hash
    under_truth = [each for each in of(honest, LATE) if each.parent == parent.id]
    false_parents = {each.parent for each in of(honest, SECOND)} - {parent.parent}
    under_lie = [each for each in honest.rollup.assertions.values() if each.parent in false_parents]
    assert len(under_truth) == 1
    assert {each.proposer for each in under_lie} == {address(FIRST), address(SECOND)}
    fallen = [each.status for name in (FIRST, SECOND, LATE) for each in of(honest, name)]
    assert set(fallen) == {Status.REJECTED}
    contested = {each.parent for each in honest.challenge.disputes.values()}
    assert contested == {parent.parent, parent.id, *false_parents}
    assert both_at_once(told, parent, child)
    assert ends - began < 2 * stage.deployment.config.challenge_period_blocks
    closed_for_good(stage, honest, false_parents)
    must_hold(stage, honest, liars=(FIRST, SECOND, LATE), before_wei=FUND_WEI)


def play(stage: Stage, parties: list[Party], honest: Party) -> int:
    """Play until the honest side's disputes are settled and nothing is pending; return the block of that.

    While the first parent is open its child's dispute is played, but never decided before it.
    """
    for _ in range(ROUNDS):
        before = stage.client.head().number
        for each in parties:
            each.tick()
        rollup, disputes = honest.rollup, honest.challenge.disputes.values()
        early = [one for one in disputes if rollup.assertions[one.parent].status is not Status.CONFIRMED]
        assert not any(one.winner for one in early)
        confirmed = [one for one in disputes if one not in early]
        standing = [each for each in rollup.assertions.values() if each.status is Status.PENDING]
        if confirmed and all(one.settled for one in confirmed) and not standing:
            return stage.client.head().number
        if stage.client.head().number == before:
            stage.mine(10)
    raise AssertionError(f"not over within {ROUNDS} rounds")


def both_at_once(told: Told, parent: Assertion, child: Assertion) -> bool:
    """Whether a move for the child was made before the parent was confirmed."""
    names = [(name, facts.get("assertion")) for name, facts in told.events]
    return names.index(("moved", child.id)) < names.index(("confirmed", parent.id))


def closed_for_good(stage: Stage, honest: Party, false_parents: set[bytes]) -> None:
    """Nothing below the lie can be asserted, opened, decided or paid out any more."""
    bond = stage.deployment.config.assertion_bond_wei
    for dispute in honest.challenge.disputes.values():
        if dispute.parent not in false_parents:
            continue
        children = honest.rollup.children[dispute.parent]
        again = honest.rollup.assertions[children[0]]
        arguments = (dispute.parent, again.limit, bytes(32), again.registers)
        assert refusal(stage, FIRST, "Rollup", "post", *arguments, value_wei=bond) == "ParentRejected"
        for child in children:
            assert refusal(stage, FIRST, "Rollup", "confirm", child) == "NotPending"
            for root in honest.challenge.roots.get(child, []):
                call = call_for(Decide(root=honest.challenge.edges[root].edge, openings=()), 0)
                assert refusal(stage, FIRST, "Challenge", call.function, *call.arguments) == "ParentNotConfirmed"
        assert refusal(stage, FIRST, "Challenge", "settle", dispute.id, []) == "NotDecided"
        assert not dispute.winner and not dispute.settled
