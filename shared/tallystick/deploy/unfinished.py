"""What a deployment under way leaves on disk, so that one that was broken off goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tallystick.errors import BadInput, ConfigError, StateError


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A deployment as it began. `nonce` is the deployer's first; `terms` are the file's, as they were read."""

    chain_id: int
    deployer: str
    nonce: int
    first_block: int
    terms: str


def plan_path(record: Path) -> Path:
    """Return where the plan of a record's deployment is kept until the record is written."""
    return record.with_name(record.name + ".unfinished")


def spelled(terms: Mapping[str, Any]) -> str:
    """Return terms in the one way in which equal ones are spelled."""
    return json.dumps(terms, sort_keys=True, default=str)


def begun(path: Path, wanted: Plan) -> Plan:
    """Return the plan that was begun there; without one, begin the wanted one, before anything is sent.

    Raises: BadInput when it cannot be written; ConfigError when it cannot be read; StateError when what was begun is
    another deployment.
    """
    if not path.exists():
        try:
            path.write_text(json.dumps(asdict(wanted)) + "\n", encoding="utf-8")
        except OSError as error:
            raise BadInput(
                "the record cannot be written there, so nothing is deployed",
                path=str(path.parent),
                reason=error.strerror,
            ) from error
        return wanted
    try:
        found = Plan(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError("what is left of a broken-off deployment cannot be read", path=str(path)) from error
    mine = (wanted.chain_id, wanted.deployer, wanted.terms)
    if (found.chain_id, found.deployer, found.terms) != mine:
        raise StateError(
            "another deployment was broken off there",
            hint="give it its chain, its key and its terms again, or another --out; deleting that file gives it up",
            path=str(path),
            deployer=found.deployer,
            chain_id=found.chain_id,
        )
    return found
