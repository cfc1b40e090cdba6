"""The campaign of markets: thousands of random histories of honest and hostile traders, watched after every record.

It keeps its place in a file after every few histories, and goes on from there. A history in which anything happens that
must never happen is named by its seed: `play`, `play_late`, `play_gap` or `play_gaps` of that plays it again, in turn by the number.
"""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Final

import typer

from tallystick.testing.campaigns.place_kept import keep_place, no_place, progress_bar
from tallystick.testing.markets.game import Result, play, play_late
from tallystick.testing.markets.straddles import play_gap, play_gaps

WINDOW: Final = 20
"""Histories after which the place is kept."""


def read_place(state: Path) -> tuple[int, int, list[str]]:
    """Return how many histories and records are played, and the faults found.

    Raises: BadInput when the file is no campaign's.
    """
    if not state.exists():
        return 0, 0, []
    try:
        kept = json.loads(state.read_text(encoding="utf-8"))
        return int(kept["histories"]), int(kept["records"]), [str(each) for each in kept["faults"]]
    except (ValueError, TypeError, KeyError) as error:
        raise no_place() from error


def played(number: int) -> Result:
    """Play a history: in one of four a signer lies and records come late, in one a hand straddles a gap, in one several."""
    return (play, play_late, play_gap, play_gaps)[number % 4](number)


def faults_of(result: Result) -> list[str]:
    """Return a sentence for the first thing that must never happen, if there is one."""
    return [f"seed {result.seed}: {fault.value} ({act})" for fault, act in result.faults[:1]]


def main(
    seeds: Annotated[int, typer.Option(min=0, help="Histories, earlier runs included.")] = 2_000,
    state: Annotated[Path, typer.Option(help="Where it keeps its place.")] = Path(".tallystick/markets.json"),
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
) -> None:
    """Play random market histories: nothing that must never happen may happen.

    Interrupt it at any time: the next run goes on where this one kept its place.
    """
    done, records, faults = read_place(state)
    with progress_bar() as progress, ProcessPoolExecutor(jobs) as pool:
        task = progress.add_task("histories", total=seeds, completed=done)
        while done < seeds:
            for result in pool.map(played, range(done, min(seeds, done + WINDOW))):
                done, records = done + 1, records + result.records
                faults += faults_of(result)
                progress.advance(task)
            keep_place(state, json.dumps({"histories": done, "records": records, "faults": faults}))
    typer.echo(f"{done:,} histories, {records:,} records")
    for fault in faults:
        typer.echo(f"  FAULT {fault}")
    typer.echo("" if faults else "nothing happened that must never happen")
    raise typer.Exit(1 if faults else 0)


if __name__ == "__main__":
    typer.run(main)
