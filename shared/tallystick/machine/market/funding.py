"""Funding: what a position owes for the time it was held, settled only when the position changes."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.state.layout import PPM


def owed(exposure: i64, change: i64) -> i64:
    """Return what a position owes since its funding index was `change` lower; less than nothing is what it is owed.

    Units: `exposure` is size x multiplier, signed; `change` in millionths of a tick; the result in units. Rounding: up,
    against the position. The remainder is computed apart, so that every product fits.
    """
    whole = change // PPM
    return exposure * whole - -(exposure * (change - whole * PPM)) // PPM


def dust(exposure: i64, change: i64) -> i64:
    """Return what rounding `owed` up has kept, in millionths of a unit: 0 to 999,999."""
    return -(exposure * (change % PPM)) % PPM
