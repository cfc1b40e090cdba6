"""Metrics, webhook and log of a running challenger, against a real L1 with the real contracts."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from logging import getLogger
from pathlib import Path
from threading import Event

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tallystick.errors import L1Unreachable
from tallystick.journal import Journal
from tallystick.l1.dev.dev_server import DevServer
from tallystick.l1.sending.keys import KeyFile, save_key
from tallystick.party.duties import Mode
from tallystick.ports.system import SystemClock
from tallystick.telling.overheard import captured
from tallystick.testing.l1_stage import Stage, Told, account
from tallystick.testing.rogues.lies import LIES
from tallystick_challenger.config import ChallengerConfig
from tallystick_challenger.daemon import run
from tallystick_challenger.telling.alerts import Limits
from tallystick_challenger.telling.metrics import PREFIX
from tallystick_challenger.telling.teller import Telling
from tests.challenger.test_daemon import Running
from tests.challenger.test_webhook import Receiver, free_port, until
from tests.l1.relay import Relay


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def config(stage: Stage, receiver: Receiver, tmp_path: Path) -> ChallengerConfig:
    key_path = tmp_path / "key"
    save_key(account("challenger"), key_path)
    return ChallengerConfig(
        rpc=(stage.server.url,),
        deployment=tmp_path / "deployment.json",
        data_dir=tmp_path / "data",
        mode=Mode.RESOLVE,
        key=KeyFile(path=key_path),
        poll_seconds=0.05,
        tag="latest",
        telling=Telling(metrics=0, webhook=receiver.url, limits=Limits(overdue=5)),
    )


@pytest.fixture
def start() -> Iterator[Callable[[ChallengerConfig], Running]]:
    running: list[Running] = []

    def start_one(config: ChallengerConfig) -> Running:
        running.append(Running(config))
        return running[-1]

    yield start_one
    for each in running:
        each.end()


Start = Callable[[ChallengerConfig], Running]


def scrape(daemon: Running) -> dict[str, float]:
    """The samples by name, labels summed up."""
    port = daemon.wait_for("metrics_served")["port"]
    page = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            name = sample.name.removeprefix(f"{PREFIX}_")
            found[name] = found.get(name, 0.0) + sample.value
    return found


def test_a_lie_is_told_measured_and_told_again_when_it_is_over(
    stage: Stage, config: ChallengerConfig, receiver: Receiver, start: Start
) -> None:
    liar = stage.party("operator", Mode.PROPOSE, Told(), LIES["worse-fill"](bytes(20)).step)
    liar.tick()
    daemon = start(config)
    name = daemon.wait_for("assertion_wrong")["assertion"]
    until(lambda: receiver.told("firing"))
    assert receiver.told("firing") == [f"wrong_root/{name}"]
    assert receiver.messages[0]["facts"]["assertion"] == name
    assert receiver.messages[0]["challenger"]["mode"] == "resolve"

    def go_on() -> None:
        liar.tick()
        if any(event["move"] == "prove" for event in daemon.events("moved")):
            stage.mine(10)

    daemon.wait_for("moved")
    seen = scrape(daemon)
    assert seen["wrong_roots"] == seen["wrong_roots_seen_total"] == 1
    assert seen["adversarial_time_ratio"] < 0.25
    assert 0 < seen["honest_slack_blocks"] < 200
    daemon.wait_for("credit_withdrawn", go_on)
    until(lambda: f"wrong_root/{name}" in receiver.told("resolved"))
    until(lambda: scrape(daemon)["queue_length"] == 0)
    after = scrape(daemon)
    assert after["wrong_roots"] == 0 and "honest_slack_blocks" not in after
    moved = daemon.events("moved")
    assert after["moves_sent_total"] == len(moved)
    paid = [each for each in map(json.loads, daemon.path.read_text().splitlines()) if "gas" in each]
    assert after["gas_used_total"] == sum(each["gas"] for each in paid) > 0
    # a metric is a float, which counts wei exactly up to 2^53 alone
    assert after["fees_wei_total"] == pytest.approx(sum(each["fee_wei"] for each in paid), rel=1e-12, abs=0)
    assert after["transactions_total"] == len(paid) >= len(moved)
    assert after["last_poll_timestamp_seconds"] > 0 and after["poll_failures_total"] == 0


def test_a_lie_nobody_answers_is_told_again_as_its_time_runs(
    stage: Stage, config: ChallengerConfig, receiver: Receiver, start: Start
) -> None:
    """T is 200 blocks: time is an alert from 50 on, slack from 77 on, and at 200 it may be confirmed."""
    liar = stage.party("operator", Mode.PROPOSE, Told(), LIES["mint-deposit"](bytes(20)).step)
    liar.tick()
    stage.begin()
    stage.publish()
    daemon = start(replace(config, mode=Mode.WATCH, key=None))
    name = daemon.wait_for("assertion_wrong")["assertion"]
    until(lambda: receiver.told("firing") == [f"wrong_root/{name}"])
    assert scrape(daemon)["lag_batches"] == 1
    stage.mine(60)
    until(lambda: len(receiver.told("firing")) == 2)
    parent = receiver.messages[0]["facts"]["parent"]
    assert receiver.told("firing")[1] == f"adversarial_time/{parent}"
    assert 0.3 <= scrape(daemon)["adversarial_time_ratio"] < 0.4
    stage.mine(20)
    until(lambda: len(receiver.told("firing")) == 3)
    assert receiver.told("firing")[2] == f"honest_slack/{parent}"
    seen = scrape(daemon)
    assert seen["honest_slack_blocks"] == round(200 - 200 * seen["adversarial_time_ratio"]) - 23
    stage.mine(130)
    liar.tick()
    daemon.wait_for("lie_confirmed", lambda: stage.mine(1))
    until(lambda: scrape(daemon)["wrong_roots_confirmed"] == 1)
    until(lambda: len(receiver.told("resolved")) == 2)
    assert receiver.told("resolved") == [f"adversarial_time/{parent}", f"honest_slack/{parent}"]
    assert len(receiver.told("firing")) == 3


def test_an_assertion_nobody_confirms_is_told_and_over_when_somebody_does(
    stage: Stage, config: ChallengerConfig, receiver: Receiver, start: Start
) -> None:
    stage.party("operator", Mode.PROPOSE, Told()).tick()
    daemon = start(replace(config, mode=Mode.WATCH, key=None))
    name = daemon.wait_for("assertion_ok")["assertion"]
    stage.mine(200)
    until(lambda: scrape(daemon)["head_block"] == stage.client.head().number)
    assert receiver.messages == []
    stage.mine(10)
    until(lambda: receiver.told("firing"))
    assert receiver.told("firing") == [f"confirm_overdue/{name}"]
    assert scrape(daemon)["confirm_overdue_blocks"] >= 5
    stage.party("somebody", Mode.RESOLVE, Told()).tick()
    stage.mine(1)
    until(lambda: receiver.told("resolved") == [f"confirm_overdue/{name}"])


def test_a_key_that_could_not_pay_is_told(
    stage: Stage, config: ChallengerConfig, receiver: Receiver, start: Start, tmp_path: Path
) -> None:
    save_key(account("pauper"), tmp_path / "poor")
    daemon = start(replace(config, key=KeyFile(path=tmp_path / "poor")))
    assert daemon.wait_for("funds_low")["balance_wei"] == 0
    until(lambda: receiver.told("firing") == [f"low_balance/{account('pauper').address}"])
    seen = scrape(daemon)
    assert seen["balance_wei"] == 0 and seen["balance_needed_wei"] > 10**18
    stage.fund("pauper")
    stage.mine(30)
    until(lambda: receiver.told("resolved"))
    assert scrape(daemon)["balance_wei"] > 0


def test_an_l1_that_is_gone_is_counted_told_and_outlived(
    stage: Stage, config: ChallengerConfig, receiver: Receiver, start: Start
) -> None:
    daemon = start(replace(config, telling=replace(config.telling, limits=Limits(silence=0.2))))
    daemon.wait_for("caught_up")
    stage.server.close()
    assert daemon.wait_for("l1_unavailable")["alarm"]
    until(lambda: receiver.told("firing") == ["lag/silence"])
    assert scrape(daemon)["poll_failures_total"] > 0


def test_endpoints_that_disagree_are_counted_and_told(
    stage: Stage, config: ChallengerConfig, receiver: Receiver, start: Start
) -> None:
    assert isinstance(stage.server, DevServer)
    relays = [Relay(stage.server.rpc) for _ in range(2)]
    relays[0].lie = lambda method, params, result: "0x1" if method == "eth_getBalance" else result
    try:
        daemon = start(replace(config, rpc=(stage.server.url, *(relay.url for relay in relays))))
        assert daemon.wait_for("endpoint_problem")["endpoint"] == relays[0].url
        until(lambda: receiver.told("firing") == ["rpc_disagreement"])
        assert scrape(daemon)["rpc_disagreements_total"] == 1
        assert scrape(daemon)["balance_wei"] > 1, "what the quorum says"
        daemon.end()
    finally:
        for relay in relays:
            relay.close()


def test_a_webhook_nobody_answers_delays_and_stops_nothing(
    stage: Stage, config: ChallengerConfig, start: Start
) -> None:
    url = f"http://127.0.0.1:{free_port()}/secret"
    daemon = start(replace(config, telling=Telling(metrics=0, webhook=url)))
    stage.party("operator", Mode.PROPOSE, Told(), LIES["worse-fill"](bytes(20)).step).tick()
    daemon.wait_for("moved")
    assert daemon.wait_for("webhook_failed")["reason"] == "ConnectError"
    assert scrape(daemon)["webhook_waiting"] == 1
    assert "secret" not in daemon.path.read_text()
    daemon.end()
    assert daemon.events("webhook_undelivered")[0]["alerts"] == 1


def test_the_end_by_an_error_is_told(config: ChallengerConfig, receiver: Receiver, stage: Stage) -> None:
    stage.server.close()
    config.data_dir.mkdir()
    stream = StringIO()
    journal = Journal(config.data_dir / "events.jsonl", stream, clock=SystemClock())
    with pytest.raises(L1Unreachable):
        run(config, journal, Event())
    journal.close()
    *_, last = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert last["event"] == "failed" and last["alarm"] and last["error"] == "L1Unreachable" and last["exit_code"] == 3
    assert receiver.told("firing") == ["stopped"]
    assert receiver.messages[0]["facts"]["error"] == "L1Unreachable"


def test_libraries_warnings_and_threads_speak_json_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    stream = StringIO()
    journal = Journal(tmp_path / "events.jsonl", stream, clock=SystemClock())
    with captured(journal):
        getLogger("some.library").warning("it is %s", "odd")
        getLogger("some.library").info("nobody asked")
        warnings.showwarning("old", DeprecationWarning, "file.py", 1)
        thread = threading.Thread(target=lambda: 1 // 0, name="divider")
        thread.start()
        thread.join()
    getLogger("some.library").warning("after")
    journal.close()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["library_message", "library_message", "thread_failed"]
    assert lines[0]["reason"] == "it is odd" and lines[0]["source"] == "some.library"
    assert "DeprecationWarning" in lines[1]["reason"]
    assert lines[2]["thread"] == "divider" and lines[2]["error"] == "ZeroDivisionError"
