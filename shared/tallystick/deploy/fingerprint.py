"""The machine against its own fingerprint: short histories, and what the machine of this version makes of them.

The digest in machine.txt says that both languages declare the same. This says that the Python that runs here, compiled
or not, still does what it did when the contracts were compiled: a changed rule, a broken build or a stale library ends
in another state, and who plays a dispute with that loses its bond.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from typing import Any, Final

from tallystick.errors import BadInput, StateError
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.records.chunks import BatchHeader, chunks_hash
from tallystick.rollup.genesis import decode_genesis, genesis_state
from tallystick.state.ordinals import BatchNumber, UnixSeconds

FILE: Final = "probe.jsonl"
MOST_STEPS: Final = 1 << 16
NOBODY: Final = bytes(20)
Step = Callable[[Machine], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One history from a genesis, as the machine's inputs.

    Shape: a batch is (time, until, message limit, chunks); `digest` is what running it must give, empty when not known yet.
    """

    name: str
    genesis: bytes
    batches: tuple[tuple[int, int, int, tuple[bytes, ...]], ...]
    messages: tuple[bytes, ...]
    digest: bytes = b""


class CaseInputs:
    """A history as the machine reads it."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self.batch_limit = BatchNumber(len(case.batches))

    def batch(self, index: BatchNumber) -> BatchHeader:
        """Return a batch's header."""
        time, until, message_limit, chunks = self._case.batches[index]
        return BatchHeader(
            time=UnixSeconds(time),
            until=UnixSeconds(until),
            message_limit=message_limit,
            poster=NOBODY,
            chunk_count=len(chunks),
            chunks_hash=chunks_hash(list(chunks)),
        )

    def chunk(self, batch: BatchNumber, index: int) -> bytes:
        """Return one chunk of a batch."""
        return self._case.batches[batch][3][index]

    def blobs_of(self, batch: BatchNumber) -> tuple[bytes, ...]:
        """Return none: its chunks are given as they are."""
        return ()

    def message(self, index: int) -> bytes:
        """Return one L1 message."""
        return self._case.messages[index]


def run_case(case: Case, step: Step = engine.step) -> bytes:
    """Run a history to its end; return the digest of every step's phase and outcome and of the last state."""
    machine = Machine(genesis_state(decode_genesis(case.genesis)), CaseInputs(case))
    registers = machine.state.registers
    hashed = sha256()
    for _ in range(MOST_STEPS):
        if engine.halted(machine):
            break
        phase = int(registers.phase)
        step(machine)
        hashed.update(bytes((phase, int(registers.outcome))))
    hashed.update(machine.state.hash())
    return hashed.digest()


def check_probe(cases: Sequence[Case] | None = None, step: Step = engine.step) -> None:
    """Refuse a machine that does not do what this version's machine does.

    Raises: StateError, naming the first history that ends otherwise.
    """
    if cases is None and step is engine.step:
        _check_own()
        return
    for case in load() if cases is None else cases:
        try:
            actual = run_case(case, step)
        except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, AssertionError) as error:
            raise _other(case, f"{type(error).__name__}: {error}") from error
        if actual != case.digest:
            raise _other(case, "0x" + actual.hex())


@functools.cache
def _check_own() -> None:
    """Check once in a process."""
    check_probe(load())


def _other(case: Case, actual: str) -> StateError:
    return StateError(
        "the machine here does not do what this version's machine does",
        hint="install this version anew (a compiled machine may be a stale one: `make native`); who changed the "
        "machine on purpose writes `python -m tallystick.testing.probe` and compiles the contracts anew",
        history=case.name,
        expected=case.digest,
        actual=actual,
    )


def load() -> tuple[Case, ...]:
    """Return the histories of this version.

    Raises: StateError when there are none, or they are damaged.
    """
    try:
        text = resources.files("tallystick.artifacts").joinpath(FILE).read_text(encoding="utf-8")
        cases = tuple(decode(json.loads(line)) for line in text.splitlines())
    except (OSError, ValueError, KeyError, TypeError, BadInput) as error:
        raise StateError("the machine's fingerprint cannot be read", hint="install this version anew") from error
    if not cases:
        raise StateError("the machine's fingerprint is empty", hint="install this version anew")
    return cases


def decode(fields: dict[str, Any]) -> Case:
    """Return the case of a line of the file."""
    return Case(
        name=fields["name"],
        genesis=bytes.fromhex(fields["genesis"]),
        batches=tuple(
            (each["time"], each["until"], each["messages"], tuple(bytes.fromhex(chunk) for chunk in each["chunks"]))
            for each in fields["batches"]
        ),
        messages=tuple(bytes.fromhex(each) for each in fields["messages"]),
        digest=bytes.fromhex(fields["digest"]),
    )


def encode(case: Case) -> dict[str, Any]:
    """Return the fields of a line of the file."""
    return {
        "name": case.name,
        "digest": case.digest.hex(),
        "genesis": case.genesis.hex(),
        "batches": [
            {"time": time, "until": until, "messages": limit, "chunks": [chunk.hex() for chunk in chunks]}
            for time, until, limit, chunks in case.batches
        ],
        "messages": [each.hex() for each in case.messages],
    }
