"""Margin and liquidation once more, in fractions and by search: an oracle that shares nothing with machine or ledger.

What the machine derives in closed form is here found by trying, so that the two can only agree by being right.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

Tiers = tuple[tuple[int, int], ...]
"""(where it begins, in units; fraction in millionths), the first one at 0."""


def margin(notional: Fraction | int, tiers: Tiers) -> Fraction:
    """Return the margin of a position: the integral of the fraction over its notional."""
    total = Fraction(0)
    for (begin, ppm), (end, _) in pairwise((*tiers, (1 << 64, 0))):
        inside = max(Fraction(0), min(Fraction(notional), Fraction(end)) - begin)
        total += inside * Fraction(ppm, 1_000_000)
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """An account with one position that is looked at, and the rest of it.

    Units: units; `size` in lots, signed; `tick` is what one lot is worth at one tick.
    """

    cash: int
    size: int
    mark: int
    tick: int
    tiers: Tiers
    other_value: int = 0
    other_margin: int = 0

    def value(self) -> int:
        """Return what the account is worth."""
        return self.cash + self.other_value + self.size * self.mark * self.tick

    def maintenance(self) -> Fraction:
        """Return what it must hold, unrounded."""
        return self.other_margin + margin(abs(self.size) * self.mark * self.tick, self.tiers)

    def closed(self, lots: int, quote: Fraction | int, fee: Fraction | int = 0) -> tuple[Fraction, Fraction]:
        """Return (value, maintenance) after closing lots for a quote and a fee."""
        side = 1 if self.size > 0 else -1
        value = self.value() + side * (Fraction(quote) - lots * self.mark * self.tick) - fee
        rest = margin((abs(self.size) - lots) * self.mark * self.tick, self.tiers)
        return value, self.other_margin + rest

    def suffices(self, lots: int, fee_ppm: int) -> bool:
        """Whether closing lots at the mark, for the largest fee, leaves enough margin."""
        quote = lots * self.mark * self.tick
        value, maintenance = self.closed(lots, quote, Fraction(quote * fee_ppm, 1_000_000))
        return value >= maintenance
