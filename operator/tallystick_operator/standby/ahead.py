"""L1 read while somebody stands by: who begins to lead goes on from there, and old batches are forgotten in time."""

from __future__ import annotations

import contextlib
import threading
from typing import Final

from tallystick.errors import L1Error, StateError
from tallystick.l1.client.events import EventReader
from tallystick.l1.client.logstore import LogStore
from tallystick_operator.standby.prepared import Prepared
from tallystick_operator.storage.on_disk import EVENT_STORES

PAUSE_SECONDS: Final = 5.0


class Ahead:
    """A thread that reads. `posted` is how many batches are on L1, `problem` why it is not known."""

    def __init__(self, prepared: Prepared) -> None:
        self.problem = ""
        self._prepared = prepared
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ahead", daemon=True)

    @property
    def posted(self) -> int:
        """How many batches L1 had when it was looked at."""
        return self._prepared.posted

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Let go of the stores, so that who leads may open them."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        prepared = self._prepared
        with contextlib.ExitStack() as stack:
            readers: list[EventReader] = []
            # a shared directory's stores are those of whoever leads, and as new as can be
            for name, contracts in () if prepared.is_shared else EVENT_STORES.items():
                store = LogStore(prepared.data_dir / name, prepared.deployment.addresses.rollup)
                stack.callback(store.close)
                readers.append(EventReader(prepared.client, prepared.deployment, contracts=contracts, store=store))
            while not self._ended.is_set():
                complete = False
                try:
                    prepared.look_at_l1()
                    complete = all(reader.poll().complete for reader in readers)
                    self.problem = ""
                except (L1Error, StateError) as error:
                    self.problem, complete = str(error), True
                self._ended.wait(PAUSE_SECONDS if complete else 0.0)
