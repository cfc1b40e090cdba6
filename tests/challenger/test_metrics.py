"""Metrics: from a running daemon over HTTP, and the alert rules and the page that speak of them."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tallystick.errors import ConfigError
from tallystick.rollup.views.assertion_view import Assertion, Status
from tallystick.state.ordinals import BatchNumber, BlockNumber, UnixSeconds
from tallystick.telling.serving import MetricsServer
from tallystick_challenger.telling.metrics import PREFIX, Metrics
from tallystick_challenger.watching.reading import Contest, Reading

DOCS = Path(__file__).resolve().parents[2] / "docs"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]


def assertion(name: int, parent: int, status: Status = Status.PENDING) -> Assertion:
    return Assertion(
        id=bytes([name]) * 32,
        parent=bytes([parent]) * 32,
        state_hash=bytes(32),
        state_root=bytes(32),
        registers=b"",
        limit=BatchNumber(1),
        next_limit=BatchNumber(2),
        proposer=bytes(20),
        bonded=bytes(20),
        block=BlockNumber(5),
        status=status,
    )


def reading(**values: Any) -> Reading:
    quiet = Reading(
        head=BlockNumber(100),
        head_time=UnixSeconds(1_700_000_000),
        wrong=(),
        contests=(),
        overdue=b"",
        overdue_blocks=0,
        lag_blocks=0,
        lag_batches=0,
        under_way=0,
    )
    return replace(quiet, **values)


def names() -> set[str]:
    """Every series there can be; a label needs a sample to be seen."""
    metrics = Metrics()
    metrics.info.info({"version": "1"})
    metrics.look(
        reading(contests=(Contest(parent=bytes(32), adversarial_blocks=1, period_blocks=4, most_moves=23),)), 1.0
    )
    metrics.event("queued", {"wanted": "moved", "move": "bisect"}, alarm=True)
    metrics.event("moved", {"move": "bisect", "gas": 5}, alarm=False)
    found = {sample.name for family in metrics.registry.collect() for sample in family.samples}
    return {name for name in found if not name.endswith("_created")}


def selected(expression: str) -> set[str]:
    """The metrics an expression reads, as Prometheus parses it."""
    found: set[str] = set()

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.add(str(node.name))

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"{PREFIX}_{name}", labels)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_reads_only_metrics_there_are_and_tells_what_to_do(rule: dict[str, Any]) -> None:
    read = selected(rule["expr"])
    assert read and read <= names()
    assert set(re.findall(rf"{PREFIX}\w*", rule["expr"])) == read
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description"}


def test_there_is_a_rule_for_each_thing_that_can_go_wrong() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    read = {name for rule in RULES for name in selected(rule["expr"])}
    only_numbers = {"info", "wrong_roots_seen_total", "head_block", "moves_sent_total", "transactions_total"}
    only_numbers |= {"gas_used_total", "fees_wei_total", "webhook_failures_total"}
    assert {f"{PREFIX}_{name}" for name in only_numbers} == names() - read


def test_the_page_lists_exactly_the_metrics_there_are() -> None:
    page = (DOCS / "challenger.md").read_text()
    assert set(re.findall(rf"^\| `({PREFIX}_\w+)", page, re.MULTILINE)) == names()


def test_a_lie_shows_in_every_number_about_it_and_goes_when_it_is_over() -> None:
    metrics = Metrics()
    lie, confirmed = assertion(2, 1), assertion(3, 1, Status.CONFIRMED)
    contest = Contest(parent=lie.parent, adversarial_blocks=50, period_blocks=200, most_moves=23)
    metrics.event("assertion_wrong", {}, alarm=True)
    metrics.look(reading(wrong=(lie, confirmed), contests=(contest,), overdue=lie.id, overdue_blocks=9), 7.5)
    parent = "0x" + lie.parent.hex()
    assert value(metrics, "wrong_roots") == 2
    assert value(metrics, "wrong_roots_confirmed") == 1
    assert value(metrics, "wrong_roots_seen_total") == 1
    assert value(metrics, "alarms_total", event="assertion_wrong") == 1
    assert value(metrics, "adversarial_time_ratio", parent=parent) == 0.25
    assert value(metrics, "honest_slack_blocks", parent=parent) == 127
    assert value(metrics, "confirm_overdue_blocks") == 9
    assert value(metrics, "last_poll_timestamp_seconds") == 7.5
    metrics.look(reading(), 8.5)
    assert value(metrics, "wrong_roots") == 0
    assert value(metrics, "adversarial_time_ratio", parent=parent) is None
    assert value(metrics, "honest_slack_blocks", parent=parent) is None
    assert value(metrics, "wrong_roots_seen_total") == 1


def test_a_look_that_is_not_complete_does_not_count_as_a_poll() -> None:
    metrics = Metrics()
    metrics.look(reading(), 7.5)
    metrics.progress(reading(lag_blocks=70, lag_batches=8, head=30))
    assert value(metrics, "last_poll_timestamp_seconds") == 7.5
    assert value(metrics, "lag_blocks") == 70
    assert value(metrics, "lag_batches") == 8
    assert value(metrics, "head_block") == 30


def test_transactions_gas_and_fees_add_up_failed_ones_too() -> None:
    metrics = Metrics()
    metrics.event("queued", {"wanted": "moved", "move": "bisect"}, alarm=False)
    metrics.event("queued", {"wanted": "confirmed"}, alarm=False)
    metrics.event("moved", {"move": "bisect", "gas": 100, "fee_wei": 1_000}, alarm=False)
    metrics.event("moved", {"move": "prove", "gas": 30, "fee_wei": 60}, alarm=False)
    metrics.event("not_taken", {"wanted": "moved", "move": "bisect", "gas": 7, "fee_wei": 7}, alarm=True)
    metrics.event("done_by_others", {"wanted": "confirmed"}, alarm=False)
    assert value(metrics, "moves_sent_total", move="bisect") == 1
    assert value(metrics, "transactions_total", event="moved") == 2
    assert value(metrics, "transactions_total", event="not_taken") == 1
    assert value(metrics, "transactions_total", event="done_by_others") is None
    assert value(metrics, "gas_used_total") == 137
    assert value(metrics, "fees_wei_total") == 1_067


def test_the_server_answers_on_the_loopback_interface_alone() -> None:
    server = MetricsServer(Metrics().registry, 0)
    try:
        page = httpx.get(f"http://127.0.0.1:{server.port}/metrics").text
        assert {family.name for family in text_string_to_metric_families(page)}
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", server.port), timeout=0.5)
    finally:
        server.close()


def test_a_port_that_is_taken_is_an_error_of_the_settings() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match="port for metrics"):
            MetricsServer(Metrics().registry, taken.getsockname()[1])
