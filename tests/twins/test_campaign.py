"""The campaign counts what it checks, goes on where it stopped, and finds what is wrong."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tallystick.errors import BadInput, DataMismatch
from tallystick.proof.tracer import StepProof
from tallystick.referee.runner import TwinRunner
from tallystick.referee.two_evms import Answer
from tallystick.testing import mutations
from tallystick.testing.campaigns import step_campaign as campaign
from tallystick.testing.scenarios import SCENARIOS, Played

SEEDED = len(SCENARIOS)


def first_fetch() -> tuple[StepProof, TwinRunner, int]:
    scene = campaign.history(SEEDED)
    steps = Played(name="seeded", scene=scene).steps()
    proof = next(proof for proof, _ in steps if proof.accesses)
    return proof, TwinRunner(scene.published), scene.published.batch_limit


def test_a_campaign_goes_on_where_it_stopped(tmp_path: Path) -> None:
    state = tmp_path / "place" / "twins.json"
    first = campaign.run(1, state, jobs=1, mutate_every=2)
    assert first.histories == 1
    assert sum(first.mutations.values()) > 0
    second = campaign.run(first.steps + 1, state, jobs=1, mutate_every=2)
    assert second.histories == 2
    assert second.steps > first.steps
    assert campaign.Tally.from_json(state.read_text(encoding="utf-8")) == second
    assert f"{second.steps:,} steps of 2 histories" in campaign.report(second)


def test_a_seeded_history_is_checked_step_by_step() -> None:
    tally = campaign.check(SEEDED, mutate_every=3)
    assert tally.steps > 500
    assert sum(tally.coverage.values()) == tally.steps
    assert sum(tally.mutations.values()) > 100


def test_a_state_file_that_is_none_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "twins.json"
    state.write_text('{"histories": 3}', encoding="utf-8")
    with pytest.raises(BadInput, match="state file"):
        campaign.run(1, state, jobs=1, mutate_every=2)


def test_what_no_history_reached_is_named() -> None:
    gaps = campaign.missing(campaign.Tally())
    assert "OPEN_BATCH goes on" in gaps
    assert "not reached: " in campaign.report(campaign.Tally())


def test_a_witness_that_leads_elsewhere_is_found() -> None:
    proof, runner, limit = first_fetch()

    class Gullible(TwinRunner):
        def call(self, pre: bytes, limit: int, witness: bytes) -> Answer:
            return Answer(returned=bytes(32), gas=0)

    with pytest.raises(DataMismatch, match="tampered"):
        campaign.tamper(proof, Gullible(runner.published), limit, random.Random(1), campaign.Tally())


@pytest.mark.parametrize("name", mutations.MUTATIONS)
def test_every_kind_of_tampering_changes_the_witness_and_is_refused(name: str) -> None:
    proof, runner, limit = first_fetch()
    for seed in range(20):
        witness = mutations.MUTATIONS[name](proof, random.Random(seed))
        if witness != proof.witness:
            assert runner.call(proof.pre_hash, limit, witness).returned in (None, proof.post_hash)
