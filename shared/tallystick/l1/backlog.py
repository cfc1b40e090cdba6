"""What L1 may ask of the machine, block by block, and how long assertions take to follow: docs/bridge.md has the proof.

A step is one micro-step. Bytes are those of chunks; messages are bounded by L1's own gas.
"""

from __future__ import annotations

from typing import Final

from tallystick.state.layout import ORDERS_MOST, PPM, QUEUE_STEPS, SAMPLE_STEPS, WORK_PPM

STEPS_OWED_PER_ORDER: Final = 6
"""Steps that an order which rests may still cost, without a byte more: a parked one fires, is placed, meets its last, rests,
and is taken out again, its page behind it."""
SMALL_BATCH_BYTES: Final = 128
"""A batch of one chunk of no more is taken by a full bucket, too."""
SMALL_BATCHES: Final = 4_000
"""Such batches in a block: 100M gas at 25,000 for each, its hash's slot and its log."""
CLOCK_SLACK_BLOCKS: Final = 28
"""By how many blocks the times of the batches posted in some blocks may reach beyond these: five minutes back, 12
seconds ahead and ten the clock may lag."""
GENERATIONS_A_BLOCK: Final = 8
"""M: generations that a proposer computes and lands a block. At K = 22 they are 2.8 million steps a second, for which it
wants the compiled machine, and a million gas."""
LIVE_SLACK_SECONDS: Final = 60
"""What the force delay leaves beyond confirmations and past bound."""


def bytes_steps(count: int) -> int:
    """Return the steps that so many posted bytes ask for at most. Rounding: up."""
    return -(-count * WORK_PPM // PPM)


def steps_a_block(rate_bytes: int) -> int:
    """Return the steps that each block may ask for in the long run."""
    return bytes_steps(rate_bytes) + QUEUE_STEPS + SAMPLE_STEPS


def steps_at_once(burst_bytes: int, silent_blocks: int) -> int:
    """Return the steps that may come beyond those of each block: a full bucket and what goes past it, the messages of
    blocks in which nobody posted, what resting orders owe, and samples of times that are not these blocks'.
    """
    past_bucket = SMALL_BATCHES * SMALL_BATCH_BYTES
    messages = silent_blocks * QUEUE_STEPS
    samples = CLOCK_SLACK_BLOCKS * SAMPLE_STEPS
    return bytes_steps(burst_bytes + past_bucket) + messages + STEPS_OWED_PER_ORDER * ORDERS_MOST + samples


def assertion_blocks(
    *,
    root_height: int,
    burst_bytes: int,
    silent_blocks: int,
    wait_blocks: int,
    lost_blocks: int = 0,
    generations: int = GENERATIONS_A_BLOCK,
) -> int:
    """Return the most blocks from a batch's posting to the assertion that takes it in.

    Shape: `wait_blocks` go by between an assertion that halted and its child, `lost_blocks` are those in which nothing
    of the proposer's landed, before the batch or behind it, `generations` are at least two. Rounding: up.
    """
    landed_steps = generations << root_height
    at_once = -(-steps_at_once(burst_bytes, silent_blocks) // landed_steps)
    # while one wait goes by, a generation comes a block; M land afterwards, and more come meanwhile
    follow_up = -(-wait_blocks // (generations - 1))
    return 2 * wait_blocks + follow_up + at_once + lost_blocks
