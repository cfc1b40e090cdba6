"""Amounts as people write them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from tallystick.errors import BadInput
from tallystick.state.layout import MAX_AMOUNT


def to_units(amount: str) -> int:
    """Return an amount of tokens in units. Raises: BadInput when it is none, or finer than a unit."""
    try:
        units = Decimal(amount) * 1_000_000
    except InvalidOperation:
        units = Decimal("NaN")
    if not units.is_finite() or units != int(units) or not 0 < units <= MAX_AMOUNT:
        raise BadInput("an amount is a positive number with up to six decimals", amount=amount)
    return int(units)
