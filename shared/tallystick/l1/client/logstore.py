"""The logs a reader has read, on disk, with where it was: a restart goes on there.

Logs are written before the cursor that says they were read: what lies above the cursor after a crash is read again.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tallystick.errors import StateError
from tallystick.l1.client.values import RawLog
from tallystick.state.ordinals import BlockNumber

PIECE_LOGS: Final = 2_000
"""Logs that are given back at a time."""


class LogStore:
    """One file. `key` names what was read; a file of something else is refused.

    Raises: StateError when the file is damaged or of something else.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("CREATE TABLE IF NOT EXISTS logs (block INTEGER, place INTEGER, log BLOB)")
            self._db.execute("CREATE INDEX IF NOT EXISTS by_block ON logs (block, place)")
            self._db.execute("CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB)")
            self._db.commit()
            known = self._fact("key")
        except sqlite3.DatabaseError as error:
            raise StateError("the store of L1's events is damaged", hint="delete it", path=str(path)) from error
        if known is None:
            self._set("key", key)
            self._db.commit()
        elif known != key:
            raise StateError("the store of L1's events is another deployment's", hint="delete it", path=str(path))
        cursor = self.cursor()
        self.forget(BlockNumber(cursor[-1][0] if cursor else -1))

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def cursor(self) -> tuple[tuple[BlockNumber, bytes], ...]:
        """Return the blocks a reader remembered, oldest first; none when nothing was read."""
        value = self._fact("cursor")
        return () if value is None else msgspec.msgpack.decode(value, type=tuple[tuple[BlockNumber, bytes], ...])

    def pieces(self) -> Iterator[list[RawLog]]:
        """Return what was read, in chain order."""
        row = 0
        while True:
            query = "SELECT rowid, log FROM logs WHERE rowid > ? ORDER BY rowid LIMIT ?"
            found = self._db.execute(query, (row, PIECE_LOGS)).fetchall()
            if not found:
                return
            row = found[-1][0]
            yield [_unpack(log) for _, log in found]

    def extend(self, logs: Sequence[RawLog], cursor: Sequence[tuple[BlockNumber, bytes]] | None) -> None:
        """Keep logs, in chain order behind those there are; with a cursor they count as read."""
        rows = [(log.block_number, log.log_index, _pack(log)) for log in logs]
        self._db.executemany("INSERT INTO logs VALUES (?, ?, ?)", rows)
        if cursor is not None:
            self._set("cursor", msgspec.msgpack.encode(tuple(cursor)))
        self._db.commit()

    def forget(self, block: BlockNumber) -> None:
        """Forget what lies above a block."""
        self._db.execute("DELETE FROM logs WHERE block > ?", (block,))
        self._set("cursor", msgspec.msgpack.encode(tuple(each for each in self.cursor() if each[0] <= block)))
        self._db.commit()

    def _fact(self, name: str) -> bytes | None:
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def _set(self, name: str, value: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))


def _pack(log: RawLog) -> bytes:
    return msgspec.msgpack.encode(
        (
            log.address,
            log.topics,
            log.data,
            log.block_number,
            log.block_hash,
            log.transaction_hash,
            log.log_index,
        )
    )


def _unpack(data: bytes) -> RawLog:
    kind = tuple[bytes, tuple[bytes, ...], bytes, int, bytes, bytes, int]
    address, topics, log_data, number, hash_, transaction, place = msgspec.msgpack.decode(data, type=kind)
    return RawLog(
        address=address,
        topics=topics,
        data=log_data,
        block_number=BlockNumber(number),
        block_hash=hash_,
        transaction_hash=transaction,
        log_index=place,
    )
