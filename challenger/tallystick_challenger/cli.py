"""The watchtower: replay every batch, dispute what is wrong, take back what is owed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick_challenger import dispute_cli, evidence_cli

if TYPE_CHECKING:
    from tallystick.l1.client import L1Client
    from tallystick_challenger.config import ChallengerConfig

DEFAULT_RPC = "http://127.0.0.1:8545"

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
app.add_typer(dispute_cli.app, name="dispute")
app.command()(evidence_cli.export)
app.command()(evidence_cli.check_bundle)
app.command()(evidence_cli.exit_proof)

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


@app.command()
def run(
    deployment: Record,
    rpc: Rpc = None,
    quorum: Quorum = None,
    data_dir: Annotated[Path, typer.Option(help="Where events and transactions under way are kept.")] = Path(
        ".tallystick/challenger"
    ),
    mode: Annotated[
        str,
        typer.Option(
            help="watch: alarms only, no key. defend: assert and dispute when somebody lies. resolve: also confirm and "
            "settle. propose: also assert when the operator does not."
        ),
    ] = "resolve",
    patience: Annotated[
        int, typer.Option(min=0, help="Blocks that mode propose leaves the operator to assert by itself.")
    ] = 300,
    key_file: Annotated[Path | None, typer.Option(help="The key that pays and posts bonds, hex or keystore.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="The keystore's password.")] = None,
    signer_url: Annotated[
        str | None, typer.Option(help="A signer that keeps the key instead: eth_signTransaction over JSON-RPC.")
    ] = None,
    signer_address: Annotated[str, typer.Option(help="Which of that signer's accounts, if it has several.")] = "",
    poll: Annotated[float, typer.Option(help="Seconds between looks at L1.")] = 2.0,
    tag: Annotated[str, typer.Option(help="Newest block to believe: latest, safe or finalized.")] = "latest",
    confirmations: Annotated[int, typer.Option(min=0, help="Blocks by which news are held back besides.")] = 0,
    max_head_age: Annotated[
        float, typer.Option(min=0, help="Seconds after which L1's newest block is too old to act on; 0: never.")
    ] = 0.0,
    json_log: Annotated[bool, typer.Option("--json-log", help="Print every event as a line of JSON.")] = False,
) -> None:
    """Run until interrupted; from an empty disk, reading nothing but L1.

    Example: tallystick challenger run --deployment deployment.json --key-file challenger.key
    """
    from tallystick.errors import BadInput
    from tallystick.l1.keys import KeyFile
    from tallystick.l1.signer import RemoteKey
    from tallystick.rollup.duties import Mode
    from tallystick_challenger.config import ChallengerConfig

    if mode not in list(Mode):
        raise BadInput(f"there is no mode {mode}", hint=f"the modes are {', '.join(Mode)}")
    if key_file and signer_url:
        raise BadInput("a key and a signer were given", hint="one of --key-file and --signer-url")
    key: KeyFile | RemoteKey | None = None
    if key_file:
        key = KeyFile(path=key_file, password_path=password_file)
    elif signer_url:
        key = RemoteKey(url=signer_url, address=signer_address)
    config = ChallengerConfig(
        rpc=tuple(rpc or (DEFAULT_RPC,)),
        deployment=deployment,
        data_dir=data_dir,
        mode=Mode(mode),
        key=key,
        poll_seconds=poll,
        tag=tag,
        quorum=quorum,
        confirmations=confirmations,
        max_head_age_seconds=max_head_age,
        patience_blocks=patience,
    )
    _watch(config, json_log)


@app.command()
def verify(
    deployment: Record,
    rpc: Rpc = None,
    quorum: Quorum = None,
    first: Annotated[int, typer.Option("--from", min=0, help="First batch of the assertions to judge.")] = 0,
    last: Annotated[int | None, typer.Option("--to", min=0, help="Last batch; the newest by default.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Replay everything on L1 once and compare it with every assertion.

    Exit code 0 when all are right, 6 when one that may still be confirmed, or is, is wrong.
    """
    import json

    from tallystick.errors import BadInput, Disputed
    from tallystick.l1.deployment import load_deployment
    from tallystick.rollup.assertion_view import Status
    from tallystick_challenger.verify import read_all, verdicts

    if last is not None and last < first:
        raise BadInput("--to is a batch before --from", first=first, last=last)
    party = read_all(_client(rpc, quorum), load_deployment(deployment))
    found = list(verdicts(party, first, last))
    if json_output:
        rows = [
            {
                "assertion": "0x" + each.assertion.id.hex(),
                "limit": each.assertion.limit,
                "status": each.assertion.status.value,
                "right": each.right,
                "steps": each.steps,
                "broken": list(each.broken),
            }
            for each in found
        ]
        typer.echo(json.dumps({"batches": party.inbox.batch_count, "assertions": rows}))
    else:
        typer.echo(f"{party.inbox.batch_count} batches, {len(found)} assertions, L1 at block {party.head}")
        for each in found:
            answer = {True: "right", False: "WRONG", None: "stands on a wrong one"}[each.right]
            name = each.assertion.id.hex()[:12]
            typer.echo(f"  {name}  batches below {each.assertion.limit:<5} {each.assertion.status.value:<9} {answer}")
            for sentence in each.broken:
                typer.echo(f"      broken: {sentence}")
    wrong = [each for each in found if each.right is not True and each.assertion.status is not Status.REJECTED]
    if wrong or any(each.broken for each in found):
        raise Disputed("the assertions do not all follow from what was published", wrong=len(wrong))


@app.command()
def status(
    deployment: Record,
    rpc: Rpc = None,
    quorum: Quorum = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show batches, assertions and disputes as L1 has them now.

    Example: tallystick challenger status --deployment deployment.json
    """
    from tallystick.l1.deployment import load_deployment
    from tallystick_challenger import pages
    from tallystick_challenger.verify import read_all

    party = read_all(_client(rpc, quorum), load_deployment(deployment))
    _show(pages.status_facts(party), pages.status_page, json_output)


@app.command()
def forecast(
    deployment: Record,
    rpc: Rpc = None,
    quorum: Quorum = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell who will win each dispute and when, if nobody moves any more.

    It reads the clocks alone and does not judge who is right: `verify` does.

    Example: tallystick challenger forecast --deployment deployment.json --json
    """
    from tallystick.l1.deployment import load_deployment
    from tallystick_challenger import pages
    from tallystick_challenger.verify import read_all

    party = read_all(_client(rpc, quorum), load_deployment(deployment))
    _show(pages.forecast_facts(party), pages.forecast_page, json_output)


def _show(facts: dict[str, Any], page: Callable[[dict[str, Any]], str], json_output: bool) -> None:
    """Print facts as one JSON object or as a page."""
    import json

    typer.echo(json.dumps(facts) if json_output else page(facts))


def _watch(config: ChallengerConfig, json_log: bool) -> None:
    """Run until a signal."""
    import signal
    import sys
    from threading import Event

    from tallystick.errors import ConfigError
    from tallystick.journal import Journal
    from tallystick_challenger.daemon import run as run_daemon

    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        config.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError("the data directory cannot be made", data_dir=str(config.data_dir)) from error
    journal = Journal(config.data_dir / "events.jsonl", sys.stdout, people=not json_log)
    if not json_log:
        typer.echo(
            f"watching {', '.join(config.rpc)} in mode {config.mode}; events go to {config.data_dir / 'events.jsonl'}. Stop with Ctrl-C."
        )
    try:
        run_daemon(config, journal, stop)
    finally:
        journal.close()


def _client(rpc: list[str] | None, quorum: int | None) -> L1Client:
    from tallystick.l1.quorum import QuorumClient

    return QuorumClient(tuple(rpc or (DEFAULT_RPC,)), quorum=quorum)


def main() -> None:
    """The console script `tallystick-challenger`."""
    from tallystick.cli import run as run_command

    run_command(app)
