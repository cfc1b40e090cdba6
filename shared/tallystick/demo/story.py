"""How the demo speaks: a told story on the terminal, or on stderr beside one JSON object."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status
from rich.table import Table


class Story:
    """Prints chapters, lines and progress; everything is stamped with the seconds since the start."""

    def __init__(self, to_stderr: bool) -> None:
        self.console = Console(stderr=to_stderr, highlight=False, soft_wrap=not sys.stdout.isatty())
        self.started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the story began."""
        return time.monotonic() - self.started

    def chapter(self, title: str) -> None:
        """Begin a part."""
        self.console.print(f"\n[bold]{title}[/bold]")

    def say(self, text: str) -> None:
        """Tell one thing that happened."""
        stamp = f"[dim]{self.seconds:6.1f}s[/dim]"
        if self.console.soft_wrap:
            self.console.print(f"{stamp}  {text}")
            return
        # A grid, so that a long line goes on below its own beginning
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column()
        grid.add_row(stamp, text)
        self.console.print(grid)

    @contextmanager
    def waiting(self, text: str) -> Iterator[Status | None]:
        """Show that something is being waited for; on no terminal only a line is printed."""
        if self.console.is_terminal:
            with self.console.status(text) as status:
                yield status
        else:
            self.say(f"[dim]{text}[/dim]")
            yield None


def gas(amount: int) -> str:
    """Return gas for people, as `47k gas`."""
    return f"{amount / 1000:.0f}k gas"


def short(value: str) -> str:
    """Return the beginning and end of a long hex number."""
    return value if len(value) <= 14 else f"{value[:8]}…{value[-4:]}"


def money(units: int) -> str:
    """Return units of a six-decimal token for people."""
    return f"{units / 1_000_000:,.2f}"
