"""Neither side works on contracts that are not connected as the record says, nor with a key that may not post."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tallystick.deploy.deploy import check_deployment
from tallystick.errors import ConfigError, StateError
from tallystick.l1.sending.keys import save_key
from tallystick.state.ordinals import BlockNumber
from tallystick.testing.l1_stage import account
from tests.operator.scene import Scene, scene_in


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene_in(tmp_path_factory.mktemp("connections")) as found:
        yield found


def test_a_record_is_what_is_on_chain(scene: Scene) -> None:
    client, record = scene.stage.client, scene.stage.deployment
    check_deployment(client, record)
    steps = dict(record.addresses.steps)
    swapped = {**steps, "OpenBatch": steps["OpenBatch"], "Withdraw": steps["OpenBatch"]}
    for changed in (
        replace(record, first_block=BlockNumber(10**9)),
        replace(record, genesis_state_hash=bytes(32)),
        replace(record, addresses=replace(record.addresses, steps={})),
        replace(record, addresses=replace(record.addresses, steps=dict(reversed(steps.items())))),
        replace(record, addresses=replace(record.addresses, steps=swapped)),
        replace(record, addresses=replace(record.addresses, token=b"\x01" * 20)),
        replace(record, config=replace(record.config, sequencer=b"\x01" * 20)),
        replace(record, config=replace(record.config, challenge_period_blocks=7)),
    ):
        with pytest.raises(StateError):
            check_deployment(client, changed)


def test_another_key_than_the_sequencers_may_not_take_orders(scene: Scene) -> None:
    save_key(account("alice"), scene.folder / "alice.key")
    config = {"key_file": str(scene.folder / "alice.key"), "data_dir": str(scene.folder / "other")}
    with pytest.raises(ConfigError, match="may not post"):
        scene.start(**config)
