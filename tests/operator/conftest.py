"""Rigs and scenes for the operator's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick_operator.sequencer.sealing import CorePolicy
from tests.operator.rig import MakeRig, Rig
from tests.operator.scene import Scene, scene_in


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[MakeRig]:
    built: list[Rig] = []

    def build(policy: CorePolicy | None = None) -> Rig:
        rig = Rig(path=tmp_path, policy=policy or CorePolicy())
        rig.open()
        built.append(rig)
        return rig

    yield build
    for rig in built:
        rig.log.close()


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    rig = make_rig()
    rig.set_up()
    return rig


@pytest.fixture(scope="module")
def shared_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One rig for tests that change nothing others could notice."""
    rig = Rig(path=tmp_path_factory.mktemp("shared"))
    rig.open()
    rig.set_up()
    yield rig
    rig.log.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A whole operator and its surroundings."""
    with scene_in(tmp_path) as scene:
        yield scene
