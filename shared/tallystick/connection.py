"""The options with which commands and daemons reach L1, an operator and a key: declared once, the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from tallystick.l1.client.access import L1
    from tallystick.l1.client.http_client import L1Client
    from tallystick.l1.sending.keys import KeyFile
    from tallystick.l1.sending.signer import RemoteKey

OPERATOR_URL: Final = "http://127.0.0.1:8646"
L1_URLS: Final = ["http://127.0.0.1:8545"]
DEPLOYMENT: Final = Path("deployment.json")

Rpc = Annotated[
    list[str],
    typer.Option(
        "--rpc",
        metavar="URL",
        envvar="TALLYSTICK_L1_RPC",
        help="JSON-RPC endpoint of the L1; once for each of several, and then none of them is trusted alone.",
    ),
]
Quorum = Annotated[
    int, typer.Option("--quorum", min=0, help="How many endpoints must agree; 0: more than half of them.")
]
Record = Annotated[
    Path,
    typer.Option(
        "--deployment", envvar="TALLYSTICK_DEPLOYMENT", help="The deployment record that `tallystick l1 deploy` wrote."
    ),
]
Url = Annotated[
    str, typer.Option("--operator", "--url", metavar="URL", envvar="TALLYSTICK_OPERATOR", help="The operator's API.")
]
Key = Annotated[
    Path | None,
    typer.Option(
        "--key-file", envvar="TALLYSTICK_KEY_FILE", help="The key that signs and pays: hex in a file, or a keystore."
    ),
]
Password = Annotated[
    Path | None,
    typer.Option(
        "--password-file", envvar="TALLYSTICK_PASSWORD_FILE", help="A file with the password of that keystore."
    ),
]
DaemonKey = Annotated[
    Path | None, typer.Option("--key-file", help="The key that signs and pays: hex in a file, or a keystore.")
]
"""A daemon's: the variables with which people name their own keys do not give it one."""
DaemonPassword = Annotated[
    Path | None, typer.Option("--password-file", help="A file with the password of that keystore.")
]
SignerUrl = Annotated[
    str | None,
    typer.Option(
        "--signer-url", metavar="URL", help="A signer that keeps the key instead: eth_signTransaction over JSON-RPC."
    ),
]
SignerAddress = Annotated[
    str, typer.Option("--signer-address", help="Which of that signer's accounts, if it has several.")
]
Poll = Annotated[float, typer.Option("--poll-seconds", "--poll", help="Seconds between two looks at L1.")]
TraceMemory = Annotated[
    int,
    typer.Option(
        "--trace-memory", min=1, metavar="MIB", help="Memory that making traces of disputed assertions may take."
    ),
]
JsonLog = Annotated[
    bool, typer.Option("--json-log", "--log-json", help="Print every event as a line of JSON, and nothing else.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]

MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics",
        metavar="PORT",
        min=0,
        max=65_535,
        help="Serve metrics for Prometheus at 127.0.0.1:PORT; 0: any port.",
    ),
]
WebhookUrl = Annotated[
    str | None,
    typer.Option(
        "--webhook",
        metavar="URL",
        envvar="TALLYSTICK_WEBHOOK",
        help="Where alerts are sent, as JSON by POST. What follows its host is never shown.",
    ),
]

JsonAtEnd = Annotated[
    bool, typer.Option("--json", help="Tell the progress on stderr; end with one JSON object on stdout.")
]


def client_of(rpc: Sequence[str], quorum: int = 0) -> L1:
    """Return a client that checks what the endpoints say. Raises: BadInput for what is no URL, or no quorum of them."""
    from tallystick.l1.client.quorum import QuorumClient
    from tallystick.ports.system import SystemClock

    return QuorumClient(tuple(rpc), quorum=quorum or None, clock=SystemClock())


def sending_client(rpc: Sequence[str]) -> L1:
    """Return a client for transactions: one endpoint alone is taken at its word. Raises: as `client_of`."""
    from tallystick.l1.client.http_client import L1Client
    from tallystick.ports.system import SystemClock

    return L1Client(rpc[0], clock=SystemClock()) if len(rpc) == 1 else client_of(rpc)


def only_client(rpc: Sequence[str]) -> L1Client:
    """Return a client of the one endpoint of a development chain. Raises: BadInput when there are several."""
    from tallystick.errors import BadInput
    from tallystick.l1.client.http_client import L1Client
    from tallystick.ports.system import SystemClock

    if len(rpc) != 1:
        raise BadInput("a development chain has one endpoint", hint="give --rpc once")
    return L1Client(rpc[0], clock=SystemClock())


def key_of(
    key_file: Path | None, password_file: Path | None, signer_url: str | None, signer_address: str
) -> KeyFile | RemoteKey | None:
    """Return where the key is, None when nobody was named.

    Raises: BadInput when two were, or something belongs to none.
    """
    from tallystick.errors import BadInput
    from tallystick.l1.sending.keys import KeyFile
    from tallystick.l1.sending.signer import RemoteKey

    if key_file and signer_url:
        raise BadInput("a key and a signer were given", hint="one of --key-file and --signer-url")
    if key_file:
        return KeyFile(path=key_file, password_path=password_file)
    return RemoteKey(url=signer_url, address=signer_address) if signer_url else None
