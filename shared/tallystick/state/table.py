"""All cells of one tag, as one flat vector of words."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64, mypyc_attr

from tallystick.state.layout import CELL_FORMATS, CELL_WORDS
from tallystick.state.packing import pack_cell

SPARE_CELLS: Final = 64
"""Cells a table has room for when a step begins: more than any step opens (Witness.sol, MAX_CELLS)."""

FEWEST_BITS: Final = 8
"""2 to the power of it is the fewest places that say where a table's cells are: at least twice as many as there are cells."""
NEVER: Final[i64] = 0
"""Where a cell is that was never opened: before every word of a cell stands another."""
GOLDEN_BITS: Final = 29
GOLDEN: Final = 331_804_471
"""2^GOLDEN_BITS over the golden ratio: its multiples keep apart, also those of indices in a row. An index is below 2^34, so that
no product of the two passes a word."""


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

    Shape: a cell occupies `width` words, one a limb, each an i64; the word before them is its index << 1, and 1 when it is
    dirty. A cell that was never opened is all zeros.

    `words` moves when it grows. So that a step may hold it while it opens cells, `room.short` is set while there is
    still room for a step, and `reserve` makes more before the next one.

    Where a cell is says a table of places, open to all indices: at most half of it is taken, and a cell lies at the first
    place of its index that was free when it was opened. What was opened last can be forgotten again, nothing else.
    """

    def __init__(self, tag: i64, room: Room) -> None:
        self.tag: Final[i64] = tag
        self.width: Final[i64] = CELL_WORDS[tag]
        self.words: vec[i64] = _filled(0, (self.width + 1) * SPARE_CELLS)
        self.used: i64 = 0
        self.count: i64 = 0
        self.watcher: Watcher | None = None
        self.room: Final = room
        self._shift: i64 = GOLDEN_BITS - FEWEST_BITS
        self._slots: vec[i64] = _filled(NEVER, 1 << FEWEST_BITS)
        self._dirty: vec[i64] = _filled(0, SPARE_CELLS)
        self.dirty_count: i64 = 0

    def row(self, index: i64) -> i64:
        """Return the offset of a cell's first word, making room for it on first use; `open` in the table of a kind."""
        base = self._slots[_first_slot(index, self._shift)]
        if base == NEVER or self.words[base - 1] >> 1 != index:
            base = self._look_up(index)
        if self.watcher is not None:
            self.watcher.opened(self.tag, index)
        return base

    def at(self, index: i64) -> i64:
        """Return the offset of a cell's first word, NEVER when it was never opened."""
        return self._slots[self._slot(index)]

    def there(self, index: i64) -> i64:
        """Return the offset of a cell's first word. Raises: KeyError when it was never opened."""
        base = self.at(index)
        if base == NEVER:
            raise KeyError(index)
        return base

    def is_known(self, index: i64) -> bool:
        """Whether a cell was opened before."""
        return self.at(index) != NEVER

    def indices(self) -> list[int]:
        """Return the indices of all cells that were opened, in the order of that."""
        return [self.words[self.nth(place) - 1] >> 1 for place in range(self.count)]

    def nth(self, place: i64) -> i64:
        """Return the offset of the cell that was opened as the one of this number, from 0; nothing is remembered of it."""
        return place * (self.width + 1) + 1

    def _slot(self, index: i64) -> i64:
        """Return the place of a cell, or the one that is free for it."""
        slot = _first_slot(index, self._shift)
        step = index | 1
        while self._is_elsewhere(slot, index):
            slot = (slot + step) & len(self._slots) - 1
        return slot

    def _is_elsewhere(self, slot: i64, index: i64) -> bool:
        """Whether a place is another cell's."""
        base = self._slots[slot]
        return base != NEVER and self.words[base - 1] >> 1 != index

    def _look_up(self, index: i64) -> i64:
        slot = self._slot(index)
        base = self._slots[slot]
        return base if base != NEVER else self._add(index, slot)

    def _add(self, index: i64, slot: i64) -> i64:
        base = self.used + 1
        self.used += self.width + 1
        self.count += 1
        if self.used > len(self.words):
            self.reserve()
        if len(self.words) - self.used < (self.width + 1) * SPARE_CELLS:
            self.room.short = True
        self.words[base - 1] = index << 1
        if 2 * self.count <= len(self._slots):
            self._slots[slot] = base
        else:
            self._spread()
        return base

    def _spread(self) -> None:
        """Give the cells twice as many places, those opened first before the others."""
        self._shift -= 1
        self._slots = _filled(NEVER, 2 * len(self._slots))
        place: i64
        for place in range(self.count):
            base = self.nth(place)
            self._slots[self._slot(self.words[base - 1] >> 1)] = base

    def reserve(self) -> None:
        """Make room for the cells of a step, moving `words` when there is too little."""
        spare = (self.width + 1) * SPARE_CELLS
        if len(self.words) - self.used < spare:
            self.words = _grown(self.words, 2 * self.used + spare)

    def mark(self, index: i64) -> None:
        """Say that a cell was written, so that the next root takes it in."""
        base = self._slots[_first_slot(index, self._shift)]
        if base == NEVER or self.words[base - 1] >> 1 != index:
            base = self._look_up(index)
        if self.words[base - 1] & 1 == 0:
            self.words[base - 1] |= 1
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
            base = self.used - self.width
            self._slots[self._slot(self.words[base - 1] >> 1)] = NEVER
            at: i64
            for at in range(base - 1, base + self.width):
                self.words[at] = 0
            self.used -= self.width + 1
            self.count -= 1

    def dirty(self) -> list[int]:
        """Return the indices of the cells that were written since the last root."""
        return list(self._dirty[: self.dirty_count])

    def settle(self) -> None:
        """Say that the root has taken every cell in."""
        number: i64
        for number in range(self.dirty_count):
            self.words[self._look_up(self._dirty[number]) - 1] &= ~1
        self.dirty_count = 0

    def settle_newest(self, most: i64) -> list[int]:
        """Say that the root takes in the newest of these cells, so many at most; return their indices."""
        first = self.dirty_count - most if self.dirty_count > most else 0
        found: list[int] = []
        while self.dirty_count > first:
            self.dirty_count -= 1
            index = self._dirty[self.dirty_count]
            self.words[self._look_up(index) - 1] &= ~1
            found.append(index)
        return found

    def pack(self, index: i64) -> bytes:
        """Return a cell's packed value; empty bytes when it is all zeros."""
        base = self.at(index)
        return pack_cell(self.tag, self.words, base) if base != NEVER else b""

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
        self.count = other.count
        self._shift = other._shift
        self._slots = other._slots[:]
        self._dirty = other._dirty[:]
        self.dirty_count = other.dirty_count
        self.room.short = True


def _first_slot(index: i64, shift: i64) -> i64:
    """Return where a cell is looked for first; what sets a level's book and market apart is stirred in from far above."""
    return ((index ^ (index >> 24) * 40_503) * GOLDEN & (1 << GOLDEN_BITS) - 1) >> shift


def _filled(value: i64, count: i64) -> vec[i64]:
    return vec[i64]([value] * count)


def _grown(held: vec[i64], count: i64) -> vec[i64]:
    words = _filled(0, count)
    at: i64
    for at in range(len(held)):
        words[at] = held[at]
    return words
