"""What the Inbox's terms have to keep to the rest: the reason in a sentence where they do not."""

from __future__ import annotations

from typing import Final

from tallystick.errors import ConfigError
from tallystick.l1.backlog import (
    LIVE_SLACK_SECONDS,
    SMALL_BATCH_BYTES,
    SMALL_BATCHES,
    steps_a_block,
)
from tallystick.l1.deployment import BLOCK_SECONDS, CONTESTED_GENERATIONS, DeployConfig
from tallystick.records.blob_chunks import BLOB_BYTES
from tallystick.records.group_receipts import ANSWER_SECONDS, HORIZON_SECONDS
from tallystick.state.layout import (
    MAX_BATCH_SECONDS,
    MAX_BLOBS,
    MAX_CHUNK_BYTES,
    MAX_CHUNKS,
    PPM,
    QUEUE_STEPS,
    REPORT_AGE_MS,
    SAMPLE_STEPS,
    WORK_PPM,
)

REPORT_SLACK_MS: Final = 3_000
LANDING_SECONDS: Final = 60
"""What the past bound leaves the longest batch to land in, once it has ended."""
LARGEST_BATCH_BYTES: Final = MAX_CHUNKS * MAX_CHUNK_BYTES
BLOBS_KEPT_BLOCKS: Final = 131_072
"""For 4,096 epochs of 32 blocks nodes have to serve blobs (EIP-4844)."""
NOTICE_SECONDS: Final = 86_400
CONFIRMATIONS: Final = 12
"""Blocks that an honest sequencer lets pass over a message before it consumes it, unless it is told to wait longer."""


def check_inbox(config: DeployConfig, *, development: bool) -> None:
    """Refuses terms under which honest batches would be refused, or assertions could never follow what is posted.

    Raises: ConfigError, with the reason and the numbers.
    """
    _check_clock(config)
    least = MAX_BATCH_SECONDS + LANDING_SECONDS
    if config.past_bound_seconds < least:
        raise ConfigError(
            "the longest batch would be too old before it could land",
            hint="lengthen past_bound_seconds",
            past_bound_seconds=config.past_bound_seconds,
            least_seconds=least,
        )
    check_confirmations(config, CONFIRMATIONS)
    if config.takeover_delay_seconds < config.force_delay_seconds:
        raise ConfigError(
            "a sequencer that serves every message in time could be taken over",
            hint="takeover_delay_seconds is not shorter than force_delay_seconds",
            takeover_delay_seconds=config.takeover_delay_seconds,
            force_delay_seconds=config.force_delay_seconds,
        )
    _check_receipts(config)
    _check_blobs(config, development=development)
    if config.burst_bytes < LARGEST_BATCH_BYTES:
        raise ConfigError(
            "the largest batch would never fit into the bucket",
            hint="raise burst_bytes",
            burst_bytes=config.burst_bytes,
            least_bytes=LARGEST_BATCH_BYTES,
        )
    _check_rate(config, development=development)


def check_confirmations(config: DeployConfig, confirmations: int) -> None:
    """Refuses a depth at which an honest sequencer would learn of messages too late to consume them in time.

    Raises: ConfigError.
    """
    needed = confirmations * BLOCK_SECONDS + config.past_bound_seconds + LIVE_SLACK_SECONDS
    if needed > config.force_delay_seconds:
        raise ConfigError(
            "a message would be due before an honest sequencer, waiting for its confirmations and posting within the "
            "past bound, could have consumed it",
            hint="lengthen force_delay_seconds, or wait for fewer confirmations",
            force_delay_seconds=config.force_delay_seconds,
            least_seconds=needed,
            confirmations=confirmations,
        )


def _check_clock(config: DeployConfig) -> None:
    most = REPORT_AGE_MS - REPORT_SLACK_MS
    if 1000 * config.future_bound_seconds > most:
        raise ConfigError(
            "a clock that far ahead of L1 would make every honest price report stale, and nothing could be traded",
            hint="shorten future_bound_seconds",
            future_bound_ms=1000 * config.future_bound_seconds,
            most_ms=most,
        )


def _check_rate(config: DeployConfig, *, development: bool) -> None:
    if config.rate_bytes == 0:
        raise ConfigError("a bucket that never drains would take the burst and then nothing", rate_bytes=0)
    if development:
        # its blocks carry a transaction or two, whatever their gas limit
        return
    small = SMALL_BATCHES * SMALL_BATCH_BYTES
    if config.rate_bytes < small:
        raise ConfigError(
            "small batches, which a full bucket takes as well, could bring more than the bucket drains",
            hint="raise rate_bytes",
            rate_bytes=config.rate_bytes,
            least_bytes=small,
        )
    asked, landed = steps_a_block(config.rate_bytes), 1 << config.root_height
    if asked > landed:
        room = max(0, landed - QUEUE_STEPS - SAMPLE_STEPS) * PPM // WORK_PPM
        raise ConfigError(
            "blocks could ask for more steps than one assertion a block has, and exits would wait without a bound",
            hint=f"rate_bytes of {room:,} at most, or a larger root_height",
            steps_a_block=asked,
            most_steps=landed,
        )


def _check_blobs(config: DeployConfig, *, development: bool) -> None:
    if config.most_blobs > MAX_BLOBS:
        raise ConfigError(
            "no transaction carries so many blobs", most_blobs=config.most_blobs, largest_most_blobs=MAX_BLOBS
        )
    if config.most_blobs == 0:
        return
    if not development:
        raise ConfigError(
            "a claim of a receipt is answered with calldata, and a batch in blobs would leave the operator without an answer",
            hint="leave most_blobs out: batches in blobs are for development chains",
            most_blobs=config.most_blobs,
        )
    least_bytes = config.most_blobs * BLOB_BYTES
    if config.burst_bytes < least_bytes:
        raise ConfigError(
            "a batch of the most blobs would never fit into the bucket",
            hint="raise burst_bytes",
            burst_bytes=config.burst_bytes,
            least_bytes=least_bytes,
        )
    needed = blobs_wanted_blocks(config)
    if needed > BLOBS_KEPT_BLOCKS:
        raise ConfigError(
            "L1's nodes would drop a blob while what was posted in it may still be disputed",
            hint="shorten the delays or the challenge period",
            blocks=needed,
            most_blocks=BLOBS_KEPT_BLOCKS,
        )


def blobs_wanted_blocks(config: DeployConfig) -> int:
    """Return how long after its posting a batch may be read for a dispute: from the silence before it to the assertion's
    confirmation, and a day to notice.
    """
    delays = -(-(config.silent_seconds + NOTICE_SECONDS) // BLOCK_SECONDS)
    return config.confirmation_blocks(CONTESTED_GENERATIONS) + delays


def _check_receipts(config: DeployConfig) -> None:
    least = HORIZON_SECONDS + ANSWER_SECONDS
    if config.takeover_delay_seconds < least:
        raise ConfigError(
            "strangers could post while what the operator has promised may still have to be shown",
            hint="lengthen takeover_delay_seconds",
            takeover_delay_seconds=config.takeover_delay_seconds,
            least_seconds=least,
        )
    least = 2 * (config.past_bound_seconds + MAX_BATCH_SECONDS)
    if least > HORIZON_SECONDS:
        raise ConfigError(
            "a promise would be due before a batch that came too late could be made anew and land",
            hint="shorten past_bound_seconds",
            horizon_seconds=HORIZON_SECONDS,
            least_seconds=least,
        )
