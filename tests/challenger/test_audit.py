"""Auditing batches step by step in the Referee that is on L1."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tallystick.drawing import plain
from tallystick.errors import BadInput
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.state.ordinals import BatchNumber
from tallystick.state.quantities import Units
from tallystick.testing.l1_stage import Stage, trade_a_little
from tallystick_challenger.cli import app
from tallystick_challenger.evidence import audit as auditing
from tallystick_challenger.verification.verdicts import read_all


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("audit")
    made = Stage(folder)
    trade_a_little(made)
    made.publish()
    made.begin()
    made.world.order(1, 0, 0, 617_970, 5)
    made.publish()
    made.deployment.save(folder / "deployment.json")
    yield made
    made.close()


def run(stage: Stage, *more: str) -> Result:
    record = str(stage.folder / "deployment.json")
    return CliRunner().invoke(app, ["audit", "--deployment", record, "--rpc", stage.server.url, *more])


def facts(stage: Stage, *more: str) -> dict[str, Any]:
    result = run(stage, "--json", *more)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_every_step_of_all_batches_agrees_with_the_referee_on_l1(stage: Stage) -> None:
    found = facts(stage)
    assert (found["right"], found["wrong"], found["first_batch"], found["last_batch"]) == (True, None, 0, 1)
    assert found["state_hash"] == "0x" + stage.world.state.hash().hex()
    assert found["steps"] == sum(found["by_phase"].values()) > 40
    assert {"FETCH_RECORD", "MATCH_MAKER", "REST_ORDER", "COMMIT_MEDIAN", "WITHDRAW"} <= set(found["by_phase"])


def test_one_batch_alone_is_audited_from_where_the_one_before_ends(stage: Stage) -> None:
    both, second = facts(stage), facts(stage, "--batch", "1")
    assert second["state_hash"] == both["state_hash"]
    assert second["steps"] + facts(stage, "--to", "0")["steps"] == both["steps"]
    said = run(stage, "--batch", "1").stdout
    assert "batches 1 to 1" in said and "the same state in every one of them" in said


def test_the_code_is_that_of_l1(stage: Stage) -> None:
    addresses = stage.deployment.addresses
    image = auditing.Chain(stage.client, stage.deployment).image
    assert image.referee.address == addresses.referee
    assert [each.address for each in image.steps] == list(addresses.steps.values())
    assert all(each.code == stage.client.code(each.address) != b"" for each in (image.inbox, *image.steps))


def test_a_machine_that_does_something_else_is_found_at_its_step(stage: Stage) -> None:
    def lie(machine: Machine) -> None:
        withdrawn = machine.state.registers.withdrawn_units
        engine.step(machine)
        if machine.state.registers.withdrawn_units != withdrawn:
            machine.state.registers.fees_units = Units(machine.state.registers.fees_units + 1)

    party = read_all(stage.client, stage.deployment)
    party.identity = replace(party.identity, step=lie)
    found = auditing.audit(party, BatchNumber(0), BatchNumber(0))
    assert found.wrong is not None and found.wrong["phase"] == "WITHDRAW"
    page = plain(*auditing.audit_page(auditing.audit_facts(found)))
    assert "the Referee on L1 disagrees" in page and "phase: WITHDRAW" in page


@pytest.mark.parametrize("more", [("--batch", "2"), ("--from", "1", "--to", "0"), ("--batch", "0", "--to", "1")])
def test_batches_that_are_not_there_are_refused(stage: Stage, more: tuple[str, ...]) -> None:
    result = run(stage, *more)
    assert isinstance(result.exception, BadInput)
