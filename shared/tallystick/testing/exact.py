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
    """A position against a price and the funding index of its market.

    Units: `size` in lots, signed; `tick` is what one lot is worth at one tick; `change` is by how much the funding
    index rose since the position last paid, in millionths of a tick; `cost` and `extra` in units. `stale` positions need
    more and leave nothing; `braked` ones count for no more than they have cost when they gain by that at the `index`.
    """

    size: int
    price: int
    tick: int
    change: int
    initial: Tiers
    maintenance: Tiers
    cost: int = 0
    extra: int = 0
    stale: bool = False
    braked: bool = False
    index: int = 0

    def worth(self) -> int:
        """Return what it is worth at the price, less than nothing for a short."""
        return self.size * self.price * self.tick

    def owed(self) -> Fraction:
        """Return the funding it has not paid yet."""
        return Fraction(self.size * self.tick * self.change, MILLION)

    def needs(self) -> int:
        """Return its initial margin, twice when it is stale, and what was asked beyond the market's. Rounding: up."""
        times = 2 if self.stale else 1
        return times * ceil(margin(abs(self.worth()), self.initial)) + self.extra

    def stays(self) -> int:
        """Return what of it stays in a withdrawal: all when it is stale. Rounding: up."""
        notional = abs(self.worth())
        return (notional if self.stale else ceil(margin(notional, self.initial))) + self.extra

    def brings(self) -> int:
        """Return what it counts for, the funding it owes off. Rounding: against it."""
        brings = self.worth() - ceil(self.owed())
        held = self.braked and self.size * self.index * self.tick > self.cost
        return min(brings, self.cost) if held else brings

    def gain(self) -> int:
        """Return what it would bring beyond what it has cost; nothing when it has lost."""
        return max(0, self.brings() - self.cost)

    def keeps(self) -> int:
        """Return its maintenance margin. Rounding: up."""
        return ceil(margin(abs(self.worth()), self.maintenance))


def leaning(mark: int, index: int, size: int) -> tuple[int, int, int, int]:
    """Return what a position is measured at, in the order of the names: worst and best for it, the index, the mark."""
    prices = sorted((mark, index), key=lambda price: size * price)
    return prices[0], prices[1], index, mark


def held_by_brake(
    index: int, clock_ms: int, fall: tuple[int, int], rise: tuple[int, int], lots: int, gain: int
) -> bool:
    """Whether a brake holds a position that gains so much at the index: the tick it jumped from and until when, of either."""
    beyond, until_ms = rise if lots > 0 else fall
    return clock_ms < until_ms and (index - beyond) * lots > 0 and gain > 0


def account_health(cash: int, holdings: list[Holding]) -> tuple[int, int, int, int, int, int]:
    """Return (value, initial, maintenance, notional, what stays, gain). Rounding: against the account, by position."""
    value = cash + sum(each.brings() for each in holdings)
    notional = sum(abs(each.worth()) for each in holdings)
    needs, keeps = (sum(of(each) for each in holdings) for of in (Holding.needs, Holding.keeps))
    stays, gain = (sum(of(each) for each in holdings) for of in (Holding.stays, Holding.gain))
    return value, needs, keeps, notional, stays, gain


def withdrawable(health: tuple[int, int, int, int, int, int], held: int) -> int:
    """Return what may leave an account when the Vault still holds so much: gains and a tenth of the notional stay."""
    value, _, _, notional, staying, gain = health
    stays = max(Fraction(staying), Fraction(notional, 10), Fraction(gain))
    return max(0, min(floor(value - stays), held))


def liquidation_fee(quote: int, fee_ppm: int, improvement: int, room: int) -> int:
    """Return what a liquidated account pays the market's insurance fund for a fill. Units: units. Rounding: down."""
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
