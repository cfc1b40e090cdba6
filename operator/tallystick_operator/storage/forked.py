"""Work in a child of this process, which has all its memory as it was at that moment: the parent goes on at once."""

from __future__ import annotations

import gc
import os
import signal
import warnings
from collections.abc import Callable
from typing import Final

MOST_TOLD: Final = 4_096
MOST_HANDLES: Final = 1 << 16


class Forked:
    """A child at work."""

    def __init__(self, child: int, told: int) -> None:
        self._child = child
        self._told = told
        self._outcome: str | None = None

    def outcome(self) -> str | None:
        """Return "" when it is done, why it failed when it has, and None while it goes on."""
        if self._outcome is None:
            ended, status = os.waitpid(self._child, os.WNOHANG)
            if ended:
                self._hear(status)
        return self._outcome

    def end(self) -> None:
        """Kill it if it still goes on."""
        if self._outcome is None:
            os.kill(self._child, signal.SIGKILL)
            self._hear(os.waitpid(self._child, 0)[1])

    def _hear(self, status: int) -> None:
        said = os.read(self._told, MOST_TOLD).decode(errors="replace")
        os.close(self._told)
        code = os.waitstatus_to_exitcode(status)
        self._outcome = "" if code == 0 else said or f"the process ended with {code}"


def forked(work: Callable[[], None]) -> Forked:
    """Have something done by a child.

    It must touch no lock that another thread may hold at this moment, and print nothing. Raises: OSError when there is no room for it.
    """
    told, tell = os.pipe()
    with warnings.catch_warnings():
        # the child never waits for what the other threads hold: it encodes, writes and ends
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        os.close(tell)
        return Forked(child, told)
    code = 1
    try:
        gc.disable()
        # a child that outlives its parent must not keep the parent's port from the next one
        os.closerange(3, tell)
        os.closerange(tell + 1, MOST_HANDLES)
        work()
        code = 0
    except BaseException as error:  # noqa: BLE001  a child has nobody else to tell
        os.write(tell, f"{type(error).__name__}: {error}".encode()[:MOST_TOLD])
    finally:
        os._exit(code)
