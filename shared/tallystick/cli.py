"""The `tallystick` command: finds its groups, loads the one that is asked for.

A group is a module with a Typer `app`. Those of this package stand in `OWN_GROUPS`; other packages
add theirs by the entry-point group `tallystick.cli`. Until a group is called only the first line of
its module's docstring is read, as its help: `tallystick --help` must not cost an import of web3.
"""

from __future__ import annotations

import ast
import importlib
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from threading import Event
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tallystick import __version__
from tallystick.errors import TallystickError
from tallystick.native import how
from tallystick.urls import without_secrets

ENTRY_POINTS = "tallystick.cli"

OWN_GROUPS = {
    "bench": "tallystick.bench.cli:app",
    "demo": "tallystick.demo.cli:app",
    "l1": "tallystick.l1.cli:app",
    "price-signer": "tallystick.price_signer.cli:app",
    "replay": "tallystick.recordings.cli:app",
    "trader": "tallystick.trader.cli:app",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Where a group of commands is, before it is imported."""

    name: str
    module: str
    attribute: str

    @property
    def source(self) -> Path | None:
        """The module's file; None where that part is not installed."""
        try:
            spec = util.find_spec(self.module)
        except ModuleNotFoundError:
            return None
        return Path(spec.origin) if spec and spec.origin else None

    def help_line(self) -> str:
        """The first line of the module's docstring, read without running the module."""
        source = self.source
        docstring = ast.get_docstring(ast.parse(source.read_bytes())) if source else None
        return (docstring or "").partition("\n")[0]

    def load(self) -> Any:
        """Import the module and give its Typer app as a command."""
        app = getattr(importlib.import_module(self.module), self.attribute)
        command = typer.main.get_command(app)
        command.name = self.name
        return command


def groups() -> dict[str, Group]:
    """Every group that is installed, by name."""
    targets = {point.name: point.value for point in metadata.entry_points(group=ENTRY_POINTS)}
    found = {}
    for name, target in sorted((targets | OWN_GROUPS).items()):
        module, _, attribute = target.partition(":")
        group = Group(name=name, module=module, attribute=attribute)
        if group.source is not None:
            found[name] = group
    return found


class LazyGroups(TyperGroup):
    """The top level: lists every group by name, imports the one that is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all groups and commands, without importing a group."""
        return sorted({*super().list_commands(ctx), *groups()})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the group of that name, or return the command."""
        group = groups().get(cmd_name)
        return group.load() if group else super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List groups with the first lines of their docstrings."""
        lines = {name: command.get_short_help_str() for name, command in self.commands.items()}
        lines |= {name: group.help_line() for name, group in groups().items()}
        with formatter.section("Commands"):
            formatter.write_dl(sorted(lines.items()))


app = typer.Typer(
    cls=LazyGroups,
    name="tallystick",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Start with `tallystick demo`: an exchange, a lie and its end, on this machine.",
    help="A derivatives exchange that matches off chain and that nobody has to trust.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        show_version()
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop."),
    ] = False,
) -> None:
    """Nothing to do before a command runs."""


@app.command(name="version")
def show_version() -> None:
    """Print the version, and whether the machine is compiled."""
    print(f"{__version__} (machine {how()})")


def until_interrupted() -> Event:
    """Return an event that Ctrl-C or SIGTERM sets from here on, in place of ending the process wherever it is."""
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def run(command: Callable[[], object]) -> None:
    """Run a command line and end the process with its exit code.

    An error of Tallystick's own goes to stderr in two lines, what happened and what to do; any
    other exception is a bug and keeps its traceback.
    """
    try:
        command()
    except TallystickError as error:
        print(f"tallystick: {without_secrets(str(error))}", file=sys.stderr)
        if error.hint:
            print(f"  {without_secrets(error.hint)}", file=sys.stderr)
        sys.exit(error.exit_code)


def main() -> None:
    """The console script `tallystick`."""
    run(app)
