"""All cells of one tag, as one flat vector of words."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64, mypyc_attr

from tallystick.state.layout import CELL_FORMATS, CELL_WORDS
from tallystick.state.packing import pack_cell

SPARE_CELLS: Final = 64
"""Cells a table has room for when a step begins: more than any step opens (Witness.sol, MAX_CELLS)."""

FEWEST_LATELY: Final = 1 << 6
MOST_LATELY: Final = 1 << 15
"""Cells of a table found without its dictionary: a power of two, growing with the table up to a quarter megabyte."""


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

    Shape: the cell with index i occupies `width` words from `words[rows[i]]`, one word a limb, each an i64; the word
    before them says whether it is dirty. A cell that was never opened is all zeros.

    `words` moves when it grows. So that a step may hold it while it opens cells, `room.short` is set while there is
    still room for a step, and `reserve` makes more before the next one.

    `rows` is a dictionary of Python integers; compiled, a cell that was opened lately is found without it.
    """

    def __init__(self, tag: i64, room: Room) -> None:
        self.tag: Final[i64] = tag
        self.width: Final[i64] = CELL_WORDS[tag]
        self.words: vec[i64] = _filled(0, (self.width + 1) * SPARE_CELLS)
        self.used: i64 = 0
        self.rows: dict[int, int] = {}
        self.watcher: Watcher | None = None
        self.room: Final = room
        self._mask: i64 = FEWEST_LATELY - 1
        self._lately: vec[i64] = _filled(-1, FEWEST_LATELY)
        self._bases: vec[i64] = _filled(0, FEWEST_LATELY)
        self._dirty: vec[i64] = _filled(0, SPARE_CELLS)
        self.dirty_count: i64 = 0

    def row(self, index: i64) -> i64:
        """Return the offset of a cell's first word, making room for it on first use; `open` in the table of a kind."""
        slot = _slot(index, self._mask)
        base = self._bases[slot] if self._lately[slot] == index else self._look_up(index)
        if self.watcher is not None:
            self.watcher.opened(self.tag, index)
        return base

    def nth(self, place: i64) -> i64:
        """Return the offset of the cell that was opened as the one of this number, from 0; nothing is remembered of it."""
        return place * (self.width + 1) + 1

    def _look_up(self, index: i64) -> i64:
        base: i64 = self.rows.get(index, -1)
        if base < 0:
            base = self._add(index)
        slot = _slot(index, self._mask)
        self._lately[slot] = index
        self._bases[slot] = base
        return base

    def _add(self, index: i64) -> i64:
        base = self.used + 1
        self.used += self.width + 1
        if self.used > len(self.words):
            self.reserve()
        if len(self.words) - self.used < (self.width + 1) * SPARE_CELLS:
            self.room.short = True
        self.rows[index] = base
        if len(self.rows) > self._mask and self._mask < MOST_LATELY - 1:
            self._mask = 2 * self._mask + 1
            self._lately = _filled(-1, self._mask + 1)
            self._bases = _filled(0, self._mask + 1)
        return base

    def reserve(self) -> None:
        """Make room for the cells of a step, moving `words` when there is too little."""
        spare = (self.width + 1) * SPARE_CELLS
        if len(self.words) - self.used < spare:
            self.words = _grown(self.words, 2 * self.used + spare)

    def mark(self, index: i64) -> None:
        """Say that a cell was written, so that the next root takes it in."""
        slot = _slot(index, self._mask)
        base = self._bases[slot] if self._lately[slot] == index else self._look_up(index)
        if self.words[base - 1] == 0:
            self.words[base - 1] = 1
            if self.dirty_count == len(self._dirty):
                self._dirty = _grown(self._dirty, 2 * self.dirty_count)
            self._dirty[self.dirty_count] = index
            self.dirty_count += 1

    def clear(self, index: i64) -> None:
        """Zero every word of an opened cell, and mark it: what is left is the empty cell."""
        base = self._look_up(index)
        at: i64
        for at in range(base, base + self.width):
            self.words[at] = 0
        self.mark(index)

    def held(self, index: i64) -> vec[i64]:
        """Return a copy of an opened cell's words, the one before them first: what `put_back` takes."""
        base = self._look_up(index)
        return self.words[base - 1 : base + self.width]

    def put_back(self, index: i64, held: vec[i64]) -> None:
        """Make an opened cell again what `held` has copied."""
        base = self._look_up(index) - 1
        at: i64
        for at in range(len(held)):
            self.words[base + at] = held[at]

    def cut_back(self, used: i64, dirty_count: i64) -> None:
        """Forget the cells that were opened since the table used so many words, and the marks since so many.

        What was written into the cells that stay must have been put back.
        """
        self.dirty_count = dirty_count
        while self.used > used:
            index, base = self.rows.popitem()
            slot = _slot(index, self._mask)
            if self._lately[slot] == index:
                self._lately[slot] = -1
            at: i64
            for at in range(base - 1, base + self.width):
                self.words[at] = 0
            self.used -= self.width + 1

    def dirty(self) -> list[int]:
        """Return the indices of the cells that were written since the last root."""
        return list(self._dirty[: self.dirty_count])

    def settle(self) -> None:
        """Say that the root has taken every cell in."""
        number: i64
        for number in range(self.dirty_count):
            self.words[self._look_up(self._dirty[number]) - 1] = 0
        self.dirty_count = 0

    def pack(self, index: i64) -> bytes:
        """Return a cell's packed value; empty bytes when it is all zeros."""
        slot = _slot(index, self._mask)
        base: i64 = self._bases[slot] if self._lately[slot] == index else self.rows.get(index, -1)
        if base < 0:
            return b""
        return pack_cell(self.tag, self.words, base)

    def load(self, index: i64, packed: bytes) -> None:
        """Set a cell from its packed value (empty bytes for zeros).

        Raises: OverflowError or ValueError for a number beyond an i64, which no step writes.
        """
        base = self.row(index)
        values = CELL_FORMATS[self.tag].unpack(packed) if packed else (0,) * self.width
        for value in values:
            self.words[base] = value
            base += 1
        self.mark(index)

    def copy_from(self, other: Table) -> None:
        """Become an independent copy of another table's cells."""
        self.words = other.words[:]
        self.used = other.used
        self.rows = other.rows.copy()
        self._mask = other._mask
        self._lately = other._lately[:]
        self._bases = other._bases[:]
        self._dirty = other._dirty[:]
        self.dirty_count = other.dirty_count
        self.room.short = True


def _slot(index: i64, mask: i64) -> i64:
    """Dense indices keep apart; of the others (market, side and price) the high bits are stirred into the low ones."""
    return (index ^ (index >> 16) * 167) & mask


def _filled(value: i64, count: i64) -> vec[i64]:
    return vec[i64]([value] * count)


def _grown(held: vec[i64], count: i64) -> vec[i64]:
    words = _filled(0, count)
    at: i64
    for at in range(len(held)):
        words[at] = held[at]
    return words
