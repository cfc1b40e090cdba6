"""`challenger audit`: every micro-step of batches, in Python and in the Referee as it is on L1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.connection import DEPLOYMENT, L1_URLS, Json, Quorum, Record, Rpc, client_of
from tallystick.ports.system import SystemClock
from tallystick.state.ordinals import BatchNumber
from tallystick_challenger.disputes.dispute_cli import present

if TYPE_CHECKING:
    from tallystick_challenger.evidence.audit import Audited

LINE_SECONDS = 5.0
"""Between two lines of progress."""


def audit(
    deployment: Record = DEPLOYMENT,
    batch: Annotated[int | None, typer.Option(min=0, help="Audit this batch alone.")] = None,
    first: Annotated[int, typer.Option("--from", min=0, help="First batch to audit.")] = 0,
    last: Annotated[int | None, typer.Option("--to", min=0, help="Last batch; the newest by default.")] = None,
    rpc: Rpc = L1_URLS,
    quorum: Quorum = 0,
    json_output: Json = False,
) -> None:
    """Run every micro-step of batches a second time in the code that would judge it: the Referee's, read from L1.

    `verify` asks whether what was asserted follows from the data; this asks whether both languages agree on what follows.
    Everything before the first batch is replayed in Python alone. Some thousand steps a second and core.

    Exit code 0 when both agree in every step, 6 when they do not: then stop trading, and tell whoever maintains this.

    Example: tallystick challenger audit --deployment deployment.json --batch 17

    Example: tallystick challenger audit --deployment deployment.json --from 100 --to 199 --json
    """
    from tallystick.errors import BadInput, Disputed
    from tallystick.l1.deployment import load_deployment
    from tallystick_challenger.evidence import audit as auditing
    from tallystick_challenger.verification.verdicts import read_all

    if batch is not None and (first or last is not None):
        raise BadInput("say which batches once", hint="--batch, or --from and --to")
    if batch is not None:
        first = last = batch
    party = read_all(client_of(rpc, quorum), load_deployment(deployment))
    with _progress() as told:
        found = auditing.audit(party, BatchNumber(first), None if last is None else BatchNumber(last), told)
    facts = auditing.audit_facts(found)
    present(facts, auditing.audit_page, json_output)
    if not found.right:
        raise Disputed("the two languages do not agree in every step")


@contextmanager
def _progress() -> Iterator[Callable[[Audited], None]]:
    """Say on stderr now and then how far it has come."""
    clock = SystemClock()
    next_line = clock.monotonic() + LINE_SECONDS

    def told(found: Audited) -> None:
        nonlocal next_line
        if clock.monotonic() >= next_line:
            next_line = clock.monotonic() + LINE_SECONDS
            typer.echo(f"{found.steps:,} steps audited", err=True)

    yield told
