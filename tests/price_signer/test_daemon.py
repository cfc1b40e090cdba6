"""Price signers at work: sources and operators that fail them, and L1 where no operator takes a price."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from tallystick import cli
from tallystick.errors import BadInput, ConfigError
from tallystick.l1.sending.keys import KeyFile, load_account, save_key
from tallystick.records.codec import Record, decode
from tallystick.shapes.routes import INFO, MARKETS
from tallystick.testing.l1_stage import account
from tests.challenger.test_webhook import Receiver
from tests.operator.scene import Running, Scene
from tests.price_signer.conftest import Signing, Start
from tests.price_signer.source_server import SourceServer

NOBODY = "http://127.0.0.1:9"


def index(running: Running) -> int:
    (market,) = running.http.ask(MARKETS).markets
    return market.index_ticks


def wait(scene: Scene, happens: Callable[[], object], what: str) -> None:
    """Wait, while L1 has a block each second as its clock says."""
    mined = 0.0

    def so_or_later() -> object:
        nonlocal mined
        if time.monotonic() - mined >= 1:
            scene.stage.mine(1)
            mined = time.monotonic()
        return happens()

    scene.wait(so_or_later, what)


def test_a_rehearsal_shows_what_would_be_signed_and_what_would_not_be_taken(
    scene: Scene, running: Running, start: Start, tmp_path: Path
) -> None:
    start(who=())
    sources = tmp_path / "sources.toml"
    words = ["price-signer", "check", "--sources", str(sources)]
    done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == 0 and "618,000 ticks" in done.output
    save_key(account("signer 1"), tmp_path / "1.key")
    words += ["--deployment", str(scene.folder / "deployment.json"), "--key-file", str(tmp_path / "1.key")]
    words += ["--json", "--send-to", running.operator.url]
    done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == 0 and json.loads(done.output)["problems"] == []
    sources.write_text(sources.read_text().replace("market = 0", "market = 7"))
    done = CliRunner().invoke(cli.app, [*words, "--send-to", NOBODY])
    assert "has no market 7" in done.output and "no answer from the operator" in done.output
    assert done.exception is not None


@pytest.mark.campaign
def test_when_no_operator_takes_reports_they_go_through_l1_and_make_the_price(
    scene: Scene, running: Running, start: Start
) -> None:
    for number in range(3):
        scene.stage.fund(f"signer {number}")
    signers = start(NOBODY, force_after_seconds=1.5, force_every_seconds=4.0)
    wait(scene, lambda: index(running) == 618_000, "the price through L1")
    assert running.http.ask(INFO).messages_consumed > 0
    wait(scene, lambda: all(each.named("forced") for each in signers), "that all have seen it")
    scene.stage.read_messages()
    sent = [decode(each[45:]) for each in scene.stage.inbox.messages]
    assert {each.value("signer") for each in sent if isinstance(each, Record)} == {0, 1, 2}


@pytest.mark.campaign
def test_three_signers_make_a_price_of_sources_that_lie_and_die_for_operators_that_die_and_forget(
    scene: Scene, server: SourceServer, running: Running, start: Start
) -> None:
    receiver = Receiver()
    url = running.operator.url
    try:
        signers = start(NOBODY, url, webhook=receiver.url, metrics=0, force_after_seconds=0.0)
        server.says["/a"] = b'{"price": "1.0"}'
        server.says["/b"] = server.says["/c"] = b'{"price": "61900.0"}'
        wait(scene, lambda: index(running) == 619_000, "the price of the two that agree")
        server.says["/b"] = server.hangs
        wait(scene, lambda: signers[0].named("not_priced"), "a market without a price")
        server.says["/a"] = b'{"price": "61950.0"}'
        wait(scene, lambda: index(running) == 619_250, "the price of those that are left")
        running.stop()
        receipts = scene.folder / "data" / "receipt.key"
        before = address_in(receipts)
        receipts.unlink()
        wait(scene, lambda: all(each.named("not_taken", operator=url) for each in signers), "that it is missed")
        server.says["/a"] = server.says["/c"] = b'{"price": "62000.0"}'
        again = scene.start(port=int(url.rpartition(":")[2]))
        wait(scene, lambda: index(again) == 620_000, "the price after the operator's return")
        for each in signers:
            wait(scene, partial(each.named, "receipt_key_changed"), "that its key is another")
            (changed,) = each.named("receipt_key_changed")
            assert (changed["before"], changed["after"]) == (before, address_in(receipts)) and changed["alarm"]
        check_what_it_tells(signers[0])
        again.http.close()
    finally:
        for each in signers:
            each.end()
        receiver.close()
    assert all(each.named("stopped") and not each.named("failed") for each in signers)


def address_in(path: Path) -> str:
    return str(load_account(KeyFile(path=path)).address)


def check_what_it_tells(signer: Signing) -> None:
    """Look at a running signer as Prometheus and people do."""
    port = signer.named("metrics_served")[0]["port"]
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert 'tallystick_price_signer_price_ticks{market="BTC"} 620000.0' in text
    assert 'tallystick_price_signer_source_used{market="BTC",source="b"} 0.0' in text
    assert 'tallystick_price_signer_operator_reports_taken{operator="http://127.0.0.1:9"} 0.0' in text
    words = ["price-signer", "status", "--data-dir", str(signer.config.data_dir)]
    shown = CliRunner().invoke(cli.app, words)
    assert "620,000 ticks" in shown.output and "no answer within 1 s" in shown.output, shown.output
    facts = json.loads(CliRunner().invoke(cli.app, [*words, "--json"]).output)
    assert facts["markets"][0]["price"] == "62000.0" and facts["operators"][1]["taken"] > 0


def test_without_ether_or_l1_a_signer_says_so_and_goes_on(scene: Scene, start: Start) -> None:
    who = account("signer 3").address
    assert scene.stage.client.balance_wei(bytes.fromhex(who[2:])) == 0
    (poor,) = start(NOBODY, who=(3,), force_after_seconds=1.0)
    (alone,) = start(NOBODY, who=(4,), rpc=(NOBODY,))
    wait(scene, lambda: poor.named("l1_problem"), "a transaction that cannot be paid")
    assert "cannot pay" in poor.named("l1_problem")[0]["reason"]
    wait(scene, lambda: alone.named("signed") and alone.named("l1_unavailable"), "a report without L1")


def test_a_key_that_is_no_signers_and_settings_that_cannot_be_end_it_at_once(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "alice.key"
    save_key(account("alice"), path)
    with pytest.raises(BadInput, match="no price signer"):
        start(NOBODY, who=(0,), key=KeyFile(path=path))
    with pytest.raises(ConfigError, match="named once"):
        start(NOBODY, NOBODY, who=(0,))
    with pytest.raises(ConfigError, match="each named once"):
        start(who=(0,))
    with pytest.raises(ConfigError, match="a second apart"):
        start(NOBODY, who=(0,), every_seconds=0.5)


def test_a_process_prints_json_and_ends_well_by_a_signal_while_sources_and_operators_hang(
    scene: Scene, server: SourceServer, start: Start, tmp_path: Path
) -> None:
    start(who=())
    server.says["/a"] = server.hangs
    save_key(account("signer 0"), tmp_path / "0.key")
    words = ["price-signer", "run", "--sources", str(tmp_path / "sources.toml"), "--rpc", NOBODY, "--json-log"]
    words += ["--deployment", str(scene.folder / "deployment.json"), "--key-file", str(tmp_path / "0.key")]
    words += ["--data-dir", str(tmp_path / "data"), "--send-to", f"{server.url}/a", "--every", "1"]
    events = tmp_path / "data" / "events.jsonl"
    command = [sys.executable, "-m", "tallystick", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        scene.wait(lambda: events.exists() and '"signed"' in events.read_text(), "a report")
        process.send_signal(signal.SIGTERM)
        out, complaints = process.communicate(timeout=20)
    assert (process.returncode, complaints) == (0, "")
    assert [json.loads(line)["event"] for line in out.splitlines()][-1] == "stopped"
