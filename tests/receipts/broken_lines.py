"""Which broken line of Receipts is found by what: `python -m tests.receipts.broken_lines` looks for it and writes the table."""

from __future__ import annotations

import base64
import inspect
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final

from tests.failing import fails
from tests.receipts import court, test_correcting, test_missing, test_slashing
from tests.receipts.court import Court, bonded, clock, record
from tests.receipts.liar import play_liar
from tests.receipts.play import play_honest

HERE: Final = Path(__file__).parent
TABLE: Final = HERE.parents[1] / "docs" / "tables" / "broken-receipts.md"
FOUND_BY: Final = HERE / "Killers.json"
BROKEN: Final[dict[str, str]] = json.loads((HERE / "Broken.json").read_text(encoding="utf-8"))
"""Code of each broken line, deflated behind the whole one."""
WHOLE: Final = zlib.decompress(base64.b64decode(BROKEN.pop("")))
"""The code with all lines as they are."""
COMPILED: Final = BROKEN.pop("sha256")
"""Of the code that was shipped when they were broken."""
KILLERS: Final[dict[str, list[str]]] = json.loads(FOUND_BY.read_text(encoding="utf-8"))
"""By which plays and scripts each is found: the first of either kind."""
PLAYS: Final = (6, 7)
"""Plays of an honest operator that are tried: in these, old batches of its are mined again."""
LIES: Final = ("drops", "makes up a chain", "goes silent")
"""Plays of a liar that are tried."""
HEAD: Final = """\
# Broken lines of Receipts

A line of `Receipts` or of what it is made of broken in each row, and what finds it: a play, in which an honest operator loses
its bond, a liar keeps it, or money is not where it should be (five were tried of each); and a script. The scripts run in
every run of the tests, and some of the plays (`tests/receipts/test_broken_lines.py`), all of both in `make campaign`. `node tests/receipts/broken_lines.js` compiles them, and shows what stands there
instead.

| Broken so that | Play | Script |
|---|---|---|
"""


def code_of(line: str) -> bytes:
    """Return the init code with a line broken."""
    return zlib.decompressobj(zdict=WHOLE).decompress(base64.b64decode(BROKEN[line]))


@contextmanager
def deployed(line: str) -> Iterator[None]:
    """Have every court deploy Receipts with a line broken."""
    court.BROKEN_CODE = code_of(line)
    try:
        yield
    finally:
        court.BROKEN_CODE = b""


def begun() -> Court:
    """Return a court before which nothing has happened yet, as the tests have it."""
    made = bonded()
    made.post([record(0), clock(made.second), record(1)])
    return made


def scripts() -> dict[str, Callable[[], object]]:
    """Return every test that is a script, by its name and the numbers of its parameters."""
    found: dict[str, Callable[[], object]] = {}
    for module in (test_missing, test_correcting, test_slashing):
        for name, test in vars(module).items():
            if name.startswith("test_"):
                for at, values in enumerate(_parameters(test)):
                    found[f"{name}[{at}]" if at or values else name] = partial(_run, test, values)
    return found


def plays() -> dict[str, Callable[[], object]]:
    """Return the plays that are tried, by their names."""
    tried: dict[str, Callable[[], object]] = {f"honest {seed}": partial(play_honest, seed) for seed in PLAYS}
    for lie in LIES:
        tried[lie] = partial(play_liar, lie, 0)
    return tried


def _parameters(test: Callable[..., object]) -> list[dict[str, Any]]:
    """Return what a test is called with, once for each choice of its parameters."""
    choices: list[list[dict[str, Any]]] = []
    for mark in getattr(test, "pytestmark", []):
        if mark.name == "parametrize":
            names = [mark.args[0]] if isinstance(mark.args[0], str) else list(mark.args[0])
            rows = [row if len(names) > 1 else (row,) for row in mark.args[1]]
            choices.append([dict(zip(names, row, strict=True)) for row in rows])
    return [{key: value for part in each for key, value in part.items()} for each in product(*choices)]


def _run(test: Callable[..., object], values: dict[str, Any]) -> None:
    needs = inspect.signature(test).parameters
    test(**(values | {"court": begun()} if "court" in needs else values))


def first(line: str, tries: dict[str, Callable[[], object]]) -> str:
    """Return the first try that finds a broken line, "" when none does."""
    with deployed(line):
        return next((name for name, run in tries.items() if fails(run)), "")


def table(found: dict[str, list[str]]) -> str:
    """Return the table as it is in the documentation."""
    rows = [
        f"| {line} | {play} | {script.removeprefix('test_').replace('_', ' ')} |\n"
        for line, (play, script) in found.items()
    ]
    return HEAD + "".join(rows)


if __name__ == "__main__":
    results = {line: [first(line, plays()), first(line, scripts())] for line in BROKEN}
    FOUND_BY.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    TABLE.write_text(table(results), encoding="utf-8")
