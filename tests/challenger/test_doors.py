"""What the challenger's terminal shows: all of the due block, and nothing of a key in a URL."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tallystick.errors import BadInput, ConfigError
from tallystick.numbers import wei_of
from tallystick.telling.alerting import limits_of
from tallystick_challenger.cli import app
from tallystick_challenger.config import ChallengerConfig
from tallystick_challenger.evidence.exits import account_of
from tallystick_challenger.status.status_page import Board
from tallystick_challenger.telling.alerts import Limits

DUE = 12_345_678
KEYED = "http://me:secret@127.0.0.1:9/v2/secret?key=secret"


def facts() -> dict[str, Any]:
    """A dispute of two late in the life of a chain, and one assertion that waits beside it."""
    names = {name: "0x" + name * 32 for name in ("00", "aa", "bb", "cc")}
    assertions = [
        {
            "assertion": names[name],
            "parent": names["00"] if name != "00" else None,
            "limit": 10_000 * number,
            "status": "pending" if name != "00" else "confirmed",
            "block": DUE - 50_000,
            "state_hash": "0x" + "11" * 32,
            "proposer": "0x" + "22" * 20,
        }
        for number, name in enumerate(names)
    ]

    def side(name: str) -> dict[str, Any]:
        return {
            "assertion": names[name],
            "status": "pending",
            "blocks": 50_399,
            "due_block": DUE,
            "roots": 1,
            "proven": False,
        }

    def forecast(sides: list[str], dispute: str | None) -> dict[str, Any]:
        return {
            "parent": names["00"],
            "dispute": dispute,
            "winner": names[sides[0]],
            "decided": False,
            "final_block": DUE,
            "sides": [side(each) for each in sides],
        }

    dispute = "0x" + "dd" * 32
    return {
        "chain_id": 1,
        "rollup": "0x" + "33" * 20,
        "head": DUE - 1,
        "head_time": 1_800_000_000,
        "period_blocks": 50_400,
        "root_height": 22,
        "batches": 40_000,
        "messages": 1_000_000,
        "latest_confirmed": names["00"],
        "assertions": assertions,
        "disputes": [
            {
                "dispute": dispute,
                "parent": names["00"],
                "edges": 44,
                "lowest_height": 0,
                "winner": None,
                "decided_block": None,
                "settled": False,
            }
        ],
        "forecasts": [forecast(["aa"], None), forecast(["bb", "cc"], dispute)],
    }


@pytest.mark.parametrize("columns", [80, 100, 110, 200])
def test_N07_the_due_block_is_shown_whole_however_narrow_the_terminal_is(columns: int) -> None:
    console = Console(file=io.StringIO(), width=columns)
    console.print(Board(facts(), now=1_800_000_000.0, columns=console.width).page())
    page = console.file.getvalue()  # type: ignore[attr-defined]
    assert page.count(f"whole at block {DUE}") == 3
    assert ("0x222222…2222" in page) == (columns >= 110)
    assert "…" not in page.replace("0x222222…2222", "")


def test_F10_a_url_is_shown_without_what_may_be_a_key(tmp_path: Path) -> None:
    given = ["--rpc", KEYED, "--deployment", str(tmp_path / "none.json"), "--data-dir", str(tmp_path / "data")]
    done = CliRunner().invoke(app, ["run", "--mode", "watch", *given])
    assert isinstance(done.exception, ConfigError)
    assert "watching http://127.0.0.1:9 in mode watch" in done.output
    assert "secret" not in done.output + str(done.exception) + (tmp_path / "data" / "events.jsonl").read_text()


@pytest.mark.parametrize("text", ["1_0", "1e1", "٥", "+1", "inf", "nan", "1" * 5_000])
def test_F11_limits_ether_and_accounts_are_written_in_plain_digits(text: str) -> None:
    for name in ("time", "overdue"):
        with pytest.raises(ConfigError):
            limits_of([f"{name}={text}"], Limits())
    with pytest.raises(BadInput):
        wei_of(text)
    with pytest.raises(BadInput):
        account_of(None, text)  # type: ignore[arg-type]


def test_F11_no_account_has_a_number_below_zero() -> None:
    with pytest.raises(BadInput, match="a number, or its owner"):
        account_of(None, "-3")  # type: ignore[arg-type]


def test_N07_what_is_left_out_is_what_the_configuration_says_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[ChallengerConfig] = []
    monkeypatch.setattr("tallystick_challenger.cli._watch", lambda config, json_log: found.append(config))
    assert CliRunner().invoke(app, ["run", "--mode", "watch"]).exit_code == 0
    (given,) = found
    told = ChallengerConfig(
        rpc=("http://127.0.0.1:8545",),
        deployment=Path("deployment.json"),
        data_dir=Path(".tallystick/challenger"),
        mode=given.mode,
        key=None,
        poll_seconds=2.0,
        tag="latest",
    )
    assert given == told


def test_N07_a_challenger_reads_the_same_file_and_variables_as_an_operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[ChallengerConfig] = []
    monkeypatch.setattr("tallystick_challenger.cli._watch", lambda config, json_log: found.append(config))
    file = tmp_path / "both.toml"
    file.write_text('rpc = ["http://a", "http://b"]\npoll_seconds = 0.5\ntrace_memory = 7\nalert = ["lag=7"]\n')
    environment = {"TALLYSTICK_CHALLENGER_CONFIG": str(file), "TALLYSTICK_CHALLENGER_MODE": "watch"}
    assert CliRunner().invoke(app, ["run", "--quorum", "2"], env=environment).exit_code == 0
    (config,) = found
    assert (config.rpc, config.quorum, config.poll_seconds) == (("http://a", "http://b"), 2, 0.5)
    assert (config.trace_memory_mib, config.telling.limits.lag) == (7, 7)
    key = {**environment, "TALLYSTICK_KEY_FILE": "alice.key"}
    assert CliRunner().invoke(app, ["run"], env=key).exit_code == 0
    assert found[1].key is None, "a trader's key is no daemon's"
