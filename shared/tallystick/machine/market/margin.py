"""Margin of one position: fractions that grow with its notional, and with the market's open interest."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from tallystick.machine.arith import ppm_up
from tallystick.state.layout import (
    PPM,
    RISK_RISKMARKET_INITIAL2_PPM,
    RISK_RISKMARKET_INITIAL3_PPM,
    RISK_RISKMARKET_INITIAL_PPM,
    RISK_RISKMARKET_MAINTENANCE2_PPM,
    RISK_RISKMARKET_MAINTENANCE3_PPM,
    RISK_RISKMARKET_MAINTENANCE_PPM,
    RISK_RISKMARKET_SURCHARGE_PPM,
    RISK_RISKMARKET_TIER2_FROM_MILLIONS,
    RISK_RISKMARKET_TIER3_FROM_MILLIONS,
)

TIER_UNITS: Final[i64] = PPM
"""Tiers begin at multiples of this many units, so that only the last tier of a position rounds."""
NO_TIER: Final[i64] = 4_611_686_018_427_387_904
"""Where a tier begins that there is not: 2^62 units, beyond every notional."""


def initial_margin(marks: vec[i64], entry: i64, notional: i64) -> i64:
    """Return what must stand behind a position when it is opened.

    Shape: `entry` is the word offset of the market's entry of the risk cell. Units: units. Rounding: up, the tiers and
    the surcharge each.
    """
    tiers = _tiered(
        marks,
        entry,
        notional,
        marks[entry + RISK_RISKMARKET_INITIAL_PPM],
        marks[entry + RISK_RISKMARKET_INITIAL2_PPM],
        marks[entry + RISK_RISKMARKET_INITIAL3_PPM],
    )
    return tiers + ppm_up(notional, marks[entry + RISK_RISKMARKET_SURCHARGE_PPM])


def maintenance_margin(marks: vec[i64], entry: i64, notional: i64) -> i64:
    """Return what must stay behind a position.

    Shape: `entry` is the word offset of the market's entry of the risk cell. Units: units. Rounding: up.
    """
    return _tiered(
        marks,
        entry,
        notional,
        marks[entry + RISK_RISKMARKET_MAINTENANCE_PPM],
        marks[entry + RISK_RISKMARKET_MAINTENANCE2_PPM],
        marks[entry + RISK_RISKMARKET_MAINTENANCE3_PPM],
    )


def tier_begins(marks: vec[i64], entry: i64, tier: i64) -> i64:
    """Return the notional at which a tier begins, tiers counted from 0; NO_TIER when there is none. Units: units."""
    if tier == 0:
        return 0
    second_from = marks[entry + RISK_RISKMARKET_TIER2_FROM_MILLIONS] * TIER_UNITS
    third_from = marks[entry + RISK_RISKMARKET_TIER3_FROM_MILLIONS] * TIER_UNITS
    if second_from == 0 or tier > 2:
        return NO_TIER
    if tier == 1:
        return second_from
    return third_from if third_from > second_from else NO_TIER


def maintenance_fraction(marks: vec[i64], entry: i64, tier: i64) -> i64:
    """Return a tier's maintenance margin fraction, tiers counted from 0. Units: millionths."""
    if tier == 0:
        return marks[entry + RISK_RISKMARKET_MAINTENANCE_PPM]
    if tier == 1:
        return marks[entry + RISK_RISKMARKET_MAINTENANCE2_PPM]
    return marks[entry + RISK_RISKMARKET_MAINTENANCE3_PPM]


def _tiered(marks: vec[i64], entry: i64, notional: i64, first: i64, second: i64, third: i64) -> i64:
    """Return the sum over the tiers of what of the notional lies in each, times its fraction."""
    second_from = tier_begins(marks, entry, 1)
    if notional <= second_from:
        return ppm_up(notional, first)
    third_from = tier_begins(marks, entry, 2)
    margin = ppm_up(second_from, first)
    if notional <= third_from:
        return margin + ppm_up(notional - second_from, second)
    return margin + ppm_up(third_from - second_from, second) + ppm_up(notional - third_from, third)
