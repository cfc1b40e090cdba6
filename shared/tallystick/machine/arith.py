"""Exact integer arithmetic with its rounding in the name: the one module that divides.

Twin: contracts/src/libraries/Arith.sol.
"""

from __future__ import annotations

from typing import overload

from mypy_extensions import i64

from tallystick.state.layout import PPM
from tallystick.state.quantities import Ppm, Ticks, Units


def ppm_up(amount: Units, ppm: Ppm) -> Units:
    """Return amount x ppm / 1,000,000, of an amount that is not negative. Rounding: up."""
    whole = amount // PPM
    return Units(whole * ppm + ((amount - whole * PPM) * ppm + PPM - 1) // PPM)


@overload
def ppm_down(amount: Units, ppm: Ppm) -> Units: ...
@overload
def ppm_down(amount: Ticks, ppm: Ppm) -> Ticks: ...
def ppm_down(amount: i64, ppm: i64) -> i64:
    """Return amount x ppm / 1,000,000.

    Units: of `amount`, which is not negative. Rounding: down.
    """
    whole = amount // PPM
    return whole * ppm + (amount - whole * PPM) * ppm // PPM


def whole_up(amount_ppm: i64) -> i64:
    """Return the wholes in a number of millionths. Rounding: up, also below zero."""
    return -(-amount_ppm // PPM)


def whole_down(amount_ppm: i64) -> i64:
    """Return the wholes in a number of millionths. Rounding: down, also below zero."""
    return amount_ppm // PPM


def div_down(a: i64, b: i64) -> i64:
    """Return a / b for b above 0. Rounding: down, also below zero."""
    return a // b


def div_to_zero(a: i64, b: i64) -> i64:
    """Return a / b for b above 0. Rounding: to zero."""
    return a // b if a >= 0 else -(-a // b)


def mul_div_up(a: int, b: int, divisor: int) -> i64:
    """Return a x b / divisor, exactly: the product may need 128 bits, which `int` has; the result fits again.

    Rounding: up, also below zero.
    """
    return -(-(a * b) // divisor)


def mul_div_down(a: int, b: int, divisor: int) -> i64:
    """Return a x b / divisor, exactly: the product may need 128 bits, which `int` has; the result fits again.

    Rounding: down, also below zero.
    """
    return a * b // divisor


def mul_div_to_zero(a: int, b: int, divisor: int) -> i64:
    """Return a x b / divisor, exactly: the product may need 128 bits, which `int` has; the result fits again.

    Rounding: to zero, for a divisor above 0.
    """
    product = a * b
    return product // divisor if product >= 0 else -(-product // divisor)


def periods_down(spent_ms: i64, period_ms: i64) -> i64:
    """Return how many whole periods of the clock a time is. Rounding: down."""
    return spent_ms // period_ms


def products_at_most(a: int, b: int, c: int, d: int) -> bool:
    """Whether a x b <= c x d, exactly: the products may need 128 bits, which `int` has."""
    return a * b <= c * d


def triple_products_at_most(a: int, b: int, c: int, d: int, e: int, f: int) -> bool:
    """Whether a x b x c <= d x e x f, exactly: the products may need 192 bits, which `int` has."""
    return a * b * c <= d * e * f


def clamp(value: i64, most: i64) -> i64:
    """Return the number nearest to a value that is within `most` of 0 in either direction."""
    return -most if value < -most else (most if value > most else value)
