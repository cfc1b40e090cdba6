"""Which machine this is: a digest of everything the two languages must agree on."""

from __future__ import annotations

import functools
from hashlib import sha256

from tallystick.schema.targets import arguments_target, solidity_target

RENDERED = (
    solidity_target.render_cells,
    solidity_target.render_names,
    solidity_target.render_records,
    solidity_target.render_registers,
    arguments_target.render_solidity_fields,
    arguments_target.render_solidity,
)


@functools.cache
def machine_version() -> str:
    """Return the digest of the cells, registers, phases, outcomes, constants and records that are declared here, and of what a
    record sets.
    """
    return sha256("".join(render() for render in RENDERED).encode()).hexdigest()
