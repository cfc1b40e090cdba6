"""A party with an empty disk reads a long past fast, and checks all of it."""

from __future__ import annotations

from tallystick.bench.start.faststart import AIM_HEADERS_PER_SECOND, measure
from tallystick.bench.start.pastnode import BATCH_EVERY_BLOCKS, MESSAGE_EVERY_BLOCKS

BLOCKS = 8_000


def test_a_past_is_claimed_checked_and_read_faster_than_its_headers_are_proven() -> None:
    told: list[str] = []
    result = measure(BLOCKS, told.append)
    batches, messages = (BLOCKS - 1) // BATCH_EVERY_BLOCKS, (BLOCKS - 1) // MESSAGE_EVERY_BLOCKS
    assert result["claimed"] and result["ok"] and told
    assert result["events"] >= 3 * batches + messages - 1
    assert result["facts_checked"] >= 2 * batches
    assert result["headers_per_second"] >= AIM_HEADERS_PER_SECOND
