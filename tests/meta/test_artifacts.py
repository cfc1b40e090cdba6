"""The committed contracts read back as what was compiled."""

from __future__ import annotations

import json

import pytest

from tallystick import artifacts
from tallystick.errors import BadInput
from tests.meta.tree import ROOT

SNAPSHOTS = ROOT / "contracts" / "snapshots"


def test_every_contract_has_an_artifact_and_snapshots() -> None:
    sizes = json.loads((SNAPSHOTS / "sizes.json").read_text())
    assert artifacts.names() == tuple(sorted(sizes))
    for name in artifacts.names():
        artifact = artifacts.load(name)
        assert artifact.contract == name
        assert len(artifact.deployed_bytecode) == artifact.code_size == sizes[name]["code"]
        assert len(artifact.bytecode) == sizes[name]["initcode"]
        for at, size in artifact.immutable_references:
            assert artifact.deployed_bytecode[at : at + size] == bytes(size)
        assert (SNAPSHOTS / "abi" / f"{name}.txt").is_file()
        assert (SNAPSHOTS / "storage" / f"{name}.json").is_file()


def test_an_unknown_contract_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadInput) as caught:
        artifacts.load("Nonesuch")
    assert "make contracts" in caught.value.hint
