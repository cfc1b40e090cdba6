"""The Referee takes every step that Python takes, to the same state.

Where there is no pyrevm for the running Python, py-evm takes its place: the same checks, some minutes longer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tallystick.machine.engine import run
from tallystick.proof.tracer import Tracer
from tallystick.referee.runner import TwinRunner
from tallystick.referee.two_evms import PyEvm
from tallystick.schema.names import Outcome, Phase
from tallystick.state.ordinals import BatchNumber
from tallystick.testing import scenarios
from tallystick.testing.gas import Measured, gas_page, gas_table, measure
from tallystick.testing.scenarios.scene import ALL_STEPS, Scene
from tests.conftest import SUMMARY

ROOT = Path(__file__).resolve().parents[2]
GAS = ROOT / "contracts" / "snapshots" / "gas_steps.json"
PAGE = ROOT / "docs" / "tables" / "gas.md"
LEAST_STEPS = 14_000
"""Of the named scenarios; `test_seeded_steps.py` has as many again."""
TYPICAL_STEP_GAS = 1_000_000
MOST_STEP_GAS = 3_000_000
"""A fifth of what a transaction may use: a step that cannot be proven would stop the chain."""
PROVEN_ELEMENTS_GAS = 64 * 55_000
"""What proving a chunk in a blob adds, 50,000 of it the precompile's own price for an element."""


@cache
def checked(name: str) -> Measured:
    measured = measure(name)
    assert len(measured.costs) > 0
    return measured


@pytest.mark.parametrize("name", scenarios.NAMED)
def test_the_referee_comes_to_the_same_state_in_every_step_of(name: str) -> None:
    assert checked(name).costs


def test_every_step_ends_with_every_outcome_it_may_in_some_scenario(
    record_property: Callable[[str, object], None],
) -> None:
    total = scenarios.Coverage()
    for name in scenarios.NAMED:
        total.update(checked(name).coverage)
    reachable = {(phase, outcome) for phase, outcomes in scenarios.REACHABLE.items() for outcome in outcomes}
    assert set(scenarios.REACHABLE) == set(Phase)
    assert {outcome for _, outcome in reachable} - {scenarios.GOES_ON} == set(Outcome)
    assert set(total) == reachable, scenarios.table(total)
    assert total.total() >= LEAST_STEPS
    record_property(SUMMARY, scenarios.table(total))


def test_a_step_costs_the_gas_of_the_snapshot_and_of_its_page() -> None:
    table = gas_table(checked(name) for name in scenarios.NAMED)
    assert table == json.loads(GAS.read_text(encoding="utf-8")), "python contracts/tools/step_gas.py"
    assert gas_page(table) == PAGE.read_text(encoding="utf-8"), "python contracts/tools/step_gas.py"


@pytest.mark.parametrize("phase", Phase)
def test_at_its_largest_input_and_with_its_largest_proofs_a_step_stays_below_its_bounds(phase: Phase) -> None:
    row = json.loads(GAS.read_text(encoding="utf-8"))[phase.name]
    assert row["median"] < TYPICAL_STEP_GAS
    most = MOST_STEP_GAS if phase is not Phase.OPEN_CHUNK else MOST_STEP_GAS + PROVEN_ELEMENTS_GAS
    assert row["most"] <= row["most_fully_proven"] < most


@pytest.mark.parametrize("name", ["fills", "signatures", "messages", "skipped_chunks", "reports"])
def test_a_second_evm_says_the_same_and_takes_the_same_gas(name: str) -> None:
    played = scenarios.play(name)
    runner = TwinRunner(played.scene.published, PyEvm)
    limit = played.scene.published.batch_limit
    seen: set[tuple[int, Outcome | None]] = set()
    for (proof, outcome), (_, gas, _) in zip(played.steps(), checked(name).costs, strict=True):
        if (proof.phase, outcome) not in seen:
            assert runner.check(proof, limit) == gas
            seen.add((proof.phase, outcome))


def test_a_halted_machine_steps_to_itself() -> None:
    scene = Scene()
    scene.clock()
    scene.finish()
    machine = scene.machine_at_start()
    published = scene.published
    published.batch_limit = BatchNumber(0)
    tracer = Tracer(machine)
    first = tracer.prove()
    assert first.pre_hash == first.post_hash
    assert TwinRunner(published).check(first, 0) > 0
    published.batch_limit = BatchNumber(1)
    assert run(machine, ALL_STEPS) > 0
    last = Tracer(machine).prove()
    assert last.pre_hash == last.post_hash
    assert TwinRunner(published).check(last, 1) > 0
    more = TwinRunner(published).call(last.pre_hash, 1, last.witness[:-2] + b"\0\1\0")
    assert more.returned is None, "a halted machine reads no input"


def test_a_batch_that_is_not_there_cannot_be_opened() -> None:
    scene = Scene()
    scene.clock()
    scene.finish()
    machine = scene.machine_at_start()
    proof = Tracer(machine).prove()
    assert TwinRunner(scene.published).check(proof, 1) > 0
    scene.published.headers.pop()
    assert TwinRunner(scene.published).call(proof.pre_hash, 1, proof.witness).returned is None


def test_an_unknown_phase_is_refused() -> None:
    scene = Scene()
    machine = scene.machine_at_start()
    machine.state.registers.phase = len(Phase)
    tracer = Tracer(machine)
    witness = machine.state.registers.pack() + tracer.root + bytes(2)
    assert TwinRunner(scene.published).call(tracer.state_hash, 0, witness).returned is None
