"""Amounts and sides as people write them."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from tallystick.errors import BadInput
from tallystick.numbers import decimal
from tallystick.state.layout import MAX_AMOUNT

SIDES: Final = ("buy", "sell")


def to_units(amount: str) -> int:
    """Return an amount of tokens in units. Raises: BadInput when it is none, or finer than a unit."""
    try:
        units = Fraction(decimal(amount)) * 1_000_000
    except BadInput:
        units = Fraction(0)
    if units.denominator != 1 or not 0 < units <= MAX_AMOUNT:
        raise BadInput(
            "an amount is a positive number with up to six decimals", hint="such as 250 or 0.5", amount=amount
        )
    return int(units)


def tokens(units: int) -> str:
    """Return an amount of units as tokens."""
    sign = "-" if units < 0 else ""
    return f"{sign}{abs(units) // 1_000_000:,}.{abs(units) % 1_000_000:06d}"
