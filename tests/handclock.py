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
        return self.began + self.passed

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.passed += seconds
