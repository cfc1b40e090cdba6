"""An operator under ten times what it can take: a short sample of what `bench overload` does for a minute."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.bench.hotpath.overload import MOST_GROWTH, MOST_WAIT_SECONDS, judged, page, run


def test_every_message_of_a_flood_has_one_answer_and_no_two_orders_one_place() -> None:
    told = run(None, seconds=2, times=10, accounts=400, first=800, calm=1.0)
    assert told["unanswered"] == told["answered_twice"] == told["one_place_twice"] == 0
    assert told["connections_closed_with"] == 0 and told["answers"]["200"] > 0
    assert set(told["answers"]) <= {"200", "503"}, "what is refused is refused for now, and no order is spoilt by it"
    assert page(told)


def found(**other: Any) -> dict[str, Any]:
    flood = {"unanswered": 0, "strange": 0, "doubled": 0, "closed": 0, "left": 0, "statuses": {"200": 10}}
    flood |= {"sent": 100, "taken": 10, "seconds": 1.0, "p50_ms": 5.0, "p99_ms": 9.0, "worst_ms": 9.0}
    samples = other.pop("samples", [100] * 60)
    return judged({"p99_ms": 1.0}, flood | other, samples, how="", taken=10.0, times=10, seconds=60)


def test_it_is_well_when_all_is() -> None:
    assert found()["ok"] and found()["offered_times"] == 10.0


@pytest.mark.parametrize("what", [{"unanswered": 1}, {"strange": 1}, {"doubled": 1}, {"p99_ms": 0.0}])
def test_one_message_without_its_own_answer_is_enough_to_fail(what: dict[str, float]) -> None:
    assert not found(**what)["ok"]


def test_memory_that_grows_in_the_last_two_thirds_and_orders_that_wait_too_long_fail_it() -> None:
    grows = [10_000] * 20 + [10_000 + at * int(MOST_GROWTH * 10_000) // 38 for at in range(40)]
    assert not found(samples=grows)["ok"]
    assert found(samples=[50] * 20 + [100] * 40)["ok"], "what it takes up at first it keeps"
    assert not found(p99_ms=1_000 * MOST_WAIT_SECONDS + 1)["ok"]
