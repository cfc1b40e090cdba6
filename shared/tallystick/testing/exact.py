"""Margin, funding and liquidation once more, in fractions and by search: an oracle that shares nothing with the machine.

What the machine derives in closed form is here found by trying, so that the two can only agree by being right. Results
are unrounded unless a docstring says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor, trunc

MILLION = 1_000_000

Tiers = tuple[tuple[int, int], ...]
"""(where it begins, in units; fraction in millionths), the first one at 0."""


def margin(notional: Fraction | int, tiers: Tiers) -> Fraction:
    """Return the margin of a position: the integral of the fraction over its notional."""
    total = Fraction(0)
    for (begin, ppm), (end, _) in pairwise((*tiers, (1 << 64, 0))):
        inside = max(Fraction(0), min(Fraction(notional), Fraction(end)) - begin)
        total += inside * Fraction(ppm, MILLION)
    return total


def surcharge(open_interest: int, initial_ppm: int, begins: int, ends: int) -> Fraction:
    """Return what open interest adds to the initial margin fraction: a line from nothing to the rest of the notional.

    Units: `open_interest`, `begins` and `ends` in units; the result in millionths.
    """
    if begins == 0:
        return Fraction(0)
    way = Fraction(open_interest - begins, ends - begins)
    return (MILLION - initial_ppm) * max(Fraction(0), min(Fraction(1), way))


def premium(index: int, bid: int | None, ask: int | None) -> Fraction:
    """Return how far the book is beyond the index, as a fraction of it. Units: ticks."""
    above = 0 if bid is None else max(0, bid - index)
    below = 0 if ask is None else max(0, index - ask)
    return Fraction(above - below, index)


def hourly_rate(average: Fraction | int, initial_ppm: int, maintenance_ppm: int) -> Fraction:
    """Return an hour's rate for an average premium, both in millionths: an eighth, with interest, within its bounds."""
    interest = max(-500, min(500, 100 - average))
    most = min(40_000, initial_ppm - maintenance_ppm)
    return max(Fraction(-most), min(Fraction(most), Fraction(average + interest) / 8))


def charged(index: int, rate: int, price: int) -> int:
    """Return a funding index after an hour at a rate, which saturates at 2^27 ticks. Units: millionths of a tick."""
    most = (1 << 27) * MILLION
    return max(-most, min(most, index + rate * price))


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A position against the mark and the funding index of its market.

    Units: `size` in lots, signed; `tick` is what one lot is worth at one tick; `change` is by how much the funding
    index rose since the position last paid, in millionths of a tick.
    """

    size: int
    mark: int
    tick: int
    change: int
    initial: Tiers
    maintenance: Tiers
    surcharge_ppm: int = 0

    def worth(self) -> int:
        """Return what it is worth at the mark, less than nothing for a short."""
        return self.size * self.mark * self.tick

    def owed(self) -> Fraction:
        """Return the funding it has not paid yet."""
        return Fraction(self.size * self.tick * self.change, MILLION)

    def needs(self) -> int:
        """Return its initial margin. Rounding: up, the tiers and the surcharge each."""
        notional = abs(self.worth())
        return ceil(margin(notional, self.initial)) + ceil(Fraction(notional * self.surcharge_ppm, MILLION))

    def keeps(self) -> int:
        """Return its maintenance margin. Rounding: up."""
        return ceil(margin(abs(self.worth()), self.maintenance))


def account_health(cash: int, holdings: list[Holding]) -> tuple[int, int, int, int]:
    """Return (value, initial margin, maintenance margin, notional). Rounding: against the account, by position."""
    value = cash + sum(each.worth() - ceil(each.owed()) for each in holdings)
    notional = sum(abs(each.worth()) for each in holdings)
    return value, sum(each.needs() for each in holdings), sum(each.keeps() for each in holdings), notional


def withdrawable(health: tuple[int, int, int, int], held: int) -> int:
    """Return what may leave an account when the Vault still holds so much: a tenth of the notional stays at least."""
    value, initial, _, notional = health
    stays = max(Fraction(initial), Fraction(notional, 10))
    return max(0, min(floor(value - stays), held))


def liquidation_fee(quote: int, fee_ppm: int, improvement: int, room: int) -> int:
    """Return what a liquidated account pays the insurance fund for a fill. Units: units. Rounding: down."""
    return max(0, min(floor(Fraction(quote * fee_ppm, MILLION)), improvement, room))


def insured_lots(size: int, held: int, cap: int) -> int:
    """Return how much of a position the fund may take over, by trying: it ends within its cap, on either side."""
    side = 1 if size > 0 else -1
    return next((lots for lots in range(abs(size), 0, -1) if (held + side * lots) * side <= cap), 0)


def leverage(notional: int, value: int) -> Fraction:
    """Return by what accounts are ranked for a deleveraging: the highest goes first."""
    return Fraction(notional, value)


def value_share(value: int, margin_of_lots: int, maintenance: int) -> Fraction:
    """Return the part of an account's value that stands behind some lots."""
    return Fraction(value) * Fraction(margin_of_lots, maintenance)


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
        value, maintenance = self.closed(lots, quote, Fraction(quote * fee_ppm, MILLION))
        return value >= maintenance


def rounded_to_zero(value: Fraction) -> int:
    """Return what premiums, averages and rates become: whole millionths."""
    return trunc(value)
