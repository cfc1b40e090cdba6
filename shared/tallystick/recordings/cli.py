"""Run recorded market data through the machine, compiled and interpreted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.commands import App
from tallystick.connection import JsonAtEnd

app = App("replay", no_args_is_help=False)

TASKS = "tallystick.recordings.measuring"


@app.command()
def replay(
    file: Annotated[
        Path,
        typer.Argument(help="Binance USD-M depth and trade lines (receive time in ns, then JSON), plain or gzipped."),
    ],
    markets: Annotated[int, typer.Option(min=1, max=8, help="Markets; each gets the whole recording.")] = 8,
    accounts: Annotated[int, typer.Option(min=80, max=1_000_000, help="Synthetic accounts.")] = 10_000,
    orders: Annotated[
        int, typer.Option(min=0, help="Stop after so many orders; 0 for all of the recording, or 20,000 signed ones.")
    ] = 0,
    compare: Annotated[int, typer.Option(min=0, help="Orders to run interpreted as well; 0 for none.")] = 100_000,
    signed: Annotated[
        bool, typer.Option("--signed", help="Sign every order, publish batches, and time their replay from genesis.")
    ] = False,
    json_output: JsonAtEnd = False,
) -> None:
    """Make orders of a recording, run them through the machine, and check that nobody is owed what is not there.

    A change of the best bid or ask becomes a limit order that replaces its maker's last one; a trade becomes an
    immediate-or-cancel order of its size. Orders go straight to their step: no signatures, no hashing (--signed has
    both). Marks follow the recording. What is timed is the machine alone.

    Exit code 0 if every invariant holds at the end and interpreted and compiled agree.
    """
    from tallystick.bench.modes import compiled_source, measure
    from tallystick.errors import BadInput
    from tallystick.recordings.feed import tape

    if not file.is_file():
        raise BadInput(f"{file} is no file", hint="give a recording of Binance USD-M market data, .gz or not")
    tape(file, 1)  # what is no recording is refused before anything is compiled
    shared: dict[str, Any] = {"file": str(file), "markets": markets, "accounts": accounts}
    with compiled_source() as source:
        if signed:
            result = measure(TASKS, "signed", source=source, most=orders or 20_000, **shared)
            _tell(result, json_output)
            raise typer.Exit(0 if result["ok"] else 1)
        most = orders or 1 << 40
        cut = min(compare, most)
        result = measure(TASKS, "unsigned", source=source, most=most, cut=cut, **shared)
    _tell(result, json_output=False, to_stderr=json_output)
    if cut and source is not None:
        other = measure(TASKS, "unsigned", source=None, most=cut, cut=cut, **shared)
        _tell(other, json_output=False, to_stderr=json_output)
        agree = other["state_hash"] == (result["hash_at_cut"] or result["state_hash"])
        result |= {"ok": result["ok"] and other["ok"] and agree, "interpreted": other}
    if json_output:
        print(json.dumps(result))
    raise typer.Exit(0 if result["ok"] else 1)


def _tell(result: dict[str, Any], json_output: bool, to_stderr: bool = False) -> None:
    line = (
        f"{result['how']}: {result['orders']:,} orders, {result['fills']:,} fills, {result['steps']:,} steps;"
        f" {result['orders_per_second']:,} orders/s, {result['steps_per_second']:,} steps/s;"
        f" {'solvent' if result['solvent'] else 'NOT SOLVENT'}; state {result['state_hash'][:16]}"
    )
    typer.echo(line, err=to_stderr or json_output)
    if json_output:
        print(json.dumps(result))
