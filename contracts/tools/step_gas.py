"""Play every named scenario through the compiled Referee and write what each kind of step costs.

    contracts/snapshots/gas_steps.json    by step: cases, median and largest gas, as played and fully proven; largest witness
    docs/tables/gas.md                    the same for people

The scenarios are the same each time, and every call is the first of its block, so that the numbers
are too. Prints how often each step ended with each outcome. `tests/twins` fails where they differ from the committed file.
"""

from __future__ import annotations

import json
from pathlib import Path

from tallystick.testing import scenarios
from tallystick.testing.gas import gas_page, gas_table, measure

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOT = ROOT / "contracts" / "snapshots" / "gas_steps.json"
PAGE = ROOT / "docs" / "tables" / "gas.md"


def main() -> None:
    """Measure the named scenarios and write the tables of gas."""
    measured = [measure(name) for name in scenarios.NAMED]
    coverage = scenarios.Coverage()
    for each in measured:
        coverage.update(each.coverage)
    table = gas_table(measured)
    SNAPSHOT.parent.mkdir(parents=True, exist_ok=True)
    SNAPSHOT.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(gas_page(table), encoding="utf-8")
    print(scenarios.table(coverage))
    print(f"step_gas: {sum(len(each.costs) for each in measured)} steps")


if __name__ == "__main__":
    main()
