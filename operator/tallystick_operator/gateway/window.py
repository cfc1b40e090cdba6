"""How many records a gateway takes on at once: as many as are answered in half a second, found out by what they waited."""

from __future__ import annotations

from typing import Final

WAIT_SECONDS: Final = 0.5
"""What a record may wait at the sequencer before less is taken on."""
FIRST: Final = 1_024
"""As many as one connection may have."""
LEAST: Final = 64
SHRINKS_TO: Final = 0.7


class Window:
    """Grows by what is answered soon, shrinks when answers are late: so a queue is bounded in time, however fast the
    exchange is on this machine, and several gateways share what there is. Units: records; `most` is what may be under way.
    """

    def __init__(self, largest: int) -> None:
        self.most = min(FIRST, largest)
        self._largest = largest
        self._shrunk_at = float("-inf")

    def answered(self, records: int, waited: float, now: float) -> None:
        """Take in that so many records were answered after so many seconds."""
        if waited > WAIT_SECONDS:
            # What was on its way then says nothing of the smaller one.
            if now - self._shrunk_at > waited:
                self.most = max(LEAST, int(self.most * SHRINKS_TO))
                self._shrunk_at = now
        elif waited < WAIT_SECONDS / 2:
            self.most = min(self._largest, self.most + records)
