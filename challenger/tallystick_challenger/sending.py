"""A key for one command, and one transaction sent with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tallystick.dispute.moves import Call
    from tallystick.l1.access import L1
    from tallystick.l1.deployment import Deployment
    from tallystick.l1.signer import Signer

KeyPath = Annotated[Path | None, typer.Option("--key-file", help="The key that pays, hex or keystore.")]
PasswordPath = Annotated[Path | None, typer.Option("--password-file", help="The keystore's password.")]
SignerUrl = Annotated[
    str | None,
    typer.Option("--signer-url", help="A signer that keeps the key instead: eth_signTransaction over JSON-RPC."),
]
SignerAddress = Annotated[
    str, typer.Option("--signer-address", help="Which of that signer's accounts, if it has several.")
]


def signer_of(
    key_file: Path | None, password_file: Path | None, signer_url: str | None, signer_address: str
) -> Signer | None:
    """Return who signs, None when nobody was named.

    Raises: BadInput when two were.
    """
    from tallystick.errors import BadInput
    from tallystick.l1.keys import KeyFile
    from tallystick.l1.signer import RemoteKey, load_signer

    if key_file and signer_url:
        raise BadInput("a key and a signer were given", hint="one of --key-file and --signer-url")
    if key_file:
        return load_signer(KeyFile(path=key_file, password_path=password_file))
    return load_signer(RemoteKey(url=signer_url, address=signer_address)) if signer_url else None


def send(client: L1, deployment: Deployment, contract: str, call: Call, signer: Signer) -> dict[str, Any]:
    """Send a call and return what became of it.

    Raises: L1Reverted when L1 does not take it.
    """
    import tempfile

    from tallystick.l1.queuestore import QueueStore
    from tallystick.l1.sender import TxQueue

    to = deployment.addresses.all()[contract]
    data = client.contract(contract, to).encode(call.function, *call.arguments)
    with tempfile.TemporaryDirectory(prefix="tallystick-") as folder:
        store = QueueStore(Path(folder) / "queue.sqlite")
        try:
            queue = TxQueue(client=client, account=signer, store=store)
            receipt = queue.send(call.key, to, data, value_wei=call.value_wei)
        finally:
            store.close()
    return {"tx": "0x" + receipt.transaction_hash.hex(), "gas": receipt.gas_used, "block": receipt.block_number}
