"""The past as one endpoint claims it: any event of it left out, doubled, moved or exchanged is refuted, or changes nothing that
a party would do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tallystick.errors import DataError
from tallystick.l1.abi import contract_abi
from tallystick.l1.client.access import Contract
from tallystick.l1.client.events import EventReader, L1Event
from tallystick.l1.client.http_client import L1Client
from tallystick.party.commitments import check_commitments
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.mind import Mind
from tallystick.party.party import Identity
from tallystick.ports.system import SystemClock
from tallystick.state.ordinals import BlockNumber, UnixSeconds
from tallystick.testing.l1_stage import PERIOD_BLOCKS, Stage, Told, trade_a_little
from tallystick.testing.rogues.nest import theft
from tallystick.testing.world import address
from tests.adversaries.nest import nest_on

CHALLENGER = "challenger"
EVE = address("eve")
WEI = 10**18
Due = list[tuple[str, str, str]]


class Remembering(L1Client):
    """Asks each call of a block once: nearly the same is asked for every claim."""

    def __init__(self, url: str) -> None:
        super().__init__(url, clock=SystemClock())
        self.answers: dict[tuple[Any, ...], bytes] = {}

    def contract(self, name: str, address: bytes) -> Contract:
        return Contract(client=self, abi=contract_abi(name), address=address)

    def call(self, to: bytes, data: bytes, **more: Any) -> bytes:
        key = to, data, more["block"]
        if key not in self.answers:
            self.answers[key] = super().call(to, data, **more)
        return self.answers[key]

    def call_many(self, calls: Sequence[tuple[bytes, bytes]], **more: Any) -> list[bytes]:
        return [self.call(to, data, **more) for to, data in calls]


class Past:
    """Everything that L1 has logged, and what a party does that believes some of it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.client = Remembering(stage.chain.endpoint)
        self.events: list[L1Event] = []
        reader, complete = EventReader(stage.client, stage.deployment), False
        while not complete:
            batch = reader.poll()
            self.events += batch.events
            complete = batch.complete

    def until(self, block: int) -> list[L1Event]:
        """Return what was logged up to a block."""
        return [each for each in self.events if each.block <= block]

    def due(self, events: Sequence[L1Event], block: int) -> Due | None:
        """Return what a party would do that is told these events up to a block, None where it does not believe them."""
        deployment, role = self.stage.deployment, Identity(duties=DUTIES[Mode.RESOLVE])
        me = address(CHALLENGER)
        mind = Mind(deployment.config, deployment.genesis_state_hash, role, lambda name, facts: None, me=me)
        try:
            mind.take(events, BlockNumber(block), UnixSeconds(0), complete=True)
            check_commitments(
                self.client,
                deployment.addresses.all(),
                BlockNumber(block),
                inbox=mind.inbox,
                rollup=mind.rollup,
                challenge=mind.challenge,
                credits_=mind.credits,
                payee=me,
            )
        except (DataError, KeyError):
            return None
        mind.judge()
        return sorted((each.name, each.call.function, repr(each.call.arguments)) for each in role.strategy(mind))


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """A dispute that is settled, nothing of its pot left and its lie not yet rejected; then one that is being fought out."""
    terms: dict[str, Any] = {
        "open_reward_wei": WEI // 2,
        "bisect_reward_wei": 0,
        "prove_reward_wei": 0,
        "challenge_bond_wei": WEI,
    }
    stage = Stage(tmp_path_factory.mktemp("claims"), **terms)
    trade_a_little(stage)
    stage.publish()
    nest, told = nest_on(stage), Told()
    honest = stage.party(CHALLENGER, Mode.RESOLVE, told)
    honest.tick()
    lie = nest.lie_below(honest.rollup.genesis_id, theft(0, EVE, 5))
    while not told.named("asserted"):
        honest.tick()
    nest.open_root(lie)
    while not told.named("settled"):
        honest.tick()
        stage.mine(1 if honest.busy else PERIOD_BLOCKS // 4)
    stage.begin()
    stage.publish()
    stage.mine(2)
    lie = nest.lie_below(honest.rollup.latest_confirmed, theft(1, EVE, 7))
    while len(told.named("asserted")) < 2:
        honest.tick()
    nest.halve(lie, nest.open_root(lie))
    for _ in range(6):
        honest.tick()
    yield Past(stage)
    stage.close()


def lies_about(events: list[L1Event], step: int) -> Iterator[tuple[str, list[L1Event]]]:
    """Give the lists that lack an event, and those that have each so many in another way."""
    for at, event in enumerate(events):
        before, behind = events[:at], events[at + 1 :]
        yield f"without {event.name} {at}", [*before, *behind]
        if at % step:
            continue
        yield f"{event.name} {at} twice", [*before, event, event, *behind]
        yield (
            f"{event.name} {at} a block sooner",
            [*before, replace(event, block=BlockNumber(event.block - 1)), *behind],
        )
        yield f"{event.name} {at} behind the next one", [*before, *behind[:1], event, *behind[1:]]


@pytest.mark.parametrize(("moment", "step"), [("settled, and nothing else", 3), ("in the middle of the next one", 9)])
def test_p09_any_event_left_out_doubled_moved_or_exchanged_is_refuted_or_changes_nothing_that_is_done(
    moment: str, step: int, past: Past
) -> None:
    settled = next(each.block for each in past.events if each.name == "DisputeSettled")
    block = settled if moment.startswith("settled") else past.events[-1].block - 1
    truth = past.until(block)
    expected = past.due(truth, block)
    assert expected, "there is something to do"
    refuted = 0
    for what, claim in lies_about(truth, step):
        found = past.due(claim, block)
        refuted += found is None
        assert found in (None, expected), what
    assert refuted > len(truth) // 2
