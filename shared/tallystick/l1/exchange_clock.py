"""The exchange's clock: L1's time, filled in between blocks."""

from __future__ import annotations

from tallystick.ports import Clock
from tallystick.state.ordinals import NEVER, UnixMs, UnixSeconds


class ExchangeClock:
    """Follows the timestamps of L1's blocks and counts on from the newest one for a bounded time.

    L1's time is what batches are held against, so the clock goes where it goes, jumps included, and stops a little
    ahead of it when no block comes. It never goes back.
    """

    def __init__(self, clock: Clock, most_ahead_seconds: float) -> None:
        self._clock = clock
        self._most_ahead_ms = int(most_ahead_seconds * 1000)
        self._l1_time = -1
        self._seen_at = 0.0
        self._newest_ms = NEVER

    @property
    def started(self) -> bool:
        """Whether any L1 time is known."""
        return self._l1_time >= 0

    def monotonic(self) -> float:
        """Return this machine's own seconds, which L1 has no part in."""
        return self._clock.monotonic()

    def observe(self, l1_time: UnixSeconds) -> None:
        """Take in the timestamp of L1's newest block, in seconds."""
        if l1_time > self._l1_time:
            self._l1_time = l1_time
            self._seen_at = self.monotonic()

    def not_before(self, clock_ms: UnixMs) -> None:
        """Never show less than this: what the log says was shown already."""
        self._newest_ms = max(self._newest_ms, clock_ms)

    def now_ms(self) -> UnixMs:
        """Return the time in milliseconds."""
        since_ms = int((self.monotonic() - self._seen_at) * 1000)
        now_ms = self._l1_time * 1000 + min(since_ms, self._most_ahead_ms)
        self._newest_ms = max(self._newest_ms, UnixMs(now_ms))
        return self._newest_ms
