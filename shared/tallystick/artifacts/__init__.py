"""The compiled contracts, as `make contracts` wrote them into this folder.

One JSON file a contract: a node or a test deploys and calls it with no compiler at hand. `make
check` compiles the sources again and fails where the two differ.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from tallystick.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A contract that can be deployed. Shape: the JSON file, with its hex decoded."""

    contract: str
    abi: Sequence[dict[str, Any]]
    bytecode: bytes
    deployed_bytecode: bytes
    immutable_references: tuple[tuple[int, int], ...]
    """Where the constructor fills the deployed code in: (offset, length), in bytes."""
    code_size: int


def names() -> tuple[str, ...]:
    """The contracts there are, in alphabetical order."""
    files = (entry.name for entry in resources.files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in files if name.endswith(".json")))


@functools.cache
def machine_version() -> str:
    """The machine the contracts were compiled for, as `tallystick.schema.version` names it."""
    return resources.files(__name__).joinpath("machine.txt").read_text(encoding="utf-8").strip()


@functools.cache
def load(name: str) -> Artifact:
    """Read the contract `name`.

    Raises: BadInput where there is no such contract.
    """
    if name not in names():
        raise BadInput(
            "there is no compiled contract of that name",
            hint="`make contracts` compiles what is under contracts/src",
            name=name,
            known=", ".join(names()),
        )
    text = resources.files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    fields = json.loads(text)
    return Artifact(
        contract=fields["contract"],
        abi=fields["abi"],
        bytecode=bytes.fromhex(fields["bytecode"]),
        deployed_bytecode=bytes.fromhex(fields["deployedBytecode"]),
        immutable_references=tuple((at, size) for at, size in fields["immutableReferences"]),
        code_size=fields["codeSize"],
    )
