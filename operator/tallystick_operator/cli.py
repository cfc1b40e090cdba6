"""Run the exchange's operator: sequence, execute, publish, assert."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Run the exchange's operator: sequence, execute, publish, assert.",
)

RUN_EPILOG = (
    "Example: tallystick operator run --rpc http://127.0.0.1:8545 --deployment deployment.json "
    "--data-dir data --key-file batches.key"
)


@app.command(epilog=RUN_EPILOG)
def run(
    config: Annotated[Path | None, typer.Option("--config", help="TOML file with any of these options.")] = None,
    rpc: Annotated[str | None, typer.Option(help="JSON-RPC endpoints of the L1, parted by commas.")] = None,
    quorum: Annotated[int | None, typer.Option(help="How many endpoints must agree; 0: more than half.")] = None,
    deployment: Annotated[str | None, typer.Option(help="The deployment record.")] = None,
    data_dir: Annotated[str | None, typer.Option(help="Where log, queue and events are kept.")] = None,
    key_file: Annotated[str | None, typer.Option(help="Key that posts batches: hex or keystore.")] = None,
    password_file: Annotated[str | None, typer.Option(help="Password of that keystore.")] = None,
    signer_url: Annotated[str | None, typer.Option(help="A signer that keeps that key: eth_signTransaction.")] = None,
    signer_address: Annotated[str | None, typer.Option(help="Which of that signer's accounts.")] = None,
    assert_key_file: Annotated[str | None, typer.Option(help="Key that asserts; that of batches if left out.")] = None,
    assert_password_file: Annotated[str | None, typer.Option(help="Password of that keystore.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to serve on; loopback if left out.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to serve on; 0 takes a free one.")] = None,
    batch_seconds: Annotated[float | None, typer.Option(help="Age at which a batch is sealed.")] = None,
    quiet_seconds: Annotated[float | None, typer.Option(help="The same of one with nothing but prices.")] = None,
    heartbeat_seconds: Annotated[int | None, typer.Option(help="Longest time without any batch.")] = None,
    clock_every_ms: Annotated[int | None, typer.Option(help="Least time between two clock records.")] = None,
    poll_seconds: Annotated[float | None, typer.Option(help="Pause between two looks at L1.")] = None,
    confirmations: Annotated[
        str | None, typer.Option(help='Blocks by which deposits and other messages are held back, or "finalized".')
    ] = None,
    trace_memory: Annotated[
        int | None, typer.Option(help="MiB that making traces of disputed assertions may take.")
    ] = None,
    lie: Annotated[str | None, typer.Option(help="Be a rogue: see `operator lies`.")] = None,
    lie_after_batch: Annotated[int | None, typer.Option(help="First batch to lie about.")] = None,
    json_log: Annotated[bool | None, typer.Option("--json-log", help="Print every event as a line of JSON.")] = None,
) -> None:
    """Run an operator until it is interrupted; started again, it goes on where it was.

    Every option may also stand in the TOML file, or in the environment as TALLYSTICK_OPERATOR_RPC and so on. The data
    directory holds records.log (everything that was acknowledged), l1.sqlite (the transactions under way) and
    events.jsonl (what happened, one line of JSON each).
    """
    from tallystick_operator.config import load_config
    from tallystick_operator.daemon import run_until_signal

    flags = {name: value for name, value in locals().items() if name in FLAGS}
    run_until_signal(load_config(config, flags))


FLAGS = frozenset(
    (
        "rpc",
        "deployment",
        "data_dir",
        "key_file",
        "quorum",
        "signer_address",
        "signer_url",
        "password_file",
        "assert_key_file",
        "assert_password_file",
        "host",
        "port",
        "batch_seconds",
        "quiet_seconds",
        "heartbeat_seconds",
        "clock_every_ms",
        "poll_seconds",
        "confirmations",
        "trace_memory",
        "lie",
        "lie_after_batch",
        "json_log",
    )
)


@app.command()
def status(
    url: Annotated[
        str, typer.Option("--operator", "--url", envvar="TALLYSTICK_OPERATOR", help="The operator's API.")
    ] = "http://127.0.0.1:8646",
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as it came.")] = False,
) -> None:
    """Ask a running operator how far it is."""
    import msgspec

    from tallystick.trader.transport import Transport

    with Transport(url) as transport:
        info = transport.get("/v1/info")
    if as_json:
        print(msgspec.json.encode(info).decode())
        return
    l1 = info["l1"]
    print(f"records    {info['records']} ({info['fills']} fills), clock {info['clock_ms']} ms")
    print(f"batches    {info['batches_sealed']} sealed, {l1['batches_posted']} on L1")
    print(f"messages   {info['messages_consumed']} consumed of {l1['messages']}")
    print(f"assertions {l1['assertions_posted']} posted, latest confirmed {l1['latest_confirmed'] or 'genesis'}")
    print(f"state      {info['state_hash'] or 'no batch yet'}")
    promises = info["promises"]
    owed = f", {promises['owed_records']} records are owed" if promises["owed_records"] else ""
    print("records are " + ("taken" if promises["open"] else f"refused: {promises['message']}") + owed)
    print(f"L1         block {l1['block']}" + (f", trouble: {l1['problem']}" if l1["problem"] else ""))


@app.command()
def lies() -> None:
    """List the lies that `operator run --lie` can tell."""
    from tallystick_operator.lies import LIES

    for name, lie in LIES.items():
        print(f"{name:<20} {lie.description}")


def main() -> None:
    """The console script `tallystick-operator`."""
    from tallystick.cli import run as run_command

    run_command(app)
