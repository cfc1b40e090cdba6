"""Run the exchange's operator: sequence, execute, publish, assert."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.commands import App
from tallystick.connection import (
    DEPLOYMENT,
    L1_URLS,
    OPERATOR_URL,
    DaemonKey,
    DaemonPassword,
    Json,
    JsonLog,
    Poll,
    Quorum,
    Record,
    Rpc,
    SignerAddress,
    SignerUrl,
    TraceMemory,
    Url,
)
from tallystick_operator.publish import bond_cli
from tallystick_operator.storage.storage_cli import DATA_DIR, backup, drain, replay, restore, survey_page

CONFIRMATIONS = 45

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tallystick.shapes.progress import Info
    from tallystick.transport import Transport
    from tallystick_operator.config import Config

app = App("operator", help="Run the exchange's operator: sequence, execute, publish, assert.")

STANDBY_EPILOG = (
    "Example: tallystick operator standby --log nats://10.0.0.5:4222 --rpc http://127.0.0.1:8545 "
    "--deployment deployment.json --data-dir data --key-file batches.key"
)
RUN_EPILOG = (
    "Example: tallystick operator run --rpc http://127.0.0.1:8545 --deployment deployment.json "
    "--data-dir data --key-file batches.key"
)


Gateways = Annotated[
    int, typer.Option(min=-1, max=64, help="Processes that take orders over WebSockets; -1: one a core but one.")
]
GatewayPort = Annotated[
    int, typer.Option(min=0, max=65_535, help="Their port; 0: the one behind --port, or any free one.")
]
AssertKey = Annotated[Path | None, typer.Option(help="Key that asserts; that of batches if left out.")]
AssertPassword = Annotated[Path | None, typer.Option(help="A file with the password of that keystore.")]
LogUrl = Annotated[
    str,
    typer.Option(
        metavar="URL", help="nats://HOST:PORT/NAME: the log goes into this stream first, so that others may stand by."
    ),
]
LeaseSeconds = Annotated[
    float, typer.Option(help="How long who leads may be silent; whoever makes the stream says so for all.")
]
Limit = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=NUMBER",
        help="What one may send a second: account_steps, account_bytes, and so of a connection and an address.",
    ),
]
Confirmations = Annotated[
    str, typer.Option(help='Blocks by which deposits and other messages are held back, or "finalized".')
]
TellSeconds = Annotated[float, typer.Option(help="How often it tells how all of it stands.")]
ReceiptKey = Annotated[
    Path | None, typer.Option(help="Key that signs receipts; one in the data directory if left out.")
]
SnapshotRecords = Annotated[
    int, typer.Option(min=1, help="Records between two snapshots: what a start replays at most.")
]


@app.command(epilog=RUN_EPILOG)
def run(
    ctx: typer.Context,
    rpc: Rpc = L1_URLS,
    quorum: Quorum = 0,
    deployment: Record = DEPLOYMENT,
    data_dir: Annotated[Path, typer.Option(help="Where log, queue and events are kept.")] = DATA_DIR,
    log: LogUrl = "",
    lease_seconds: LeaseSeconds = 5.0,
    key_file: DaemonKey = None,
    password_file: DaemonPassword = None,
    signer_url: SignerUrl = None,
    signer_address: SignerAddress = "",
    assert_key_file: AssertKey = None,
    assert_password_file: AssertPassword = None,
    receipt_key_file: ReceiptKey = None,
    host: Annotated[str, typer.Option(help="Address to serve on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to serve on; 0 takes a free one.")] = 8646,
    gateways: Gateways = -1,
    gateway_port: GatewayPort = 0,
    batch_seconds: Annotated[float, typer.Option(help="Age at which a batch is sealed.")] = 12.0,
    quiet_seconds: Annotated[float, typer.Option(help="The same of one with nothing but prices.")] = 45.0,
    heartbeat_seconds: Annotated[int, typer.Option(help="Longest time without any batch.")] = 600,
    clock_every_ms: Annotated[int, typer.Option(help="Least time between two clock records.")] = 50,
    poll_seconds: Poll = 0.25,
    confirmations: Confirmations = str(CONFIRMATIONS),
    trace_memory: TraceMemory = 1024,
    snapshot_records: SnapshotRecords = 100_000,
    snapshot_seconds: Annotated[float, typer.Option(help="Longest time without one, if there was a record.")] = 900.0,
    json_log: JsonLog = False,
    tell_seconds: TellSeconds = 60.0,
    limit: Limit = None,
) -> None:
    """Run an operator until it is interrupted; started again, it goes on where it was.

    Every option may also stand in a TOML file that --config names, or in the environment as TALLYSTICK_OPERATOR_RPC and
    so on. The data directory holds records.log (everything that was acknowledged), snapshots (from which a start goes on), l1.sqlite
    (the transactions under way) and events.jsonl (what happened, one line of JSON each).
    """
    given = dict(locals())
    from tallystick_operator.config import config_of
    from tallystick_operator.daemon import run_until_signal

    runs: Callable[[Config], None] = ctx.obj or run_until_signal
    runs(config_of(given))


@app.command(epilog=STANDBY_EPILOG)
@wraps(run, assigned=("__annotations__",))
def standby(**options: Any) -> None:
    """Follow the log of an operator that runs, and take over when it does not any more.

    With --log it has a data directory of its own, with a copy of the leader's receipt.key in it. Without, it follows
    the files of the leader's own directory, and takes over when the leader's process has ended. The options are those of
    `tallystick operator run`, for when it leads. It prints that it stands by, and, when it leads, what an operator prints.
    """
    from tallystick_operator.standby.waiting import stand_by_until_signal

    options["ctx"].obj = options["ctx"].obj or stand_by_until_signal
    run(**options)


@app.command()
def status(
    url: Url = OPERATOR_URL,
    data_dir: Annotated[Path | None, typer.Option(help="Where log, queue and events are kept.")] = None,
    as_json: Json = False,
) -> None:
    """Ask a running operator how far it is, and look into its data directory.

    Whether it is ready, and every reason why not. With --data-dir: how large the log is, which snapshots there are and which of them are of no use, what a start would
    replay, and which files of the log may be archived. It may run or not. Exit code 3 when nobody answers and no
    directory is named, 4 when the log is damaged.

    Example: tallystick operator status --data-dir data
    """
    import msgspec

    from tallystick.drawing import show
    from tallystick.shapes.routes import INFO
    from tallystick.transport import OperatorUnreachable, Transport

    info, disk, not_ready = None, None, ""
    if data_dir is not None:
        from tallystick_operator.storage.surveying import survey

        disk = survey(data_dir)
    try:
        with Transport(url) as transport:
            info = transport.ask(INFO)
            not_ready = _why_not_ready(transport)
    except OperatorUnreachable:
        if disk is None:
            raise
    if as_json:
        facts = {**msgspec.structs.asdict(info), "not_ready": not_ready} if info else {}
        print(msgspec.json.encode({**facts, "disk": disk} if disk else facts).decode())
        return
    if info is not None:
        show(_running_page(info, not_ready))
    if disk is not None:
        show(*([] if info else ["nobody answers; on disk:"]), *survey_page(disk))


def _why_not_ready(transport: Transport) -> str:
    """Return every reason why an operator is not ready, nothing when it is."""
    from tallystick.shapes.routes import READY
    from tallystick.transport import OperatorRefused

    try:
        transport.ask(READY)
    except OperatorRefused as refused:
        return refused.message
    return ""


def _running_page(info: Info, not_ready: str) -> RenderableType:
    from tallystick.drawing import spoken, table

    l1, promises = info.l1, info.promises
    owed = f", {promises.owed_records} are owed" if promises.owed_records else ""
    rows = [
        ("ready", (not_ready and f"no: {not_ready}") or "yes"),
        ("records", f"{info.records} ({info.fills} fills), clock {spoken(info.clock_ms)}"),
        ("", ("more are taken" if promises.open else f"more are refused: {promises.message}") + owed),
        ("batches", f"{info.batches_sealed} sealed, {l1.batches_posted} on L1"),
        ("messages", f"{info.messages_consumed} consumed of {l1.messages}"),
        ("assertions", f"{l1.assertions_posted} posted, latest confirmed {l1.latest_confirmed or 'genesis'}"),
        ("state", info.state_hash or "no batch yet"),
        ("L1", f"block {l1.block}" + (f", trouble: {l1.problem}" if l1.problem else "")),
    ]
    return table(["", ""], rows)


app.command()(replay)
app.command()(backup)
app.command()(restore)
app.command()(drain)
app.add_typer(bond_cli.app, name="bond")


@app.command()
def openapi() -> None:
    """Print what operators answer as OpenAPI 3.1, of which clients can be made; a running one has it at /v1/openapi.json."""
    import json

    from tallystick import __version__
    from tallystick.shapes.openapi import description

    print(json.dumps(description(__version__), indent=2))


def main() -> None:
    """The console script `tallystick-operator`."""
    from tallystick.cli import run as run_command

    run_command(app)
