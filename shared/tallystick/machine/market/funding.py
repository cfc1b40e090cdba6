"""Funding: what a position owes for the time it was held, settled only when the position changes."""

from __future__ import annotations

from mypy_extensions import i64

from tallystick.machine.arith import whole_down, whole_up
from tallystick.state.layout import PPM
from tallystick.state.quantities import TickPpm, Units, UnitsPerTick


def owed(exposure: UnitsPerTick, change_ppm: TickPpm) -> Units:
    """Return what a position owes since its funding index was `change_ppm` lower; less than nothing is what it is owed.

    Units: `exposure` is size x multiplier, signed; `change_ppm` in millionths of a tick; the result in units. Rounding: up,
    against the position. The remainder is computed apart, so that every product fits.
    """
    whole_ticks = whole_down(change_ppm)
    return Units(exposure * whole_ticks + whole_up(exposure * (change_ppm - whole_ticks * PPM)))


def dust(exposure: UnitsPerTick, change_ppm: TickPpm) -> i64:
    """Return what rounding `owed` up has kept. Units: millionths of a unit, 0 to 999,999."""
    part_ppm = exposure * (change_ppm - whole_down(change_ppm) * PPM)
    return whole_up(part_ppm) * PPM - part_ppm
