"""What a market's instrument is: how long it lasts, whether it pays funding, what it settles at, is worth and weighs.

A perpetual pays funding and never ends. A dated future pays none, and settles at the first index at or after its expiry.
Whoever asks what kind a market is asks here. Twin: contracts/src/libraries/market/Instrument.sol.
"""

from __future__ import annotations

from librt.vecs import vec
from mypy_extensions import i64

from tallystick.machine.market.funding import owed
from tallystick.state.layout import (
    KIND_DATED,
    MARKET_EXPIRY_MS,
    MARKET_KIND,
    RISK_RISKMARKET_FUNDING_INDEX_PPM,
    RISK_RISKMARKET_MARK_TICKS,
    RISK_RISKMARKET_MULTIPLIER,
)


def term_stands(kind: i64, expiry_ms: i64, clock_ms: i64) -> bool:
    """Whether what is listed now may end then: a dated future at a time that is ahead, a perpetual never."""
    return expiry_ms > clock_ms if kind == KIND_DATED else expiry_ms == 0


def has_expired(rules: vec[i64], market: i64, clock_ms: i64) -> bool:
    """Whether nobody trades it any more, since its time is over. Shape: `market` is the word offset of its cell."""
    expiry_ms = rules[market + MARKET_EXPIRY_MS]
    return expiry_ms != 0 and expiry_ms <= clock_ms


def pays_funding(rules: vec[i64], market: i64) -> bool:
    """Whether its positions pay each other for the distance between book and index. Shape: as `has_expired`."""
    return rules[market + MARKET_KIND] != KIND_DATED


def settles_by(rules: vec[i64], market: i64, index_ms: i64) -> bool:
    """Whether an index of this time is its last: all positions end at it. Shape: as `has_expired`."""
    return rules[market + MARKET_KIND] == KIND_DATED and rules[market + MARKET_EXPIRY_MS] <= index_ms


def final_mark(index_ticks: i64) -> i64:
    """Return what it settles at when this is its last index. Units: ticks."""
    return index_ticks


def funding_index(marks: vec[i64], entry: i64) -> i64:
    """Return where its funding stands, to which a position is settled whenever it changes.

    Shape: `entry` is the word offset of its entry of the risk cell. Units: millionths of a tick.
    """
    return marks[entry + RISK_RISKMARKET_FUNDING_INDEX_PPM]


def exposure_of(marks: vec[i64], entry: i64, size_lots: i64) -> i64:
    """Return what a position of this signed size gains for each tick. Shape: as `funding_index`. Units: units a tick."""
    return size_lots * marks[entry + RISK_RISKMARKET_MULTIPLIER]


def worth_of(marks: vec[i64], entry: i64, exposure: i64) -> i64:
    """Return what an exposure is worth at the mark: below 0 for a short. Shape: as `funding_index`. Units: units."""
    return exposure * marks[entry + RISK_RISKMARKET_MARK_TICKS]


def owed_since(marks: vec[i64], entry: i64, exposure: i64, settled_index: i64) -> i64:
    """Return the funding that an exposure owes since it was settled; less than nothing is what it is owed.

    Shape: as `funding_index`. Units: units. Rounding: up, against the position.
    """
    return owed(exposure, marks[entry + RISK_RISKMARKET_FUNDING_INDEX_PPM] - settled_index)


def weight_of(worth: i64) -> i64:
    """Return the notional that a position of this worth has its margin on. Units: units."""
    return worth if worth >= 0 else -worth
