"""Disputes by hand: list them, look at one, make the next honest move."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.commands import App
from tallystick.connection import (
    DEPLOYMENT,
    L1_URLS,
    Json,
    Key,
    Password,
    Quorum,
    Record,
    Rpc,
    SignerAddress,
    SignerUrl,
    client_of,
)
from tallystick_challenger.disputes.sending import send, signer_of

if TYPE_CHECKING:
    from tallystick.drawing import Page
    from tallystick.party.planner import Planner
    from tallystick.party.strategy.strategy import Due

app = App("challenger", help="Disputes by hand: list, show, move.")

Name = Annotated[
    str,
    typer.Argument(
        metavar="DISPUTE",
        help="The first digits of the dispute's name, of the contested parent's or of a side's; may be left out where "
        "there is one.",
    ),
]


@app.command("list")
def list_disputes(
    deployment: Record = DEPLOYMENT, rpc: Rpc = L1_URLS, quorum: Quorum = 0, json_output: Json = False
) -> None:
    """List every set of rival assertions, who is right, and what is to be done.

    Example: tallystick challenger dispute list --deployment deployment.json
    """
    from tallystick_challenger.disputes.dispute_facts import list_facts, list_page

    planner, plans = read_plans(deployment, rpc, quorum)
    present(list_facts(planner, plans), list_page, json_output)


@app.command()
def show(
    deployment: Record = DEPLOYMENT,
    dispute: Name = "",
    rpc: Rpc = L1_URLS,
    quorum: Quorum = 0,
    json_output: Json = False,
) -> None:
    """Show one dispute: its sides, their clocks, every edge, and the moves that are due.

    Example: tallystick challenger dispute show 3fa9 --deployment deployment.json
    """
    from tallystick_challenger.disputes.dispute_facts import find, show_facts, show_page

    planner, plans = read_plans(deployment, rpc, quorum)
    present(show_facts(planner, plans, find(planner, dispute)), show_page, json_output)


@app.command()
def move(
    deployment: Record = DEPLOYMENT,
    dispute: Name = "",
    only: Annotated[
        str,
        typer.Option(
            "--move",
            help="assert, open, bisect, prove, update, decide, confirm, reject, settle or take; by default whatever is next.",
        ),
    ] = "",
    edge: Annotated[str, typer.Option(help="The first digits of the edge to move at.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print calldata, gas and what it would do; send nothing.")
    ] = False,
    sender: Annotated[
        str, typer.Option("--from", help="In a dry run without a key: the address that would send it.")
    ] = "0x" + "00" * 20,
    key_file: Key = None,
    password_file: Password = None,
    signer_url: SignerUrl = None,
    signer_address: SignerAddress = "",
    rpc: Rpc = L1_URLS,
    quorum: Quorum = 0,
    json_output: Json = False,
) -> None:
    """Make the one next honest move of a dispute, or the one that is named, and wait until it is mined.

    What is honest is found by replaying everything on L1. A key that a running challenger uses must not be used here:
    both would take the same nonce.

    Example: tallystick challenger dispute move --deployment deployment.json --dry-run

    Example: tallystick challenger dispute move 3fa9 --move bisect --deployment deployment.json --key-file my.key
    """
    from tallystick.errors import BadInput
    from tallystick.party.planner import NAMES
    from tallystick_challenger.disputes.dispute_facts import address_of, choose, dry_facts, dry_page, find, plan_facts

    if only and only not in NAMES:
        raise BadInput(f"there is no move {only}", hint=f"the moves are {', '.join(NAMES)}")
    signer = signer_of(key_file, password_file, signer_url, signer_address)
    if signer is None and not dry_run:
        raise BadInput("a move is a transaction and needs a key", hint="--key-file or --signer-url, or --dry-run")
    if signer is not None:
        sender = signer.address
    planner, plans = read_plans(deployment, rpc, quorum, address_of(sender))
    plan = choose(plans, find(planner, dispute), only, edge)
    if dry_run or signer is None:
        present(dry_facts(planner, plan, address_of(sender)), dry_page, json_output)
        return
    facts = plan_facts(plan) | send(planner.client, planner.deployment, plan.contract, plan.call, signer)
    present(
        facts,
        lambda sent: [f"{sent['move']}: {sent['what']}", f"   mined in {sent['tx']}, {sent['gas']:,} gas"],
        json_output,
    )


def read_plans(deployment: Path, rpc: list[str], quorum: int, me: bytes = b"") -> tuple[Planner, list[Due]]:
    """Read L1 to its head and return what is due there, for the party with an address."""
    from tallystick.l1.deployment import load_deployment
    from tallystick.party.planner import Planner

    planner = Planner(client_of(rpc, quorum), load_deployment(deployment), me)
    return planner, planner.plans()


def present(facts: dict[str, Any], page: Callable[[dict[str, Any]], Page], json_output: bool) -> None:
    """Print facts as one JSON object or as a page."""
    import json

    from tallystick.drawing import show

    if json_output:
        typer.echo(json.dumps(facts))
    else:
        show(*page(facts))
