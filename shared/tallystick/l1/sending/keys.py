"""Private keys, from files only: never from the command line, where other users of a machine can read them."""

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from eth_account import Account
from eth_account.signers.local import LocalAccount

from tallystick.errors import BadInput, ConfigError

KEY_BYTES = 32
MAX_KEY_FILE_BYTES = 64 << 10
ANOTHER_FILE = "give the path of a file that you may read; `tallystick l1 new-key FILE` makes a key"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """Where a key is: a file of 32 bytes in hex, or a keystore with a file that holds its password."""

    path: Path
    password_path: Path | None = None


def load_account(key: KeyFile) -> LocalAccount:
    """The account of the key.

    Raises: ConfigError, when a file is missing, readable to others, or holds no key.
    """
    text = _read_secret(key.path).strip()
    if text.startswith("{"):
        return _from_keystore(key, text)
    if key.password_path is not None:
        raise ConfigError("a password was given for a key that is not a keystore", path=str(key.path))
    digits = text.removeprefix("0x")
    try:
        secret = bytes.fromhex(digits)
    except ValueError:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise ConfigError("not a private key", path=str(key.path), hint="64 hexadecimal digits")
    return _account(secret, key.path)


def save_keystore(account: LocalAccount, path: Path, password_path: Path) -> None:
    """Writes the account's key, encrypted, into a new file only its owner can read.

    Raises: BadInput, when the file exists.
    """
    keystore = Account.encrypt(account.key, _read_secret(password_path).rstrip("\r\n"))
    _write_new(path, json.dumps(keystore))


def save_key(account: LocalAccount, path: Path) -> None:
    """Writes the account's key in hex into a new file only its owner can read.

    Raises: BadInput, when the file exists.
    """
    _write_new(path, bytes(account.key).hex() + "\n")


def _from_keystore(key: KeyFile, text: str) -> LocalAccount:
    if key.password_path is None:
        raise ConfigError("a keystore needs a file with its password", hint="--password-file FILE", path=str(key.path))
    password = _read_secret(key.password_path).rstrip("\r\n")
    try:
        secret = bytes(Account.decrypt(json.loads(text), password))
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ConfigError("the keystore does not open", path=str(key.path), hint="is it the right password?") from error
    return _account(secret, key.path)


def _account(secret: bytes, path: Path) -> LocalAccount:
    try:
        return cast(LocalAccount, Account.from_key(secret))
    except ValueError as error:
        raise ConfigError("not a private key", path=str(path)) from error


def _read_secret(path: Path) -> str:
    """The text of a secret's file, without the mark that some editors put before UTF-8.

    As ssh does, it refuses the own file that others can read; who may read somebody else's is for its owner to say.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise ConfigError("a secret is a file, and this is a folder", hint=ANOTHER_FILE, path=str(path))
        if found.st_mode & 0o077 and found.st_uid == os.geteuid():
            mode = f"{stat.S_IMODE(found.st_mode):04o}"
            raise ConfigError("others can read this secret", path=str(path), mode=mode, hint=f"chmod 600 {path}")
        with path.open(encoding="utf-8-sig") as file:
            return file.read(MAX_KEY_FILE_BYTES)
    except OSError as error:
        raise ConfigError(
            "a secret cannot be read", hint=ANOTHER_FILE, path=str(path), reason=error.strerror
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError("a secret is no text in UTF-8", hint=ANOTHER_FILE, path=str(path)) from error


def _write_new(path: Path, text: str) -> None:
    """Writes a new file, whole or not at all, that only its owner can read."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise BadInput(
            "the file exists and is left alone", hint="give another name, or move the file away", path=str(path)
        ) from error
    except OSError as error:
        raise BadInput(
            "the key cannot be written there",
            hint="give a path in a folder that is there and that you may write to",
            path=str(path),
            reason=error.strerror,
        ) from error
