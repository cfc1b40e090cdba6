"""Evidence to take away: a dispute in a file, judged without L1, and the proof with which an account leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tallystick.connection import DEPLOYMENT, L1_URLS, Json, Quorum, Record, Rpc, client_of
from tallystick_challenger.disputes.dispute_cli import Name, present, read_plans

LARGEST_BUNDLE_BYTES = 64 << 20


def export(
    deployment: Record = DEPLOYMENT,
    dispute: Name = "",
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("dispute.json"),
    step: Annotated[int | None, typer.Option(min=0, help="Which disputed step; by default the first.")] = None,
    rpc: Rpc = L1_URLS,
    quorum: Quorum = 0,
) -> None:
    """Write one dispute to a file with which anybody can tell who is right, without L1: see `check-bundle`.

    Example: tallystick challenger export 3fa9 --deployment deployment.json --out dispute.json
    """
    from tallystick.errors import BadInput
    from tallystick.referee.bundle import encode
    from tallystick_challenger.disputes.dispute_facts import find
    from tallystick_challenger.evidence.evidence import make_bundle

    planner, _ = read_plans(deployment, rpc, quorum)
    bundle = make_bundle(planner, find(planner, dispute), step)
    data = encode(bundle)
    try:
        out.write_bytes(data)
    except OSError as error:
        raise BadInput("the bundle cannot be written", path=str(out)) from error
    typer.echo(f"step {bundle.step.index}, {len(bundle.claims)} claims, {len(bundle.logs)} logs: {out}")


def check_bundle(
    file: Annotated[Path, typer.Argument(help="What `challenger export` wrote.")],
    json_output: Json = False,
) -> None:
    """Judge a dispute from its file alone: every hash anew, and the step in the Referee's own bytecode.

    Exit code 0 when the bundle is sound: it then says who is right. 2 when it is no bundle or of another version,
    4 when anything in it does not fit together.

    Example: tallystick challenger check-bundle dispute.json
    """
    from tallystick.errors import BadInput
    from tallystick.referee.bundle import decode
    from tallystick.referee.judge import judge
    from tallystick_challenger.evidence.evidence import verdict_facts, verdict_page

    try:
        if file.stat().st_size > LARGEST_BUNDLE_BYTES:
            raise BadInput("the file is too large for a bundle", path=str(file), most_bytes=LARGEST_BUNDLE_BYTES)
        data = file.read_bytes()
    except OSError as error:
        raise BadInput("the bundle cannot be read", path=str(file)) from error
    present(verdict_facts(judge(decode(data))), verdict_page, json_output)


def exit_proof(
    account: Annotated[str, typer.Argument(help="The account's number, or its owner's address.")],
    deployment: Record = DEPLOYMENT,
    rpc: Rpc = L1_URLS,
    quorum: Quorum = 0,
    json_output: Json = False,
) -> None:
    """Show what an account needs to leave without the operator: from L1 alone, by replaying all of it.

    Its cell with the proof under the last confirmed root; every unpaid withdrawal, with the calldata that claims it
    where it is confirmed; the calldata of what its owner can force through L1.

    Example: tallystick challenger exit-proof 7 --deployment deployment.json

    Example: tallystick challenger exit-proof 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed --deployment deployment.json
    """
    from tallystick.l1.deployment import load_deployment
    from tallystick_challenger.evidence.exits import account_of, exit_facts, exit_page
    from tallystick_challenger.verification.verdicts import read_all

    party = read_all(client_of(rpc, quorum), load_deployment(deployment))
    present(exit_facts(party, account_of(party, account)), exit_page, json_output)
