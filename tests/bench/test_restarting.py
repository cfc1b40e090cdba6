"""A start from a snapshot behind a long log is measured, and comes to the same state."""

from __future__ import annotations

from tallystick.bench.speed.restarting import measure


def test_a_start_reads_a_snapshot_and_a_tail_and_nothing_before_it() -> None:
    result = measure(records=20_480, accounts=128, orders=64, tail=128)
    assert result["ok"] and result["records"] == 20_480 + 128
    assert result["log_bytes"] > 20_480 * 80 > result["snapshot_bytes"] > 0
    assert 0 < result["load_seconds"] <= result["restart_seconds"]
