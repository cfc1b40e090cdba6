"""Options of `challenger run`: what it does, what it keeps, what is told and to whom."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

DATA_DIR: Final = Path(".tallystick/challenger")
DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir", help="Where a challenger keeps its events, its transactions under way, and snapshots to begin at."
    ),
]
ModeName = Annotated[
    str,
    typer.Option(
        help="watch: alarms only, no key. defend: assert and dispute when somebody lies. resolve: also confirm and "
        "settle. propose: also assert when the operator does not."
    ),
]
Patience = Annotated[
    int, typer.Option(min=0, help="Blocks that others have to assert and to confirm by themselves, where nobody lies.")
]
Rivals = Annotated[int, typer.Option(min=1, help="Generations contested at once for which to tell ether and blocks.")]
SnapshotEvery = Annotated[
    int, typer.Option(min=0, help="Batches between snapshots, from which the next start begins; 0: none.")
]
PoolEther = Annotated[
    str | None,
    typer.Option(
        "--pool",
        metavar="ETHER",
        help="Most to put into a pool for a bond that the key cannot pay alone; 0: nothing. By default what is free in "
        "mode defend, else nothing.",
    ),
]
AlertLimits = Annotated[
    list[str] | None,
    typer.Option(
        "--alert",
        metavar="NAME=NUMBER",
        help="From where on something is an alert: time=0.25 and slack=0.5 of the challenge period, overdue=100 and "
        "lag=50 blocks, batches=1000 batches, silence=300 seconds, balance=0 wei (0: what rivals=24 contested generations may take).",
    ),
]
