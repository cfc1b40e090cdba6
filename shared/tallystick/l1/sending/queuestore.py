"""The transaction queue on disk: every method that writes is one SQLite transaction, synced before it returns."""

import fcntl
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import RLock

from tallystick.errors import BadInput, StateError
from tallystick.l1.sending.fees import Fees, Window
from tallystick.state.ordinals import BlockNumber

SCHEMA_VERSION = 2
SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    target BLOB,
    data BLOB NOT NULL,
    value_wei TEXT NOT NULL,
    gas INTEGER,
    state TEXT NOT NULL,
    nonce INTEGER UNIQUE,
    mined_hash BLOB,
    block_number INTEGER,
    block_hash BLOB,
    succeeded INTEGER,
    reason TEXT NOT NULL DEFAULT '',
    first_block INTEGER,
    deadline_block INTEGER
) STRICT;
CREATE INDEX entries_by_state ON entries (state, id);
CREATE TABLE attempts (
    hash BLOB PRIMARY KEY,
    entry INTEGER NOT NULL REFERENCES entries (id),
    raw BLOB NOT NULL,
    max_fee_wei TEXT NOT NULL,
    tip_wei TEXT NOT NULL,
    gas INTEGER NOT NULL,
    signed_at REAL NOT NULL
) STRICT;
CREATE INDEX attempts_by_entry ON attempts (entry, signed_at);
"""
UPGRADE_FROM_1 = """
ALTER TABLE entries ADD COLUMN first_block INTEGER;
ALTER TABLE entries ADD COLUMN deadline_block INTEGER;
"""


class TxState(StrEnum):
    """QUEUED and REFUSED have no nonce; the last three are ends."""

    QUEUED = "queued"
    PENDING = "pending"
    """Signed and stored, so perhaps sent."""
    OVERTAKEN = "overtaken"
    """Signed, but another transaction has its nonce, in a block that a reorganisation may still undo."""
    MINED = "mined"
    """In a block that a reorganisation may still undo."""
    DONE = "done"
    REVERTED = "reverted"
    """In a final block, without effect."""
    REFUSED = "refused"
    """It would have reverted, so it was never signed."""


ENDED = frozenset((TxState.DONE, TxState.REVERTED, TxState.REFUSED))


@dataclass(frozen=True, slots=True, kw_only=True)
class TxEntry:
    """A transaction that is wanted, and how far it is. Units: wei."""

    id: int
    key: str
    to: bytes | None
    data: bytes
    value_wei: int
    gas: int | None
    state: TxState
    nonce: int | None
    mined_hash: bytes | None
    block_number: BlockNumber | None
    block_hash: bytes | None
    succeeded: bool | None
    reason: str
    window: Window | None
    """The blocks it must land within, if it has a deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One signed version of an entry's transaction; later ones pay more."""

    hash: bytes
    raw: bytes
    fees: Fees
    gas: int
    signed_at: float


class QueueStore:
    """One process at a time: the lock is held until `close()` or the process's end. `alone` keeps its threads apart.

    Raises: StateError, when another process holds it or the file is damaged or of another version.
    """

    def __init__(self, path: Path) -> None:
        self.alone = RLock()
        try:
            self._lock = path.with_name(path.name + ".lock").open("w")
        except OSError as error:
            raise StateError("the transaction queue cannot be opened", path=str(path)) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise StateError(
                "another process uses this transaction queue",
                hint="one key, one queue, one process",
                path=str(path),
            ) from error
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            self._lock.close()
            raise StateError("the transaction queue cannot be opened", path=str(path)) from error
        self._db.row_factory = sqlite3.Row
        try:
            version = self._begin()
        except sqlite3.DatabaseError as error:
            self.close()
            raise StateError(
                f"the transaction queue is damaged: {error}",
                hint="move the file away: what was not mined is sent anew, and the contracts take each move once",
                path=str(path),
            ) from error
        if version != SCHEMA_VERSION:
            self.close()
            raise StateError("the queue was written by another version", path=str(path), version=version)

    def _begin(self) -> int:
        """Set the file up if it is new, and return its version."""
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if version == 0:
            self._db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
            return SCHEMA_VERSION
        if version == 1:
            self._db.executescript(f"BEGIN; {UPGRADE_FROM_1} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
            return SCHEMA_VERSION
        return version

    def close(self) -> None:
        """Close the file and let others have it."""
        self._db.close()
        self._lock.close()

    # Reading

    def get(self, key: str) -> TxEntry | None:
        """Return the entry of a key, None where there is none."""
        row = self._db.execute("SELECT * FROM entries WHERE key = ?", (key,)).fetchone()
        return None if row is None else _entry(row)

    def in_state(self, *states: TxState) -> list[TxEntry]:
        """Entries in order of their nonces, then of their arrival."""
        marks = ",".join("?" * len(states))
        rows = self._db.execute(
            f"SELECT * FROM entries WHERE state IN ({marks}) ORDER BY nonce IS NULL, nonce, id",
            states,
        )
        return [_entry(row) for row in rows]

    def under_way(self, prefix: str) -> list[str]:
        """Keys with a beginning whose entries are not mined, nor given up."""
        rows = self._db.execute(
            "SELECT key FROM entries WHERE substr(key, 1, ?) = ? AND state NOT IN (?, ?) ORDER BY id",
            (len(prefix), prefix, TxState.MINED, TxState.DONE),
        )
        return [row["key"] for row in rows]

    def of_nonce(self, nonce: int) -> TxEntry | None:
        """Return the entry that has a nonce, None where none has it."""
        row = self._db.execute("SELECT * FROM entries WHERE nonce = ?", (nonce,)).fetchone()
        return None if row is None else _entry(row)

    def ended_from(self, nonce: int) -> list[TxEntry]:
        """Entries that were mined for good with this nonce or a later one."""
        rows = self._db.execute(
            "SELECT * FROM entries WHERE nonce >= ? AND state IN (?, ?) ORDER BY nonce",
            (nonce, TxState.DONE, TxState.REVERTED),
        )
        return [_entry(row) for row in rows]

    def attempts(self, entry: TxEntry) -> list[Attempt]:
        """Newest first."""
        rows = self._db.execute(
            "SELECT * FROM attempts WHERE entry = ? ORDER BY signed_at DESC, rowid DESC",
            (entry.id,),
        )
        return [
            Attempt(
                hash=row["hash"],
                raw=row["raw"],
                fees=Fees(max_fee_wei=int(row["max_fee_wei"]), tip_wei=int(row["tip_wei"])),
                gas=row["gas"],
                signed_at=row["signed_at"],
            )
            for row in rows
        ]

    def next_nonce(self) -> int:
        """One above every nonce ever given out."""
        highest = self._db.execute("SELECT MAX(nonce) FROM entries").fetchone()[0]
        return 0 if highest is None else int(highest) + 1

    # Writing

    def bind(self, identity: Sequence[tuple[str, str]]) -> None:
        """Ties the file to a chain and an account, for ever.

        Raises: StateError, when it belongs to another.
        """
        self._db.execute("BEGIN IMMEDIATE")
        known = {row["name"]: row["value"] for row in self._db.execute("SELECT * FROM meta")}
        if not known:
            self._db.executemany("INSERT INTO meta VALUES (?, ?)", identity)
        self._db.execute("COMMIT")
        for name, value in identity:
            if known and known.get(name) != value:
                raise StateError(
                    "this queue belongs to another chain or account",
                    what=name,
                    stored=known.get(name, ""),
                    actual=value,
                )

    def add(
        self, key: str, to: bytes | None, data: bytes, value_wei: int, gas: int | None, window: Window | None = None
    ) -> TxEntry:
        """The entry of the key: this one, or the one there was.

        Raises: BadInput, when the key stands for another transaction.
        """
        self._db.execute(
            "INSERT INTO entries (key, target, data, value_wei, gas, state, first_block, deadline_block)"
            " VALUES (?,?,?,?,?,?,?,?)"
            " ON CONFLICT (key) DO NOTHING",
            (
                key,
                to,
                data,
                str(value_wei),
                gas,
                TxState.QUEUED,
                window.first_block if window else None,
                window.deadline_block if window else None,
            ),
        )
        entry = self.get(key)
        if entry is None:
            raise AssertionError
        if (entry.to, entry.data, entry.value_wei) != (to, data, value_wei):
            raise BadInput("the key stands for another transaction", key=key)
        return entry

    def add_attempt(self, entry: TxEntry, nonce: int, attempt: Attempt) -> None:
        """Stores a signed version, and the nonce with the first; nothing is sent before this."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute(
            "UPDATE entries SET state = ?, nonce = ?, reason = '' WHERE id = ?",
            (TxState.PENDING, nonce, entry.id),
        )
        self._db.execute(
            "INSERT OR IGNORE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                attempt.hash,
                entry.id,
                attempt.raw,
                str(attempt.fees.max_fee_wei),
                str(attempt.fees.tip_wei),
                attempt.gas,
                attempt.signed_at,
            ),
        )
        self._db.execute("COMMIT")

    def set_mined(
        self,
        entry: TxEntry,
        mined_hash: bytes,
        block_number: BlockNumber,
        block_hash: bytes,
        succeeded: bool,
        reason: str = "",
    ) -> None:
        """It is in a block; `reason` is why it had no effect there."""
        self._db.execute(
            "UPDATE entries SET state = ?, mined_hash = ?, block_number = ?, block_hash = ?,"
            " succeeded = ?, reason = ? WHERE id = ?",
            (TxState.MINED, mined_hash, block_number, block_hash, int(succeeded), reason, entry.id),
        )

    def set_overtaken(self, entry: TxEntry, block_number: BlockNumber) -> None:
        """Another transaction has its nonce, as was seen at this block."""
        self._db.execute(
            "UPDATE entries SET state = ?, block_number = ? WHERE id = ?", (TxState.OVERTAKEN, block_number, entry.id)
        )

    def set_unmined(self, entry: TxEntry) -> None:
        """Back to waiting: its block is gone, however deep it was."""
        self._db.execute(
            "UPDATE entries SET state = ?, mined_hash = NULL, block_number = NULL,"
            " block_hash = NULL, succeeded = NULL, reason = '' WHERE id = ?",
            (TxState.PENDING, entry.id),
        )

    def set_ended(self, entry: TxEntry, state: TxState, reason: str) -> None:
        """Note how an entry ended, and why."""
        self._db.execute("UPDATE entries SET state = ?, reason = ? WHERE id = ?", (state, reason, entry.id))

    def set_reason(self, entry: TxEntry, reason: str) -> None:
        """Note why an entry waits."""
        self._db.execute("UPDATE entries SET reason = ? WHERE id = ?", (reason, entry.id))

    def drop(self, entry: TxEntry) -> None:
        """Forgets an entry that has no nonce."""
        self._db.execute("DELETE FROM entries WHERE id = ? AND nonce IS NULL", (entry.id,))

    def empty(self, entry: TxEntry, to: bytes, gas: int) -> None:
        """Leaves of a signed entry its nonce, to be used up by a transaction that does nothing; its key is free again."""
        self._db.execute(
            "UPDATE entries SET key = 'given up/' || id || '/' || key, target = ?, data = x'', value_wei = '0', gas = ?"
            " WHERE id = ?",
            (to, gas, entry.id),
        )

    def requeue(self, entry: TxEntry) -> None:
        """Forgets nonce and versions: none of them can be mined any more, or a failed one shall be tried anew."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("DELETE FROM attempts WHERE entry = ?", (entry.id,))
        self._db.execute(
            "UPDATE entries SET state = ?, nonce = NULL, mined_hash = NULL, block_number = NULL,"
            " block_hash = NULL, succeeded = NULL, reason = '' WHERE id = ?",
            (TxState.QUEUED, entry.id),
        )
        self._db.execute("COMMIT")


def _entry(row: sqlite3.Row) -> TxEntry:
    succeeded = row["succeeded"]
    return TxEntry(
        id=row["id"],
        key=row["key"],
        to=row["target"],
        data=row["data"],
        value_wei=int(row["value_wei"]),
        gas=row["gas"],
        state=TxState(row["state"]),
        nonce=row["nonce"],
        mined_hash=row["mined_hash"],
        block_number=row["block_number"],
        block_hash=row["block_hash"],
        succeeded=None if succeeded is None else bool(succeeded),
        reason=row["reason"],
        window=None
        if row["deadline_block"] is None
        else Window(first_block=row["first_block"], deadline_block=row["deadline_block"]),
    )
