"""A true state as bytes, and back: every cell, the registers, and the assertion that fixes them.

Shape: MAGIC, the head's length in 4 bytes, the head as MessagePack, then the cells of one table after the other,
deflated: each cell's index in 8 bytes and its packed value, the lowest index first. The head says how many there are.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

import msgspec

from tallystick.artifacts import machine_version
from tallystick.errors import StateError
from tallystick.rollup.views.assertion_view import Assertion
from tallystick.state.layout import CELL_BYTES, INDEX_BITS
from tallystick.state.ordinals import BatchNumber
from tallystick.state.state import State

MAGIC: Final = b"tallystick snapshot 1\n"
MOST_HEAD_BYTES: Final = 1 << 16
INDEX_BYTES: Final = 8
LEVEL: Final = 1
"""Of compression: the fastest. Cells are mostly zeros."""


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a snapshot says of itself; nothing of it is believed before the state hash is right.

    Shape: `cells` counts those of every table, by tag. Units: `limit` in batches, all below it are in the state.
    """

    machine: str
    assertion: bytes
    limit: BatchNumber
    registers: bytes
    cells: list[int]


def encode(assertion: Assertion, state: State) -> bytes:
    """Return the snapshot of the state of an assertion."""
    return encode_state(state, assertion.id, assertion.limit)


def encode_state(state: State, assertion: bytes, limit: BatchNumber) -> bytes:
    """Return the snapshot of a state that leads to an assertion or is its own."""
    counts = [0] * len(state.tables)
    body = bytearray()
    for tag, index, packed in state.cells():
        counts[tag - 1] += 1
        body += index.to_bytes(INDEX_BYTES, "big")
        body += packed
    head = msgspec.msgpack.encode(
        Head(
            machine=machine_version(),
            assertion=assertion,
            limit=limit,
            registers=state.registers.pack(),
            cells=counts,
        )
    )
    return MAGIC + len(head).to_bytes(4, "big") + head + zlib.compress(body, LEVEL)


def read_head(data: bytes) -> tuple[Head, int]:
    """Return a snapshot's head and where its cells begin; the rest of the bytes need not be there.

    Raises: StateError when this is no snapshot, or one of another machine.
    """
    at = len(MAGIC) + 4
    size = int.from_bytes(data[len(MAGIC) : at], "big")
    if data[: len(MAGIC)] != MAGIC or not 0 < size <= min(MOST_HEAD_BYTES, len(data) - at):
        raise StateError("this is no snapshot")
    try:
        head = msgspec.msgpack.decode(data[at : at + size], type=Head)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StateError("the snapshot's head is damaged") from error
    if head.machine != machine_version():
        raise StateError("the snapshot is of another version of the machine", machine=head.machine)
    return head, at + size


def decode(data: bytes, state_hash: bytes) -> State:
    """Return the state in a snapshot: the one with this hash, whatever else the snapshot says.

    Raises: StateError when it is anything else.
    """
    head, at = read_head(data)
    state = State()
    try:
        state.registers.load(head.registers)
        _load_cells(state, head.cells, zlib.decompress(data[at:]))
    except (zlib.error, struct.error, OverflowError, ValueError) as error:
        raise StateError("the snapshot is damaged") from error
    found = state.hash()
    if found != state_hash:
        raise StateError("the snapshot holds another state", expected=state_hash, found=found)
    return state


def _load_cells(state: State, counts: list[int], body: bytes) -> None:
    """Raises: ValueError when the bytes are not the cells announced, in order, none of them empty."""
    if len(counts) != len(state.tables) or min(counts) < 0:
        raise ValueError("another number of tables")
    sizes = [count * (INDEX_BYTES + CELL_BYTES[tag]) for tag, count in enumerate(counts, start=1)]
    if sum(sizes) != len(body):
        raise ValueError("another number of cells")
    at = 0
    for table, count in zip(state.tables, counts, strict=True):
        width = CELL_BYTES[table.tag]
        before = -1
        for _ in range(count):
            index = int.from_bytes(body[at : at + INDEX_BYTES], "big")
            packed = body[at + INDEX_BYTES : at + INDEX_BYTES + width]
            if not before < index < 1 << INDEX_BITS or not any(packed):
                raise ValueError("cells out of order")
            table.load(index, packed)
            before = index
            at += INDEX_BYTES + width
