"""All cells of one tag, as one flat list of words."""

from __future__ import annotations

from typing import Final

from tallystick.state.layout import CELL_FORMATS, CELL_WORDS


class Watcher:
    """Told of every cell a step opens; the traced mode overrides it."""

    def opened(self, tag: int, index: int) -> None:
        """A step opened this cell."""


class Table:
    """Flat storage of one cell tag.

    Shape: the cell with index i occupies `words[rows[i] : rows[i] + width]`, one word a limb, each an i64. A cell
    that was never opened is all zeros.
    """

    def __init__(self, tag: int) -> None:
        self.tag: Final = tag
        self.width: Final[int] = CELL_WORDS[tag]
        self.words: list[int] = []
        self.rows: dict[int, int] = {}
        self.dirty: set[int] = set()
        self.watcher: Watcher | None = None

    def open(self, index: int) -> int:
        """Return the offset of a cell's first word, making room for it on first use."""
        base = self.rows.get(index, -1)
        if base < 0:
            base = len(self.words)
            self.rows[index] = base
            self.words.extend([0] * self.width)
        if self.watcher is not None:
            self.watcher.opened(self.tag, index)
        return base

    def mark(self, index: int) -> None:
        """Say that a cell was written, so that the next root takes it in."""
        self.dirty.add(index)

    def pack(self, index: int) -> bytes:
        """Return a cell's packed value; empty bytes when it is all zeros."""
        base = self.rows.get(index, -1)
        if base < 0:
            return b""
        packed: bytes = CELL_FORMATS[self.tag].pack(*self.words[base : base + self.width])
        return packed if any(packed) else b""

    def load(self, index: int, packed: bytes) -> None:
        """Set a cell from its packed value (empty bytes for zeros)."""
        base = self.open(index)
        values = CELL_FORMATS[self.tag].unpack(packed) if packed else (0,) * self.width
        self.words[base : base + self.width] = list(values)
        self.dirty.add(index)
