"""Tables for people, drawn by rich: as wide as the terminal; elsewhere plain, and every row a line of its own. Clocks and counts in words."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from io import StringIO
from typing import Final, TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from tallystick.numbers import NATURAL
from tallystick.state.ordinals import Number

WIDEST: Final = 1 << 16
"""Columns of what is no terminal: no row here comes near it."""
GAP: Final = (0, 2, 0, 0)
"""Two blanks behind each column."""

Title = Column | str
Cell = str | int | Text
Page = list[RenderableType]
"""Tables and lines, each below the one before."""


def words(title: str = "") -> Column:
    """Return a column that begins on the left; what does not fit a terminal goes on below, and is never cut."""
    return Column(title, overflow="fold")


def figures(title: str = "") -> Column:
    """Return a column of numbers, which ends on the right."""
    return Column(title, justify="right", overflow="fold")


def spoken(clock_ms: Number) -> str:
    """Return a clock as people write it, in UTC; "never" for 0, and the number for what no calendar has."""
    if clock_ms == 0:
        return "never"
    try:
        return (
            datetime.fromtimestamp(int(clock_ms) / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        )
    except (ValueError, OverflowError, OSError):
        return str(clock_ms)


def counted(number: int, thing: str) -> str:
    """Return how many of a thing there are, such as "1 lot" or "2 lots"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def table(columns: Sequence[Title], rows: Iterable[Sequence[Cell]], *, indent: int = 0) -> RenderableType:
    """Return a table; a title alone is a column of words, and without any title there is no line of titles."""
    made = [words(each) if isinstance(each, str) else each for each in columns]
    titled = any(each.header for each in made)
    drawn = Table(*made, box=None, padding=GAP, pad_edge=False, show_header=titled, header_style="dim")
    for row in rows:
        drawn.add_row(*(each if isinstance(each, Text) else Text(str(each)) for each in row))
    return Padding(drawn, (0, 0, 0, indent), expand=False) if indent else drawn


def width(file: TextIO | None = None) -> int:
    """Return how many columns there are to draw on: COLUMNS, or what the terminal says."""
    into = file or sys.stdout
    if not into.isatty():
        return WIDEST
    given = os.environ.get("COLUMNS", "")
    return int(given) if NATURAL.fullmatch(given) and int(given) else os.get_terminal_size(into.fileno()).columns or 80


def show(*parts: RenderableType, file: TextIO | None = None) -> None:
    """Print tables and lines, each below the one before; lines as they are, and tables as wide as the terminal."""
    into = file or sys.stdout
    if not into.isatty():
        into.write(plain(*parts))
        into.flush()
        return
    _draw(Console(file=into, width=width(into), highlight=False, markup=False, emoji=False), parts)


def show_anew(pages: Iterable[RenderableType]) -> None:
    """Print one page after the other: over the last one on a terminal, else below it."""
    if not sys.stdout.isatty():
        for page in pages:
            show(page)
        return
    with Live(console=Console(highlight=False, markup=False), auto_refresh=False, vertical_overflow="visible") as live:
        for page in pages:
            live.update(page, refresh=True)


def plain(*parts: RenderableType) -> str:
    """Return the same without a terminal: no colours, no row broken, no blanks at the end of a line."""
    text = StringIO()
    console = Console(
        file=text, width=WIDEST, color_system=None, force_terminal=False, highlight=False, markup=False, emoji=False
    )
    _draw(console, parts)
    return "".join(line.rstrip() + "\n" for line in text.getvalue().split("\n")[:-1])


def _draw(console: Console, parts: Sequence[RenderableType]) -> None:
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str))
