"""All cells of one tag, as one flat vector of words."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64, mypyc_attr

from tallystick.state.layout import CELL_FORMATS, CELL_WORDS

SPARE_CELLS: Final = 64
"""Cells a table has room for when a step begins: more than any step opens (Witness.sol, MAX_CELLS)."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Watcher:
    """Told of every cell a step opens; the traced mode overrides it."""

    def opened(self, tag: int, index: int) -> None:
        """A step opened this cell."""


class Room:
    """Whether a table has become too small for one more step."""

    def __init__(self) -> None:
        self.short = False


class Table:
    """Flat storage of one cell tag.

    Shape: the cell with index i occupies `width` words from `words[rows[i]]`, one word a limb, each an i64. A cell
    that was never opened is all zeros.

    `words` moves when it grows. So that a step may hold it while it opens cells, `room.short` is set while there is
    still room for a step, and `reserve` makes more before the next one.
    """

    def __init__(self, tag: i64, room: Room) -> None:
        self.tag: Final = tag
        self.width: Final[i64] = CELL_WORDS[tag]
        self.words: vec[i64] = _zeros(self.width * SPARE_CELLS)
        self.used: i64 = 0
        self.rows: dict[int, int] = {}
        self.dirty: set[int] = set()
        self.watcher: Watcher | None = None
        self.room: Final = room

    def open(self, index: i64) -> i64:
        """Return the offset of a cell's first word, making room for it on first use."""
        base: i64 = self.rows.get(index, -1)
        if base < 0:
            base = self._add(index)
        if self.watcher is not None:
            self.watcher.opened(self.tag, index)
        return base

    def _add(self, index: i64) -> i64:
        base = self.used
        self.used = base + self.width
        if self.used > len(self.words):
            self.reserve()
        if len(self.words) - self.used < self.width * SPARE_CELLS:
            self.room.short = True
        self.rows[index] = base
        return base

    def reserve(self) -> None:
        """Make room for the cells of a step, moving `words` when there is too little."""
        if len(self.words) - self.used >= self.width * SPARE_CELLS:
            return
        held = self.words
        self.words = _zeros(2 * self.used + self.width * SPARE_CELLS)
        at: i64
        for at in range(len(held)):
            self.words[at] = held[at]

    def mark(self, index: i64) -> None:
        """Say that a cell was written, so that the next root takes it in."""
        self.dirty.add(index)

    def pack(self, index: i64) -> bytes:
        """Return a cell's packed value; empty bytes when it is all zeros."""
        base: i64 = self.rows.get(index, -1)
        if base < 0:
            return b""
        packed: bytes = CELL_FORMATS[self.tag].pack(*self.words[base : base + self.width])
        return packed if any(packed) else b""

    def load(self, index: i64, packed: bytes) -> None:
        """Set a cell from its packed value (empty bytes for zeros).

        Raises: OverflowError for a number beyond an i64, which no step writes.
        """
        base = self.open(index)
        values = CELL_FORMATS[self.tag].unpack(packed) if packed else (0,) * self.width
        for value in values:
            self.words[base] = value
            base += 1
        self.dirty.add(index)

    def copy_from(self, other: Table) -> None:
        """Become an independent copy of another table's cells."""
        self.words = other.words[:]
        self.used = other.used
        self.rows = other.rows.copy()
        self.dirty = other.dirty.copy()
        self.room.short = True


def _zeros(count: i64) -> vec[i64]:
    return vec[i64]([0] * count)
