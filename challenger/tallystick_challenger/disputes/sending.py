"""A key for one command, and one transaction sent with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tallystick.l1.client.access import L1
    from tallystick.l1.deployment import Deployment
    from tallystick.l1.sending.signer import Signer
    from tallystick.party.strategy.moves import Call


def signer_of(
    key_file: Path | None, password_file: Path | None, signer_url: str | None, signer_address: str
) -> Signer | None:
    """Return who signs, None when nobody was named.

    Raises: BadInput when two were.
    """
    from tallystick.connection import key_of
    from tallystick.l1.sending.signer import load_signer
    from tallystick.ports.system import SystemClock

    found = key_of(key_file, password_file, signer_url, signer_address)
    return None if found is None else load_signer(found, SystemClock())


def send(client: L1, deployment: Deployment, contract: str, call: Call, signer: Signer) -> dict[str, Any]:
    """Send a call and return what became of it.

    Raises: L1Reverted when L1 does not take it.
    """
    from tallystick.l1.sending.once import queue_for_once
    from tallystick.ports.system import SystemClock

    to = deployment.addresses.all()[contract]
    data = client.contract(contract, to).encode(call.function, *call.arguments)
    with queue_for_once(client, signer, SystemClock()) as queue:
        receipt = queue.send(call.key, to, data, value_wei=call.value_wei)
    return {"tx": "0x" + receipt.transaction_hash.hex(), "gas": receipt.gas_used, "block": receipt.block_number}
