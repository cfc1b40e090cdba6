"""When nothing more is taken: the disk is nearly full, or the operator is to come to its end.

That means that everything is sealed and posted, and L1 waited for.

It is asked for by a file in the data directory, so by who may write there, and goes on through a restart.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tallystick.journal import Journal
from tallystick.l1.client.values import BlockRef
from tallystick.ports import Disk
from tallystick_operator.config import FINAL_BLOCKS
from tallystick_operator.intake.door import Refused
from tallystick_operator.intake.promises import DISK_FULL, DRAINING
from tallystick_operator.sequencer.core import Core
from tallystick_operator.sequencer.sequencer import Sequencer

REQUEST: Final = "drain"
LEAST_FREE_BYTES: Final = 256 << 20
"""Below this nothing more is taken: what is left is for the batches that are open, L1's queues and the event file."""


class Drain:
    """Watches for the file, and for the disk's room; has the operator stop when L1 has had everything for so many blocks."""

    def __init__(self, data_dir: Path, confirmations: int | None, journal: Journal, stop: Callable[[], None]) -> None:
        self._path = data_dir / REQUEST
        self._blocks = FINAL_BLOCKS if confirmations is None else confirmations
        self._journal = journal
        self._stop = stop
        self._told = False
        self._posted_at: int | None = None

    def tick(self, sequencer: Sequencer, waiting: int, head: BlockRef | None) -> None:
        """Look once. `waiting` batches are not on L1."""
        core = sequencer.core
        wanted = self._path.exists()
        core.no_room = DRAINING if wanted else no_room(core.log.disk)
        if wanted != self._told:
            self._told = wanted
            self._journal.write("draining" if wanted else "draining_ended")
        if not wanted or head is None:
            return
        if waiting or not sequencer.read(_is_at_rest):
            self._posted_at = None
            return
        self._posted_at = self._posted_at if self._posted_at is not None else head.number
        if head.number >= self._posted_at + self._blocks:
            self._path.unlink(missing_ok=True)
            self._told = False
            self._journal.write("drained", batches=core.executor.batch_count)
            self._stop()


def _is_at_rest(core: Core) -> bool:
    """Whether everything taken is in a closed batch."""
    return not core.executor.is_open and not core.branch.owed and not core.executor.sealed


def no_room(disk: Disk, least_bytes: int = LEAST_FREE_BYTES) -> Refused | None:
    """Return what clients are answered while there is no room, None when there is.

    A disk that cannot even say so has none.
    """
    try:
        return DISK_FULL if disk.free_bytes() < least_bytes else None
    except OSError:
        return DISK_FULL
