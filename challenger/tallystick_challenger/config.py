"""What a challenger is started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tallystick.dispute.traces.schedule import MEMORY_BYTES
from tallystick.errors import ConfigError
from tallystick.l1.sending.keys import KeyFile
from tallystick.l1.sending.signer import RemoteKey
from tallystick.party.duties import DUTIES, Mode
from tallystick.rollup.snapshots.snapshotstore import SPACING
from tallystick_challenger.telling.teller import Telling

MOST_POLL_SECONDS = 3_600
PATIENCE_BLOCKS = 300
"""An hour of Ethereum's."""
TAGS = ("latest", "safe", "finalized")
MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengerConfig:
    """One challenger's settings. Without a key it can only watch. `quorum` of the endpoints must agree, by default
    more than half; `confirmations` holds the news back by so many blocks more than `tag` does; a head older than
    `max_head_age_seconds` is not believed, 0 believes any. Snapshots are `snapshot_batches` apart, 0: none. In mode
    propose the operator has `patience_blocks` to assert by itself. Making traces takes `trace_memory_mib` at most.
    Into a pool, for a bond it cannot pay, it puts `pool_wei` at most: by default what is free in mode defend, else nothing.
    """

    rpc: tuple[str, ...]
    deployment: Path
    data_dir: Path
    mode: Mode
    key: KeyFile | RemoteKey | None
    poll_seconds: float
    tag: str
    quorum: int | None = None
    confirmations: int = 0
    max_head_age_seconds: float = 0.0
    telling: Telling = field(default_factory=Telling)
    snapshot_batches: int = SPACING
    patience_blocks: int = PATIENCE_BLOCKS
    trace_memory_mib: int = MEMORY_BYTES // MIB
    pool_wei: int | None = None

    def __post_init__(self) -> None:
        """Raises: ConfigError when the settings contradict each other."""
        duties = DUTIES[self.mode]
        if self.key is None and (duties.dispute or duties.settle):
            raise ConfigError(
                f"mode {self.mode} sends transactions and needs a key",
                hint="give --key-file or --signer-url, or --mode watch to raise alarms only",
            )
        if not 0 < self.poll_seconds <= MOST_POLL_SECONDS:
            raise ConfigError(
                "the time between polls is above 0 and up to an hour",
                poll_seconds=self.poll_seconds,
            )
        if (self.pool_wei or 0) < 0:
            raise ConfigError("what goes into a pool is not negative", pool_wei=self.pool_wei)
        if self.trace_memory_mib < 1:
            raise ConfigError("tracing takes some memory", trace_memory_mib=self.trace_memory_mib)
        if self.tag not in TAGS:
            raise ConfigError(f"there is no block tag {self.tag}", hint=f"the tags are {', '.join(TAGS)}")
        least = min(self.confirmations, self.max_head_age_seconds, self.snapshot_batches, self.patience_blocks)
        if least < 0:
            raise ConfigError(
                "confirmations, the head's age, the patience and the snapshots' distance are not negative"
            )
