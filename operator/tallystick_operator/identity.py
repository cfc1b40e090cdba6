"""The operator's keys: those of receipts, of batches and of assertions, and whether that of batches may post them."""

from __future__ import annotations

from pathlib import Path

from eth_account import Account

from tallystick.errors import ConfigError
from tallystick.l1.client.quorum import QuorumClient
from tallystick.l1.deployment import Deployment
from tallystick.l1.sending.keys import KeyFile, load_account, save_key
from tallystick.l1.sending.signer import RemoteKey, Signer, load_signer
from tallystick.ports import Clock
from tallystick_operator.config import Config
from tallystick_operator.storage.on_disk import RECEIPT_KEY


def receipt_key(config: Config) -> tuple[bytes, str]:
    """Return the key of receipts and its address; where none is named it is made at the first start.

    Raises: ConfigError.
    """
    path = Path(config.receipt_key_file or Path(config.data_dir) / RECEIPT_KEY)
    if not path.exists() and not config.receipt_key_file:
        save_key(Account.create(), path)
    account = load_account(KeyFile(path=path))
    return bytes(account.key), account.address


def poster(config: Config, clock: Clock) -> Signer:
    """Return who posts batches. Raises: ConfigError."""
    if config.signer_url:
        return load_signer(RemoteKey(url=config.signer_url, address=config.signer_address), clock)
    return _in_file(config.key_file, config.password_file, clock)


def asserter(config: Config, clock: Clock) -> Signer | None:
    """Return who asserts, None when it is who posts. Raises: ConfigError."""
    if not config.assert_key_file:
        return None
    return _in_file(config.assert_key_file, config.assert_password_file, clock)


def _in_file(key_file: str, password_file: str, clock: Clock) -> Signer:
    key = KeyFile(path=Path(key_file), password_path=Path(password_file) if password_file else None)
    return load_signer(key, clock)


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
