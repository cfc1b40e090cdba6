"""Whether an operator is alive and ready, what it measures of itself, and what rules and page say of that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tallystick import __version__
from tallystick.shapes.progress import L1Status
from tallystick.shapes.routes import ENDPOINTS, METRICS, OPENAPI, VERSION
from tallystick.shapes.streaming import STREAM
from tallystick.testing.handclock import HandClock
from tallystick_operator.api.readiness import SILENT_SECONDS, Probes
from tallystick_operator.intake.promises import DISK_FULL, DRAINING, MOST_BEHIND_MS
from tallystick_operator.noticeboard import Board
from tallystick_operator.standing import PREFIX, Metrics, Standing
from tallystick_operator.terminal import NEEDED_WEI, TOLD, Summary
from tests.challenger.test_metrics import selected
from tests.operator.rig import Rig
from tests.operator.test_api import Served

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "operator.md").read_text(encoding="utf-8")
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((DOCS / "alerts-operator.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]


class Fleet:
    """Gateways that are counted."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.processes = dict.fromkeys(range(count))


class Telling:
    """A journal that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def write(self, event: str, **facts: Any) -> None:
        self.events.append((event, facts))


@pytest.fixture
def served(rig: Rig) -> Iterator[Served]:
    served = Served(rig)
    yield served
    served.close()


def get(served: Served, path: str, **more: Any) -> httpx.Response:
    return httpx.get(served.server.url + path, **more)


def test_one_that_takes_records_is_alive_and_ready(served: Served) -> None:
    assert get(served, "/v1/health").json() == {"version": __version__}
    ready = get(served, "/v1/ready")
    assert ready.status_code == 200 and ready.json()["behind_ms"] == 0


def test_one_that_drains_or_has_no_room_is_alive_and_not_ready_and_says_why(served: Served) -> None:
    for refusal in (DRAINING, DISK_FULL):
        served.rig.core.no_room = refusal
        reply = get(served, "/v1/ready")
        assert reply.status_code == 503 and reply.headers["Retry-After"]
        assert reply.json()["error"] == refusal.code and refusal.message in reply.json()["message"]
        assert get(served, "/v1/health").status_code == 200


def test_one_whose_log_cannot_be_written_is_neither(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(served.rig.log, "append", fails)
    order = served.rig.order(1, 0, 600_000, 1)
    assert served.post(order).status_code == 503
    assert get(served, "/v1/ready").json()["error"] == "failed"
    assert get(served, "/v1/health").status_code == 503
    served.failures.clear()


def test_one_behind_its_bound_is_not_ready(served: Served) -> None:
    assert served.post(served.rig.order(1, 0, 600_000, 1)).status_code == 200
    assert get(served, "/v1/ready").status_code == 200
    served.rig.seconds += MOST_BEHIND_MS / 1000 + 1
    assert get(served, "/v1/ready").json()["error"] == "l1_behind"


def test_every_reason_is_told_at_once(served: Served) -> None:
    clock, fleet = HandClock(), Fleet(3)
    probes = Probes(served.sequencer, clock.monotonic, fleet)  # type: ignore[arg-type]
    clock.passed = SILENT_SECONDS
    assert probes.reasons() == []
    clock.passed += 1
    fleet.processes.pop(1)
    served.rig.core.no_room = DRAINING
    assert [each.code for each in probes.reasons()] == ["draining", "l1_silent", "gateways_down"]
    served.rig.core.no_room = None
    fleet.processes[1] = None
    probes.l1_is_read()
    assert probes.reasons() == []


def test_what_is_measured_follows_what_is_so(served: Served) -> None:
    clock, fleet, metrics, board = HandClock(), Fleet(2), Metrics(), Board()
    probes = Probes(served.sequencer, clock.monotonic, fleet)  # type: ignore[arg-type]
    standing = Standing(served.sequencer, board, Telling(), metrics, probes)  # type: ignore[arg-type]

    def value(name: str) -> float | None:
        standing.tick()
        return metrics.registry.get_sample_value(f"{PREFIX}_{name}")

    assert value("ready") == 1 and value("gateways") == 2 and value("gateways_missing") == 0
    clock.passed += SILENT_SECONDS + 1
    del fleet.processes[0]
    board.set_l1(assertions_posted=5, assertions_confirmed=3, disputes=1)
    assert value("ready") == 0 and value("gateways_missing") == 1 and value("l1_read_seconds") == SILENT_SECONDS + 1
    assert (value("assertions"), value("assertions_confirmed"), value("disputes")) == (5, 3, 1)


class Purse:
    """An L1 that knows balances alone."""

    def __init__(self) -> None:
        self.wei = 10**18

    def balance_wei(self, _: bytes) -> int:
        return self.wei


def test_the_terminal_tells_batches_assertions_disputes_and_the_balance_and_when_it_runs_low(served: Served) -> None:
    clock, told, board, purse, metrics = HandClock(), Telling(), Board(), Purse(), Metrics()
    standing = Standing(served.sequencer, board, told, metrics)  # type: ignore[arg-type]
    summary = Summary(purse, (b"\1" * 20,), standing, clock, 60.0)  # type: ignore[arg-type]
    board.set_l1(batches_posted=4, assertions_posted=3, assertions_confirmed=2, disputes=1)
    for _ in range(121):
        summary.tick()
        clock.passed += 1
    standings = [facts for event, facts in told.events if event == "standing"]
    assert len(standings) == 3 and "standing" in TOLD and "balance_low" in TOLD
    assert standings[0].items() >= {"on_l1": 4, "assertions": 3, "confirmed": 2, "disputes": 1, "ether": "1"}.items()
    purse.wei = NEEDED_WEI - 1
    for _ in range(60):
        summary.tick()
        clock.passed += 1
    (low,) = [facts for event, facts in told.events if event == "balance_low"]
    assert low["alarm"] and low["needed"] == "0.2"
    assert metrics.registry.get_sample_value(f"{PREFIX}_balance_wei", {"key": "0x" + "01" * 20}) == float(purse.wei)


def names() -> set[str]:
    metrics = Metrics()
    metrics.balance.labels("0x1").set(1)
    metrics.limited.labels("address").inc()
    found = {sample.name for family in metrics.registry.collect() for sample in family.samples}
    return {name for name in found if not name.endswith("_created")}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_reads_only_metrics_there_are_and_tells_what_to_do(rule: dict[str, Any]) -> None:
    read = selected(rule["expr"])
    assert read and read <= names()
    assert set(re.findall(rf"{PREFIX}\w*", rule["expr"])) == read
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description"}
    for page in re.findall(r"runbooks/([\w-]+\.md)", rule["annotations"]["description"]):
        assert (DOCS / "runbooks" / page).is_file()


def test_there_is_a_rule_for_each_thing_that_can_go_wrong_and_the_bounds_are_the_codes() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    read = {name for rule in RULES for name in selected(rule["expr"])}
    only_numbers = {"records", "reordered_records_total", "changed_records_total", "stream_connections"}
    only_numbers |= {"stream_channels", "stream_cancels_total", "stream_cancels_given_up_total"}
    assert {f"{PREFIX}_{name}" for name in only_numbers} == names() - read
    expressions = {rule["alert"]: rule["expr"] for rule in RULES}
    assert expressions["BalanceLow"].endswith(f"< {NEEDED_WEI:.0e}".replace("+", ""))
    assert expressions["L1Silent"].endswith(f"> {SILENT_SECONDS:.0f}")
    assert expressions["BehindL1"].endswith(f"> {MOST_BEHIND_MS // 2000}")


def test_the_page_lists_exactly_the_metrics_there_are() -> None:
    assert set(re.findall(rf"^\| `({PREFIX}_\w+)", PAGE, re.MULTILINE)) == names()


def test_pages_of_any_origin_may_ask_and_read_how_long_to_wait(served: Served) -> None:
    origin = {"Origin": "https://exchange.example"}
    reply = get(served, "/v1/info", headers=origin)
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert reply.headers["Access-Control-Expose-Headers"] == "Retry-After"
    assert "Access-Control-Allow-Credentials" not in reply.headers
    asks = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    allowed = httpx.options(served.server.url + "/v1/records", headers=asks)
    assert allowed.status_code == 200 and "POST" in allowed.headers["Access-Control-Allow-Methods"]
    assert get(served, "/v1/account/77", headers=origin).headers["Access-Control-Allow-Origin"] == "*"


def test_every_path_has_its_version_and_another_version_is_refused_as_such(served: Served) -> None:
    assert all(path.startswith(f"{VERSION}/") for path in (*(at.path for at in ENDPOINTS), METRICS, OPENAPI, STREAM))
    for path in ("/v2/info", "/info"):
        reply = get(served, path)
        assert reply.status_code == 404 and reply.json()["error"] == "no_such_version"
    assert get(served, "/v1/none").json()["error"] == "no_such_path"


def test_a_status_of_l1_that_lacks_what_is_new_reads_as_before() -> None:
    assert (L1Status().disputes, L1Status().assertions_confirmed) == (0, 0)
