"""What can be asserted follows from the declared constants; what a trace takes is measured on one that is right."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from tallystick.bench import modes
from tallystick.bench.cli import app
from tallystick.bench.dispute_tables import capacity_page
from tallystick.bench.speed.capacity import derive, judge, sample
from tallystick.drawing import plain
from tallystick.l1.deployment import DeployConfig
from tallystick.state.layout import PPM, QUEUE_STEPS, SAMPLE_STEPS, WORK_PPM

FIELDS = {
    "steps_per_block",
    "orders_per_second_asserted",
    "bytes_per_block",
    "bond_ether_locked",
    "trace_seconds_full",
    "trace_memory_mib",
}
MEASURED = {
    "ok": True,
    "bytes": 100_000,
    "held_bytes": 64 << 20,
    "process_bytes": 200 << 20,
    "roots_per_second": 28_000,
    "startup_seconds": 0.0,
}


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    return sample(steps=1_000, accounts=20)


@pytest.mark.parametrize("height", [20, 22, 24])
def test_what_a_block_may_ask_of_the_machine_fits_one_generation(height: int) -> None:
    found = derive(height, MEASURED)
    work = found["bytes_per_block"] * WORK_PPM / PPM + QUEUE_STEPS + SAMPLE_STEPS
    assert found["steps_per_block"] - 2 < work <= found["steps_per_block"] == 1 << height
    assert found["orders_per_second_asserted"] * 12 * 20 <= found["bytes_per_block"]
    assert found["orders_per_second_asserted"] * 12 * 6 + QUEUE_STEPS + SAMPLE_STEPS <= 1 << height


def test_thirty_thousand_orders_a_second_are_asserted_at_the_default_height_and_rate() -> None:
    terms = DeployConfig(sequencer=bytes(20))
    found = derive(terms.root_height, MEASURED)
    assert found["orders_per_second_asserted"] >= 30_000
    assert 7_200_000 <= terms.rate_bytes <= found["bytes_per_block"]
    assert found["bond_ether_locked"] == 32
    assert found["trace_seconds_full"] == pytest.approx(150, rel=0.01)


def test_too_much_memory_too_few_orders_or_a_wrong_trace_is_no_success() -> None:
    assert judge(MEASURED)[1]
    assert not judge(MEASURED | {"ok": False})[1]
    assert not judge(MEASURED | {"process_bytes": 500 << 20})[1]


def test_a_sample_is_traced_by_processes_and_every_figure_is_of_it(small: dict[str, Any]) -> None:
    assert small["ok"] and small["cores"] >= 1
    assert small["steps"] >= 1_000
    assert 0 < small["steps_per_byte"] <= WORK_PPM / PPM, "orders in bulks keep within what a byte may lead to"
    assert small["stored_bytes_per_step"] < 32
    assert 10 << 20 < small["process_bytes"] < 1 << 30
    found, _ = judge(small)
    assert set(found) == {"20", "22", "24"} and all(set(row) == FIELDS for row in found.values())
    assert found["22"]["trace_seconds_full"] * small["roots_per_second"] >= 1 << 22


def test_capacity_is_shown_beside_what_is_asked_and_ends_with_one_object(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = plain(*capacity_page(small, judge(small)[0]))
    assert "30,000 or more" in text and "extrapolated" in text
    monkeypatch.setattr(modes, "is_compiled", lambda: True)
    monkeypatch.setattr(modes, "measure", lambda module, task, **arguments: small)
    done = CliRunner().invoke(app, ["capacity", "--steps", "1000", "--json"])
    assert set(json.loads(done.stdout.splitlines()[-1])) == {"20", "22", "24"}
