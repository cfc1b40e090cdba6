"""Commands about the bond behind the operator's receipts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.commands import App
from tallystick.connection import (
    DEPLOYMENT,
    L1_URLS,
    OPERATOR_URL,
    Json,
    Key,
    Password,
    Quorum,
    Record,
    Rpc,
    SignerAddress,
    SignerUrl,
    Url,
    client_of,
    key_of,
    sending_client,
)

if TYPE_CHECKING:
    from tallystick.drawing import Page
    from tallystick_operator.publish.bonding import Bond

app = App("operator", help="The bond behind receipts: pay it in, name keys, get it back.")


@app.command()
def deposit(
    ether: Annotated[str, typer.Argument(help="How much to add, 1.5 say.")],
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    signer_url: SignerUrl = None,
    signer_address: SignerAddress = "",
    rpc: Rpc = L1_URLS,
    as_json: Json = False,
) -> None:
    """Add ether to the bond; anybody may, and it comes back to the operator alone.

    Example: tallystick operator bond deposit 32 --deployment deployment.json --key-file batches.key
    """
    from tallystick.numbers import wei_of

    wei = wei_of(ether)
    _call(
        lambda bond: bond.deposit(wei), deployment, rpc, (key_file, password_file, signer_url, signer_address), as_json
    )


@app.command()
def status(
    deployment: Record = DEPLOYMENT,
    url: Url = OPERATOR_URL,
    rpc: Rpc = L1_URLS,
    quorum: Quorum = 0,
    as_json: Json = False,
) -> None:
    """Say what L1 has of the bond, its key, its epoch and the claims against it.

    When the operator answers, also whether the key that it signs with counts. Exit code 4 when it does not, or the bond is lost.

    Example: tallystick operator bond status --deployment deployment.json
    """
    from tallystick.errors import DataMismatch
    from tallystick.l1.deployment import load_deployment
    from tallystick.shapes.routes import INFO
    from tallystick.transport import OperatorUnreachable, Transport
    from tallystick_operator.publish.bonding import bond_facts, bond_page

    signs = ""
    with suppress(OperatorUnreachable), Transport(url) as transport:
        signs = transport.ask(INFO).receipt_signer
    facts = bond_facts(client_of(rpc, quorum), load_deployment(deployment), signs)
    _show(facts, bond_page, as_json)
    if facts["slashed_at"]:
        raise DataMismatch("the bond is lost", hint="no promise of this operator is backed any more")
    if signs and not 0 < facts["counts_from"] <= facts["now"]:
        raise DataMismatch(
            "the key that the operator signs with does not count",
            hint="`tallystick operator bond set-key`; a later key counts a day after that",
            key=signs,
        )


@app.command("set-key")
def set_key(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="The address that is to sign receipts, or a file with its key.")
    ],
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    signer_url: SignerUrl = None,
    signer_address: SignerAddress = "",
    rpc: Rpc = L1_URLS,
    as_json: Json = False,
) -> None:
    """Name the key that signs receipts: the first counts at once, each later one a day after this call.

    Until then the one before counts, so let the operator sign with a new one only when its day has come.

    Example: tallystick operator bond set-key data/receipt.key --deployment deployment.json --key-file batches.key
    """
    from tallystick.l1.sending.keys import KeyFile, load_account

    path = Path(key)
    address = load_account(KeyFile(path=path)).address if path.is_file() else key
    named = _address(address)
    _call(
        lambda bond: bond.set_key(named),
        deployment,
        rpc,
        (key_file, password_file, signer_url, signer_address),
        as_json,
    )


@app.command("raise-epoch")
def raise_epoch(
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    signer_url: SignerUrl = None,
    signer_address: SignerAddress = "",
    rpc: Rpc = L1_URLS,
    as_json: Json = False,
) -> None:
    """Begin an epoch: for an operator whose promises L1 has shifted. It voids none of them.

    Example: tallystick operator bond raise-epoch --deployment deployment.json --key-file batches.key
    """
    _call(
        lambda bond: bond.raise_epoch(), deployment, rpc, (key_file, password_file, signer_url, signer_address), as_json
    )


@app.command()
def leave(
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    signer_url: SignerUrl = None,
    signer_address: SignerAddress = "",
    rpc: Rpc = L1_URLS,
    as_json: Json = False,
) -> None:
    """Ask for the bond back. There is no way back: from then on clients take no receipt of this operator's.

    It is free 31 hours and the takeover delay later, if no claim is pending then.

    Example: tallystick operator bond leave --deployment deployment.json --key-file batches.key
    """
    _call(lambda bond: bond.leave(), deployment, rpc, (key_file, password_file, signer_url, signer_address), as_json)


@app.command()
def collect(
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    signer_url: SignerUrl = None,
    signer_address: SignerAddress = "",
    rpc: Rpc = L1_URLS,
    as_json: Json = False,
) -> None:
    """Fetch what is owed to the key: the bond when it is free, and deposits of claims that it has answered.

    Example: tallystick operator bond collect --deployment deployment.json --key-file batches.key
    """
    _call(lambda bond: bond.collect(), deployment, rpc, (key_file, password_file, signer_url, signer_address), as_json)


Named = tuple[Path | None, Path | None, str | None, str]


def _call(
    does: Callable[[Bond], dict[str, Any]], deployment: Path, rpc: list[str], named: Named, as_json: bool
) -> None:
    from tallystick.errors import BadInput
    from tallystick.l1.deployment import load_deployment
    from tallystick.l1.sending.signer import load_signer
    from tallystick.ports.system import SystemClock
    from tallystick_operator.publish.bonding import Bond, sent_page

    key = key_of(*named)
    if key is None:
        raise BadInput("this is a transaction and needs a key", hint="--key-file or --signer-url")
    clock = SystemClock()
    bond = Bond(sending_client(rpc), load_deployment(deployment), load_signer(key, clock), clock)
    _show(does(bond), sent_page, as_json)


def _show(facts: dict[str, Any], page: Callable[[dict[str, Any]], Page], as_json: bool) -> None:
    import json

    from tallystick.drawing import show

    if as_json:
        typer.echo(json.dumps(facts))
    else:
        show(*page(facts))


def _address(text: str) -> bytes:
    from eth_utils.address import is_address

    from tallystick.errors import BadInput

    if not is_address(text):
        raise BadInput("neither an address nor a file with a key", given=text)
    return bytes.fromhex(text.removeprefix("0x"))
