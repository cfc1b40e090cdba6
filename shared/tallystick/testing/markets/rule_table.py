"""The table of the market rules: what finds each of them when it is dropped."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tallystick.testing.markets.mutants import CONSTANT, RULES, Rule

TABLE: Final = Path(__file__).parents[4] / "docs" / "tables" / "market-rules.md"
SECTIONS: Final = {
    "0": "Constants",
    "1": "Clock",
    "2": "Oracle",
    "3": "Two prices",
    "4": "Sample, mark, funding",
    "5": "Orders",
    "6": "Open interest, what may leave",
    "7": "Liquidation",
    "8": "Funds and fees",
    "9": "Halts and brakes",
    "10": "Expiry",
    "11": "Listing",
    "12": "Through L1, block trades",
}
HEAD: Final = """\
# Market rules

A rule of the markets dropped in each row, and what misses it then: a history of the game played by chance
(`tests/markets/test_market_rules.py` plays it) or a test of the rule. A constant is dropped by being twice as large.
`python -m tallystick.testing.campaigns.rules_campaign` drops each of them, in both languages as it were: the Referee is not
asked, which would tell the two apart. `shared/tallystick/testing/markets/dropped_rules.toml` shows what stands there instead.

| Section | Rule | Found by |
|---|---|---|
"""


def finder_of(rule: Rule) -> str:
    """Return what misses a rule, histories first."""
    found = [f"history {seed}" for seed in rule.seeds] + [f"late history {seed}" for seed in rule.late]
    return "; ".join([*found, *(f"`{test}`" for test in rule.tests)]) or "nothing yet"


def table() -> str:
    """Return the table as it is in the documentation."""
    rows = []
    for rule in RULES.values():
        name = f"`{rule.before}` is what it is" if rule.place == CONSTANT else rule.name
        rows.append(f"| {SECTIONS[rule.section]} | {name} | {finder_of(rule)} |\n")
    return HEAD + "".join(rows)
