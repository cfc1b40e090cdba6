"""Threads, sockets, processes, files and the system's clock are known to the shells alone, and every shell is declared.

A component below them is handed what happens, the time and chance included, and answers with what is to be done: the
same object runs in a daemon and, by a seed, in one thread.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.meta.tree import ROOT, SOURCE_ROOTS

LABORATORY: Final = {"testing", "bench", "demo"}
SYSTEM: Final = {
    "asyncio",
    "concurrent",
    "http",
    "httpx",
    "multiprocessing",
    "queue",
    "random",
    "requests",
    "secrets",
    "select",
    "selectors",
    "signal",
    "socket",
    "socketserver",
    "sqlite3",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "uuid",
    "uvicorn",
    "websockets",
}
CALLS: Final = {
    "Account.create",
    "date.today",
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "os.fork",
    "os.getrandom",
    "os.urandom",
    "start_http_server",
}
SHELLS: Final = {
    "tallystick.blobs.archive_server": "an archive's socket and threads",
    "tallystick.blobs.blob_sources": "the wire to nodes and archives that have blobs",
    "tallystick.cli": "signals become an event that a daemon waits for",
    "tallystick.dispute.traces.traceprocess": "the processes that make traces",
    "tallystick.journal": "the event file, written to by every thread of a daemon",
    "tallystick.l1.cli": "makes keys, out of the system's randomness",
    "tallystick.l1.client.http_client": "the wire to L1",
    "tallystick.l1.client.kept": "what the threads that share a client remember",
    "tallystick.l1.client.logstore": "L1's events on disk",
    "tallystick.l1.dev.dev_server": "a development chain's sockets, threads and block time",
    "tallystick.l1.sending.once": "a command's folder for its queue",
    "tallystick.l1.sending.queuestore": "the transaction queue on disk, and the lock of the threads that share it",
    "tallystick.price_signer.daemon": "a price signer's loop, its threads, and the wire to operators",
    "tallystick.price_signer.gathering.asking": "the wire to sources, and their processes",
    "tallystick.price_signer.rehearsal": "a loop that asks every source once",
    "tallystick.recordings.measuring": "measures processor time",
    "tallystick.rollup.views.shelf": "what does not fit into memory, on disk",
    "tallystick.ports.system": "the ports as the system has them",
    "tallystick.telling.overheard": "how threads end",
    "tallystick.telling.serving": "the thread that serves the metrics",
    "tallystick.telling.webhook": "the notices' thread, and the wire to their receiver",
    "tallystick.trader.client": "a program's threads share one, and no two records get the same nonce",
    "tallystick.trader.orderline": "the wire to an operator's gateways",
    "tallystick.trader.stream.following": "the wire to an operator's stream",
    "tallystick.trader.stream.happened": "a command's loop over that",
    "tallystick.transport": "the wire to an operator, a connection for each thread",
    "tallystick_challenger.daemon": "a challenger's thread, and how it waits",
    "tallystick_challenger.verification.spread": "processes and clusters that replay",
    "tallystick_operator.api.api": "requests wait for the sequencer's thread",
    "tallystick_operator.api.api_server": "the API's socket and thread",
    "tallystick_operator.api.past": "requests wait for what has not happened yet",
    "tallystick_operator.daemon": "an operator's threads, and the signals that end them",
    "tallystick_operator.gateway.fleet": "the gateways' processes, and the sockets and threads that they are heard by",
    "tallystick_operator.gateway.worker": "a gateway's sockets, and the signals that end it",
    "tallystick_operator.identity": "the key of receipts, made by chance at the first start",
    "tallystick_operator.noticeboard": "what one thread leaves for the others",
    "tallystick_operator.push.stream_server": "connections and polls wait for what has not happened yet",
    "tallystick_operator.sequencer.sequencer": "the threads of the core and of the log, and their queues",
    "tallystick_operator.standby.ahead": "the thread that reads L1 while somebody stands by",
    "tallystick_operator.standby.natswire": "the wire to NATS, and the thread that keeps the lease",
    "tallystick_operator.standby.waiting": "the process that stands by, how it waits, and the signals that end it",
    "tallystick_operator.storage.backups": "databases that a running operator writes, copied by SQLite",
    "tallystick_operator.storage.forked": "the child that writes a snapshot",
}
"""Each module that knows the system, and what of it."""


def production() -> dict[str, Path]:
    """Return every module that runs in production, by its name."""
    found = {}
    for folder, package in SOURCE_ROOTS.items():
        for path in sorted((ROOT / folder / package).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            if not LABORATORY & set(parts):
                found[".".join(parts).removesuffix(".__init__")] = path
    return found


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def known_of_the_system(path: Path) -> list[str]:
    """Return what a module imports or calls of the system: what stands within functions, too."""
    found = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.partition(".")[0] in SYSTEM]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found += [module] if module.partition(".")[0] in SYSTEM else []
            found += [f"os.{each.name}" for each in node.names if module == "os" and f"os.{each.name}" in CALLS]
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            found += [called] if any(called == each or called.endswith(f".{each}") for each in CALLS) else []
    return found


SET_TYPE: Final = re.compile(r"(typing\.|t\.)?(frozenset|set|Set|AbstractSet)\[")


def sets_of(tree: ast.Module) -> frozenset[str]:
    """Return the names that a module gives to sets: variables, fields, arguments, and functions that return one."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and SET_TYPE.match(ast.unparse(node.annotation)):
            names.add(ast.unparse(node.target).rpartition(".")[2])
        elif isinstance(node, ast.arg) and node.annotation and SET_TYPE.match(ast.unparse(node.annotation)):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef) and node.returns and SET_TYPE.match(ast.unparse(node.returns)):
            names.add(node.name)
        elif isinstance(node, ast.Assign) and is_set(node.value, frozenset()):
            names |= {ast.unparse(target).rpartition(".")[2] for target in node.targets}
    return frozenset(names)


def is_set(node: ast.expr, names: frozenset[str]) -> bool:
    """Whether an expression has no order of its own, as far as one can see."""
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).rpartition(".")[2]
        if called in {"list", "tuple", "enumerate", "iter", "reversed", "filter", "map"}:
            return any(is_set(each, names) for each in node.args)
        return called in {"set", "frozenset"} | names
    if isinstance(node, ast.BinOp):
        return is_set(node.left, names) or is_set(node.right, names)
    if isinstance(node, ast.Name | ast.Attribute):
        return ast.unparse(node).rpartition(".")[2] in names
    return isinstance(node, ast.Set | ast.SetComp)


def loops_over_sets(tree: ast.Module) -> list[str]:
    names, found = sets_of(tree), []
    for node in ast.walk(tree):
        over: list[ast.expr] = []
        if isinstance(node, ast.For):
            over = [node.iter]
        elif isinstance(node, ast.ListComp | ast.DictComp):
            over = [each.iter for each in node.generators]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"list", "tuple", "next"}:
            over = node.args[:1]
        found += [f"{each.lineno}: {ast.unparse(each)}" for each in over if is_set(each, names)]
    return found


MODULES: Final = production()
BELOW: Final = {name: path for name, path in MODULES.items() if name not in SHELLS}


def test_no_module_but_a_declared_shell_knows_the_system() -> None:
    found = {name: known for name, path in BELOW.items() if (known := known_of_the_system(path))}
    assert not found, "give it a port, or declare it a shell and say why it is one"


@pytest.mark.parametrize("name", SHELLS)
def test_a_declared_shell_needs_what_it_is_declared_for(name: str) -> None:
    assert known_of_the_system(MODULES[name]), f"{name} is no shell any more"


def test_below_the_shells_no_loop_goes_over_a_set_whose_order_changes_from_run_to_run() -> None:
    found = {name: loops for name, path in BELOW.items() if (loops := loops_over_sets(parsed(path)))}
    assert not found, "sort it: what is sent, told or kept must come in the same order in every run"


@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "def f():\n    import tempfile",
        "from concurrent.futures import Future",
        "from os import urandom",
        "import os\nx = os.urandom(8)",
        "import datetime\nx = datetime.datetime.now()",
        "x = Account.create()",
    ],
)
def test_each_way_to_the_system_is_seen(text: str, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(text)
    assert known_of_the_system(path)


@pytest.mark.parametrize(
    "text",
    [
        "for x in {1, 2}: pass",
        "class A:\n    def __init__(self):\n        self.open: set[int] = set()\n    def f(self):\n        return [x for x in self.open]",
        "def f(wanted: frozenset[str]): return list(wanted - known)",
        "names = set(given)\nfor x in enumerate(names): pass",
    ],
)
def test_each_loop_over_a_set_is_seen_and_none_over_what_is_sorted(text: str) -> None:
    assert loops_over_sets(ast.parse(text))
    assert not loops_over_sets(ast.parse("names = {1, 2}\nfor x in sorted(names): pass\nfound = {y for y in names}"))
