"""A clock that is moved by hand, and by those who would wait: they are back at once."""

from __future__ import annotations

from dataclasses import dataclass, field

BEGAN = 1_800_000_000.0


@dataclass
class HandClock:
    """Both clocks of a machine. `began` is what the one on the wall showed at first, `pauses` what was waited for."""

    began: float = BEGAN
    passed: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def now(self) -> float:
        """Return what the clock on the wall shows."""
        return self.began + self.passed

    def monotonic(self) -> float:
        """Return the seconds that went by since it began."""
        return self.passed

    def sleep(self, seconds: float) -> None:
        """Be back at once, so many seconds later."""
        self.pauses.append(seconds)
        self.passed += seconds
