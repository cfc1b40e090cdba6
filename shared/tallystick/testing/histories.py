"""Reference histories: what batches and messages lead to, state hash by state hash.

A refactoring of the machine changes none of them. `python -m tallystick.testing.histories PATH` writes them anew, which
only a changed rule or layout asks for.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tallystick.errors import DataMismatch
from tallystick.machine.engine import advance, halted
from tallystick.machine.machine import Machine
from tallystick.records.chunks import unpack_header
from tallystick.rollup.genesis import decode_genesis, genesis_state
from tallystick.schema.record_kinds import RECORDS
from tallystick.state.ordinals import BatchNumber
from tallystick.testing.published import Published
from tallystick.testing.scenarios import SCENARIOS
from tallystick.testing.scenarios.chance import walk
from tallystick.testing.scenarios.scene import Scene

RECORDED: Final = (
    *("forced_records", "forced_prices", "forced_sequence", "forced_wind_down", "refused_records", "messages_first"),
    *("padded_records", "bulks", "triggers", "pairs", "marks", "dead_makers", "self_trades", "agents", "shared_out"),
    *("flow_1", "mutations_0", "block_trades", "leaving", "cancels_before"),
)
WALKS: Final = {f"walk_{seed}": seed for seed in range(3)}
"""Histories by chance over every kind of record."""
WALK_ACTS: Final = 60
WALK_KINDS: Final = tuple(kind for kind in RECORDS if kind.number <= 23)
"""Those there were when the walks were recorded: with one more every choice of theirs would be another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What L1 held, from a genesis on, and what it led to.

    Shape: `states` has the number of steps so far and the state hash behind each batch.
    """

    name: str
    genesis: bytes
    published: Published
    states: tuple[tuple[int, bytes], ...] = ()


def replay(history: History) -> tuple[tuple[int, bytes], ...]:
    """Run a history and return the number of steps and the state hash behind each of its batches."""
    return tuple(_states(Machine(genesis_state(decode_genesis(history.genesis)), history.published)))


def check(history: History) -> None:
    """Replay a history and compare.

    Raises: DataMismatch, naming the first batch that leads elsewhere.
    """
    for batch, (actual, expected) in enumerate(zip(replay(history), history.states, strict=True)):
        if actual != expected:
            raise DataMismatch(
                "the machine leads a reference history elsewhere",
                history=history.name,
                batch=batch,
                expected=f"{expected[0]} steps to {expected[1].hex()}",
                actual=f"{actual[0]} steps to {actual[1].hex()}",
            )


def record() -> Iterator[History]:
    """Play every history that is recorded, and run it."""
    for name in (*RECORDED, *WALKS):
        scene = Scene()
        if name in WALKS:
            walk.play(scene, WALKS[name], WALK_ACTS, WALK_KINDS)
        else:
            SCENARIOS[name](scene)
        scene.finish()
        assert scene.start.hash() == genesis_state(scene.genesis).hash(), f"{name} begins with a state written by hand"
        made = History(name=name, genesis=scene.genesis.encode(), published=scene.published)
        yield History(name=name, genesis=made.genesis, published=made.published, states=replay(made))


def load(path: Path) -> tuple[History, ...]:
    """Read a file of histories."""
    return tuple(_decode(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines())


def _states(machine: Machine) -> Iterator[tuple[int, bytes]]:
    registers = machine.state.registers
    steps = 0
    while not halted(machine):
        batch = registers.batch_cursor
        while registers.batch_cursor == batch:
            advance(machine)
            steps += 1
        yield steps, machine.state.hash()


def _encode(history: History) -> dict[str, Any]:
    published = history.published
    batches = zip(published.headers, published.chunks, history.states, strict=True)
    return {
        "name": history.name,
        "genesis": history.genesis.hex(),
        "messages": [each.hex() for each in published.messages],
        "batches": [
            {
                "header": header.pack().hex(),
                "chunks": [chunk.hex() for chunk in chunks],
                "steps": steps,
                "state": state.hex(),
            }
            for header, chunks, (steps, state) in batches
        ],
    }


def _decode(fields: dict[str, Any]) -> History:
    batches = fields["batches"]
    return History(
        name=fields["name"],
        genesis=bytes.fromhex(fields["genesis"]),
        published=Published(
            batch_limit=BatchNumber(len(batches)),
            headers=[unpack_header(bytes.fromhex(each["header"])) for each in batches],
            chunks=[[bytes.fromhex(chunk) for chunk in each["chunks"]] for each in batches],
            messages=[bytes.fromhex(each) for each in fields["messages"]],
        ),
        states=tuple((each["steps"], bytes.fromhex(each["state"])) for each in batches),
    )


def main() -> int:
    """Write the file; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("path", type=Path, help="the file to write")
    path: Path = parser.parse_args().path
    lines = [json.dumps(_encode(each)) for each in record()]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    sys.stdout.write(f"histories: wrote {len(lines)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
