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
from tallystick.rollup.replay import Replayer


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


def verdicts(party: Party, first_batch: int = 0, last_batch: int | None = None) -> Iterator[Verdict]:
    """Replay from genesis and judge, in the order they were posted, the assertions about a range of batches."""
    replayer = party.replayer
    if replayer is None:
        return
    end = party.inbox.batch_count if last_batch is None else last_batch + 1
    for verdict in _all(party, replayer):
        read_from = party.rollup.assertions[verdict.assertion.parent].limit
        if first_batch < verdict.assertion.limit and read_from < end:
            yield verdict


def _all(party: Party, replayer: Replayer) -> Iterator[Verdict]:
    sound: dict[bytes, tuple[str, ...]] = {}
    for assertion in party.rollup.assertions.values():
        if assertion.id == party.rollup.genesis_id:
            continue
        if not replayer.knows(assertion.parent):
            yield Verdict(assertion=assertion, right=None, steps=0, expected=b"")
            continue
        expected = replayer.expected(party.rollup.assertions[assertion.parent])
        if expected is not None:
            if expected.id not in sound:
                sound[expected.id] = broken(replayer.states[expected.id])
            yield Verdict(
                assertion=assertion,
                right=expected.id == assertion.id,
                steps=expected.steps,
                expected=expected.state_hash,
                broken=sound[expected.id],
            )
            replayer.forget(party.rollup)
