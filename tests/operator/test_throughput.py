"""What the benchmark of the operator's path times is the real path, and the replay is of what it published."""

from __future__ import annotations

import pytest

from tallystick.bench.speed.throughput import measure


@pytest.mark.parametrize(("orders", "bulk"), [(300, 1), (700, 95)])
def test_every_order_is_sequenced_and_replayed_to_the_same_roots(orders: int, bulk: int) -> None:
    told = measure(orders=orders, bulk=bulk, seed=7)
    assert told["ok"] and told["orders"] == orders and told["fills"] > 0
    assert told["operator_orders_per_second"] > 0 and told["replay_over_operator"] > 0


def test_a_full_batch_is_sealed_on_the_way() -> None:
    assert measure(orders=18_000, bulk=150, seed=7)["batches"] > 1
