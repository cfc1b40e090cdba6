"""What a price signer tells: alerts, metrics, its log and its page, and what the documents say of them."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from tallystick.drawing import plain
from tallystick.errors import ConfigError, DataMissing
from tallystick.price_signer.delivery.l1_side import L1Seen
from tallystick.price_signer.gathering.pricing import Look, Priced, Standing
from tallystick.price_signer.situation import LineNow, MarketNow, Situation
from tallystick.price_signer.telling.signer_alerts import Kind, Limits, conditions
from tallystick.price_signer.telling.signer_metrics import PREFIX, SignerMetrics
from tallystick.price_signer.telling.signer_page import facts_of, page, read_facts
from tallystick.price_signer.telling.signer_teller import ALARMS
from tallystick.state.ordinals import MarketId, SignerNumber, UnixMs
from tallystick.telling.alerting import limits_of
from tests.challenger.test_log_events import told
from tests.challenger.test_metrics import selected

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "price-signer.md").read_text()
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "docs" / "alerts-price-signer.yml").read_text())["groups"]
    for rule in group["rules"]
]
NOW = 1_000.0
SOURCES = (
    Look(name="one", standing=Standing.USED, price=Decimal("61800.5"), age=0.5, deviation_ppm=0),
    Look(name="two", standing=Standing.OUTLIER, price=Decimal(70000), age=1.0, deviation_ppm=132_676),
    Look(name="three", standing=Standing.SILENT, trouble="no answer within 2 s"),
)
PRICED = Priced(market=MarketId(0), name="BTC", ticks=618_005, price=Decimal("61800.5"), why="", looks=SOURCES)


def situation(**values: Any) -> Situation:
    quiet = Situation(
        at=NOW,
        time=1_800_000_000.0,
        time_ms=UnixMs(1_800_000_000_000),
        signer=SignerNumber(0),
        address="0x1",
        markets=(MarketNow(priced=PRICED, good_at=NOW, sources_good_at=dict.fromkeys(("one", "two", "three"), NOW)),),
        lines=(LineNow(place="http://a:1", taken_at=NOW),),
        l1=L1Seen(read_at=NOW),
        signed_at=NOW,
        sign_trouble="",
        taken_at=NOW,
        forced_at=None,
        reports=7,
    )
    return replace(quiet, **values)


def keys(**values: Any) -> list[str]:
    return [each.key for each in conditions(situation(**values), Limits())]


def test_all_is_well_is_no_alert() -> None:
    assert keys() == []


def market(good_at: float = NOW, one: float = NOW) -> tuple[MarketNow, ...]:
    return (MarketNow(priced=PRICED, good_at=good_at, sources_good_at={"one": one, "two": NOW, "three": NOW}),)


@pytest.mark.parametrize(
    ("values", "limit", "key"),
    [
        ({"markets": market(NOW - 14.9)}, {"markets": market(NOW - 15)}, "market_silent/BTC"),
        ({"markets": market(one=NOW - 59)}, {"markets": market(one=NOW - 60)}, "source_bad/BTC/one"),
        ({"signed_at": NOW - 99}, {"signed_at": NOW - 15, "sign_trouble": "away"}, "not_signed"),
        ({"taken_at": NOW - 14}, {"taken_at": NOW - 15}, "nobody_takes"),
        (
            {"lines": (LineNow(place="http://a:1", taken_at=NOW - 59),)},
            {"lines": (LineNow(place="http://a:1", taken_at=NOW - 60),)},
            "operator_silent/http://a:1",
        ),
        ({"l1": L1Seen(read_at=NOW - 119)}, {"l1": L1Seen(read_at=NOW - 120)}, "l1_silent"),
        (
            {"l1": L1Seen(read_at=NOW, ahead_seconds=-9.9)},
            {"l1": L1Seen(read_at=NOW, ahead_seconds=-10)},
            "clock_apart",
        ),
        (
            {"l1": L1Seen(read_at=NOW, balance_wei=10**16)},
            {"l1": L1Seen(read_at=NOW, balance_wei=10**16 - 1)},
            "low_balance",
        ),
    ],
)
def test_each_alert_begins_at_its_limit(values: dict[str, Any], limit: dict[str, Any], key: str) -> None:
    assert keys(**values) == []
    assert keys(**limit) == [key]


@pytest.mark.parametrize(
    "given", ["market", "market=0", "source=-1", "balance=-1", "clock=nan", "none=1", "balance=1.5"]
)
def test_a_limit_that_makes_no_sense_is_refused(given: str) -> None:
    with pytest.raises(ConfigError):
        limits_of([given], Limits())


def names() -> set[str]:
    metrics = SignerMetrics()
    metrics.info.info({"version": "1"})
    metrics.take(situation(l1=L1Seen(read_at=NOW, balance_wei=10**18)))
    metrics.event("not_taken", alarm=True)
    metrics.event("forced", alarm=False)
    found = {sample.name for family in metrics.registry.collect() for sample in family.samples}
    return {name for name in found if not name.endswith("_created")}


def test_metrics_tell_every_source_and_operator() -> None:
    metrics = SignerMetrics()
    metrics.take(situation(taken_at=NOW - 5))

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"{PREFIX}_{name}", labels)

    assert value("price_ticks", market="BTC") == 618_005
    assert value("sources_used", market="BTC") == 1
    assert value("source_deviation_ppm", market="BTC", source="two") == 132_676
    assert value("source_used", market="BTC", source="three") == 0
    assert value("source_price", market="BTC", source="three") is None
    assert value("taken_timestamp_seconds") == 1_800_000_000.0 - 5


def test_the_page_lists_exactly_the_metrics_alerts_and_words_there_are() -> None:
    assert set(re.findall(rf"^\| `({PREFIX}_\w+)", PAGE, re.MULTILINE)) == names()
    alerts = PAGE.partition("| alert | begins")[2].partition("## Logs")[0]
    assert set(re.findall(r"^\| `(\w+)`", alerts, re.MULTILINE)) == set(Kind)
    words = PAGE.partition("| word | a source |")[2].partition("##")[0]
    assert set(re.findall(r"^\| `(\w+)`", words, re.MULTILINE)) == set(Standing)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_reads_only_metrics_there_are_and_tells_what_to_do(rule: dict[str, Any]) -> None:
    read = selected(rule["expr"])
    assert read and read <= names()
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description"}


def test_the_page_lists_every_event_there_is_and_marks_the_alarms() -> None:
    shared = ROOT / "shared/tallystick"
    code = [*(shared / "price_signer").rglob("*.py"), *(shared / "telling").rglob("*.py")]
    text = "\n".join(path.read_text() for path in code)
    chosen = {
        *re.findall(r'\bchanged\([^"]*"[^"]*", "(\w+)"', text),
        "priced",
        "not_priced",
        "source",
        "taken",
        "not_taken",
    }
    events = {name for path in code for name in told(path.read_text())} | chosen | {"refused", "failed"}
    rows: dict[str, bool] = {}
    for line in PAGE.partition("\n## Logs\n")[2].splitlines():
        if line.startswith("| `"):
            cells = line.split("|")
            listed = re.findall(r"`(\w+)`", cells[1])
            rows |= {name: cells[3].strip() == "yes" for name in listed}
            alarm = {"the first": 0, "the second": 1}.get(cells[3].strip())
            rows |= {} if alarm is None else {listed[alarm]: True}
    assert set(rows) == events
    assert {name for name, alarm in rows.items() if alarm} == ALARMS | {"thread_failed"}


def test_the_page_of_a_terminal_shows_prices_ages_deviations_and_troubles(tmp_path: Path) -> None:
    facts = facts_of(situation(sign_trouble="the signer is away"))
    text = plain(page(facts, facts["time"] + 1))
    for said in ("618,005 ticks", "61800.5", "0.5 s", "+13.268 %", "outlier", "no answer within 2 s", "is away"):
        assert said in text
    assert "no signer runs" not in text
    assert "no signer runs" in plain(page(facts, facts["time"] + 60))
    with pytest.raises(DataMissing, match="no price signer has run"):
        read_facts(tmp_path / "now.json")
