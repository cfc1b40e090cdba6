"""Amounts: numbers that say how much, named by their unit. A type for each.

An amount is multiplied, and what comes of that has another unit: computed, it is a plain number until somebody says what
it is. So whoever keeps one, or hands it on, says it, and lots are not taken for units, nor ticks for millionths of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A type of amounts: what ends in its `unit` is one, and what is `called` so."""

    name: str
    doc: str
    unit: str = ""
    called: tuple[str, ...] = ()


AMOUNTS: Final = (
    Amount(name="Ticks", doc="A price, or how far one is from another, in ticks of its market", unit="ticks"),
    Amount(
        name="Lots", doc="A size, or a part of one, in lots of its market; of a position long is positive", unit="lots"
    ),
    Amount(name="Units", doc="Cash, or what something is worth, in units", unit="units"),
    Amount(name="Ppm", doc="A fraction, in millionths", unit="ppm"),
    Amount(
        name="TickPpm",
        doc="A price, or how far one is from another, in millionths of a tick",
        called=("basis_ppm", "change_ppm", "funding_index_ppm", "new_index_ppm", "old_index_ppm", "settled_index_ppm"),
    ),
    Amount(
        name="UnitsPerTick",
        doc="What some lots gain by each tick, in units; of a short less than nothing",
        called=("exposure", "multiplier_units", "tick_units"),
    ),
)

SUMS: Final = {
    "funding_whole_ticks": "lots x ticks",
    "funding_part_ppm": "lots x millionths of a tick",
    "funding_dust_ppm": "millionths of a unit",
    "dust_ppm": "millionths of a unit",
    "premium_sum_ppm": "millionths x milliseconds",
}
"""By name, what ends in a unit and is none of these amounts, with what it is: nobody but its own lines hands it on."""

_CALLED: Final = {name: amount for amount in AMOUNTS for name in amount.called}
_UNITS: Final = {amount.unit: amount for amount in AMOUNTS if amount.unit}


def amount_of(name: str) -> str:
    """Return the type of the amount that a name means, empty when it means none."""
    if name in SUMS:
        return ""
    found = _CALLED.get(name) or _UNITS.get(name.rpartition("_")[2])
    return found.name if found else ""
