"""Rows are tables: as wide as the terminal and never cut, and plain lines where there is none."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Callable
from contextlib import closing, suppress
from io import StringIO

import pytest

from tallystick.drawing import figures, plain, show, table, width
from tallystick.shapes.market_data import Book, Level
from tallystick.state.ordinals import MarketId
from tallystick.trader.show import ladder_page
from tests.meta.tree import files, shown

HASH = "0x" + "0123456789abcdef" * 4
ROWS = [(7, HASH, "[bold] :smile: stays as it is"), (600_000, HASH, "short")]
MADE = table([figures("number"), "hash", "what"], ROWS, indent=2)
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(columns: int, draw: Callable[..., object]) -> str:
    """Return what is drawn on a terminal that is so wide, its colours taken out."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with closing(os.fdopen(slave, "w", encoding="utf-8")) as terminal:
        draw(file=terminal)
    said = b""
    with closing(os.fdopen(master, "rb", buffering=0)) as screen, suppress(OSError):  # so its end is told
        while more := screen.read(1 << 16):
            said += more
    return ESCAPES.sub("", said.decode()).replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_table_is_as_wide_as_the_terminal_and_cuts_nothing(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    said = on_terminal(columns, lambda file: show("two rows", MADE, file=file))
    lines = said.splitlines()
    assert max(map(len, lines)) <= columns and "…" not in said
    assert (len(lines) == 4) == (columns == 200)
    first, last = lines[1].index("hash"), lines[1].index("what")
    assert "".join(line[first:last].strip() for line in lines[2:]) == 2 * HASH


@pytest.mark.parametrize("forced", ["FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE"])
def test_what_is_no_terminal_gets_whole_plain_lines_whatever_the_environment(
    forced: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(forced, "1")
    into = StringIO()
    show("two rows", MADE, "x" * 300, file=into)
    assert into.getvalue() == (
        "two rows\n"
        f"  number  hash{' ' * 64}what\n"
        f"       7  {HASH}  [bold] :smile: stays as it is\n"
        f"  600000  {HASH}  short\n" + "x" * 300 + "\n"
    )
    assert plain(MADE) in into.getvalue() and width(into) > 10_000


def test_a_ladder_fits_the_terminal() -> None:
    level = Level(price_ticks=618_000, lots=1_000_000, orders=12)
    book = Book(series=0, market=MarketId(0), mark_ticks=617_990, asks=[level], bids=[level], sequence=1)
    for columns in (40, 50, 80):
        assert max(map(len, plain(*ladder_page(book, columns)).splitlines())) <= columns


def test_rows_are_laid_out_in_one_place() -> None:
    own = {"shared/tallystick/drawing.py", "shared/tallystick/demo/story.py"}
    streams = {
        "shared/tallystick/demo/chronicle.py",
        "shared/tallystick/demo/run.py",
        "shared/tallystick/l1/cli.py",
        "shared/tallystick/trader/show.py",
    }
    drawn, aligned = set(), set()
    for path in files(".py"):
        name = shown(path)
        text = path.read_text(encoding="utf-8") if name.startswith(("shared/", "operator/", "challenger/")) else ""
        drawn |= {name} if "rich.table" in text else set()
        aligned |= {name} if re.search(r"\{[^{}]*:[+]?[<>][0-9]+[^{}]*\}", text) else set()
    assert drawn == own
    assert aligned <= streams, "one by one, lines may be aligned by hand; rows are a table"
