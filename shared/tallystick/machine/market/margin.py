"""Margin of one position: fractions that grow with its notional, and what open interest asks beyond them."""

from __future__ import annotations

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

from tallystick.machine.arith import mul_div_up, ppm_up
from tallystick.machine.market.instrument import exposure_of, weight_of, worth_of
from tallystick.state.cells import (
    Market,
    Risk,
    market_surcharge_from_units,
    market_surcharge_to_units,
    risk_market_initial2_ppm,
    risk_market_initial3_ppm,
    risk_market_initial_ppm,
    risk_market_maintenance2_ppm,
    risk_market_maintenance3_ppm,
    risk_market_maintenance_ppm,
    risk_market_tier2_from_millions,
    risk_market_tier3_from_millions,
)
from tallystick.state.layout import LEAN_INDEX, PPM
from tallystick.state.ordinals import MarketId
from tallystick.state.quantities import Lots, Ppm, Units

TIER_UNITS: Final[i64] = PPM
"""Tiers begin at multiples of this many units, so that only the last tier of a position rounds."""
NO_TIER: Final[i64] = 4_611_686_018_427_387_904
"""Where a tier begins that there is not: 2^62 units, beyond every notional."""


def initial_margin(marks: vec[i64], risk: Risk, market: MarketId, notional_units: Units) -> Units:
    """Return what must stand behind a position when it is opened, its surcharge aside.

    Units: units. Rounding: up.
    """
    if _in_first_tier(marks, risk, market, notional_units):
        return ppm_up(notional_units, risk_market_initial_ppm(marks, risk, market))
    return _tiered(
        marks,
        risk,
        market,
        notional_units,
        risk_market_initial_ppm(marks, risk, market),
        risk_market_initial2_ppm(marks, risk, market),
        risk_market_initial3_ppm(marks, risk, market),
    )


def maintenance_margin(marks: vec[i64], risk: Risk, market: MarketId, notional_units: Units) -> Units:
    """Return what must stay behind a position.

    Units: units. Rounding: up.
    """
    if _in_first_tier(marks, risk, market, notional_units):
        return ppm_up(notional_units, risk_market_maintenance_ppm(marks, risk, market))
    return _tiered(
        marks,
        risk,
        market,
        notional_units,
        risk_market_maintenance_ppm(marks, risk, market),
        risk_market_maintenance2_ppm(marks, risk, market),
        risk_market_maintenance3_ppm(marks, risk, market),
    )


def surcharge(
    rules: vec[i64], market: Market, marks: vec[i64], risk: Risk, number: MarketId, open_lots: Lots, added_lots: Lots
) -> Units:
    """Return what must stand behind added lots beyond the initial margin, when so many are open with them.

    Units: units; lots. Rounding: up, the fraction and the share each.
    """
    fraction_ppm = _surcharge_fraction(rules, market, marks, risk, number, open_lots)
    if fraction_ppm == 0:
        return Units(0)
    worth_units = worth_of(marks, risk, number, exposure_of(marks, risk, number, added_lots), LEAN_INDEX)
    return ppm_up(weight_of(worth_units), fraction_ppm)


def _surcharge_fraction(
    rules: vec[i64], market: Market, marks: vec[i64], risk: Risk, number: MarketId, open_lots: Lots
) -> Ppm:
    """Return what open interest asks of what is added: from nothing up to all that initial margin leaves.

    Units: millionths.
    """
    begins_units = market_surcharge_from_units(rules, market)
    if begins_units == 0:
        return Ppm(0)
    ends_units = market_surcharge_to_units(rules, market)
    worth_units = weight_of(worth_of(marks, risk, number, exposure_of(marks, risk, number, open_lots), LEAN_INDEX))
    if worth_units <= begins_units:
        return Ppm(0)
    room_ppm = PPM - risk_market_initial_ppm(marks, risk, number)
    if worth_units >= ends_units:
        return Ppm(room_ppm)
    return Ppm(mul_div_up(worth_units - begins_units, room_ppm, ends_units - begins_units))


def tier_begins(marks: vec[i64], risk: Risk, market: MarketId, tier: i64) -> Units:
    """Return the notional at which a tier begins, tiers counted from 0; NO_TIER when there is none. Units: units."""
    if tier == 0:
        return Units(0)
    second_from_units = risk_market_tier2_from_millions(marks, risk, market) * TIER_UNITS
    third_from_units = risk_market_tier3_from_millions(marks, risk, market) * TIER_UNITS
    if second_from_units == 0 or tier > 2:
        return Units(NO_TIER)
    if tier == 1:
        return Units(second_from_units)
    return Units(third_from_units if third_from_units > second_from_units else NO_TIER)


def maintenance_fraction(marks: vec[i64], risk: Risk, market: MarketId, tier: i64) -> Ppm:
    """Return a tier's maintenance margin fraction, tiers counted from 0. Units: millionths."""
    if tier == 0:
        return risk_market_maintenance_ppm(marks, risk, market)
    if tier == 1:
        return risk_market_maintenance2_ppm(marks, risk, market)
    return risk_market_maintenance3_ppm(marks, risk, market)


def _in_first_tier(marks: vec[i64], risk: Risk, market: MarketId, notional_units: Units) -> bool:
    """Whether all of a notional lies in the first tier."""
    second_from_units = risk_market_tier2_from_millions(marks, risk, market) * TIER_UNITS
    return second_from_units == 0 or notional_units <= second_from_units


def _tiered(
    marks: vec[i64],
    risk: Risk,
    market: MarketId,
    notional_units: Units,
    first_ppm: Ppm,
    second_ppm: Ppm,
    third_ppm: Ppm,
) -> Units:
    """Return the sum over the tiers of what of the notional lies in each, times its fraction; it passes the first."""
    second_from_units = risk_market_tier2_from_millions(marks, risk, market) * TIER_UNITS
    third_from_units = tier_begins(marks, risk, market, 2)
    margin_units = ppm_up(Units(second_from_units), first_ppm)
    if notional_units <= third_from_units:
        return Units(margin_units + ppm_up(Units(notional_units - second_from_units), second_ppm))
    return Units(
        margin_units
        + ppm_up(Units(third_from_units - second_from_units), second_ppm)
        + ppm_up(Units(notional_units - third_from_units), third_ppm)
    )
