"""The measurement of an operator's hot path: its processes, its runs, and what they are held against."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from tallystick.bench.hotpath.signed_flow import BULK, MARKETS
from tallystick.bench.modes import compiled_source, measure, paths_of
from tallystick.bench.speed.da import BLOB_BYTES
from tallystick.drawing import Cell, Page, Title, figures, table
from tallystick.errors import TallystickError

Result = dict[str, Any]
MODULE: Final = "tallystick.bench.hotpath"
LOADS: Final = 2
"""Processes that sign and send."""
CONNECTIONS: Final = 16
"""Of each of them."""
IN_FLIGHT: Final[dict[str, int]] = {"http": 1, "ws": 64}
"""Orders that wait on a connection at most, where as much is sent as is answered; HTTP has one at a time."""
BULKS_IN_FLIGHT: Final = 2
OPEN_LOOP_PER_SECOND: Final = 10_000
OPEN_LOOP_SECONDS: Final = 5
BYTES: Final = {"single": 93, "bulk": 20}
"""What an order takes of L1's data, alone and in a bulk; `bench da` counts it."""
SUSTAINED_BYTES: Final = 8_073_260 // 12
"""Bytes a second that can be asserted for ever at the default K, as `bench capacity` derives them."""


class Child:
    """A process of the measurement, with which lines of JSON are exchanged."""

    def __init__(self, module: str, source: Path | None, **asked: Any) -> None:
        self._name = module
        paths = paths_of(source)
        paths += [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            text=True,
        )
        self.say({"module": f"{MODULE}.{module}", "interpreted": source is None, **asked})

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def say(self, what: Result) -> None:
        """Write a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Result:
        """Read a line. Raises: TallystickError when the process has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise TallystickError(f"a process of the measurement ended: {self._name}", code=self._process.wait())
        heard: Result = json.loads(line)
        return heard

    def close(self) -> None:
        """End it, by force if it does not end by itself."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def run(
    source: Path | None, *, door: str, orders: int, bulks: int, accounts: int, report: Callable[[str], None]
) -> Result:
    """Measure one operator, compiled from `source`, interpreted when that is None. Shape: as `tallystick bench operator`."""
    load = os.getloadavg()[0]
    report("the signature-recovery limit of the same cores ...")
    limit = signature_limit()
    report("the machine alone ...")
    workload = {"seed": 7, "orders": 50_000 if source else 5_000, "markets": MARKETS, "accounts": accounts, "repeat": 1}
    alone = measure("tallystick.bench.speed.tasks", "machine", source=source, **workload)
    report(f"an exchange of {accounts:,} accounts ...")
    with _operator(source, accounts) as (operator, told, loads):
        port = told[door]
        ask = {"door": door, "port": port, "connections": CONNECTIONS, "of": LOADS, "rate": 0.0}
        report("single orders ...")
        singles = _send(operator, loads, **ask, bulk=False, records=orders, window=IN_FLIGHT[door])
        report("bulks ...")
        bulk = _send(operator, loads, **ask, bulk=True, records=bulks, window=min(IN_FLIGHT[door], BULKS_IN_FLIGHT))
        rate = min(OPEN_LOOP_PER_SECOND, singles["per_second"] // 2)
        report(f"{rate:,} orders a second, whatever is answered ...")
        paced = {**ask, "rate": rate / LOADS, "bulk": False, "window": 0}
        open_loop = _send(operator, loads, **paced, records=rate * OPEN_LOOP_SECONDS)
    single_rate, bulk_rate = singles["per_second"], bulk["per_second"] * BULK
    machine = alone["orders_per_second"]
    return {
        "how": told["how"],
        "door": door,
        "ok": all(each["answered"] == each["records"] for each in (singles, bulk, open_loop)),
        "accounts": accounts,
        "single_orders_per_second": single_rate,
        "bulk_actions_per_second": bulk_rate,
        "p50_ms": open_loop["p50_ms"],
        "p99_ms": open_loop["p99_ms"],
        "open_loop_per_second": rate,
        "signature_limit_per_second": limit,
        "machine_orders_per_second": machine,
        "ratios": {
            "single_over_signature_limit": round(single_rate / limit, 3),
            "bulk_over_machine": round(bulk_rate / machine, 3),
        },
        "l1_data": {"single": l1_data("single", single_rate), "bulk": l1_data("bulk", bulk_rate)},
        "runs": {"single": singles, "bulk": bulk, "open_loop": open_loop},
        "cores": os.cpu_count(),
        "load_average_before": round(load, 2),
    }


def both(*, orders: int, bulks: int, accounts: int, door: str = "ws") -> Result:
    """Measure compiled, where it compiles, and interpreted with a tenth of the orders; what is on top is compiled."""

    def report(text: str) -> None:
        sys.stderr.write(text + "\n")

    measured = partial(run, door=door, accounts=accounts, report=report)
    with compiled_source() as source:
        compiled = measured(source, orders=orders, bulks=bulks) if source else None
    report("the same interpreted ...")
    interpreted = measured(None, orders=orders // 10, bulks=max(LOADS, bulks // 10))
    best = compiled or interpreted
    ok = interpreted["ok"] and best["ok"]
    return {**best, "ok": ok, "compiled": compiled, "interpreted": interpreted}


def page(result: Result) -> Page:
    """Return a measurement for people."""
    rows: list[tuple[Cell, ...]] = []
    for each in (result["compiled"], result["interpreted"]):
        if each is None:
            continue
        for what, figure in (("single", "single_orders_per_second"), ("bulk", "bulk_actions_per_second")):
            data = each["l1_data"][what]
            waits = f"{each['p50_ms']} / {each['p99_ms']}" if what == "single" else ""
            rows.append(
                (
                    f"{each['how']}, {what}",
                    f"{each[figure]:,}",
                    waits,
                    f"{data['blobs_per_second']}",
                    f"{data['orders_per_second_of_a_blob_a_second']:,}",
                    f"{data['orders_per_second_asserted']:,}",
                )
            )
    titles: list[Title] = ["", figures("orders/s"), figures("p50 / p99 ms"), figures("blobs/s it takes")]
    titles += [figures("orders/s of one blob/s"), figures("orders/s asserted for ever")]
    return [table(titles, rows)]


def l1_data(what: str, per_second: int) -> Result:
    """Return what L1's data bounds: blobs a second that this rate takes, and the rate that can be asserted for ever."""
    per_order = BYTES[what]
    return {
        "bytes_an_order": per_order,
        "blobs_per_second": round(per_second * per_order / BLOB_BYTES, 2),
        "orders_per_second_of_a_blob_a_second": BLOB_BYTES // per_order,
        "orders_per_second_asserted": SUSTAINED_BYTES // per_order,
    }


def signature_limit() -> int:
    """Return the signatures that all cores together recover in a second, doing nothing else."""
    with ExitStack() as stack:
        children = [Child("recovery", None) for _ in range(os.cpu_count() or 1)]
        for child in children:
            stack.callback(child.close)
        for child in children:
            child.hear()
        for child in children:
            child.say({"go": True})
        return sum(child.hear()["per_second"] for child in children)


@contextmanager
def _operator(source: Path | None, accounts: int) -> Iterator[tuple[Child, Result, list[Child]]]:
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder, ExitStack() as stack:
        operator = Child("bare_operator", source, folder=folder, accounts=accounts)
        stack.callback(operator.close)
        told = operator.hear()
        shared = {"domain": told["domain"], "accounts": accounts, "of": LOADS}
        loads = [Child("load", source, number=number, **shared) for number in range(LOADS)]
        for load in loads:
            stack.callback(load.close)
        yield operator, told, loads


def _send(operator: Child, loads: list[Child], *, records: int, **ask: Any) -> Result:
    """Have every load sign its share and send it at the same time as the others."""
    for load in loads:
        load.say({**ask, "records": records // len(loads)})
    signed = sum(load.hear()["signed"] for load in loads)
    time.sleep(0.5)
    operator.say({})
    before = operator.hear()
    for load in loads:
        load.say({"go": True})
    found = [load.hear() for load in loads]
    operator.say({})
    used = {name: seconds - before[name] for name, seconds in operator.hear().items()}
    seconds = max(each["ended"] for each in found) - min(each["began"] for each in found)
    waits = sorted(wait for each in found for wait in each["waits"])
    accepted = len(waits)
    return {
        "records": signed,
        "answered": sum(each["answered"] for each in found),
        "accepted": accepted,
        "seconds": round(seconds, 3),
        "per_second": round(accepted / seconds),
        "microseconds_a_record": {name: round(1e6 * each / max(1, accepted), 1) for name, each in used.items()},
        "p50_ms": _at(waits, 50),
        "p99_ms": _at(waits, 99),
    }


def _at(waits: list[float], percent: int) -> float | None:
    """Return below what time so many of a hundred were answered, in ms."""
    return round(1000 * waits[min(len(waits) - 1, len(waits) * percent // 100)], 2) if waits else None
