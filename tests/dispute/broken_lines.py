"""Which broken line of Rollup and Challenge is found by what: `python -m tests.dispute.broken_lines` writes the table."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Final

from tests.dispute.byhand import SCRIPTS

HERE: Final = Path(__file__).parent
TABLE: Final = HERE.parents[1] / "docs" / "tables" / "broken-lines.md"
MUTANTS: Final[dict[str, dict[str, str]]] = json.loads((HERE / "Mutants.json").read_text(encoding="utf-8"))
"""Code by contract, deflated, of each broken line."""
KILLERS: Final[dict[str, tuple[int, bool]]] = json.loads((HERE / "Killers.json").read_text(encoding="utf-8"))
"""The seed of the match in which each was found, and whether a vandal plays along."""
HEAD: Final = """\
# Broken lines

A line of `Rollup`, `Challenge` or `EdgeTree` broken in each row, and what finds it in every run of the tests
(`tests/dispute/test_mutants.py`). `node tests/dispute/mutants.js` compiles them, and shows what stands there instead.

| Contract | Broken so that | Found by |
|---|---|---|
"""


def code_of(mutant: str) -> dict[str, bytes]:
    """Return the init code with a line broken, by contract."""
    return {name: zlib.decompress(base64.b64decode(each)) for name, each in MUTANTS[mutant].items()}


def table() -> str:
    """Return the table as it is in the documentation."""
    rows: list[str] = []
    for mutant, contracts in MUTANTS.items():
        contract = "Rollup" if "Rollup" in contracts else "Challenge"
        found: list[str] = []
        if mutant in KILLERS:
            seed, with_vandal = KILLERS[mutant]
            found.append(f"match {seed}, with a vandal" if with_vandal else f"match {seed}")
        if mutant in SCRIPTS:
            found.append(f"by hand: {SCRIPTS[mutant].__name__.replace('_', ' ')}")
        rows.append(f"| {contract} | {mutant} | {'; '.join(found)} |\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
