"""Prices of the independent ledger: index, mark, funding and surcharge once more, in fractions."""

from __future__ import annotations

from fractions import Fraction
from math import floor, trunc
from statistics import median, median_low

from tallystick.schema.names import Outcome
from tallystick.testing.ledger.ledger_market import MILLION, Market

STALE_MS = 60_000
GRACE_MS = 300_000
SILENT_MS = 3_600_000
WINDOW_MS = 1_000
BASIS_MS = 150_000
DEVIATION = Fraction(1, 10)
INTEREST = 100
INTEREST_REACH = 500
LARGEST_RATE = 40_000
HOURS = 8
LARGEST_FUNDING = 2**27


def commit(market: Market, quorum: int, clock_ms: int, bid: int | None, ask: int | None) -> bool:
    """Make a round's reports the index, and all that follows from it; False when too few agree."""
    middle = median_low(market.reports.values())
    near = [price for price in market.reports.values() if abs(price - middle) <= DEVIATION * middle]
    if len(near) < quorum:
        return False
    elapsed = clock_ms - market.index_ms if market.index_ms else 0
    if elapsed > STALE_MS:
        market.resumed_ms = clock_ms
    market.index, market.index_ms = median_low(near), clock_ms
    if market.has_expired(clock_ms):
        market.mark, market.settled = market.index, True
        return True
    fair = market.index
    if bid is not None and ask is not None:
        fair = _fair(market, Fraction(min(elapsed, BASIS_MS), BASIS_MS), Fraction(bid + ask, 2))
    if not market.mark or clock_ms >= market.window_ms + WINDOW_MS:
        market.window_mark, market.window_ms = market.mark or fair, clock_ms
    most = max(1, floor(Fraction(market.window_mark * market.move_ppm, MILLION)))
    market.mark = min(max(fair, market.window_mark - most), market.window_mark + most)
    market.surcharge_ppm = _surcharge(market)
    if not market.dated and clock_ms // 60_000 > market.sample_minute:
        _sample(market, clock_ms, bid, ask)
    return True


def order_stage(market: Market, clock_ms: int, *, posts: bool) -> Outcome | None:
    """Return why an order may not come now, if it may not."""
    if clock_ms - market.index_ms > STALE_MS:
        return Outcome.STALE_INDEX
    return Outcome.POST_ONLY_STAGE if market.makers_first(clock_ms) and not posts else None


def liquidation_stage(market: Market, clock_ms: int) -> Outcome | None:
    """Return why nobody may be liquidated now, if so."""
    if clock_ms - market.index_ms > STALE_MS:
        return Outcome.STALE_INDEX
    fresh = market.resumed_ms and clock_ms < market.resumed_ms + GRACE_MS
    return Outcome.LIQUIDATIONS_WAIT if fresh else None


def spares_holders(market: Market, clock_ms: int) -> bool:
    """Whether nobody who holds a position here is liquidated anywhere: prices have stopped, or come back lately."""
    silent = clock_ms - market.index_ms
    stopped = STALE_MS < silent <= SILENT_MS
    back = market.resumed_ms and clock_ms < market.resumed_ms + GRACE_MS
    return not market.settled and bool(stopped or back)


def _fair(market: Market, weight: Fraction, middle: Fraction) -> int:
    """Average the distance of the book's middle from the index in; it is kept in millionths of a tick."""
    basis = floor(market.basis + ((middle - market.index) * MILLION - market.basis) * weight)
    reach = market.index * market.band_ppm
    market.basis = min(max(basis, -reach), reach)
    usual = floor(market.index + Fraction(market.basis, MILLION))
    return int(median((market.index, usual, floor(middle))))


def _surcharge(market: Market) -> int:
    begins, ends = market.surcharge
    worth = market.open_interest * market.multiplier * market.mark
    if not begins or worth <= begins:
        return 0
    grown = min(Fraction(1), Fraction(worth - begins, ends - begins))
    return -floor(-grown * (MILLION - market.initial_ppm))


def _sample(market: Market, clock_ms: int, bid: int | None, ask: int | None) -> None:
    hour = clock_ms // 3_600_000
    if hour > market.tick_hour:
        if market.premiums:
            market.funding += _charge(market)
            market.funding = min(max(market.funding, Fraction(-LARGEST_FUNDING)), Fraction(LARGEST_FUNDING))
            market.premiums = []
        market.tick_hour = hour
    above = max(0, (bid or 0) - market.index)
    below = max(0, market.index - (market.index if ask is None else ask))
    market.premiums.append(trunc(Fraction((above - below) * MILLION, market.index)))
    market.sample_minute = clock_ms // 60_000


def _charge(market: Market) -> Fraction:
    """Return what an hour costs. Units: ticks."""
    average = trunc(Fraction(sum(market.premiums), len(market.premiums)))
    pull = min(max(INTEREST - average, -INTEREST_REACH), INTEREST_REACH)
    most = min(LARGEST_RATE, market.initial_ppm - market.maintenance_ppm)
    rate = min(max(trunc(Fraction(average + pull, HOURS)), -most), most)
    return Fraction(rate * market.index, MILLION)
