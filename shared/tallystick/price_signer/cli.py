"""Sign prices: gather them from many sources, and have the exchange take what they agree on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

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
    MetricsPort,
    Poll,
    Quorum,
    Record,
    Rpc,
    SignerAddress,
    SignerUrl,
    WebhookUrl,
    key_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from tallystick.price_signer.config import SignerConfig

app = App("price_signer")

DATA_DIR: Final = Path(".tallystick/price-signer")
SOURCES: Final = Path("sources.toml")
RUN_EPILOG: Final = """The sources, at their shortest:

\b
[[market]]
market = 0                          # its number on the exchange
name = "BTC"
tick = "0.1"                        # what one tick is worth
[[market.source]]
name = "one"
url = "https://one.example/ticker?symbol=BTC"
path = "result.list[0].price"       # where the price stands in the JSON
[[market.source]]
name = "two"
command = ["./price.sh", "BTC"]     # prints a number
[[market.source]]
name = "three"
file = "/run/prices/btc.json"
path = "price"
time_path = "at"

A market takes also least (more than half of its sources, if left out), max_age_seconds (10), still_seconds (0: a price
may stand still for ever) and outlier_ppm (10000); a source scale (1), time_unit (s, ms, us, ns, iso), every_seconds (1)
and timeout_seconds (2). docs/runbooks/price-signer.md says what they do.
"""

Sources = Annotated[Path, typer.Option("--sources", help="TOML: markets, their sources, and the rules between them.")]
DataDir = Annotated[
    Path, typer.Option("--data-dir", help="Where a price signer keeps its events, its page and its transactions.")
]
Operators = Annotated[
    list[str],
    typer.Option(
        "--send-to", metavar="URL", help="An operator's API; once for each of several: all of them get every report."
    ),
]
AlertLimits = Annotated[
    list[str] | None,
    typer.Option(
        "--alert",
        metavar="NAME=NUMBER",
        help="From where on something is an alert: market=15, source=60, signer=15, taken=15, operator=60, l1=120 and "
        "clock=10 seconds, balance=10000000000000000 wei.",
    ),
]
Every = Annotated[float, typer.Option(min=1, help="Seconds between two reports.")]


@app.command(epilog=RUN_EPILOG)
def run(
    sources: Sources = SOURCES,
    deployment: Record = DEPLOYMENT,
    send_to: Operators = [OPERATOR_URL],  # noqa: B006 -- typer copies it
    rpc: Rpc = L1_URLS,
    quorum: Quorum = 0,
    data_dir: DataDir = DATA_DIR,
    key_file: DaemonKey = None,
    password_file: DaemonPassword = None,
    signer_url: SignerUrl = None,
    signer_address: SignerAddress = "",
    gas_key_file: Annotated[
        Path | None, typer.Option(help="Key that pays for reports through L1; the one that signs if left out.")
    ] = None,
    gas_password_file: Annotated[Path | None, typer.Option(help="A file with the password of that keystore.")] = None,
    every: Every = 3.0,
    force_after: Annotated[
        float,
        typer.Option(
            min=0, help="Seconds without an operator that takes a report until one goes through L1; 0: never."
        ),
    ] = 60.0,
    force_every: Annotated[float, typer.Option(min=0, help="Seconds between two reports through L1.")] = 300.0,
    poll: Poll = 4.0,
    json_log: JsonLog = False,
    metrics: MetricsPort = None,
    webhook: WebhookUrl = None,
    alert: AlertLimits = None,
) -> None:
    """Sign every market's price every three seconds until interrupted.

    Sources, operators and L1 may lag, lie and die: what is left goes on. It ends by itself, and says why, only when it
    cannot begin: exit code 2 for settings and keys, 3 for a remote signer that is not there.

    Example: tallystick price-signer run --sources sources.toml --key-file signer.key --send-to http://127.0.0.1:8646
    """
    from tallystick.errors import ConfigError
    from tallystick.l1.sending.keys import KeyFile
    from tallystick.price_signer.config import SignerConfig
    from tallystick.price_signer.telling.signer_alerts import Limits
    from tallystick.telling.alerting import limits_of

    key = key_of(key_file, password_file, signer_url, signer_address)
    if key is None:
        raise ConfigError("prices are signed with a key", hint="--key-file FILE, or --signer-url URL")
    config = SignerConfig(
        deployment=deployment,
        sources=sources,
        data_dir=data_dir,
        operators=tuple(send_to),
        rpc=tuple(rpc),
        quorum=quorum or None,
        key=key,
        gas_key=KeyFile(path=gas_key_file, password_path=gas_password_file) if gas_key_file else None,
        every_seconds=every,
        force_after_seconds=force_after,
        force_every_seconds=force_every,
        poll_seconds=poll,
        metrics=metrics,
        webhook=webhook,
        limits=limits_of(alert or [], Limits()),
    )
    _sign(config, json_log)


@app.command()
def check(
    sources: Sources = SOURCES,
    deployment: Record = DEPLOYMENT,
    send_to: Operators = [OPERATOR_URL],  # noqa: B006
    key_file: DaemonKey = None,
    password_file: DaemonPassword = None,
    signer_url: SignerUrl = None,
    signer_address: SignerAddress = "",
    as_json: Json = False,
) -> None:
    """Ask every source once, show what would be signed, and send nothing.

    With a key it also sees whether that is a signer's, signs, and asks the operators who they are and whether they have
    these markets. Exit code 4 when something would keep a price from being taken.

    Example: tallystick price-signer check --sources sources.toml
    """
    from tallystick.drawing import show
    from tallystick.errors import DataMissing
    from tallystick.ports.system import SystemClock
    from tallystick.price_signer.gathering.sources import read_sources
    from tallystick.price_signer.rehearsal import gathered, rehearsed
    from tallystick.price_signer.telling.signer_page import market_facts, market_table

    clock, markets = SystemClock(), read_sources(sources)
    found = gathered(markets, clock)
    key = key_of(key_file, password_file, signer_url, signer_address)
    problems = [f"{each.name}: {each.why}" for each in found if each.why]
    if key is not None:
        problems += rehearsed(key, deployment, send_to, found, clock)
    facts = [market_facts(each) for each in found]
    if as_json:
        _print_json({"markets": facts, "problems": problems})
    else:
        show(market_table(facts), *problems)
    if problems:
        raise DataMissing("not everything would be taken", hint="what each line above says", problems=len(problems))


@app.command()
def status(
    data_dir: DataDir = DATA_DIR,
    watch: Annotated[
        float | None, typer.Option(min=0.1, metavar="SECONDS", help="Show it anew so often; Ctrl-C ends it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the sources of a signer that runs here, how far each is from the others, and who takes its reports.

    Example: tallystick price-signer status --watch 1
    """
    from tallystick.drawing import show_anew
    from tallystick.price_signer.telling.signer_page import read_facts
    from tallystick.price_signer.telling.signer_teller import page_path

    path = page_path(data_dir)
    if as_json:
        _print_json(read_facts(path))
    else:
        show_anew(_pages(path, watch))


def _pages(path: Path, watch: float | None) -> Iterator[RenderableType]:
    """Yield the page once or, every few seconds, for ever."""
    from tallystick.cli import until_interrupted
    from tallystick.ports.system import SystemClock
    from tallystick.price_signer.telling.signer_page import page, read_facts

    clock = SystemClock()
    yield page(read_facts(path), clock.now())
    if watch is None:
        return
    stop = until_interrupted()
    while not stop.wait(watch):
        yield page(read_facts(path), clock.now())


def _print_json(value: object) -> None:
    import msgspec

    print(msgspec.json.encode(value).decode())


def _sign(config: SignerConfig, json_log: bool) -> None:
    """Run until a signal."""
    from tallystick.cli import until_interrupted
    from tallystick.price_signer.daemon import PriceSigner
    from tallystick.telling.overheard import event_log

    stop = until_interrupted()
    with event_log(config.data_dir, people=not json_log) as journal:
        if not json_log:
            typer.echo(f"signing what {config.sources} says; events go to {journal.path}. Stop with Ctrl-C.")
        PriceSigner(config, journal).run(stop)
