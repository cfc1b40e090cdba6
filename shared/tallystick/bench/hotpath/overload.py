"""An operator under ten times what it can take: what becomes of every message, how long what is taken waits, what memory does."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from tallystick.bench.hotpath.hot_path import LOADS, Child, Result
from tallystick.bench.modes import compiled_source
from tallystick.drawing import Page, table
from tallystick.native import how
from tallystick_operator.gateway.window import WAIT_SECONDS

CONNECTIONS: Final = 16
"""Of each process that sends."""
WINDOW: Final = 64
"""Orders that wait on a connection while it is found out what is taken without a flood."""
CALM_SECONDS: Final = 5.0
SETTLED_PART: Final = 2 / 3
"""The last part of the flood, 40 seconds of 60, in which memory is held to what it was."""
MOST_GROWTH: Final = 0.05
MOST_WAIT_SECONDS: Final = 4 * WAIT_SECONDS
"""What an order that is taken waits, but for one in a hundred: gateways take on what is answered in WAIT_SECONDS, find out after as long
again that it was too much, and have the first of the flood behind them by then."""
SPARE: Final = 4.0
"""Orders signed beforehand, times what would be taken without a flood."""


def run(
    source: Path | None,
    *,
    seconds: float,
    times: float,
    accounts: int,
    first: int = 100_000,
    calm: float = CALM_SECONDS,
) -> Result:
    """Flood one operator. Shape: as `tallystick bench overload`; in the `calm` before it `first` orders are there to be sent."""
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder, ExitStack() as stack:
        operator = Child("bare_operator", source, folder=folder, accounts=accounts)
        stack.callback(operator.close)
        told = operator.hear()
        shared = {"domain": told["domain"], "accounts": accounts, "of": LOADS}
        loads = [Child("flood", source, number=number, **shared) for number in range(LOADS)]
        for load in loads:
            stack.callback(load.close)
        ask: dict[str, Any] = {"port": told["ws"], "connections": CONNECTIONS, "window": WINDOW}
        before = _send(loads, **ask, rate=0.0, records=first // LOADS, seconds=calm)
        taken = max(1, before["taken"] / max(0.001, before["taken_seconds"]))
        pool = int(taken * seconds * SPARE) // LOADS + 1_000
        memory = _Memory(operator.pid)
        flood = _send(loads, **ask, rate=times * taken / LOADS, records=pool, seconds=seconds, memory=memory)
    return judged(before, flood, memory.samples, how=told["how"], taken=taken, times=times, seconds=seconds)


def judged(
    calm: Result, flood: Result, samples: list[int], *, how: str, taken: float, times: float, seconds: float
) -> Result:
    """Return what was found, and whether it is as it should be."""
    settled = samples[int(len(samples) * (1 - SETTLED_PART)) :]
    growth = (max(settled) - settled[0]) / settled[0] if settled else 0.0
    per_second = flood["taken"] / flood["seconds"]
    clear = flood["unanswered"] == flood["strange"] == flood["doubled"] == 0
    return {
        "how": how,
        "ok": clear and growth <= MOST_GROWTH and 0 < flood["p99_ms"] <= 1_000 * MOST_WAIT_SECONDS,
        "seconds": round(seconds, 1),
        "calm_per_second": round(taken),
        "offered_per_second": round(flood["sent"] / flood["seconds"]),
        "offered_times": round(flood["sent"] / flood["seconds"] / taken, 1),
        "wanted_times": times,
        "taken_per_second": round(per_second),
        "answers": flood["statuses"],
        "connections_closed_with": flood["closed"],
        "unanswered": flood["unanswered"],
        "answered_twice": flood["strange"],
        "one_place_twice": flood["doubled"],
        "p50_ms": flood["p50_ms"],
        "p99_ms": flood["p99_ms"],
        "worst_ms": flood["worst_ms"],
        "p99_ms_at_most": round(1_000 * MOST_WAIT_SECONDS),
        "memory_mib": [each >> 20 for each in samples],
        "memory_growth": round(growth, 4),
        "orders_left": flood["left"],
        "calm_p99_ms": calm["p99_ms"],
        "cores": os.cpu_count(),
    }


def page(result: Result) -> Page:
    """Return it for people."""
    shown = {name: value for name, value in result.items() if name != "memory_mib"}
    shown["answers"] = ", ".join(f"{count:,} of {status}" for status, count in sorted(result["answers"].items()))
    shown["memory"] = f"{result['memory_mib'][0]} to {result['memory_mib'][-1]} MiB" if result["memory_mib"] else ""
    return [table(["", ""], [(name.replace("_", " "), str(value)) for name, value in shown.items()])]


class _Memory:
    """What a process and those that it has started keep in memory, looked at each second. Units: bytes."""

    def __init__(self, pid: int) -> None:
        self.samples: list[int] = []
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._over.wait(1.0):
            self.samples.append(sum(_resident(each) for each in _family(self._pid)))


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(each) for each in (task / "children").read_text(encoding="utf-8").split()]
    return found


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _send(loads: list[Child], *, memory: _Memory | None = None, **ask: Any) -> Result:
    """Have every process sign its share and send it at the same time as the others; return all of it as one."""
    for load in loads:
        load.say(ask)
    for load in loads:
        load.hear()
    time.sleep(0.2)
    with ExitStack() as stack:
        if memory is not None:
            stack.enter_context(memory)
        for load in loads:
            load.say({"go": True})
        found = [load.hear() for load in loads]
    waits = sorted(wait for each in found for wait in each["waits"])
    records = [number for each in found for number in each["records"]]
    seconds = max(each["seconds"] for each in found)
    statuses: dict[str, int] = {}
    for each in found:
        for status, count in each["statuses"].items():
            statuses[status] = statuses.get(status, 0) + count
    return {
        **{name: sum(each[name] for each in found) for name in ("sent", "closed", "strange", "unanswered", "left")},
        "seconds": seconds,
        "taken_seconds": max(each["taken_seconds"] for each in found),
        "statuses": statuses,
        "taken": len(records),
        "doubled": len(records) - len(set(records)),
        "p50_ms": _at(waits, 0.5),
        "p99_ms": _at(waits, 0.99),
        "worst_ms": _at(waits, 1.0),
    }


def _at(waits: list[float], share: float) -> float:
    return round(1_000 * waits[min(len(waits) - 1, int(len(waits) * share))], 1) if waits else 0.0


def measure_both(*, seconds: float, times: float, accounts: int) -> Result:
    """Flood a compiled operator where it compiles, else an interpreted one."""
    with compiled_source() as source:
        sys.stderr.write(f"{how() if source is None else 'compiled'}: {seconds:.0f} s of a flood ...\n")
        return run(source, seconds=seconds, times=times, accounts=accounts)
