"""`challenger status`: the board once, or anew every few seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.connection import DEPLOYMENT, L1_URLS, Json, Quorum, Record, Rpc, client_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Group

    from tallystick.party.party import Party


def status(
    deployment: Record = DEPLOYMENT,
    rpc: Rpc = L1_URLS,
    quorum: Quorum = 0,
    watch: Annotated[
        float | None, typer.Option(min=0.1, metavar="SECONDS", help="Show it anew so often; Ctrl-C ends it.")
    ] = None,
    whole: Annotated[bool, typer.Option("--all", help="List all that is decided, not only the newest.")] = False,
    json_output: Json = False,
) -> None:
    """Show batches, assertions, clocks and disputes as L1 has them; who is right is for `verify` to say.

    Example: tallystick challenger status --deployment deployment.json --watch 2
    """
    import json

    from tallystick.drawing import show_anew
    from tallystick.l1.deployment import load_deployment
    from tallystick_challenger.status.status_facts import status_facts
    from tallystick_challenger.verification.verdicts import read_all

    party = read_all(client_of(rpc, quorum), load_deployment(deployment))
    looks = _looks(party, watch)
    if not json_output:
        show_anew(_pages(looks, party, whole=whole))
        return
    for trouble in looks:
        if not trouble:
            typer.echo(json.dumps(status_facts(party)))


def _looks(party: Party, watch: float | None) -> Iterator[str]:
    """Yield for each look at L1 what went wrong with it, the first being taken already."""
    from tallystick.cli import until_interrupted
    from tallystick.errors import L1Error

    yield ""
    if watch is None:
        return
    stop = until_interrupted()
    while not stop.wait(watch):
        try:
            while not party.read():
                pass
        except L1Error as error:
            yield str(error)
        else:
            yield ""


def _pages(looks: Iterator[str], party: Party, *, whole: bool) -> Iterator[Group]:
    """Yield a page for each look."""
    from rich.console import Group
    from rich.text import Text

    from tallystick.drawing import width
    from tallystick.ports.system import SystemClock
    from tallystick_challenger.status.status_facts import status_facts
    from tallystick_challenger.status.status_page import Board

    for trouble in looks:
        board = Board(status_facts(party), now=SystemClock().now(), whole=whole, columns=width()).page()
        yield Group(board, Text(f"\nL1 was not read: {trouble}", "red")) if trouble else board
