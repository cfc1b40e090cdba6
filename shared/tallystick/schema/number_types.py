"""Ordinals: numbers that say which one, or when, and are never added to one another. A type for each.

An amount says how much, is multiplied, and ends in its unit. An ordinal is compared: a function takes it by its type, so
that an account is not taken for a market, nor seconds for milliseconds. What is computed from one is a plain number
again, until somebody says what it is.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordinal:
    """A type of ordinals.

    Shape: `called` are the names of parameters and fields that hold one wherever they stand.
    """

    name: str
    doc: str
    called: tuple[str, ...]


ORDINALS = (
    Ordinal(
        name="BlockNumber",
        doc="A block of L1, by its number",
        called=(
            "block",
            "block_number",
            "deadline_block",
            "decided_block",
            "first_block",
            "head",
            "last_block",
            "next_block",
        ),
    ),
)
