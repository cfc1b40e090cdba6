"""One run of every contender, and the figures side by side."""

from __future__ import annotations

import sys
from typing import Any, Final

from rich.console import Console

from tallystick.bench.modes import compiled_source, measure
from tallystick.bench.speed.peers import PEER
from tallystick.drawing import Cell, Page, Title, figures, show, table

Result = dict[str, Any]
TASKS: Final = "tallystick.bench.speed.tasks"
PEERS: Final = "tallystick.bench.speed.peers"
MISSING: Final = {
    "compiled": "not measured: no C compiler or no mypy here",
    "peer": f"not installed: pip install {PEER}",
    "revm": "not installed: pip install pyrevm (Python 3.11 and 3.12)",
}


def compare(workload: dict[str, int], *, to_stderr: bool) -> Result:
    """Run the machine both ways, the peer and the contract; return figures and ratios."""
    progress = Console(stderr=True, highlight=False)
    progress.print("the machine, interpreted ...")
    found: dict[str, Result | None] = {"interpreted": measure(TASKS, "machine", source=None, **workload)}
    with compiled_source() as source:
        progress.print("the machine, compiled ...")
        found["compiled"] = measure(TASKS, "machine", source=source, **workload) if source else None
    progress.print(f"{PEER}, a matching engine without margin ...")
    found["peer"] = measure(PEERS, "peer", source=None, **workload)
    progress.print("a plain Solidity book with margin, on revm ...")
    found["revm"] = measure(PEERS, "revm", source=None, **workload)
    interpreted, compiled = found["interpreted"], found["compiled"]
    best = compiled or interpreted
    assert interpreted is not None and best is not None
    ok = interpreted["state_hash"] == best["state_hash"] and best["solvent"]
    show(*_page(found), file=sys.stderr if to_stderr else sys.stdout)
    return {
        "ok": ok,
        "workload": workload,
        "compiled_steps_per_second": compiled and compiled["steps_per_second"],
        "compiled_orders_per_second": compiled and compiled["orders_per_second"],
        "interpreted_steps_per_second": interpreted["steps_per_second"],
        "interpreted_orders_per_second": interpreted["orders_per_second"],
        "ratios": {
            "compiled_over_interpreted": _ratio(compiled, interpreted),
            "compiled_over_revm": _ratio(compiled, found["revm"]),
            "compiled_over_peer": _ratio(compiled, found["peer"]),
        },
        "missing": [name for name, result in found.items() if result is None],
        "runs": found,
    }


def roots(workload: dict[str, int], *, to_stderr: bool) -> Result:
    """Measure the tree both ways."""
    progress = Console(stderr=True, highlight=False)
    progress.print("the tree, interpreted ...")
    interpreted = measure(TASKS, "root", source=None, **workload)
    with compiled_source() as source:
        progress.print("the tree, compiled ...")
        compiled = measure(TASKS, "root", source=source, **workload) if source else None
    best = compiled or interpreted
    rows: list[tuple[Cell, ...]] = [
        (
            each["how"],
            each["dirty_cells"],
            f"{each['microseconds_per_dirty_cell']:.2f}",
            f"{each['traced_roots_per_second']:,}",
        )
        for each in (interpreted, compiled)
        if each
    ]
    titles: list[Title] = ["", figures("dirty cells"), figures("µs a dirty cell"), figures("traced roots/s")]
    show(table(titles, rows), file=sys.stderr if to_stderr else sys.stdout)
    return {
        "ok": interpreted["state_hash"] == best["state_hash"],
        "how": best["how"],
        "microseconds_per_dirty_cell": best["microseconds_per_dirty_cell"],
        "traced_roots_per_second": best["traced_roots_per_second"],
        "dirty_cells": best["dirty_cells"],
        "runs": {"interpreted": interpreted, "compiled": compiled},
    }


def _ratio(above: Result | None, below: Result | None) -> float | None:
    return round(above["orders_per_second"] / below["orders_per_second"], 2) if above and below else None


def _page(found: dict[str, Result | None]) -> Page:
    rows: list[tuple[Cell, ...]] = []
    compiled = found["compiled"]
    for name, result in found.items():
        if result is None:
            rows.append((name, MISSING[name], "", "", ""))
            continue
        steps = f"{result['steps_per_second']:,}" if "steps_per_second" in result else ""
        ratio = _ratio(compiled, result)
        fast = f"{ratio:.1f} ×" if ratio else ""
        rows.append((name, f"{result['orders_per_second']:,}", steps, f"{result['fills']:,}", fast))
    return [table(["", *map(figures, ("orders/s", "steps/s", "fills", "compiled is"))], rows)]
