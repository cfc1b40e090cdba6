"""What a price signer is started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tallystick.errors import ConfigError
from tallystick.l1.sending.keys import KeyFile
from tallystick.l1.sending.signer import RemoteKey
from tallystick.price_signer.telling.signer_alerts import Limits
from tallystick.transport import Transport

EVERY_SECONDS = 3.0
MOST_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerConfig:
    """One signer's settings.

    A report is signed every `every_seconds` and goes to all `operators`. When none of them has taken one for
    `force_after_seconds`, one goes through L1, and another one each `force_every_seconds`; 0: never. `gas_key` pays for
    that, the key itself where there is none. `metrics` is a port on the loopback interface, `webhook` a URL.
    """

    deployment: Path
    sources: Path
    data_dir: Path
    operators: tuple[str, ...]
    rpc: tuple[str, ...]
    key: KeyFile | RemoteKey
    quorum: int | None = None
    gas_key: KeyFile | None = None
    every_seconds: float = EVERY_SECONDS
    force_after_seconds: float = 60.0
    force_every_seconds: float = 300.0
    poll_seconds: float = 4.0
    metrics: int | None = None
    webhook: str | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Raises: ConfigError when the settings contradict each other."""
        if not self.operators or len(set(self.operators)) != len(self.operators):
            raise ConfigError("reports go to one operator at least, each named once", hint="--operator URL")
        for url in self.operators:
            Transport(url).close()
        if not 1 <= self.every_seconds <= MOST_SECONDS:
            raise ConfigError("the exchange takes a signer's reports a second apart", every_seconds=self.every_seconds)
        if not 0 < self.poll_seconds <= MOST_SECONDS:
            raise ConfigError("the time between two looks is above 0 and up to an hour", poll_seconds=self.poll_seconds)
        if self.force_after_seconds < 0 or self.force_every_seconds < 0:
            raise ConfigError("times of forcing are not negative; --force-after 0 never forces")
