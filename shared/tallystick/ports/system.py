"""The ports as the system has them: what daemons and commands hand to the components they put together."""

from __future__ import annotations

import secrets
import time


class SystemClock:
    """The clocks of the machine it runs on."""

    def now(self) -> float:
        """Return the time since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Return the time since the machine started, or thereabouts."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Hold up this thread."""
        time.sleep(seconds)


class SystemChance:
    """The operating system's source of randomness, good enough for keys."""

    def below(self, limit: int) -> int:
        """Return a number from 0 to below the limit."""
        return secrets.randbelow(limit)
