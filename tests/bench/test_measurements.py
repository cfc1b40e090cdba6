"""What is measured is the exchange itself: the same state by records, by contract, compiled or not."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tallystick.bench import report
from tallystick.bench.modes import measure
from tallystick.bench.speed import peers, tasks
from tallystick.bench.workload import Order, open_exchange, packed, seeded_orders
from tallystick.errors import BadInput
from tallystick.machine.drive import Quotes, drive
from tallystick.recordings import measuring as replay_tasks
from tallystick.recordings.cli import app as replay
from tallystick.rollup.invariants import broken

pytestmark = pytest.mark.timeout(900)
"""Compiling takes a minute, or several where others use the machine."""

SMALL = {"seed": 3, "orders": 600, "markets": 3, "accounts": 40, "repeat": 1}

LINES = """\
1 {"stream":"x@bookTicker","data":{"e":"bookTicker","b":"100.0","B":"2.5","a":"100.1","A":"1.5"}}
2 {"stream":"x@trade","data":{"e":"trade","p":"100.1","q":"0.700","m":false}}
3 {"stream":"x@bookTicker","data":{"e":"bookTicker","b":"100.1","B":"0.4","a":"100.2","A":"1.0"}}
4 {"stream":"x@trade","data":{"e":"trade","p":"100.1","q":"0.100","m":true}}
"""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "recording"
    path.write_text(LINES)
    return path


def test_driven_orders_fill_as_signed_ones_do() -> None:
    given = seeded_orders(seed=5, count=150, markets=2, accounts=9)
    driven, signed = open_exchange(2, 9), open_exchange(2, 9)
    drive(driven.machine, packed(given), 0, len(given), Quotes(1))
    for number, order in enumerate(given):
        signed.order(order.account, order.market, order.side, order.price_ticks, order.lots, client_id=number)
    assert driven.machine.fills == signed.machine.fills > 0
    assert not broken(driven.state)
    for mine, theirs in ((driven.state.orders, signed.state.orders), (driven.state.markets, signed.state.markets)):
        assert {index: mine.pack(index) for index in mine.indices()} == {
            index: theirs.pack(index) for index in theirs.indices()
        }


def test_a_quote_replaces_the_one_before_it() -> None:
    world = open_exchange(1, 2)
    quotes = [Order(account=1, market=0, side=0, price_ticks=9_000 + i, lots=1, quote=0) for i in range(3)]
    drive(world.machine, packed(quotes), 0, 3, Quotes(1))
    assert sum(1 for index in world.state.orders.indices() if world.state.orders.pack(index)) == 1


def test_the_plain_contract_makes_the_fills_the_machine_makes() -> None:
    contract = peers.revm(**SMALL)
    assert (contract is None) == (importlib.util.find_spec("pyrevm") is None)
    assert contract is None or contract["fills"] == tasks.machine(**SMALL)["fills"] > 100


def test_a_peer_that_is_not_installed_is_said_to_be_missing() -> None:
    result = peers.peer(**SMALL)
    assert (result is None) == (importlib.util.find_spec(peers.PEER) is None)
    assert peers.PEER in report.MISSING["peer"]


def test_the_tree_is_measured_over_what_a_batch_left_dirty() -> None:
    result = tasks.root(**SMALL)
    assert result["dirty_cells"] > 100
    assert result["microseconds_per_dirty_cell"] > 0
    assert result["traced_roots_per_second"] > 0


def test_a_measurement_runs_interpreted_in_a_process_of_its_own() -> None:
    result = measure(report.TASKS, "machine", source=None, **SMALL)
    assert result["how"] == "interpreted"
    assert result["solvent"]
    assert result["state_hash"] == tasks.machine(**SMALL)["state_hash"]


def test_a_recording_is_replayed_in_every_market_and_ends_solvent(recording: Path) -> None:
    result = replay_tasks.unsigned(file=str(recording), markets=2, accounts=100, most=1 << 20, cut=4)
    assert result["ok"]
    assert result["orders"] == 2 * 6
    assert result["fills"] == 2 * 3
    assert len(result["hash_at_cut"]) == 64


def test_signed_orders_are_published_and_replayed_from_genesis(recording: Path) -> None:
    result = replay_tasks.signed(file=str(recording), markets=2, accounts=100, most=1 << 20)
    assert result["ok"]
    assert result["fills"] == 2 * 3
    assert result["records"] > result["orders"] - 1


@pytest.mark.parametrize("native", ["0", pytest.param("", marks=pytest.mark.campaign)])
def test_replay_ends_with_one_object(recording: Path, native: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_NATIVE", native)
    done = CliRunner().invoke(replay, [str(recording), "--markets", "1", "--accounts", "100", "--json"])
    assert done.exit_code == 0
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["ok"]
    assert {"solvent", "orders", "fills", "steps", "orders_per_second", "steps_per_second", "state_hash"} <= set(told)


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "junk").write_text("junk\n")
    with pytest.raises(BadInput, match="line 1"):
        replay_tasks.unsigned(file=str(tmp_path / "junk"), markets=1, accounts=100, most=10, cut=0)
    for name in ("none", "junk"):
        assert isinstance(CliRunner().invoke(replay, [str(tmp_path / name), "--json"]).exception, BadInput)


def test_a_recording_that_ends_in_junk_is_refused_with_the_line(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLYSTICK_NATIVE", "0")
    broken = tmp_path / "broken"
    broken.write_text(recording.read_text() + "junk\n")
    refused = CliRunner().invoke(replay, [str(broken), "--markets", "1", "--accounts", "100", "--json"]).exception
    assert isinstance(refused, BadInput)
    assert "broken, line" in str(refused)
