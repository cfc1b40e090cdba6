"""What a market's instrument is: how long it lasts, whether it pays funding, what it settles at, is worth and weighs.

A perpetual pays funding and never ends. A dated future pays none, and settles at the first index at or after its expiry.
Whoever asks what kind a market is asks here. Twin: contracts/src/libraries/market/Instrument.sol.
"""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from tallystick.machine.market.funding import owed
from tallystick.state.cells import (
    Market,
    Risk,
    market_expiry_ms,
    market_kind,
    risk_market_funding_index_ppm,
    risk_market_mark_ticks,
    risk_market_multiplier,
)
from tallystick.state.layout import KIND_DATED


def term_stands(kind: i64, expiry_ms: i64, clock_ms: i64) -> bool:
    """Whether what is listed now may end then: a dated future at a time that is ahead, a perpetual never."""
    return expiry_ms > clock_ms if kind == KIND_DATED else expiry_ms == 0


def has_expired(rules: vec[i64], market: Market, clock_ms: i64) -> bool:
    """Whether nobody trades it any more, since its time is over."""
    expiry_ms = market_expiry_ms(rules, market)
    return expiry_ms != 0 and expiry_ms <= clock_ms


def pays_funding(rules: vec[i64], market: Market) -> bool:
    """Whether its positions pay each other for the distance between book and index."""
    return market_kind(rules, market) != KIND_DATED


def settles_by(rules: vec[i64], market: Market, index_ms: i64) -> bool:
    """Whether an index of this time is its last: all positions end at it."""
    return market_kind(rules, market) == KIND_DATED and market_expiry_ms(rules, market) <= index_ms


def final_mark(index_ticks: i64) -> i64:
    """Return what it settles at when this is its last index. Units: ticks."""
    return index_ticks


def funding_index(marks: vec[i64], risk: Risk, market: i64) -> i64:
    """Return where its funding stands, to which a position is settled whenever it changes.

    Units: millionths of a tick.
    """
    return risk_market_funding_index_ppm(marks, risk, market)


def exposure_of(marks: vec[i64], risk: Risk, market: i64, size_lots: i64) -> i64:
    """Return what a position of this signed size gains for each tick. Units: units a tick."""
    return size_lots * risk_market_multiplier(marks, risk, market)


def worth_of(marks: vec[i64], risk: Risk, market: i64, exposure: i64) -> i64:
    """Return what an exposure is worth at the mark: below 0 for a short. Units: units."""
    return exposure * risk_market_mark_ticks(marks, risk, market)


def owed_since(marks: vec[i64], risk: Risk, market: i64, exposure: i64, settled_index: i64) -> i64:
    """Return the funding that an exposure owes since it was settled; less than nothing is what it is owed.

    Units: units. Rounding: up, against the position.
    """
    return owed(exposure, risk_market_funding_index_ppm(marks, risk, market) - settled_index)


def weight_of(worth: i64) -> i64:
    """Return the notional that a position of this worth has its margin on. Units: units."""
    return worth if worth >= 0 else -worth
