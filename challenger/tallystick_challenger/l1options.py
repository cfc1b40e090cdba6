"""Options of every command that reads L1."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.l1.access import L1

DEFAULT_RPC = "http://127.0.0.1:8545"

Rpc = Annotated[
    list[str] | None,
    typer.Option(
        "--rpc",
        envvar="TALLYSTICK_L1_RPC",
        help="JSON-RPC endpoint of the L1; give several to trust none of them. [default: http://127.0.0.1:8545]",
    ),
]
Quorum = Annotated[
    int | None, typer.Option(min=1, help="How many endpoints must agree; by default more than half of them.")
]
Record = Annotated[
    Path,
    typer.Option(
        "--deployment",
        envvar="TALLYSTICK_DEPLOYMENT",
        help="The deployment record that `tallystick l1 deploy` wrote.",
    ),
]


def client_of(rpc: list[str] | None, quorum: int | None) -> L1:
    """Return a client of the endpoints that were named, or of the usual one."""
    from tallystick.l1.quorum import QuorumClient

    return QuorumClient(tuple(rpc or (DEFAULT_RPC,)), quorum=quorum)
