"""The operator's keys: the one that signs receipts, and whether that of batches may post them."""

from __future__ import annotations

from pathlib import Path

from eth_account import Account

from tallystick.errors import ConfigError
from tallystick.l1.client.quorum import QuorumClient
from tallystick.l1.deployment import Deployment
from tallystick.l1.sending.keys import KeyFile, load_account, save_key
from tallystick.l1.sending.signer import Signer


def receipt_key(path: Path) -> tuple[bytes, str]:
    """Return the key of receipts and its address; it is made at the first start and signs nothing else."""
    if not path.exists():
        save_key(Account.create(), path)
    account = load_account(KeyFile(path=path))
    return bytes(account.key), account.address


def check_may_post(account: Signer, client: QuorumClient, deployment: Deployment) -> None:
    """Refuse to acknowledge records that could not be posted.

    Raises: ConfigError when the key is not the sequencer's and nobody may take over yet.
    """
    sequencer = deployment.config.sequencer
    if bytes.fromhex(account.address[2:]) == sequencer:
        return
    inbox = client.contract("Inbox", deployment.addresses.inbox)
    opens = int(inbox.call("takeoverAt"))
    if client.head().timestamp < opens:
        raise ConfigError(
            "this key may not post batches",
            hint="use the sequencer's; others may post once it has been silent for the takeover delay",
            key=account.address,
            sequencer=sequencer,
            takeover_at=opens,
        )
