"""What each kind of step costs in the Referee, over all scenarios: as played, and with the largest proofs there can be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median_high
from typing import Final

from tallystick.errors import DataMismatch
from tallystick.proof.tracer import StepProof
from tallystick.referee.runner import TwinRunner
from tallystick.schema.names import Phase
from tallystick.state.layout import TREE_DEPTH
from tallystick.testing import scenarios
from tallystick.testing.mutations import cells_at, fully_proven

GasTable = dict[str, dict[str, int]]

SIBLING_GAS: Final = 600
"""About what one more sibling costs, mostly calldata: good enough to tell which step of a scenario is the dearest."""
COLUMNS: Final = {
    "cases": "steps",
    "median": "median",
    "most": "most",
    "most_fully_proven": "most, 40 siblings a cell",
    "largest_witness": "largest witness, bytes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A scenario run in the Referee.

    Shape: `costs` has (phase, gas, witness bytes) of every step, `full` the largest gas of each phase with every
    sibling of every proof spelt out. Units: gas of a whole transaction that does nothing but the step.
    """

    coverage: scenarios.Coverage
    costs: tuple[tuple[int, int, int], ...]
    full: dict[int, int]


def measure(name: str) -> Measured:
    """Run every step of a scenario in the Referee.

    Raises: DataMismatch when the Referee comes to another state.
    """
    played = scenarios.play(name)
    runner = TwinRunner(played.scene.published)
    limit = played.scene.published.batch_limit
    coverage = scenarios.Coverage()
    costs: list[tuple[int, int, int]] = []
    dearest: dict[int, tuple[int, StepProof]] = {}
    for proof, outcome in played.steps():
        gas = runner.check(proof, limit)
        costs.append((proof.phase, gas, len(proof.witness)))
        coverage[Phase(proof.phase), outcome] += 1
        estimate = gas + SIBLING_GAS * _missing_siblings(proof)
        if estimate > dearest.get(proof.phase, (0, proof))[0]:
            dearest[proof.phase] = estimate, proof
    full = {phase: _full_gas(proof, runner, limit) for phase, (_, proof) in dearest.items()}
    return Measured(coverage=coverage, costs=tuple(costs), full=full)


def gas_table(measured: Iterable[Measured]) -> GasTable:
    """Return the columns of each step over scenarios."""
    by_phase: dict[int, list[tuple[int, int]]] = {}
    full: dict[int, int] = {}
    for each in measured:
        for phase, gas, size in each.costs:
            by_phase.setdefault(phase, []).append((gas, size))
        for phase, gas in each.full.items():
            full[phase] = max(gas, full.get(phase, 0))
    return {
        Phase(phase).name: {
            "cases": len(cases),
            "median": median_high(gas for gas, _ in cases),
            "most": max(gas for gas, _ in cases),
            "most_fully_proven": full[phase],
            "largest_witness": max(size for _, size in cases),
        }
        for phase, cases in sorted(by_phase.items())
    }


def gas_page(table: GasTable) -> str:
    """Return a gas table as a page of the documentation."""
    head = ["step", *COLUMNS.values()]
    rows = [[name, *(f"{row[column]:,}" for column in COLUMNS)] for name, row in table.items()]
    return "\n".join(
        [
            "# Gas of every step",
            "",
            "Written by `python contracts/tools/step_gas.py`. A step's gas is that of a transaction that does nothing but",
            "run it in the Referee: intrinsic gas and calldata included, every address and slot cold. The scenarios",
            "`heaviest_…` and `extremes_…` of `tallystick.testing` have the largest input of every kind: accounts with 16",
            "positions in three tiers, 64 markets, full chunks, 16 reports, prices whose pages form a chain.",
            "",
            f"| {' | '.join(head)} |",
            f"|---|{'---:|' * len(COLUMNS)}",
            *[f"| {' | '.join(row)} |" for row in rows],
            "",
        ]
    )


def _missing_siblings(proof: StepProof) -> int:
    given = sum((end - at) // 32 for _, at, end in cells_at(proof))
    return TREE_DEPTH * len(proof.accesses) - given


def _full_gas(proof: StepProof, runner: TwinRunner, limit: int) -> int:
    answer = runner.call(proof.pre_hash, limit, fully_proven(proof))
    if answer.returned != proof.post_hash:
        raise DataMismatch("a proof with its empty siblings spelt out leads elsewhere", phase=Phase(proof.phase).name)
    return answer.gas
