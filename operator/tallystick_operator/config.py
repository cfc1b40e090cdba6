"""The operator's configuration: one frozen value from a TOML file, the environment and flags, in this order."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from tallystick.errors import ConfigError
from tallystick_operator.lies import LIES

ENVIRONMENT: Final = "TALLYSTICK_OPERATOR_"


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything an operator is told. Keys are paths of files; `assert_key_file` defaults to the key of batches.

    `rpc` may be several endpoints parted by commas, of which `quorum` must agree; 0 is more than half. A `signer_url`
    stands for the key of batches. `confirmations` holds L1's news back by that many blocks. Without `lie_after_batch` a lie waits for what has not
    been asserted yet.
    """

    rpc: str
    deployment: str
    data_dir: str
    key_file: str = ""
    password_file: str = ""
    signer_url: str = ""
    signer_address: str = ""
    assert_key_file: str = ""
    assert_password_file: str = ""
    host: str = "127.0.0.1"
    port: int = 8646
    batch_seconds: float = 2.0
    clock_every_ms: int = 50
    poll_seconds: float = 0.25
    confirmations: int = 0
    quorum: int = 0
    lie: str = ""
    lie_after_batch: int | None = None
    json_log: bool = False

    def __post_init__(self) -> None:
        """Raises: ConfigError for values that cannot be meant."""
        if not 0 <= self.port <= 65_535:
            raise ConfigError("a port is a number from 0 to 65535", port=self.port)
        for name in ("batch_seconds", "poll_seconds"):
            if not 0 < getattr(self, name) <= 3_600:
                raise ConfigError(f"{name} is a time above 0 and up to an hour", **{name: getattr(self, name)})
        if self.confirmations < 0 or self.clock_every_ms < 1:
            raise ConfigError("confirmations are not negative and clock_every_ms is at least 1")
        if bool(self.key_file) == bool(self.signer_url):
            raise ConfigError("one of key_file and signer_url is needed", hint="the key that posts batches")
        if not self.endpoints or not 0 <= self.quorum <= len(self.endpoints):
            raise ConfigError("the quorum is not more than the endpoints", quorum=self.quorum)
        if self.lie and self.lie not in LIES:
            raise ConfigError(f"there is no lie called {self.lie!r}", hint=f"the lies are {', '.join(LIES)}")

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The L1 endpoints' URLs."""
        return tuple(url.strip() for url in self.rpc.split(",") if url.strip())


def load_config(path: Path | None, flags: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Config:
    """Return the configuration; a flag counts when it is not None.

    Raises: ConfigError naming the key that is missing, unknown or malformed.
    """
    values = _from_file(path) if path is not None else {}
    known = set(Config.__struct_fields__)
    for name, text in (os.environ if environment is None else environment).items():
        if name.startswith(ENVIRONMENT):
            key = name.removeprefix(ENVIRONMENT).lower()
            if key not in known:
                raise ConfigError("an environment variable names no option", variable=name)
            values[key] = text
    values |= {name: value for name, value in flags.items() if value is not None}
    try:
        return msgspec.convert(values, Config, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"the configuration is wrong: {error}", hint="tallystick operator run --help") from error


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError("the configuration cannot be read", path=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration is no TOML: {error}", path=str(path)) from error
