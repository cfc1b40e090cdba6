"""A market's listing, where most of its rules are the ordinary ones."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tallystick.records.signing import make

ORDINARY_RULES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "initial_ppm": 50_000,
        "maintenance_ppm": 25_000,
        "taker_fee_ppm": 500,
        "maker_fee_ppm": 100,
        "max_lots": 1_000_000,
        "quote_lots": 100,
        "min_order_units": 10_000_000,
    }
)
"""What a listing has where nothing else is said; rules that are not here are 0."""
ORDINARY_BAND_PPM: Final = 12_500
"""The band where nothing else is said, and the maintenance margin allows it."""
OPEN_INTEREST_OF_LARGEST: Final = 4
"""Open interest is at most so many times the largest position where nothing else is said."""


def listing(fields: Mapping[str, int]) -> tuple[int, ...]:
    """Return a listing's values in the order of its record; what is left out is ordinary.

    Raises: TypeError for a name that is no field of it.
    """
    rules = {**ORDINARY_RULES, **fields}
    rules.setdefault("band_ppm", min(ORDINARY_BAND_PPM, rules["maintenance_ppm"] // 2))
    rules.setdefault("max_open_interest_lots", OPEN_INTEREST_OF_LARGEST * rules["max_lots"])
    rules.setdefault("kind", 1 if rules.get("expiry_ms") else 0)
    return make("list_market", **rules).values
