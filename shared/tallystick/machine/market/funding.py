"""Funding: what a position owes for the time it was held, settled only when the position changes."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import whole_down, whole_up
from tallystick.state.layout import PPM


def owed(exposure: i64, change: i64) -> i64:
    """Return what a position owes since its funding index was `change` lower; less than nothing is what it is owed.

    Units: `exposure` is size x multiplier, signed; `change` in millionths of a tick; the result in units. Rounding: up,
    against the position. The remainder is computed apart, so that every product fits.
    """
    whole = whole_down(change)
    return exposure * whole + whole_up(exposure * (change - whole * PPM))


def dust(exposure: i64, change: i64) -> i64:
    """Return what rounding `owed` up has kept. Units: millionths of a unit, 0 to 999,999."""
    part = exposure * (change - whole_down(change) * PPM)
    return whole_up(part) * PPM - part
