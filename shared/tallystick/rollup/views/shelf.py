"""Rows of things from L1 that are kept on disk, but for a few megabytes: there is no end to them."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any, Final, Generic, TypeVar, overload

from tallystick.state.ordinals import BlockNumber

CACHE_KIB: Final = 4096
Item = TypeVar("Item")


class Shelf:
    """A file without a name that is gone with the process: whoever starts again reads L1 again.

    Shape: things are numbered within a kind, and each has the L1 block it is from.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.execute(
            "CREATE TABLE things (kind INTEGER, number INTEGER, block INTEGER, data BLOB, PRIMARY KEY (kind, number))"
        )
        # what is written stays in one transaction for ever: nobody else ever reads it, and nothing survives a crash
        self._database.execute("BEGIN")
        weakref.finalize(self, self._database.close)

    def put(self, kind: int, number: int, block: BlockNumber, data: bytes) -> None:
        """Keep a thing, in the place of one with its number."""
        self._database.execute("INSERT OR REPLACE INTO things VALUES (?, ?, ?, ?)", (kind, number, block, data))

    def get(self, kind: int, number: int) -> tuple[int, bytes] | None:
        """Return a thing's block and what it is, None when it is not there."""
        found: tuple[int, bytes] | None = self._database.execute(
            "SELECT block, data FROM things WHERE kind = ? AND number = ?", (kind, number)
        ).fetchone()
        return found

    def count(self, kind: int) -> int:
        """Return how many of a kind there are."""
        return int(self._database.execute("SELECT COUNT(*) FROM things WHERE kind = ?", (kind,)).fetchone()[0])

    def numbers(self, kind: int) -> list[int]:
        """Return the numbers of a kind, rising."""
        rows = self._database.execute("SELECT number FROM things WHERE kind = ? ORDER BY number", (kind,))
        return [int(number) for (number,) in rows]

    def drop(self, kind: int, number: int) -> None:
        """Let go of a thing."""
        self._database.execute("DELETE FROM things WHERE kind = ? AND number = ?", (kind, number))

    def drop_above(self, block: BlockNumber) -> None:
        """Let go of everything from above a block."""
        self._database.execute("DELETE FROM things WHERE block > ?", (block,))


class Row(Sequence[Item], Generic[Item]):
    """The things of one kind as a sequence, numbered without gaps."""

    def __init__(self, shelf: Shelf, kind: int, pack: Callable[[Item], bytes], read: Callable[[bytes], Item]) -> None:
        self._shelf = shelf
        self._kind = kind
        self._pack = pack
        self._read = read
        self._count = shelf.count(kind)

    def append(self, item: Item, block: BlockNumber) -> None:
        """Put a thing from a block at the end."""
        self._shelf.put(self._kind, self._count, block, self._pack(item))
        self._count += 1

    def pop(self) -> Item:
        """Take the last thing off."""
        item = self[-1]
        self._count -= 1
        self._shelf.drop(self._kind, self._count)
        return item

    def recount(self) -> None:
        """See again how many there are."""
        self._count = self._shelf.count(self._kind)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> Item: ...

    @overload
    def __getitem__(self, at: slice) -> list[Item]: ...

    def __getitem__(self, at: int | slice) -> Item | list[Item]:
        if isinstance(at, slice):
            return [self._one(number) for number in range(self._count)[at]]
        return self._one(range(self._count)[at])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def _one(self, number: int) -> Item:
        return self._read(self._found(number)[1])

    def block(self, number: int) -> BlockNumber:
        """Return the block of a thing.

        Raises: IndexError when it is not there.
        """
        return BlockNumber(self._found(number)[0])

    def _found(self, number: int) -> tuple[int, bytes]:
        found = self._shelf.get(self._kind, number)
        if found is None:
            raise IndexError(number)
        return found


class Blocks(Sequence[int]):
    """The L1 blocks of the things in a row."""

    def __init__(self, row: Row[Any]) -> None:
        self._row = row

    def __len__(self) -> int:
        return len(self._row)

    @overload
    def __getitem__(self, at: int) -> int: ...

    @overload
    def __getitem__(self, at: slice) -> list[int]: ...

    def __getitem__(self, at: int | slice) -> int | list[int]:
        if isinstance(at, slice):
            return [self._row.block(number) for number in range(len(self))[at]]
        return self._row.block(range(len(self))[at])


class Pairs(MutableMapping[tuple[int, int], bytes]):
    """Bytes by two numbers, the second one below 2^16."""

    def __init__(self, shelf: Shelf, kind: int) -> None:
        self._shelf = shelf
        self._kind = kind

    def put(self, key: tuple[int, int], data: bytes, block: BlockNumber) -> None:
        """Keep bytes from a block."""
        self._shelf.put(self._kind, _joined(key), block, data)

    def __getitem__(self, key: tuple[int, int]) -> bytes:
        found = self._shelf.get(self._kind, _joined(key))
        if found is None:
            raise KeyError(key)
        return found[1]

    def __setitem__(self, key: tuple[int, int], data: bytes) -> None:
        found = self._shelf.get(self._kind, _joined(key))
        self.put(key, data, BlockNumber(found[0] if found is not None else 0))

    def __delitem__(self, key: tuple[int, int]) -> None:
        self[key]
        self._shelf.drop(self._kind, _joined(key))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return ((number >> 16, number & 0xFFFF) for number in self._shelf.numbers(self._kind))

    def __len__(self) -> int:
        return self._shelf.count(self._kind)


def _joined(key: tuple[int, int]) -> int:
    return key[0] << 16 | key[1]
