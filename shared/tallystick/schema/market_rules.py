"""A market's rules that may change: listed and changed by records of the same order of fields."""

from __future__ import annotations

U32_LIMIT = (1 << 32) - 1
U62_LIMIT = (1 << 62) - 1
PPM = 1_000_000

# name -> largest value a record may carry
RULES: dict[str, int] = {
    "initial_ppm": PPM,
    "initial2_ppm": PPM,
    "initial3_ppm": PPM,
    "maintenance_ppm": PPM,
    "maintenance2_ppm": PPM,
    "maintenance3_ppm": PPM,
    "tier2_from": U32_LIMIT,
    "tier3_from": U32_LIMIT,
    "taker_ppm": PPM,
    "maker_ppm": PPM,
    "rebate_ppm": PPM,
    "liquidation_ppm": PPM,
    "max_lots": U62_LIMIT,
    "max_open_interest_lots": U62_LIMIT,
    "insurance_lots": U62_LIMIT,
    "surcharge_from_units": U62_LIMIT,
    "surcharge_to_units": U62_LIMIT,
    "band_ppm": PPM,
    "move_ppm": PPM,
}


def camel(name: str) -> str:
    """`taker_ppm` -> `takerPpm`."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)
