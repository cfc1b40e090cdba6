"""A transaction queue for one command: it is empty when it begins, and gone with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tallystick.l1.client.access import L1
from tallystick.l1.sending.queuestore import QueueStore
from tallystick.l1.sending.sender import TxQueue
from tallystick.l1.sending.signer import Signer
from tallystick.ports import Clock


@contextmanager
def queue_for_once(client: L1, account: Signer, clock: Clock) -> Iterator[TxQueue]:
    """Open a queue in a folder of its own, and take both away at the end. Raises: L1Error."""
    with tempfile.TemporaryDirectory(prefix="tallystick-") as folder:
        store = QueueStore(Path(folder) / "queue.sqlite")
        try:
            yield TxQueue(client=client, account=account, store=store, clock=clock)
        finally:
            store.close()
