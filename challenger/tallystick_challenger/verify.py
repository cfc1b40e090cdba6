"""Replaying what L1 holds and comparing it with what was asserted, without a key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tallystick.dispute.party import Identity, Party
from tallystick.l1.client import L1Client
from tallystick.l1.deploy import check_deployment
from tallystick.l1.deployment import Deployment
from tallystick.rollup.assertion_view import Assertion
from tallystick.rollup.duties import DUTIES, Mode
from tallystick.rollup.invariants import broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a replay says of an assertion: `right` is None when it stands on a wrong one."""

    assertion: Assertion
    right: bool | None
    steps: int
    expected: bytes
    broken: tuple[str, ...] = ()


def read_all(client: L1Client, deployment: Deployment) -> Party:
    """Read L1 to its head and return the views.

    Raises: StateError when the contracts are not the ones this version knows.
    """
    check_deployment(client, deployment)
    party = Party(client, deployment, Identity(duties=DUTIES[Mode.WATCH]), lambda name, facts: None)
    while not party.read():
        pass
    return party


def verdicts(party: Party) -> Iterator[Verdict]:
    """Replay every assertion in the order it was posted."""
    replayer = party.replayer
    if replayer is None:
        return
    for assertion in party.rollup.assertions.values():
        if assertion.id == party.rollup.genesis_id:
            continue
        if not replayer.knows(assertion.parent):
            yield Verdict(assertion=assertion, right=None, steps=0, expected=b"")
            continue
        expected = replayer.expected(party.rollup.assertions[assertion.parent])
        if expected is not None:
            yield Verdict(
                assertion=assertion,
                right=expected.id == assertion.id,
                steps=expected.steps,
                expected=expected.state_hash,
                broken=broken(replayer.states[expected.id]),
            )
