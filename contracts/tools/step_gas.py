"""Play every scenario through the compiled Referee and write what each kind of step costs.

    contracts/snapshots/gas_steps.json    by step: cases, median and largest gas, largest witness

The scenarios are the same each time, and every call is the first of its block, so that the numbers
are too. Prints how often each step ended with each outcome. `tests/twins` fails where they differ from the committed file.
"""

from __future__ import annotations

import json
from pathlib import Path

from tallystick.schema.names import Phase
from tallystick.testing import scenarios
from tallystick.testing.gas import gas_table
from tallystick.testing.twins import TwinRunner

SNAPSHOT = Path(__file__).resolve().parents[1] / "snapshots" / "gas_steps.json"


def main() -> None:
    costs: list[tuple[int, int, int]] = []
    coverage = scenarios.Coverage()
    for name in scenarios.SCENARIOS:
        played = scenarios.play(name)
        runner = TwinRunner(played.scene.published)
        limit = played.scene.published.batch_limit
        for proof, outcome in played.steps():
            costs.append((proof.phase, runner.check(proof, limit), len(proof.witness)))
            coverage[Phase(proof.phase), outcome] += 1
    SNAPSHOT.parent.mkdir(parents=True, exist_ok=True)
    SNAPSHOT.write_text(json.dumps(gas_table(costs), indent=2) + "\n", encoding="utf-8")
    print(scenarios.table(coverage))
    print(f"step_gas: {len(costs)} steps")


if __name__ == "__main__":
    main()
