"""How fast a replay is beside an operator's whole path, measured in processes of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from tallystick.bench.modes import measure

Result = dict[str, Any]
OPERATOR: Final = "tallystick.bench.speed.throughput"
"""By name alone: this package does not know the operator's."""
BULK: Final = 95
"""Orders of a bulk, as in the dispute that is measured."""
SINGLE: Final = 10_000
"""Orders that are sent each by itself: one has more bytes and a signature of its own."""


def beside_operator(result: Result, *, source: Path | None, seed: int, single: int = SINGLE) -> Result:
    """Return a measured dispute with what an operator takes for as many orders in bulks, and for single ones."""
    flows = {
        "bulks": measure(OPERATOR, "measure", source=source, orders=result["orders"], bulk=BULK, seed=seed),
        "single": measure(OPERATOR, "measure", source=source, orders=single, bulk=1, seed=seed),
    }
    return result | {
        "ok": result["ok"] and all(each["ok"] for each in flows.values()),
        "operator": flows,
        "replay_over_operator": flows["bulks"]["replay_over_operator"],
        "replay_over_operator_single": flows["single"]["replay_over_operator"],
    }
