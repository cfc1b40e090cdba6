"""A trace on disk: what a folder holds of it, and what each file must say to be believed.

Shape: `plan` says whose trace this is; `inputs` is what L1 holds for it; `survey` what a run without roots found.
Number N's `.part` is the subtree over 2^segment leaves from N * 2^segment on, without its lowest `bottom` levels, which
are computed anew when they are asked for; number N's `.state` is the state before the first of these leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from tallystick.errors import StateError
from tallystick.machine.machine import Inputs
from tallystick.rollup.segments import Extract
from tallystick.rollup.snapshots.diskfile import read_sealed, write_sealed
from tallystick.rollup.snapshots.snapshot import decode, encode_state
from tallystick.state.hashing import keccak
from tallystick.state.ordinals import BatchNumber
from tallystick.state.state import State

SEGMENT: Final = 16
"""Steps of a part, as a power of two: some seconds of work, which is what a crash costs a process."""
BOTTOM: Final = 8
"""Levels that are left out, so that a step takes 64 / 2^8 bytes: a quarter of one."""
WAYPOINT_BYTES: Final = 4
"""Of states, a step: large ones are kept at fewer places."""
HASH_BYTES: Final = 32
INPUTS: Final = "inputs"
PLAN: Final = "plan"
SURVEY: Final = "survey"


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose trace this is: all that decides a single node of it, and how it is cut.

    Shape: `start` and `end` are state hashes, `inputs` the hash of what L1 holds.
    """

    machine: str
    height: int
    assertion: bytes
    start: bytes
    end: bytes
    limit: BatchNumber
    inputs: bytes
    segment: int
    bottom: int

    @property
    def key(self) -> str:
        """The name of the trace's folder: another trace has another one."""
        return keccak(msgspec.msgpack.encode(self)).hex()[:32]

    @property
    def part_steps(self) -> int:
        """Steps of a part."""
        return 1 << self.segment


class Survey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a run without roots found: the steps up to the halt, and the hashes of the states kept on the way."""

    steps: int
    waypoints: dict[int, bytes]

    def parts(self, plan: Plan) -> int:
        """How many parts hold a step."""
        return -(-self.steps // plan.part_steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The nodes over one part's leaves.

    Shape: `first` and `last` are the state hashes before and after it; `nodes` are its levels from `bottom` up to the
    one node over all of it, one level after the other. Right of the last step is padding.
    """

    first: bytes
    last: bytes
    nodes: bytes

    def node(self, plan: Plan, height: int, index: int) -> bytes:
        """Return a node by its height and its place among those of its height in this part."""
        before = sum(1 << (plan.segment - below) for below in range(plan.bottom, height))
        at = (before + index) * HASH_BYTES
        return self.nodes[at : at + HASH_BYTES]

    @property
    def root(self) -> bytes:
        """The node over all of it."""
        return self.nodes[-HASH_BYTES:]


def write_plan(folder: Path, plan: Plan) -> None:
    """Raises: OSError when the disk will not have it."""
    write_sealed(folder / PLAN, msgspec.msgpack.encode(plan))


def write_inputs(folder: Path, inputs: Extract) -> None:
    """Raises: OSError when the disk will not have it."""
    write_sealed(folder / INPUTS, msgspec.msgpack.encode(inputs))


def read_plan(folder: Path) -> Plan:
    """Return a folder's plan.

    Raises: StateError.
    """
    return msgspec.msgpack.decode(read_sealed(folder / PLAN), type=Plan)


def read_inputs(folder: Path) -> Inputs:
    """Return what L1 holds for a trace, as one machine sees it.

    Raises: StateError.
    """
    inputs = msgspec.msgpack.decode(read_sealed(folder / INPUTS), type=Extract)
    inputs.batch_limit = inputs.end
    return inputs


def write_survey(folder: Path, survey: Survey) -> None:
    """Raises: OSError when the disk will not have it."""
    write_sealed(folder / SURVEY, msgspec.msgpack.encode(survey))


def read_survey(folder: Path) -> Survey:
    """Raises: StateError when there is none yet."""
    return msgspec.msgpack.decode(read_sealed(folder / SURVEY), type=Survey)


def write_state(folder: Path, plan: Plan, number: int, state: State) -> int:
    """Keep the state before a part; return the bytes it takes.

    Raises: OSError when the disk will not have it.
    """
    data = encode_state(state, plan.assertion, plan.limit)
    write_sealed(_state(folder, number), data)
    return len(data)


def read_state(folder: Path, number: int, state_hash: bytes) -> State:
    """Return the state before a part.

    Raises: StateError when it is not there or another one.
    """
    return decode(read_sealed(_state(folder, number)), state_hash)


def has_state(folder: Path, number: int) -> bool:
    """Whether there is a file that says it is the state before a part."""
    return _state(folder, number).is_file()


def write_part(folder: Path, number: int, part: Part) -> None:
    """Raises: OSError when the disk will not have it."""
    write_sealed(_part(folder, number), part.first + part.last + part.nodes)


def read_part(folder: Path, plan: Plan, number: int) -> Part:
    """Return a part.

    Raises: StateError when it is not there or damaged.
    """
    data = read_sealed(_part(folder, number))
    if len(data) != HASH_BYTES * ((2 << (plan.segment - plan.bottom)) + 1):
        raise StateError("the part of a trace has another size", path=str(_part(folder, number)))
    return Part(first=data[:32], last=data[32:64], nodes=data[64:])


def inputs_hash(inputs: Extract) -> bytes:
    """Return what fixes the inputs: every header, which commits to its chunks, and every message."""
    parts: list[bytes] = [keccak(header.pack()) for header in inputs.headers]
    messages: Sequence[bytes] = [keccak(message) for message in inputs.messages]
    return keccak(b"".join([*parts, *messages]))


def _part(folder: Path, number: int) -> Path:
    return folder / f"{number:06}.part"


def _state(folder: Path, number: int) -> Path:
    return folder / f"{number:06}.state"
