"""A market of the independent ledger: its rules and what margin they ask for, in fractions."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

MILLION = 1_000_000
MAKERS_FIRST_MS = 60_000
MAX_PRICE = 2**24 - 1
MAX_EXPOSURE = 2**30


def share(amount: int, ppm: int) -> int:
    """Return a share of an amount, rounded up."""
    return ceil(Fraction(amount * ppm, MILLION))


@dataclass(slots=True)
class Market:
    """A market's rules, its mark, what it has charged in funding and the reports of its newest round.

    Units: `funding` in ticks since it was listed, `basis` in millionths of a tick. `surcharge` is open interest from
    which and to which the initial margin grows. `tiers` are the second and the third one: (millions of units from
    which, initial ppm, maintenance ppm).
    """

    multiplier: int
    initial_ppm: int
    maintenance_ppm: int
    taker_fee_ppm: int
    maker_fee_ppm: int
    max_lots: int
    rebate_ppm: int = 0
    max_open_interest: int = 0
    liquidation_fee_ppm: int = 0
    insurance_lots: int = 0
    band_ppm: int = 100_000
    tiers: tuple[tuple[int, int, int], ...] = ()
    surcharge_ppm: int = 0
    surcharge: tuple[int, int] = (0, 0)
    move_ppm: int = 1_000_000
    dated: bool = False
    expiry_ms: int = 0
    settled: bool = False
    mark: int = 0
    index: int = 0
    index_ms: int = 0
    resumed_ms: int = 0
    window_mark: int = 0
    window_ms: int = 0
    basis: int = 0
    open_interest: int = 0
    premiums: list[int] = field(default_factory=list)
    sample_minute: int = 0
    tick_hour: int = 0
    funding: Fraction = Fraction(0)
    round: int = 0
    reports: dict[int, int] = field(default_factory=dict)

    def has_expired(self, clock_ms: int) -> bool:
        """Whether a dated future's time has come."""
        return 0 < self.expiry_ms <= clock_ms

    def makers_first(self, clock_ms: int) -> bool:
        """Whether prices have come back just now, so that only makers may come."""
        return bool(self.resumed_ms) and clock_ms < self.resumed_ms + MAKERS_FIRST_MS

    def bound(self, *, buys: bool) -> int:
        """Return the worst price of a market order that names none."""
        if not self.band_ppm:
            return MAX_PRICE if buys else 1
        move = self.mark * self.band_ppm // MILLION
        return min(self.mark + move, MAX_PRICE) if buys else max(self.mark - move, 1)

    def initial(self, exposure: int) -> int:
        """Return the initial margin of a position of this worth."""
        tiers = [(0, self.initial_ppm), *((at, initial) for at, initial, _ in self.tiers)]
        return ceil(_over_tiers(exposure, tiers)) + share(exposure, self.surcharge_ppm)

    def maintenance(self, exposure: int) -> int:
        """Return the maintenance margin of a position of this worth."""
        return ceil(self.exact_maintenance(exposure))

    def exact_maintenance(self, exposure: int) -> Fraction:
        """Return it unrounded."""
        tiers = [(0, self.maintenance_ppm), *((at, maintenance) for at, _, maintenance in self.tiers)]
        return _over_tiers(exposure, tiers)


def _over_tiers(exposure: int, tiers: list[tuple[int, int]]) -> Fraction:
    """Return a position's margin: every tier's fraction is a surplus over the one before, on what lies beyond it."""
    margin, before = Fraction(0), 0
    for at, ppm in tiers:
        margin += Fraction(max(0, exposure - at * MILLION) * (ppm - before), MILLION)
        before = ppm
    return margin
