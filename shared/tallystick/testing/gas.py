"""What each kind of step costs in the Referee, over all scenarios."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median_high

from tallystick.schema.names import Phase

GasTable = dict[str, dict[str, int]]


def gas_table(costs: Iterable[tuple[int, int, int]]) -> GasTable:
    """Return the cases, the median and the largest gas of each step, from (phase, gas, witness bytes) of many.

    Units: gas of a whole transaction that does nothing but the step; bytes.
    """
    by_phase: dict[int, list[tuple[int, int]]] = {}
    for phase, gas, size in costs:
        by_phase.setdefault(phase, []).append((gas, size))
    return {
        Phase(phase).name: {
            "cases": len(cases),
            "median": median_high(gas for gas, _ in cases),
            "most": max(gas for gas, _ in cases),
            "largest_witness": max(size for _, size in cases),
        }
        for phase, cases in sorted(by_phase.items())
    }
