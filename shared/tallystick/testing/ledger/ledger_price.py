"""Prices of the independent ledger: index, mark and funding once more, in fractions."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor, trunc
from statistics import median_low

from tallystick.schema.names import Outcome
from tallystick.testing.ledger.ledger_market import MAX_PRICE, MILLION, STALE_MS, Market
from tallystick.testing.ledger.ledger_model import REPORT_AGE_MS, REPORT_AHEAD_MS

GRACE_MS = 60_000
LONG_SILENCE_MS = 300_000
SAMPLE_MS = 5_000
SAMPLE_MOST_MS = 10_000
BASIS_MS = 150_000
INTEREST = 100
INTEREST_REACH = 500
LARGEST_RATE = 40_000
HOURS = 8
LARGEST_FUNDING = 2**27


Quote = tuple[int | None, int | None]
"""What was found in the book at a sample: a buyer's price and a seller's."""


def commit(market: Market, quorum: int, clock_ms: int, look: Callable[[], Quote], sequence: int = 0) -> bool:
    """Make the fresh reports the index, and all that follows from it; False when they are too few.

    The book is looked at when a sample is due, once the new index stands.
    """
    fresh = sorted(
        (report for report in market.reports.values() if -REPORT_AHEAD_MS <= clock_ms - report[0] <= REPORT_AGE_MS),
        reverse=True,
    )
    if len(fresh) < quorum:
        return False
    agreed_ms = fresh[quorum - 1][0]
    time = max(min(agreed_ms, clock_ms), market.index_ms)
    elapsed = time - market.index_ms if market.index_ms else 0
    if market.index_ms and clock_ms > market.index_ms + STALE_MS:
        market.resumed_sequence = sequence
    if elapsed > LONG_SILENCE_MS:
        market.resumed_ms = time
    market.index_ms = time
    market.indices.append((time, median_low(price for at, price in fresh if agreed_ms - at <= REPORT_AGE_MS)))
    was, market.index = market.index, floor(market.settles_at()) if market.dated else market.indices[-1][1]
    if market.has_expired(market.index_ms):
        market.mark, market.settled, market.settled_ms = market.index, True, clock_ms
        market.brakes.forget()
        return True
    market.brakes.see(was, market.index, market.maintenance_ppm, clock_ms)
    market.mark = _near(market)
    if clock_ms >= market.sample_ms + SAMPLE_MS and clock_ms <= market.index_ms + STALE_MS:
        _sample(market, clock_ms, look())
        market.mark = _near(market)
    return True


def order_stage(market: Market, clock_ms: int) -> Outcome | None:
    """Return why an order may not come now, if it may not."""
    return Outcome.STALE_INDEX if clock_ms - market.index_ms > STALE_MS else None


def liquidation_stage(market: Market, clock_ms: int, *, owes: bool) -> Outcome | None:
    """Return why nobody may be liquidated now, if so; who owes more than he has is not spared behind a halt."""
    if clock_ms - market.index_ms > STALE_MS:
        return Outcome.STALE_INDEX
    back = market.resumed_ms and clock_ms < market.resumed_ms + GRACE_MS
    return Outcome.LIQUIDATIONS_WAIT if back and not owes else None


def _near(market: Market) -> int:
    """Return the mark: as far from the index as the book has been, within bounds."""
    counts = trunc(_within(market.basis, market.index * market.reach()) * market.ahead(market.index_ms))
    return min(market.index + trunc(Fraction(counts, MILLION)), MAX_PRICE)


def _sample(market: Market, clock_ms: int, quote: Quote) -> None:
    """Average the book's distance from the index in, in millionths of a tick, and count its premium.

    A book without one of the two is where the index is.
    """
    bid, ask = quote
    if bid is None or ask is None:
        bid = ask = market.index
    waited = min(clock_ms - market.sample_ms, SAMPLE_MOST_MS)
    distance = _within((Fraction(bid + ask, 2) - market.index) * MILLION, market.index * market.reach())
    market.basis += trunc((distance - market.basis) * Fraction(waited, BASIS_MS))
    hour = clock_ms // 3_600_000
    if not market.dated and hour > market.tick_hour:
        charge(market)
        market.tick_hour = hour
    if not market.dated:
        beyond = max(0, bid - market.index) - max(0, market.index - ask)
        premium = trunc(Fraction(beyond * MILLION, market.index))
        market.premiums.append((int(_within(premium, market.reach())), waited))
    market.sample_ms = clock_ms


def _within(value: Fraction | int, most: int) -> Fraction | int:
    return min(max(value, -most), most)


def charge(market: Market) -> None:
    """Charge what an hour costs, if any of it was sampled, and begin the next one. Units: ticks."""
    if not market.premiums:
        return
    counted = sum(premium * waited for premium, waited in market.premiums)
    average = trunc(Fraction(counted, sum(waited for _, waited in market.premiums)))
    pull = min(max(INTEREST - average, -INTEREST_REACH), INTEREST_REACH)
    most = min(LARGEST_RATE, market.initial_ppm - market.maintenance_ppm)
    rate = min(max(trunc(Fraction(average + pull, HOURS)), -most), most)
    charged = market.funding + Fraction(rate * market.index, MILLION)
    market.funding = min(max(charged, Fraction(-LARGEST_FUNDING)), Fraction(LARGEST_FUNDING))
    market.premiums = []
