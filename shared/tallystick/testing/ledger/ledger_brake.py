"""The brake in the independent ledger: what a jump of the index does to positions that gained by it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

MILLION = 1_000_000
WINDOW_MS = 10_000
HOLDS_MS = 20_000
LONGER_MS = 3_000
LONGEST_MS = 120_000


@dataclass(slots=True)
class Brake:
    """What holds the positions of one direction. Units: ticks; `way` is 1 of a rise, -1 of a fall.

    `beyond` is the index that a jump left behind, `told` whether the newest index found the brake holding.
    """

    way: int
    beyond: int = 0
    until_ms: int = 0
    jumped_ms: int = 0
    told: bool = False

    def runs(self, clock_ms: int) -> bool:
        """Whether its time is not over."""
        return clock_ms < self.until_ms

    def holds(self, index: int, clock_ms: int) -> bool:
        """Whether it runs and the index has not come back."""
        return self.runs(clock_ms) and (index - self.beyond) * self.way > 0

    def jump(self, beyond: int, clock_ms: int) -> None:
        """Begin anew, or go on from the index that is further away."""
        further = [beyond, self.beyond] if self.runs(clock_ms) else [beyond]
        self.beyond = min(further, key=lambda each: each * self.way)
        self.until_ms = max(self.until_ms, clock_ms + HOLDS_MS)
        self.jumped_ms = clock_ms

    def prolong(self, clock_ms: int) -> None:
        """Last on a little, while it runs."""
        if self.runs(clock_ms):
            self.until_ms = max(self.until_ms, min(clock_ms + LONGER_MS, self.jumped_ms + LONGEST_MS))


@dataclass(slots=True)
class Brakes:
    """Both brakes of a market, and the index that jumps are measured from: (ticks, since when)."""

    rise: Brake
    fall: Brake
    since: tuple[int, int] = (0, 0)

    def see(self, old: int, new: int, maintenance_ppm: int, clock_ms: int) -> None:
        """Look at the index as it moves, from 0 when there was none."""
        if not old:
            self.since = (new, clock_ms)
            return
        if clock_ms >= self.since[1] + WINDOW_MS:
            self.since = (old, clock_ms)
        anchor = self.since[0]
        if abs(Fraction(new - anchor, anchor)) > Fraction(maintenance_ppm, 2 * MILLION):
            (self.rise if new > anchor else self.fall).jump(anchor, clock_ms)
            self.since = (new, clock_ms)
        for brake in (self.rise, self.fall):
            brake.told = brake.holds(new, clock_ms)

    def of(self, lots: int) -> Brake:
        """Return the brake that is for longs, or for shorts."""
        return self.rise if lots > 0 else self.fall

    def run(self, clock_ms: int) -> bool:
        """Whether either runs."""
        return self.rise.runs(clock_ms) or self.fall.runs(clock_ms)

    def forget(self) -> None:
        """Tell of nothing any more: the market is settled."""
        self.rise.told = self.fall.told = False


def new_brakes() -> Brakes:
    """Return the brakes of a market that has no index yet."""
    return Brakes(Brake(1), Brake(-1))
