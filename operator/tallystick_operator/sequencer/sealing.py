"""When batches are sealed, and how often the clock moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final

from tallystick.errors import StateError
from tallystick.state.layout import MAX_CHUNK_BYTES
from tallystick.state.state import State

ROOT_SHARE: Final = 500
"""Of the time that roots may take at most, one part in so many: orders wait for one."""
CELLS_A_GROUP: Final = 256
"""Cells hashed behind a group for a root that is due, beside as many as the group has written: below a millisecond."""
CELLS_AT_ONCE: Final = 1_024
"""Cells that a root may have left to hash when it is taken: some three milliseconds."""
UNKNOWN: Final = -1
"""How many cells are left to hash, before a root is prepared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorePolicy:
    """When to seal and how often to move the clock. Units in the names.

    A batch with something of a client's in it, or behind which messages wait, is sealed after `batch_seconds`; one with
    nothing but prices and what nobody signs after `quiet_seconds`; and after `heartbeat_seconds` without any there is
    one for the clock alone. `max_batch_bytes` stays below the 128 KiB that nodes accept of one transaction. A batch whose
    time lies further back than `max_batch_age_seconds` of L1 time is sealed, for the clock must stay near its batch's time.
    Roots, which people are shown and nothing here needs, are taken once in `root_seconds` at most, and so
    seldom that they take next to none of the time.
    """

    batch_seconds: float = 12.0
    quiet_seconds: float = 45.0
    heartbeat_seconds: int = 600
    clock_every_ms: int = 50
    max_batch_bytes: int = 30 * MAX_CHUNK_BYTES
    max_batch_age_seconds: int = 50
    root_seconds: float = 1.0

    def root_pause(self, took: float) -> float:
        """Return how long no root is taken behind one that has taken so long. Units: seconds."""
        return self.root_seconds * max(1.0, ROOT_SHARE * took)

    def __post_init__(self) -> None:
        """Raises: StateError when no batch could ever hold the longest record."""
        if self.max_batch_bytes < MAX_CHUNK_BYTES:
            raise StateError("a batch must have room for a chunk", max_batch_bytes=self.max_batch_bytes)


class Roots:
    """When roots are taken. What one has to hash is hashed beforehand, a part behind each group, so that no order waits for
    all of it: with ten thousand cells that would be a tenth of a second.
    """

    def __init__(self, policy: CorePolicy, monotonic: Callable[[], float]) -> None:
        self._policy = policy
        self._monotonic = monotonic
        self._next = -inf
        self._left = UNKNOWN
        self._took = 0.0

    def prepare(self, state: State) -> None:
        """Hash a part of what has been written, if a root is due."""
        began = self._monotonic()
        dirty = state.dirty if began >= self._next else 0
        if not dirty:
            return
        most = CELLS_A_GROUP + (max(0, dirty - self._left) if self._left != UNKNOWN else 0)
        state.commit_some(most)
        self._left = max(0, dirty - most)
        self._took += self._monotonic() - began

    def is_due(self, state: State) -> bool:
        """Whether a root is to be taken, and little is left to hash; where no time is to pass between two, always."""
        if self._monotonic() < self._next:
            return False
        return self._policy.root_seconds == 0 or state.dirty <= CELLS_AT_ONCE

    def taken(self, began: float) -> None:
        """Take in that one has been taken since a time."""
        took, self._took, self._left = self._took + self._monotonic() - began, 0.0, UNKNOWN
        self._next = began + self._policy.root_pause(took)
