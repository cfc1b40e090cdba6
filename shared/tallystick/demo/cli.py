"""An exchange, its traders, a liar and its end, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tallystick.commands import App
from tallystick.connection import JsonAtEnd

app = App("demo", no_args_is_help=False)

LIES = ("steal-withdrawal", "worse-fill", "mint-deposit", "skip-time-priority", "random-root", "nested")


@app.command()
def demo(
    lie: Annotated[
        str,
        typer.Option(help=f"What the rogue operator does: {', '.join(LIES)}; nested: a thief beside an honest one."),
    ] = LIES[0],
    flow: Annotated[
        Path | None, typer.Option(help="Binance USD-M depth and trade lines, plain or gzipped, as order flow.")
    ] = None,
    orders: Annotated[int, typer.Option(min=20, max=100_000, help="Orders to trade before the lie.")] = 600,
    seed: Annotated[int, typer.Option(help="Seed of keys and generated flow.")] = 7,
    json_output: JsonAtEnd = False,
    keep: Annotated[
        Path | None, typer.Option(help="Keep data and logs in this new folder instead of a temporary one.")
    ] = None,
) -> None:
    """Run the whole road once: deposits, trades, a confirmed withdrawal, a lie, its dispute, its end.

    Takes a minute or two and needs nothing but this machine. Exit code 0 only if every honest balance is right, the
    liar's bond is gone and the Vault holds what it owes. With the lie `nested` the operator stays honest: a thief contests
    several generations of assertions at once, to be paid out of the last one, and fails.
    """
    import json
    import tempfile

    from tallystick.demo.run import Options, run
    from tallystick.demo.story import Story
    from tallystick.errors import BadInput

    if lie not in LIES:
        raise BadInput(f"there is no lie called {lie}", hint=f"the lies are: {', '.join(LIES)}")
    if flow is not None and not flow.is_file():
        raise BadInput(f"{flow} is no file", hint="leave --flow out for generated order flow")
    options = Options(lie=lie, flow=flow, intents=orders, seed=seed)
    with tempfile.TemporaryDirectory(prefix="tallystick-demo-") as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=keep is None)
        summary = run(options, folder, Story(to_stderr=json_output))
    if json_output:
        print(json.dumps(summary))
    raise typer.Exit(0 if summary["ok"] else 1)
