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
    RISK_RISKMARKET_TIER2_FROM,
    RISK_RISKMARKET_TIER3_FROM,
)

TIER_UNITS: Final[i64] = PPM
"""Tiers begin at multiples of this many units, so that only the last tier of a position rounds."""


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


def _tiered(marks: vec[i64], entry: i64, notional: i64, first: i64, second: i64, third: i64) -> i64:
    """Return the sum over the tiers of what of the notional lies in each, times its fraction."""
    second_from = marks[entry + RISK_RISKMARKET_TIER2_FROM] * TIER_UNITS
    if second_from == 0 or notional <= second_from:
        return ppm_up(notional, first)
    third_from = marks[entry + RISK_RISKMARKET_TIER3_FROM] * TIER_UNITS
    margin = ppm_up(second_from, first)
    if third_from <= second_from or notional <= third_from:
        return margin + ppm_up(notional - second_from, second)
    return margin + ppm_up(third_from - second_from, second) + ppm_up(notional - third_from, third)
