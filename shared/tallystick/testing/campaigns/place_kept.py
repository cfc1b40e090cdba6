"""What every campaign has: a bar that shows how far it is, and a file in which it keeps its place."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tallystick.errors import BadInput


def progress_bar() -> Progress:
    """Return a bar with what is played, of how much, and for how long still; it goes to standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def keep_place(state: Path, text: str) -> None:
    """Write a state file whole, or leave the one before."""
    state.parent.mkdir(parents=True, exist_ok=True)
    fresh = state.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(state)


def no_place() -> BadInput:
    """Return what to raise for a state file that is none."""
    return BadInput("the state file is not a campaign's", hint="name another, or delete it")
