"""Witnesses tampered with: none may lead the Referee to a state other than the true one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Final

from tallystick.proof.tracer import INPUT_LENGTH_BYTES, StepProof
from tallystick.state.layout import CELL_BYTES, REGISTERS_BYTES, TREE_DEPTH
from tallystick.state.tree import BITMAP_BYTES, EMPTY

INPUT_AT: Final = REGISTERS_BYTES + 32
"""Where the length of the input is: behind the registers and the root."""


def cells_at(proof: StepProof) -> Iterator[tuple[int, int, int]]:
    """Yield where each cell's value, its proof and its end are in the witness."""
    at = INPUT_AT + INPUT_LENGTH_BYTES
    at += int.from_bytes(proof.witness[INPUT_AT:at], "big")
    for access in proof.accesses:
        value, at = at, at + CELL_BYTES[access.tag]
        siblings = int.from_bytes(proof.witness[at : at + BITMAP_BYTES], "big").bit_count()
        end = at + BITMAP_BYTES + 32 * siblings
        yield value, at, end
        at = end


def fully_proven(proof: StepProof) -> bytes:
    """Spell out every sibling, as in a tree without an empty subtree beside any path: the largest witness of the step.

    It says the same, and the Referee takes it.
    """
    witness, copied = b"", 0
    for _, at, end in cells_at(proof):
        bitmap = int.from_bytes(proof.witness[at : at + BITMAP_BYTES], "big")
        given = iter(range(at + BITMAP_BYTES, end, 32))
        siblings = (
            proof.witness[(k := next(given)) : k + 32] if bitmap >> height & 1 else EMPTY[height]
            for height in range(TREE_DEPTH)
        )
        witness += proof.witness[copied:at] + bytes([255] * BITMAP_BYTES) + b"".join(siblings)
        copied = end
    return witness + proof.witness[copied:]


def flip(proof: StepProof, chance: random.Random) -> bytes:
    """Flip one to three bits."""
    changed = bytearray(proof.witness)
    for _ in range(chance.randint(1, 3)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def truncate(proof: StepProof, chance: random.Random) -> bytes:
    """Cut bytes off the end, or out of the middle."""
    witness = proof.witness
    if chance.random() < 0.5:
        return witness[: chance.randrange(len(witness))]
    at = chance.randrange(len(witness))
    return witness[:at] + witness[at + chance.randint(1, 64) :]


def extend(proof: StepProof, chance: random.Random) -> bytes:
    """Put bytes behind the end, or into the middle."""
    witness = proof.witness
    at = chance.choice([len(witness), chance.randrange(len(witness))])
    more = chance.choice([b"\0", bytes(32), chance.randbytes(chance.randint(1, 64)), witness[-64:]])
    return witness[:at] + more + witness[at:]


def reorder(proof: StepProof, chance: random.Random) -> bytes:
    """Move a cell with its proof before the one it follows."""
    places = list(cells_at(proof))
    if len(places) < 2:
        return flip(proof, chance)
    i = chance.randrange(len(places) - 1)
    first, middle, end = places[i][0], places[i + 1][0], places[i + 1][2]
    witness = proof.witness
    return witness[:first] + witness[middle:end] + witness[first:middle] + witness[end:]


def swap(proof: StepProof, chance: random.Random) -> bytes:
    """Put another cell of the same witness in a cell's place, or an empty value."""
    places = list(cells_at(proof))
    if not places:
        return extend(proof, chance)
    value, _, end = chance.choice(places)
    other_value, _, other_end = chance.choice(places)
    witness = proof.witness
    if value == other_value:
        length = CELL_BYTES[proof.accesses[[place[0] for place in places].index(value)].tag]
        return witness[:value] + bytes(length) + witness[value + length :]
    return witness[:value] + witness[other_value:other_end] + witness[end:]


MUTATIONS: Final[dict[str, Callable[[StepProof, random.Random], bytes]]] = {
    "flip": flip,
    "truncate": truncate,
    "extend": extend,
    "reorder": reorder,
    "swap": swap,
}
