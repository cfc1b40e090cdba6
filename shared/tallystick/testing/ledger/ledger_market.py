"""A market of the independent ledger: its rules and what margin they ask for, in fractions."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from tallystick.testing.ledger.ledger_brake import Brakes, new_brakes
from tallystick.testing.ledger.ledger_model import Lean

MILLION = 1_000_000
STALE_MS = 30_000
MAX_PRICE = 2**24 - 1
SETTLING_MS = 1_800_000
MAX_EXPOSURE = 2**30


def share(amount: int, ppm: int) -> int:
    """Return a share of an amount, rounded up."""
    return ceil(Fraction(amount * ppm, MILLION))


@dataclass(slots=True)
class Market:
    """A market's rules, its mark, what it has charged in funding and the signers' newest reports.

    `indices` are all it has had, each with its time; `index` is the one that margins are measured with. Units: `funding` in ticks since it was listed, `basis` in millionths of a tick, `premiums` in millionths, each with its milliseconds. `surcharge` is open interest from
    which and to which what is added needs more margin. `tiers` are the second and the third one: (millions of units from
    which, initial ppm, maintenance ppm). Of its insurance fund, `slack` is what it may lose when it unwinds, and `borne`
    what it has borne of accounts that owed: (time, units, how much at most from then on), the newest window's alone.
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
    fund_units: int = 0
    band_ppm: int = 12_500
    tiers: tuple[tuple[int, int, int], ...] = ()
    surcharge: tuple[int, int] = (0, 0)
    quote_lots: int = 1
    min_order_units: int = 0
    series: int = 0
    dated: bool = False
    expiry_ms: int = 0
    live_ms: int = 0
    settled: bool = False
    settled_ms: int = 0
    dead_ms: int = 0
    topped_ms: int = 0
    mark: int = 0
    index: int = 0
    indices: list[tuple[int, int]] = field(default_factory=list)
    index_ms: int = 0
    resumed_ms: int = 0
    resumed_sequence: int = 0
    basis: int = 0
    premiums: list[tuple[int, int]] = field(default_factory=list)
    sample_ms: int = 0
    tick_hour: int = 0
    funding: Fraction = Fraction(0)
    fund_traded_ms: int = 0
    slack: Fraction = Fraction(0)
    borne: list[tuple[int, int, int]] = field(default_factory=list)
    reports: dict[int, tuple[int, int]] = field(default_factory=dict)
    brakes: Brakes = field(default_factory=new_brakes)

    def margins_stand(self) -> bool:
        """Whether they are large enough, a third is lost before a liquidation, and half the rest covers the band."""
        tiers = ((0, self.initial_ppm, self.maintenance_ppm), *self.tiers)
        apart = all(Fraction(kept, initial or 1) <= Fraction(2, 3) for _, initial, kept in tiers)
        return self.initial_ppm >= 20_000 and self.maintenance_ppm >= max(10_000, 2 * self.band_ppm) and apart

    def has_expired(self, clock_ms: int) -> bool:
        """Whether a dated future's time has come."""
        return 0 < self.expiry_ms <= clock_ms

    def ahead(self, time_ms: int) -> Fraction:
        """Return the share of its last half hour that is still ahead."""
        left = max(0, min(self.expiry_ms - time_ms, SETTLING_MS)) if self.dated else SETTLING_MS
        return Fraction(left, SETTLING_MS)

    def settles_at(self) -> Fraction:
        """Return the mean of its indices over its last half hour, each as long as it stood, the newest one to the end."""
        times = [0, *(time for time, _ in self.indices[1:])]
        ends = [*times[1:], self.expiry_ms]
        return sum(
            (price * (self.ahead(since) - self.ahead(until)))
            for (_, price), since, until in zip(self.indices, times, ends, strict=True)
        ) + Fraction(0)

    def price(self, lots: int, lean: Lean) -> int:
        """Return what a lot of a position is measured at."""
        if lean is Lean.MARKED:
            return self.mark
        if lean is Lean.INDEX:
            return self.index
        worth = sorted((self.mark, self.index), key=lambda price: lots * price)
        return worth[-1] if lean is Lean.BEST else worth[0]

    def gains(self, lots: int, cost: int) -> bool:
        """Whether a position is worth more at the index than it has cost."""
        return lots * self.multiplier * self.index > cost

    def has_jumped(self, lots: int) -> bool:
        """Whether a position has lost by a jump, as the newest index has told: on the side that a brake does not hold."""
        return lots != 0 and self.brakes.of(-lots).told

    def holds(self, lots: int, cost: int, clock_ms: int) -> bool:
        """Whether a brake keeps a position as it is."""
        return lots != 0 and self.brakes.of(lots).holds(self.index, clock_ms) and self.gains(lots, cost)

    def is_stale(self, clock_ms: int) -> bool:
        """Whether its prices have stopped; those of a settled one are final."""
        return not self.settled and clock_ms > self.index_ms + STALE_MS

    def reach(self) -> int:
        """Return how far the mark may be from the index, in millionths of it."""
        return min(self.band_ppm, self.maintenance_ppm // 2)

    def bound(self, *, buys: bool, around: int) -> int:
        """Return the worst price of a market order that names none, around the mark or the trigger it waits for."""
        half = self.maintenance_ppm // 2
        move = around * max(2 * self.reach(), half, 10_000) // MILLION
        return min(around + move, MAX_PRICE) if buys else max(around - move, 1)

    def too_dear(self, price: int, *, buys: bool) -> bool:
        """Whether a fill at a price is further from what is fair than a fill may be, to the harm of who buys, or sells."""
        fair = Fraction(self.mark if self.dated else self.index)
        away = max(1, floor(Fraction(self.index * self.maintenance_ppm, 2 * MILLION)))
        return price - fair > away if buys else fair - price > away

    def initial(self, exposure: int) -> int:
        """Return the initial margin of a position of this worth."""
        tiers = [(0, self.initial_ppm), *((at, initial) for at, initial, _ in self.tiers)]
        return ceil(_over_tiers(exposure, tiers))

    def asked(self, added: int, open_lots: int) -> int:
        """Return what must stand behind added lots beyond the initial margin, when so many are open with them."""
        begins, ends = self.surcharge
        worth = open_lots * self.multiplier * self.index
        if not begins or worth <= begins:
            return 0
        grown = min(Fraction(1), Fraction(worth - begins, ends - begins))
        return share(added * self.multiplier * self.index, ceil(grown * (MILLION - self.initial_ppm)))

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


def debt_shares(sizes: dict[int, int], costs: dict[int, int], markets: dict[int, Market]) -> dict[int, Fraction]:
    """Return which part of a debt each position bears that has lost by a jump: by what it has lost, else by margin."""
    worths = {
        each: size * markets[each].index * markets[each].multiplier
        for each, size in sizes.items()
        if markets[each].has_jumped(size)
    }
    lost = {each: max(0, costs[each] - worth) for each, worth in worths.items()}
    weights = lost if any(lost.values()) else {each: markets[each].maintenance(abs(of)) for each, of in worths.items()}
    return {each: Fraction(weight, sum(weights.values())) for each, weight in weights.items()}
