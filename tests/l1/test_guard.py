"""Nobody plays against contracts, settings or a machine that this package does not know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, Final

import pytest

from tallystick import artifacts
from tallystick.deploy.deploy import check_deployment, check_machine
from tallystick.errors import StateError
from tallystick.testing.l1_stage import Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("guard"))
    yield made
    made.close()


def test_the_deployed_contracts_pass(stage: Stage) -> None:
    check_deployment(stage.client, stage.deployment)


NO_CONTRACTS: Final = {"answer_blocks", "censored_blocks", "roots_per_second"}
"""What the record says of parties and of L1: no contract knows it, so none can contradict it."""


def test_a_record_with_any_other_setting_is_refused(stage: Stage) -> None:
    """Immutable values are masked in the code, and compared with the record one by one."""
    config = stage.deployment.config
    names = [field.name for field in fields(config) if field.name not in {"token", *NO_CONTRACTS}]
    assert len(names) > 15
    for name in names:
        value = getattr(config, name)
        changed: dict[str, Any] = {name: bytes(19) + b"\1" if isinstance(value, bytes) else value + 1}
        other = replace(config, **changed)
        with pytest.raises(StateError, match="not connected as the record says"):
            check_deployment(stage.client, replace(stage.deployment, config=other))


def test_other_code_is_refused_even_when_the_record_vouches_for_it(stage: Stage) -> None:
    """The liar wrote the record: its hashes fit his contracts, and only this package's artifacts tell."""
    deployment = stage.deployment
    steps = dict(deployment.addresses.steps)
    steps["MatchMaker"] = steps["RestOrder"]
    hashes = {**deployment.code_hashes, "MatchMaker": deployment.code_hashes["RestOrder"]}
    addresses = replace(deployment.addresses, steps=steps)
    with pytest.raises(StateError, match="not this version's code") as caught:
        check_deployment(stage.client, replace(deployment, addresses=addresses, code_hashes=hashes))
    assert caught.value.data["contract"] == "MatchMaker"


def test_immutable_values_are_masked_where_the_compiler_put_them() -> None:
    assert any(artifacts.load(name).immutable_references for name in ("Inbox", "Vault", "Rollup", "Challenge"))


def test_contracts_compiled_for_another_machine_are_refused() -> None:
    check_machine(artifacts.machine_version())
    with pytest.raises(StateError, match="compiled for another machine"):
        check_machine("00" * 32)
