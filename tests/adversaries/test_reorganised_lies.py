"""What a party must not remember of blocks that L1 takes back.

A lie may come again as the truth: its name fixes parent and state, not the inputs it is judged by.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.l1.client.logstore import LogStore
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.party import Identity, Party
from tallystick.rollup.views.assertion_view import assertion_id
from tallystick.state.state import state_hash
from tallystick.testing.l1_stage import Stage, Told
from tests.adversaries.reorganised import replace_blocks

State = tuple[bytes, bytes]
"""A state's root and packed registers."""


def states_after(stage: Stage, batches: int) -> list[State]:
    """Return the states after one batch, two, and so on, as anybody computes them who knows the records."""
    judge = stage.party("watch", Mode.WATCH, Told())
    judge.tick()
    assert judge.replayer is not None
    machine = Machine(judge.replayer.state(judge.rollup.genesis_id).copy(), stage.world.published)
    found: list[State] = []
    while machine.state.registers.batch_cursor < batches:
        engine.step(machine)
        registers = machine.state.registers
        if engine.halted(machine) or (registers.batch_cursor > len(found) and registers.phase == 0):
            found.append((machine.state.commit(), registers.pack()))
    return found


def post(stage: Stage, who: str, parent: bytes, limit: int, state: State) -> bytes:
    """Post an assertion with a bond of its own; return its name."""
    stage.fund(who)
    bond = stage.deployment.config.assertion_bond_wei
    stage.transact(who, f"post {limit}", "Rollup", "post", parent, limit, *state, bytes(32), value_wei=bond)
    return assertion_id(parent, state_hash(*state))


def test_L01_what_stood_on_a_lie_is_seen_when_other_blocks_make_the_lie_true(stage: Stage) -> None:
    for _ in range(3):
        stage.world.seal()
    first, _, third, fourth = states_after(stage, 4)
    honest = stage.party("challenger", Mode.WATCH, Told())
    honest.tick()
    genesis = honest.rollup.genesis_id
    before = stage.client.head().number

    parent = post(stage, "eve", genesis, 1, first)
    for number in (1, 2):
        stage._post(number)
    lie = post(stage, "eve", parent, 2, third)
    child = post(stage, "eve", lie, 3, fourth)
    honest.tick()
    assert honest.mind.is_right(lie) is False and child not in honest.rollup.assertions

    replace_blocks(stage, stage.client.head().number - before)
    for _ in range(3):  # the batches are sent again, and now come first
        stage.queues["operator"].pump()
        stage.mine(1)
    assert post(stage, "mallory", genesis, 1, first) == parent
    assert post(stage, "mallory", parent, 3, third) == lie
    stage._post(3)
    assert post(stage, "mallory", lie, 4, fourth) == child
    honest.tick()
    assert honest.mind.is_right(lie) and child in honest.rollup.assertions


@pytest.mark.parametrize("stays", [True, False])
def test_L01_a_party_that_was_away_while_blocks_were_taken_back_forgets_what_its_disk_tells_of_them(
    stage: Stage, tmp_path: Path, stays: bool
) -> None:
    """With and without the same assertion, of another block, on the branch there is now."""

    def party() -> Party:
        store = LogStore(tmp_path / "events.sqlite", b"here")
        identity = Identity(duties=DUTIES[Mode.WATCH])
        return Party(stage.client, stage.deployment, identity, Told(), store=store)

    first = states_after(stage, 1)[0]
    stage.mine(3)
    before = party()
    before.tick()
    posted = post(stage, "eve", before.rollup.genesis_id, 1, first)
    before.tick()
    before.close()
    assert posted in before.rollup.assertions
    replace_blocks(stage, 2)
    if stays:
        assert post(stage, "mallory", before.rollup.genesis_id, 1, first) == posted
    stage.mine(2)
    for _ in range(2):
        after = party()
        while not after.tick():
            pass
        after.close()
        assert after.rollup.assertions == views_of(stage).rollup.assertions
        assert (posted in after.rollup.assertions) == stays


def views_of(stage: Stage) -> Party:
    """Return a party that reads everything anew."""
    fresh = Party(stage.client, stage.deployment, Identity(duties=DUTIES[Mode.WATCH]), Told())
    fresh.tick()
    return fresh
