"""The operator's configuration: one frozen value, with what cannot be meant refused."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import msgspec

from tallystick.errors import ConfigError
from tallystick.l1.sending.fees import BLOCK_SECONDS
from tallystick.telling.alerting import limits_of
from tallystick_operator.rates import ORDINARY, Allowances, allowances_of

CONFIRMATIONS: Final = 45
"""Nine minutes. What is left of the quarter of an hour within which L1 wants a message served is for a batch to get there:
five minutes that its time may be back, and one to seal it."""
SERVING_SECONDS: Final = 360
"""What it takes, at worst, from a message that counts to a batch on L1 that serves it."""
FINAL_BLOCKS: Final = 96
"""After how many blocks L1 calls one final: three epochs when all is well."""
DEVELOPMENT_CHAINS: Final = frozenset({1337, 31337})
"""The chain ids of chains whose blocks nobody takes back but on purpose."""


MOST_GATEWAYS: Final = 64


def gateways() -> int:
    """Return how many gateways this machine has cores for, when one of these is the sequencer's."""
    return max(1, (os.cpu_count() or 1) - 1)


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything an operator is told. Keys are paths of files; `assert_key_file` defaults to the key of batches.

    Of the endpoints in `rpc`, `quorum` must agree; 0 is more than half. A `signer_url`
    stands for the key of batches. `confirmations` holds deposits and other messages back by that many blocks, or, as
    "finalized", until L1 calls their blocks final; 0 is for development chains. Making traces of disputed
    assertions takes `trace_memory` MiB at most. `gateways` are processes that take records over WebSockets, none with 0
    and as many as there are cores but one with -1; they listen on `gateway_port`, or, where that is 0, on the one behind
    `port`, any free one where that is 0, too. A snapshot is made every `snapshot_records`, and every `snapshot_seconds` in
    which there was a record. `log` names the stream that the log is kept in, "" for files alone; who leads shows that it is
    there within `lease_seconds`. `receipt_key_file` signs receipts; without one it is made in the data directory.
    `limit` has NAME=NUMBER of `rates.Limits`, those that are not the ordinary ones. How it stands is told every
    `tell_seconds`.
    """

    rpc: tuple[str, ...]
    deployment: str
    data_dir: str
    log: str = ""
    lease_seconds: float = 5.0
    key_file: str = ""
    password_file: str = ""
    signer_url: str = ""
    signer_address: str = ""
    assert_key_file: str = ""
    assert_password_file: str = ""
    receipt_key_file: str = ""
    host: str = "127.0.0.1"
    port: int = 8646
    gateways: int = -1
    gateway_port: int = 0
    batch_seconds: float = 12.0
    quiet_seconds: float = 45.0
    heartbeat_seconds: int = 600
    clock_every_ms: int = 50
    poll_seconds: float = 0.25
    confirmations: int | str = CONFIRMATIONS
    quorum: int = 0
    trace_memory: int = 1024
    snapshot_records: int = 100_000
    snapshot_seconds: float = 900.0
    json_log: bool = False
    tell_seconds: float = 60.0
    limit: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises: ConfigError for values that cannot be meant."""
        for port in (self.port, self.gateway_port):
            if not 0 <= port <= 65_535:
                raise ConfigError("a port is a number from 0 to 65535", port=port)
        if not -1 <= self.gateways <= MOST_GATEWAYS:
            raise ConfigError(f"gateways are 0 to {MOST_GATEWAYS}, or -1 for one a core", gateways=self.gateways)
        for name in (
            "batch_seconds",
            "quiet_seconds",
            "heartbeat_seconds",
            "poll_seconds",
            "snapshot_seconds",
            "tell_seconds",
        ):
            if not 0 < getattr(self, name) <= 3_600:
                raise ConfigError(f"{name} is a time above 0 and up to an hour", **{name: getattr(self, name)})
        if not 1 <= self.lease_seconds <= 60:
            raise ConfigError("lease_seconds is a time from 1 to 60", lease_seconds=self.lease_seconds)
        if self.trace_memory < 1:
            raise ConfigError("trace_memory is at least 1 MiB", trace_memory=self.trace_memory)
        for name in ("snapshot_records", "clock_every_ms"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is at least 1", **{name: getattr(self, name)})
        _ = self.allowances
        if self.confirmations != "finalized" and not re.fullmatch("[0-9]{1,9}", str(self.confirmations)):
            raise ConfigError('confirmations are a number of blocks, or "finalized"', confirmations=self.confirmations)
        if bool(self.key_file) == bool(self.signer_url):
            raise ConfigError(
                "one of key_file and signer_url is needed",
                hint="--key-file FILE, or --signer-url URL: who posts batches",
            )
        if not self.rpc or not 0 <= self.quorum <= len(self.rpc):
            raise ConfigError("the quorum is not more than the endpoints", quorum=self.quorum)

    @property
    def allowances(self) -> Allowances:
        """Who may send how much. Raises: ConfigError for what is no limit."""
        found = limits_of(self.limit, ORDINARY)
        for each in fields(found):
            if getattr(found, each.name) < 1:
                raise ConfigError(f"the limit {each.name} is at least 1", hint="--limit NAME=NUMBER")
        return allowances_of(found)

    @property
    def orders_port(self) -> int:
        """Where gateways listen, 0 for any free port."""
        return self.gateway_port or (self.port + 1 if self.port else 0)

    @property
    def gateway_count(self) -> int:
        """How many gateways there are."""
        return gateways() if self.gateways < 0 else self.gateways

    @property
    def confirmation_blocks(self) -> int | None:
        """By how many blocks messages are held back, None for as long as L1 takes to call them final."""
        return None if self.confirmations == "finalized" else int(self.confirmations)


def config_of(given: Mapping[str, Any]) -> Config:
    """Return the configuration that a command's options give; what is None is left out, and so is the command's own context.

    Raises: ConfigError.
    """
    plain: dict[str, Any] = {}
    for name in Config.__struct_fields__:
        value = given[name]
        if value is not None:
            plain[name] = str(value) if isinstance(value, Path) else tuple(value) if isinstance(value, list) else value
    return Config(**plain)


def check_confirmations(blocks: int | None, chain_id: int, force_delay_seconds: int) -> None:
    """Refuse what would credit deposits that may be taken back, or serve messages later than the Inbox allows.

    Raises: ConfigError.
    """
    if blocks == 0 and chain_id not in DEVELOPMENT_CHAINS:
        raise ConfigError(
            "0 confirmations are for development chains: one block taken back would undo credited deposits",
            hint=f"leave --confirmations out for {CONFIRMATIONS} blocks",
            chain_id=chain_id,
        )
    waits = (FINAL_BLOCKS if blocks is None else blocks) * BLOCK_SECONDS + SERVING_SECONDS
    if waits > force_delay_seconds:
        raise ConfigError(
            "with so many confirmations messages would be served later than the Inbox allows",
            hint=f"{max(0, force_delay_seconds - SERVING_SECONDS) // BLOCK_SECONDS} at most here",
            seconds=waits,
            force_delay_seconds=force_delay_seconds,
        )
