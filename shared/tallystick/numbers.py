"""Numbers as people write them: ASCII digits and at most one point, and nothing else that Python takes for a number."""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import Final

from tallystick.errors import BadInput

MOST_DIGITS: Final = 78
"""As many as 2^256 has: nothing here is larger, and no exponent makes a short text a long number."""
NATURAL: Final = re.compile(rf"[0-9]{{1,{MOST_DIGITS}}}")
ETHER_DIGITS: Final = 18
_EXACT: Final = Context(prec=MOST_DIGITS + ETHER_DIGITS)
WHOLE: Final = re.compile(rf"-?{NATURAL.pattern}")
DECIMAL: Final = re.compile(
    rf"-?(?:[0-9]{{1,{MOST_DIGITS}}}(?:\.[0-9]{{1,{MOST_DIGITS}}})?|\.[0-9]{{1,{MOST_DIGITS}}})"
)


def whole(text: str) -> int:
    """Return a whole number. Raises: BadInput when it is none."""
    if not WHOLE.fullmatch(text):
        raise BadInput("not a whole number", hint="digits alone, such as 5000", given=text)
    return int(text)


def natural(text: str) -> int:
    """Return a whole number that is not below zero. Raises: BadInput when it is none."""
    if not NATURAL.fullmatch(text):
        raise BadInput("not a whole number from 0 on", hint="digits alone, such as 5000", given=text)
    return int(text)


def decimal(text: str) -> Decimal:
    """Return a decimal number, exactly. Raises: BadInput when it is none."""
    if not DECIMAL.fullmatch(text):
        raise BadInput("not a number", hint="digits and at most one point, such as 5000 or 0.25", given=text)
    return Decimal(text)


def plain_float(text: str) -> float:
    """Return a decimal number as the nearest float. Raises: BadInput when it is none."""
    return float(decimal(text))


def wei_of(text: str) -> int:
    """Return an amount of ether in wei.

    Raises: BadInput when it is none, or finer than a wei.
    """
    try:
        amount = decimal(text)
    except BadInput:
        amount = Decimal(0)
    if amount <= 0 or abs(amount.adjusted()) > ETHER_DIGITS:
        raise BadInput("an amount of ether is a positive number", ether=text)
    wei = amount.scaleb(ETHER_DIGITS)
    if wei != wei.to_integral_value():
        raise BadInput("an amount of ether has 18 decimals at most", ether=text)
    return int(wei)


def ether(wei: int | str) -> str:
    """Return wei as ether, without a loss."""
    return f"{Decimal(wei).scaleb(-ETHER_DIGITS, _EXACT).normalize(_EXACT):f}"
