"""When batches are sealed, and how often the clock moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tallystick.errors import StateError
from tallystick.state.layout import MAX_CHUNK_BYTES

ROOT_SHARE: Final = 500
"""Of the time that roots may take at most, one part in so many: orders wait for one."""


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
