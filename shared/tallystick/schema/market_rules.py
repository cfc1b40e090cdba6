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
    "tier2_from_millions": U32_LIMIT,
    "tier3_from_millions": U32_LIMIT,
    "taker_fee_ppm": PPM,
    "maker_fee_ppm": PPM,
    "rebate_ppm": PPM,
    "liquidation_fee_ppm": PPM,
    "max_lots": U62_LIMIT,
    "max_open_interest_lots": U62_LIMIT,
    "insurance_lots": U62_LIMIT,
    "fund_units": U62_LIMIT,
    "surcharge_from_units": U62_LIMIT,
    "surcharge_to_units": U62_LIMIT,
    "band_ppm": PPM,
    "quote_lots": U62_LIMIT,
    "min_order_units": U62_LIMIT,
}

# A rule whose name in the EIP-712 structs is another: what wallets sign stays as it is.
SIGNED: dict[str, str] = {
    "tier2_from_millions": "tier2From",
    "tier3_from_millions": "tier3From",
    "taker_fee_ppm": "takerPpm",
    "maker_fee_ppm": "makerPpm",
    "liquidation_fee_ppm": "liquidationPpm",
}


def camel(name: str) -> str:
    """`rebate_ppm` -> `rebatePpm`."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)
