"""Keys come from files that only their owner can read."""

import os
from pathlib import Path

import pytest
from eth_account.signers.local import LocalAccount

from tallystick.errors import BadInput, ConfigError
from tallystick.l1.dev.dev_server import dev_accounts
from tallystick.l1.sending.keys import KeyFile, load_account, save_key, save_keystore


@pytest.fixture
def account() -> LocalAccount:
    return dev_accounts(1)[0]


def secret(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def test_a_key_in_hex_is_read_back(tmp_path: Path, account: LocalAccount) -> None:
    save_key(account, tmp_path / "key")
    assert load_account(KeyFile(path=tmp_path / "key")).address == account.address
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    prefixed = secret(tmp_path / "prefixed", "0x" + bytes(account.key).hex())
    assert load_account(KeyFile(path=prefixed)).address == account.address


def test_a_keystore_opens_with_its_password_only(
    tmp_path: Path, account: LocalAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETH_ACCOUNT_KDF", "pbkdf2")
    password = secret(tmp_path / "password", "open sesame\n")
    save_keystore(account, tmp_path / "keystore.json", password)
    key = KeyFile(path=tmp_path / "keystore.json", password_path=password)
    assert load_account(key).address == account.address
    wrong = secret(tmp_path / "wrong", "open barley\n")
    with pytest.raises(ConfigError, match="does not open"):
        load_account(KeyFile(path=tmp_path / "keystore.json", password_path=wrong))
    with pytest.raises(ConfigError, match="needs a file with its password"):
        load_account(KeyFile(path=tmp_path / "keystore.json"))


def test_a_file_others_can_read_is_refused(tmp_path: Path, account: LocalAccount) -> None:
    save_key(account, tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(ConfigError, match="others can read"):
        load_account(KeyFile(path=tmp_path / "key"))


@pytest.mark.parametrize("text", ["", "12", "zz" * 32, "00" * 32, "ff" * 32, "{", '{"crypto": 1}'])
def test_what_is_no_key_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    path = secret(tmp_path / "key", text)
    password = secret(tmp_path / "password", "x") if text.startswith("{") else None
    with pytest.raises(ConfigError) as caught:
        load_account(KeyFile(path=path, password_path=password))
    assert not text or text not in str(caught.value).replace(str(path), "")


def test_an_existing_file_is_never_overwritten(tmp_path: Path, account: LocalAccount) -> None:
    secret(tmp_path / "key", "precious")
    with pytest.raises(BadInput):
        save_key(account, tmp_path / "key")
    assert (tmp_path / "key").read_text() == "precious"
    with pytest.raises(ConfigError):
        load_account(KeyFile(path=tmp_path / "missing"))


def test_F12_a_mark_before_the_text_changes_nothing(
    tmp_path: Path, account: LocalAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Editors of Windows put one before keys, keystores and passwords alike."""
    monkeypatch.setenv("ETH_ACCOUNT_KDF", "pbkdf2")
    save_key(account, tmp_path / "plain")
    password = secret(tmp_path / "password", "open sesame")
    save_keystore(account, tmp_path / "keystore", password)
    marked = {
        name: secret(tmp_path / f"{name}.marked", "\ufeff" + (tmp_path / name).read_text() + "\r\n")
        for name in ("plain", "keystore", "password")
    }
    assert load_account(KeyFile(path=marked["plain"])).address == account.address
    key = KeyFile(path=marked["keystore"], password_path=marked["password"])
    assert load_account(key).address == account.address


@pytest.mark.parametrize("mode", [0o440, 0o640, 0o604, 0o444])
def test_F12_a_mode_that_lets_others_read_is_named_unless_the_file_is_somebody_elses(
    tmp_path: Path, account: LocalAccount, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    """A secret that a cluster mounts is root's, and the group's to read: as ssh does, that is let pass."""
    path = tmp_path / "key"
    save_key(account, path)
    path.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        load_account(KeyFile(path=path))
    assert caught.value.data["mode"] == f"{mode:04o}"
    assert caught.value.hint == f"chmod 600 {path}"
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert load_account(KeyFile(path=path)).address == account.address
