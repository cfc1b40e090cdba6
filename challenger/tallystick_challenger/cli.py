"""The watchtower: replay every batch, dispute what is wrong, take back what is owed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.commands import App
from tallystick.connection import (
    DEPLOYMENT,
    L1_URLS,
    DaemonKey,
    DaemonPassword,
    Json,
    JsonLog,
    MetricsPort,
    Poll,
    Quorum,
    Record,
    Rpc,
    SignerAddress,
    SignerUrl,
    TraceMemory,
    WebhookUrl,
    client_of,
    key_of,
)
from tallystick_challenger.disputes import dispute_cli, pool_cli
from tallystick_challenger.evidence import audit_cli, evidence_cli
from tallystick_challenger.run_options import (
    DATA_DIR,
    AlertLimits,
    DataDir,
    ModeName,
    Patience,
    PoolEther,
    Rivals,
    SnapshotEvery,
)
from tallystick_challenger.status.status_cli import status
from tallystick_challenger.verification.verify_cli import verify

if TYPE_CHECKING:
    from tallystick_challenger.config import ChallengerConfig

app = App("challenger")
app.add_typer(dispute_cli.app, name="dispute")
app.add_typer(pool_cli.app, name="pool")
app.command()(audit_cli.audit)
app.command()(evidence_cli.export)
app.command()(evidence_cli.check_bundle)
app.command()(evidence_cli.exit_proof)


@app.command()
def run(
    deployment: Record = DEPLOYMENT,
    rpc: Rpc = L1_URLS,
    quorum: Quorum = 0,
    data_dir: DataDir = DATA_DIR,
    mode: ModeName = "resolve",
    patience: Patience = 300,
    key_file: DaemonKey = None,
    password_file: DaemonPassword = None,
    signer_url: SignerUrl = None,
    signer_address: SignerAddress = "",
    poll: Poll = 2.0,
    tag: Annotated[str, typer.Option(help="Newest block to believe: latest, safe or finalized.")] = "latest",
    confirmations: Annotated[int, typer.Option(min=0, help="Blocks by which news are held back besides.")] = 0,
    max_head_age: Annotated[
        float, typer.Option(min=0, help="Seconds after which L1's newest block is too old to act on; 0: never.")
    ] = 0.0,
    snapshot_every: SnapshotEvery = 64,
    trace_memory: TraceMemory = 1024,
    pool: PoolEther = None,
    json_log: JsonLog = False,
    metrics: MetricsPort = None,
    webhook: WebhookUrl = None,
    alert: AlertLimits = None,
) -> None:
    """Run until interrupted; from an empty disk, reading nothing but L1.

    It ends by itself, and says why, when it will not play: exit code 2 for settings, 4 for data that is not all there,
    5 for contracts, a machine or a disk it does not know.

    Example: tallystick challenger run --deployment deployment.json --key-file challenger.key

    Example: tallystick challenger run --deployment deployment.json --mode watch --log-json --metrics 9464
    --webhook https://hooks.example/alerts --alert time=0.1 --alert lag=20
    """
    from tallystick.errors import BadInput
    from tallystick.numbers import wei_of
    from tallystick.party.duties import Mode
    from tallystick.telling.alerting import limits_of
    from tallystick_challenger.config import ChallengerConfig
    from tallystick_challenger.telling.alerts import Limits
    from tallystick_challenger.telling.teller import Telling

    if mode not in list(Mode):
        raise BadInput(f"there is no mode {mode}", hint=f"the modes are {', '.join(Mode)}")
    config = ChallengerConfig(
        rpc=tuple(rpc),
        deployment=deployment,
        data_dir=data_dir,
        mode=Mode(mode),
        key=key_of(key_file, password_file, signer_url, signer_address),
        poll_seconds=poll,
        tag=tag,
        quorum=quorum or None,
        confirmations=confirmations,
        max_head_age_seconds=max_head_age,
        telling=Telling(metrics=metrics, webhook=webhook, limits=limits_of(alert or [], Limits())),
        snapshot_batches=snapshot_every,
        patience_blocks=patience,
        trace_memory_mib=trace_memory,
        pool_wei=None if pool is None else wei_of(pool) if pool.strip("0.") else 0,
    )
    _watch(config, json_log)


app.command()(verify)


app.command()(status)


@app.command()
def forecast(
    deployment: Record = DEPLOYMENT,
    rpc: Rpc = L1_URLS,
    quorum: Quorum = 0,
    rivals: Rivals = 24,
    json_output: Json = False,
) -> None:
    """Tell who will win each dispute and when, if nobody moves any more, and what defending takes.

    It reads the clocks alone and does not judge who is right: `verify` does.

    Example: tallystick challenger forecast --deployment deployment.json --json
    """
    from tallystick.l1.deployment import load_deployment
    from tallystick_challenger.status import status_facts as pages
    from tallystick_challenger.verification.verdicts import read_all

    party = read_all(client_of(rpc, quorum), load_deployment(deployment))
    dispute_cli.present(pages.forecast_facts(party, rivals), pages.forecast_page, json_output)


def _watch(config: ChallengerConfig, json_log: bool) -> None:
    """Run until a signal."""
    from tallystick.cli import until_interrupted
    from tallystick.telling.overheard import event_log
    from tallystick.urls import without_secrets
    from tallystick_challenger.daemon import run as run_daemon

    stop = until_interrupted()
    with event_log(config.data_dir, people=not json_log) as journal:
        if not json_log:
            endpoints = ", ".join(map(without_secrets, config.rpc))
            typer.echo(f"watching {endpoints} in mode {config.mode}; events go to {journal.path}. Stop with Ctrl-C.")
        run_daemon(config, journal, stop)


def main() -> None:
    """The console script `tallystick-challenger`."""
    from tallystick.cli import run as run_command

    run_command(app)
