"""Configuration: where it comes from, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tallystick.errors import ConfigError, TallystickError
from tallystick_operator import daemon
from tallystick_operator.cli import app
from tallystick_operator.config import Config
from tallystick_operator.rates import ORDINARY

NEEDED = {"rpc": ("http://127.0.0.1:1",), "deployment": "d.json", "data_dir": "data", "key_file": "k"}
FILE = 'rpc = "http://file"\ndeployment = "file"\ndata_dir = "file"\nkey_file = "file"\n'


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """The configurations with which operators would have been started."""
    found: list[Config] = []
    monkeypatch.setattr(daemon, "run_until_signal", found.append)
    return found


def run(*arguments: str, environment: dict[str, str] | None = None) -> None:
    result = CliRunner().invoke(app, ["run", *arguments], env=environment)
    if isinstance(result.exception, TallystickError):
        raise result.exception
    assert result.exit_code == 0, result.output


def test_flags_count_before_the_environment_and_that_before_the_file(tmp_path: Path, started: list[Config]) -> None:
    path = tmp_path / "operator.toml"
    path.write_text(FILE + "port = 1\njson_log = true\n")
    environment = {
        "TALLYSTICK_OPERATOR_RPC": "http://environment http://second",
        "TALLYSTICK_OPERATOR_DATA_DIR": "environment",
        "TALLYSTICK_OPERATOR_BATCH_SECONDS": "0.5",
        "TALLYSTICK_OPERATOR_CONFIG": str(path),
        "HOME": "elsewhere",
    }
    run("--rpc", "http://flag", "--rpc", "http://second", environment=environment)
    run(environment=environment)
    config = started[0]
    assert (config.rpc, config.data_dir, config.deployment) == (("http://flag", "http://second"), "environment", "file")
    assert (config.port, config.batch_seconds, config.json_log) == (1, 0.5, True)
    assert started[1].rpc == ("http://environment", "http://second")


def test_what_is_left_out_is_what_the_configuration_says_by_itself(started: list[Config]) -> None:
    run("--key-file", "k")
    told = Config(
        rpc=("http://127.0.0.1:8545",), deployment="deployment.json", data_dir=".tallystick/operator", key_file="k"
    )
    given = {name: getattr(started[0], name) for name in Config.__struct_fields__}
    meant = {name: getattr(told, name) for name in Config.__struct_fields__}
    assert given | {"confirmations": int(given["confirmations"])} == meant


@pytest.mark.parametrize(
    "values",
    [
        {"rpc": ()},
        {"port": 65_536},
        {"port": -1},
        {"batch_seconds": 0.0},
        {"batch_seconds": 4_000.0},
        {"poll_seconds": -1.0},
        {"confirmations": -1},
        {"confirmations": "٤٥"},
        {"clock_every_ms": 0},
        {"trace_memory": 0},
        {"quorum": 2},
        {"limit": ("account_steps=0",)},
        {"limit": ("account_steps",)},
        {"limit": ("nobodys_steps=5",)},
        {"tell_seconds": 0.0},
    ],
)
def test_values_that_cannot_be_meant_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        Config(**{**NEEDED, **values})  # type: ignore[arg-type]
    assert caught.value.exit_code == 2


def test_unknown_keys_are_refused_wherever_they_stand_with_the_list_of_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "operator.toml"
    path.write_text("colour = 'red'\n")
    with pytest.raises(ConfigError, match="colour") as caught:
        run("--config", str(path))
    assert "assert_key_file, assert_password_file, batch_seconds" in caught.value.hint
    with pytest.raises(ConfigError, match="COLOUR") as caught:
        run("--key-file", "k", environment={"TALLYSTICK_OPERATOR_COLOUR": "red"})
    assert "batch_seconds" in caught.value.hint


@pytest.mark.parametrize(
    "content",
    [b"port = ", b"\xff\xfe", b"json_log = 1", b"port = true", b"rpc = { a = 1 }", b"port = [1]", b"[rpc]\na = 1"],
)
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "operator.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        run("--config", str(path))
    with pytest.raises(ConfigError):
        run("--config", str(tmp_path / "missing.toml"))


@pytest.mark.parametrize("content", ['port = "many"', "port = 65536", "batch_seconds = inf", 'port = "8_646"'])
def test_a_value_of_a_file_is_read_as_the_command_line_would_be(tmp_path: Path, content: str) -> None:
    path = tmp_path / "operator.toml"
    path.write_text(content)
    result = CliRunner().invoke(app, ["run", "--config", str(path)])
    assert result.exit_code == 2
    assert content.split(maxsplit=1)[0].replace("_", "-") in result.output


def test_confirmations_are_blocks_or_l1s_own_word(tmp_path: Path, started: list[Config]) -> None:
    """In a file, in the environment and as a flag."""
    file = tmp_path / "operator.toml"
    file.write_text("\ufeff" + FILE + "confirmations = 8\n")
    run("--config", str(file))
    run("--config", str(file), environment={"TALLYSTICK_OPERATOR_CONFIRMATIONS": "9"})
    run("--config", str(file), "--confirmations", "finalized")
    assert [each.confirmation_blocks for each in started] == [8, 9, None]
    with pytest.raises(ConfigError, match="finalized"):
        run("--config", str(file), "--confirmations", "many")


def test_limits_are_given_by_name_and_the_others_stay_as_they_are(started: list[Config]) -> None:
    run("--key-file", "k", "--limit", "account_steps=7", "--limit", "address_bytes=9")
    allowed = started[0].allowances
    assert (allowed.account.steps, allowed.address.bytes) == (7, 9)
    assert allowed.account.bytes == ORDINARY.account_bytes and allowed.connection.steps == ORDINARY.connection_steps


def test_the_page_has_the_limits_as_they_are_by_themselves() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operator.md").read_text(encoding="utf-8")
    for whose in ("account", "connection", "address"):
        (row,) = [line for line in page.splitlines() if f"`{whose}_steps=NUMBER`" in line]
        steps, size = getattr(ORDINARY, f"{whose}_steps"), getattr(ORDINARY, f"{whose}_bytes")
        assert f"| {steps:,} | {size:,} " in row
